package serve

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

const (
	defaultMaxTokens = 16 // of completions, as in the OpenAI API
	maxStops         = 16
)

func (s *Server) completions(w http.ResponseWriter, r *http.Request) {
	var req CompletionRequest
	if !s.readJSON(w, r, &req) {
		return
	}
	p, err := s.completionPrompt(&req)
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	s.answer(w, r, req, p, defaultMaxTokens, completionForm{})
}

func (s *Server) chats(w http.ResponseWriter, r *http.Request) {
	var req CompletionRequest
	if !s.readJSON(w, r, &req) {
		return
	}
	if s.chatErr != nil {
		writeError(w, http.StatusBadRequest, s.chatErr)
		return
	}
	if len(req.Messages) == 0 {
		writeError(w, http.StatusBadRequest, errors.New("messages must hold at least one message"))
		return
	}
	p, err := s.chatPrompt(req.Messages)
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	s.answer(w, r, req, p, max(s.engine.Info().Context-p.length, 1), chatForm{})
}

// answer generates and writes the response, whole or in chunks.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, req CompletionRequest, p prompt, maxTokens int, f form) {
	generation, err := req.generation(p.tokens, maxTokens)
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	reply := &reply{
		form: f, id: f.prefix() + rand.Text(), created: time.Now().Unix(), model: s.engine.Info().Name, w: w,
		stream: s.engine.Tokenizer().NewStream(tokenizer.DecodeOptions{}), stopper: stopper{stops: req.Stop},
	}
	if req.Stream {
		reply.begin = func() { w.Header().Set("Content-Type", "text/event-stream") }
	}
	var result engine.Result
	var failure error
	err = s.exclusively(r.Context(), func() {
		result, failure = s.run(r.Context(), p, generation, reply.push)
	})
	err = errors.Join(err, failure)
	usage := &Usage{p.length, len(result.Tokens), p.length + len(result.Tokens)}
	marks := &Marks{Phases: result.Phases, TokenTimes: result.Times, Images: result.Images}
	switch {
	case r.Context().Err() != nil: // nobody listens, or the server is stopping
		writeError(w, http.StatusServiceUnavailable, context.Cause(r.Context()))
	case err != nil && !reply.begun:
		writeError(w, http.StatusBadRequest, err)
	case err != nil:
		reply.event(apiError(http.StatusInternalServerError, err))
	case req.Stream:
		reply.end(result.Finish, usage, marks, req.StreamOptions != nil && req.StreamOptions.IncludeUsage)
	default:
		reply.finish()
		response := reply.response(f.object(), f.choice(reply.text.String()), &result.Finish)
		response.Usage, response.Wattlaw = usage, marks
		writeJSON(w, http.StatusOK, response)
	}
}

// generation checks the request and translates it for the engine.
func (req *CompletionRequest) generation(tokens []int32, maxTokens int) (engine.Request, error) {
	for name, n := range map[string]*int{"n": req.N, "best_of": req.BestOf} {
		if n != nil && *n != 1 {
			return engine.Request{}, fmt.Errorf("%s is %d: only 1 is supported", name, *n)
		}
	}
	if req.Echo {
		return engine.Request{}, errors.New("echo is not supported")
	}
	if len(req.Stop) > maxStops {
		return engine.Request{}, fmt.Errorf("%d stop strings: at most %d are supported", len(req.Stop), maxStops)
	}
	for _, stop := range req.Stop {
		if stop == "" {
			return engine.Request{}, errors.New("a stop string is empty")
		}
	}
	for _, n := range []*int{req.MaxTokens, req.MaxCompletionTokens} {
		if n != nil {
			maxTokens = *n
		}
	}
	return engine.Request{
		Tokens: tokens, MaxTokens: maxTokens, IgnoreEOS: req.IgnoreEOS,
		Sampling: engine.Sampling{
			Temperature: or(req.Temperature, 1), TopP: or(req.TopP, 1), TopK: req.TopK, Seed: or(req.Seed, mathrand.Uint64()),
		},
	}, nil
}

func or[T any](p *T, absent T) T {
	if p == nil {
		return absent
	}
	return *p
}

// reply collects an answer's text and, when begin is set, sends it in chunks as
// server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type reply struct {
	form    form
	id      string
	created int64
	model   string
	w       http.ResponseWriter
	stream  *tokenizer.Stream
	stopper stopper
	text    strings.Builder
	begin   func() // nil: one response at the end
	begun   bool
	stopped bool // a stop string ended the text
}

// push takes a token; false ends the generation.
func (r *reply) push(id int32) bool {
	text, stopped := r.stopper.push(r.stream.Push(id))
	r.write(text)
	r.stopped = stopped
	return !stopped
}

// finish writes what was held back for a character or a stop string to complete.
func (r *reply) finish() {
	if r.stopped {
		return
	}
	text, stopped := r.stopper.push(r.stream.Flush())
	r.write(text)
	if !stopped {
		r.write(r.stopper.flush())
	}
}

func (r *reply) write(text string) {
	if text == "" {
		return
	}
	if r.begin == nil {
		r.text.WriteString(text)
		return
	}
	r.event(r.response(r.form.chunkObject(), r.form.chunk(text, !r.begun), nil))
}

// end sends the last chunks of a stream. The last with a choice carries the reason and the
// marks; usage follows in a chunk without choices when it was asked for.
func (r *reply) end(reason engine.Finish, usage *Usage, marks *Marks, withUsage bool) {
	r.finish()
	last := r.response(r.form.chunkObject(), r.form.chunk("", !r.begun), &reason)
	last.Wattlaw = marks
	r.event(last)
	if withUsage {
		tail := r.response(r.form.chunkObject(), Choice{}, nil)
		tail.Choices, tail.Usage = []Choice{}, usage
		r.event(tail)
	}
	fmt.Fprint(r.w, "data: [DONE]\n\n")
}

// event sends one event at once.
func (r *reply) event(v any) {
	if !r.begun && r.begin != nil {
		r.begin()
		r.begun = true
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("serve: marshal %T: %v", v, err)) // plain structs always marshal
	}
	fmt.Fprintf(r.w, "data: %s\n\n", data)
	_ = http.NewResponseController(r.w).Flush()
}

func (r *reply) response(object string, choice Choice, reason *engine.Finish) CompletionResponse {
	choice.FinishReason = reason
	return CompletionResponse{ID: r.id, Object: object, Created: r.created, Model: r.model, Choices: []Choice{choice}}
}

// form is what differs between completions and chats.
type form interface {
	prefix() string
	object() string
	chunkObject() string
	choice(text string) Choice
	chunk(text string, first bool) Choice
}

type completionForm struct{}

func (completionForm) prefix() string                   { return "cmpl-" }
func (completionForm) object() string                   { return "text_completion" }
func (completionForm) chunkObject() string              { return "text_completion" }
func (completionForm) choice(text string) Choice        { return Choice{Text: &text} }
func (completionForm) chunk(text string, _ bool) Choice { return Choice{Text: &text} }

type chatForm struct{}

func (chatForm) prefix() string      { return "chatcmpl-" }
func (chatForm) object() string      { return "chat.completion" }
func (chatForm) chunkObject() string { return "chat.completion.chunk" }

func (chatForm) choice(text string) Choice {
	return Choice{Message: &Message{Role: "assistant", Content: TextContent(text)}}
}

func (chatForm) chunk(text string, first bool) Choice {
	delta := Delta{Content: text}
	if first {
		delta.Role = "assistant"
	}
	return Choice{Delta: &delta}
}
