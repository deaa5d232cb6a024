// Package backend is the contract of a runtime that loads a model and answers requests
// in a process of its own, so that it can be sampled by process id.
package backend

import (
	"context"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// Backend starts runtimes of one kind.
type Backend interface {
	// Name is the backend's name in plans and records, e.g. "native".
	Name() string
	// Start launches the runtime, loads the model and returns once it answers.
	Start(ctx context.Context, cfg Config) (Server, error)
}

// Config says what to load and how.
type Config struct {
	Model   string // path of a GGUF file, or a model reference such as "shape:smollm2-135m@q8_0"
	Threads int    // number of compute threads; 0 lets the runtime choose
	Context int    // largest number of tokens of prompt and answer together; 0 lets the runtime choose
	Seed    uint64 // seed of random weights (shape models)
}

// ModelInfo is what the runtime says of the model it holds.
type ModelInfo struct {
	Name         string `json:"name"`         // e.g. "shape:smollm2-135m@q8_0"
	Architecture string `json:"architecture"` // e.g. "llama"
	Quant        string `json:"quant"`        // e.g. "Q8_0"
	Parameters   int64  `json:"parameters"`
	Bytes        int64  `json:"bytes"` // bytes of the weights
	Context      int    `json:"context"`
	Vocabulary   int    `json:"vocabulary"`
	// Meaningless is true for random weights: the text says nothing, accuracy is refused.
	Meaningless bool   `json:"meaningless"`
	Kernel      string `json:"kernel,omitempty"` // instruction set in use, e.g. "avx512vnni"
	Threads     int    `json:"threads"`
}

// Server is one running runtime. Its methods may be called from one goroutine at a time.
type Server interface {
	// PID is the process to sample.
	PID() int
	Model() ModelInfo
	// Load is the phase from the start of the process to the model being ready.
	Load() measure.Phase
	// Tokenize returns the ids of text, with special tokens as the model adds them to a prompt.
	Tokenize(ctx context.Context, text string) ([]int32, error)
	// Detokenize returns the text of ids.
	Detokenize(ctx context.Context, ids []int32) (string, error)
	// Generate answers one request and returns when the last token is out.
	Generate(ctx context.Context, req Request) (Response, error)
	// Stop ends the process and waits for it. Stopping twice is allowed.
	Stop() error
}

// Request is one prompt. Exactly one of Tokens and Prompt is set.
type Request struct {
	Prompt      string
	Tokens      []int32
	MaxTokens   int
	IgnoreEOS   bool // run to MaxTokens whatever is generated: fixed output length for cost sweeps
	Temperature float64
	TopK        int
	TopP        float64
	Seed        uint64
}

// Response is the answer with its marks on the machine's monotonic clock (measure.Now).
type Response struct {
	Text       string
	TokensIn   int
	TokensOut  int
	Phases     []measure.Phase // prefill and decode, in order
	TokenTimes []int64         // when each output token was ready
}
