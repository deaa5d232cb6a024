// Package native is the backend of wattlaw's own engine. It starts this same executable as
// a model server in a process of its own, so that the engine is sampled and measured like
// any other runtime.
package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/engine/serve"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// Backend starts servers. The zero value is ready.
type Backend struct {
	// Command is the program and the arguments before the server's flags; empty means this
	// executable with "serve".
	Command []string
	// Env is added to the environment of the server's process.
	Env []string
	// StartTimeout bounds the time until the server answers; 0 means five minutes, in which
	// a slow disk reads a large model.
	StartTimeout time.Duration
}

const defaultStartTimeout = 5 * time.Minute

// Name returns "native".
func (Backend) Name() string { return "native" }

// Start runs a model server and returns once it answers. The server ends with Stop, or
// when this process ends, however that happens; ctx bounds the start only.
func (b Backend) Start(ctx context.Context, cfg backend.Config) (backend.Server, error) {
	command := b.Command
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("start the model server: find this executable: %w", err)
		}
		command = []string{self, "serve"}
	}
	args := append(command[1:len(command):len(command)],
		"--model", cfg.Model, "--host", "127.0.0.1", "--port", "0", "--parent-pipe",
		"--threads", strconv.Itoa(cfg.Threads), "--context", strconv.Itoa(cfg.Context), "--seed", strconv.FormatUint(cfg.Seed, 10))
	args = append(args, visionFlags(cfg)...)
	timeout := b.StartTimeout
	if timeout == 0 {
		timeout = defaultStartTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %v", timeout))
	defer cancel()
	begin := measure.Now()
	p, err := startProcess(command[0], args, b.Env)
	if err != nil {
		return nil, fmt.Errorf("start the model server for %s: %w", cfg.Model, err)
	}
	s := &server{process: p}
	if err := s.connect(ctx, begin); err != nil {
		return nil, errors.Join(fmt.Errorf("start the model server for %s: %w", cfg.Model, err), p.kill())
	}
	return s, nil
}

// server is one running child.
type server struct {
	process *process
	client  client
	model   backend.ModelInfo
	load    measure.Phase
}

// connect waits for the child's address and asks it for its model.
func (s *server) connect(ctx context.Context, begin int64) error {
	address, err := s.process.address(ctx)
	if err != nil {
		return err
	}
	s.client = client{
		base: "http://" + address, process: s.process,
		http: &http.Client{Transport: &http.Transport{ // no proxy: it is this machine
			DisableCompression: true, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		}},
	}
	// The report's model has the fields of backend.ModelInfo.
	var report struct {
		Model backend.ModelInfo
		Load  measure.Phase
	}
	if err := s.client.call(ctx, http.MethodGet, "/wattlaw/model", nil, &report); err != nil {
		return err
	}
	s.model = report.Model
	s.load = measure.Phase{Name: measure.PhaseLoad, Start: begin, End: report.Load.End}
	return nil
}

func (s *server) PID() int                 { return s.process.pid() }
func (s *server) Model() backend.ModelInfo { return s.model }
func (s *server) Load() measure.Phase      { return s.load }
func (s *server) Stop() error              { return s.process.stop() }

func (s *server) Tokenize(ctx context.Context, text string) ([]int32, error) {
	var tokens serve.Tokens
	err := s.client.call(ctx, http.MethodPost, "/tokenize", serve.TokenizeRequest{Content: text, AddSpecial: true}, &tokens)
	return tokens.Tokens, err
}

func (s *server) Detokenize(ctx context.Context, ids []int32) (string, error) {
	var text serve.Text
	err := s.client.call(ctx, http.MethodPost, "/detokenize", serve.Tokens{Tokens: ids}, &text)
	return text.Content, err
}

// Generate asks for the whole answer at once: the server takes the time of every token, and
// a stream would add its own cost to what is measured.
func (s *server) Generate(ctx context.Context, req backend.Request) (backend.Response, error) {
	if (req.Prompt == "") == (req.Tokens == nil) {
		return backend.Response{}, errors.New("generate: a request needs either a prompt or tokens")
	}
	body := serve.CompletionRequest{
		Prompt: serve.Prompt{Text: req.Prompt, Tokens: req.Tokens}, Images: dataURLs(req.Images), MaxTokens: &req.MaxTokens,
		IgnoreEOS: req.IgnoreEOS, Temperature: &req.Temperature, TopK: req.TopK, TopP: &req.TopP, Seed: &req.Seed, Stop: req.Stop,
	}
	var answer serve.CompletionResponse
	if err := s.client.call(ctx, http.MethodPost, "/v1/completions", body, &answer); err != nil {
		return backend.Response{}, fmt.Errorf("generate: %w", err)
	}
	if len(answer.Choices) != 1 || answer.Choices[0].Text == nil || answer.Usage == nil || answer.Wattlaw == nil {
		text, _ := json.Marshal(answer) // it was just decoded
		return backend.Response{}, fmt.Errorf("generate: the server's answer lacks text, usage or marks: %.200s", text)
	}
	response := backend.Response{
		Text: *answer.Choices[0].Text, TokensIn: answer.Usage.PromptTokens, TokensOut: answer.Usage.CompletionTokens,
		Phases: answer.Wattlaw.Phases, TokenTimes: answer.Wattlaw.TokenTimes,
	}
	for _, use := range answer.Wattlaw.Images {
		response.Images = append(response.Images, backend.ImageUse(use))
	}
	return response, nil
}
