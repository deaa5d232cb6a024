// Package serve is the model server: one loaded model behind HTTP, in the form of the
// OpenAI API with a few documented extensions.
//
//	GET  /health               {"status":"ok"}
//	GET  /v1/models            the one model
//	POST /v1/completions       CompletionRequest → CompletionResponse, or its chunks
//	POST /v1/chat/completions  the same with messages
//	POST /tokenize             TokenizeRequest → Tokens
//	POST /detokenize           Tokens → Text
//	GET  /wattlaw/model        ModelReport
//
// A model with an encoder takes images: data URLs in the "images" of a completion, or parts of
// type "image_url" in a chat. The server opens no files and fetches no addresses.
//
// Requests are answered one at a time, in the order in which they come; a client that
// goes away ends its generation.
package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// Bounds on a request's body: a million token ids in JSON take about 8 MB, and images are
// bounded one by one once they are read.
const (
	maxBody       = 16 << 20
	maxBodyImages = 96 << 20 // of a model that takes images
)

// Server answers requests with one engine.
type Server struct {
	engine  *engine.Engine
	load    measure.Phase
	created time.Time
	chat    *chatTemplate
	chatErr error         // why chats cannot be answered
	turn    chan struct{} // holds one token while the engine is free
}

// New makes a server of a loaded engine. load is the phase in which it was loaded.
func New(e *engine.Engine, load measure.Phase) *Server {
	s := &Server{engine: e, load: load, created: time.Now(), turn: make(chan struct{}, 1)}
	tokens := e.Tokenizer()
	bos, _ := tokens.Token(tokens.BOS())
	eos, _ := tokens.Token(tokens.EOS())
	s.chat, s.chatErr = newChatTemplate(e.ChatTemplate(), bos, eos)
	s.turn <- struct{}{}
	return s
}

// Serve answers requests on l until ctx ends, then ends those under way and returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	const grace = 5 * time.Second // for generations to see that ctx has ended
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		return errors.Join(fmt.Errorf("serve %s: requests did not end: %w", l.Addr(), err), server.Close())
	}
	return nil
}

// Handler returns the routes.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /wattlaw/model", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, ModelReport{Model: s.engine.Info(), Load: s.load})
	})
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("POST /v1/completions", s.completions)
	mux.HandleFunc("POST /v1/chat/completions", s.chats)
	mux.HandleFunc("POST /tokenize", s.tokenize)
	mux.HandleFunc("POST /detokenize", s.detokenize)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, fmt.Errorf("%s %s is not served here", r.Method, r.URL.Path))
	})
	return mux
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"object": "list",
		"data": []any{map[string]any{
			"id": s.engine.Info().Name, "object": "model", "created": s.created.Unix(), "owned_by": "wattlaw",
		}},
	})
}

func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) {
	var req TokenizeRequest
	if !s.readJSON(w, r, &req) {
		return
	}
	ids := s.engine.Tokenizer().Encode(req.Content, tokenizer.EncodeOptions{
		AddSpecial: req.AddSpecial, ParseSpecial: req.ParseSpecial == nil || *req.ParseSpecial,
	})
	if ids == nil {
		ids = []int32{}
	}
	writeJSON(w, http.StatusOK, Tokens{ids})
}

func (s *Server) detokenize(w http.ResponseWriter, r *http.Request) {
	var req Tokens
	if !s.readJSON(w, r, &req) {
		return
	}
	for i, id := range req.Tokens {
		if id < 0 || int(id) >= s.engine.Info().Vocabulary {
			writeError(w, http.StatusBadRequest, fmt.Errorf("token %d at position %d is outside the vocabulary of %d", id, i, s.engine.Info().Vocabulary))
			return
		}
	}
	writeJSON(w, http.StatusOK, Text{s.engine.Tokenizer().Decode(req.Tokens, tokenizer.DecodeOptions{Special: true})})
}

// exclusively runs job when the engine is free and waits for it. It errs, without running
// it, when ctx ends first. The job has a goroutine of its own so that a panic in it ends
// the process with its trace: the HTTP server would swallow it and leave the engine's
// workers waiting for each other.
func (s *Server) exclusively(ctx context.Context, job func()) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		job()
	}()
	<-done
	s.turn <- struct{}{}
	return nil
}

// readJSON reads the request's body into v. On failure it answers and returns false.
func (s *Server) readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	most := int64(maxBody)
	if s.engine.Vision() != nil {
		most = maxBodyImages
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, most)).Decode(v)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &tooLarge):
		writeError(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the request is larger than %d bytes", tooLarge.Limit))
	default:
		writeError(w, http.StatusBadRequest, fmt.Errorf("the request's body: %w", err))
	}
	return false
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // fails only when the client is gone
}

func writeError(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, apiError(status, err))
}

func apiError(status int, err error) APIError {
	var body APIError
	body.Error.Message, body.Error.Type = err.Error(), "invalid_request_error"
	if status >= http.StatusInternalServerError {
		body.Error.Type = "server_error"
	}
	return body
}
