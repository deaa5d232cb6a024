// Package backend is the contract of a runtime that loads a model and answers requests
// in a process of its own, so that it can be sampled by process id.
package backend

import (
	"context"

	"github.com/wattlaw/wattlaw/internal/imaging"
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
	// Projector is the path of a vision model's encoder (mmproj GGUF); empty means none, or
	// the one that a shape model brings along.
	Projector string
	// Clamp replaces the limit at which the model stops looking at more pixels; the zero
	// clamp keeps the model's own.
	Clamp imaging.Clamp
	// MaxPixels is a clamp on image tokens, given in pixels: as many tokens as fit in them.
	// 0 leaves it to Clamp; not both may be set.
	MaxPixels int
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
	// Vision is what the model does to an image before it sees it, clamp included; nil for a
	// model that takes text only.
	Vision *imaging.Contract `json:"vision,omitempty"`
}

// ImageToken stands in Request.Tokens for the next image.
const ImageToken = -1

// ImageMarker stands in Request.Prompt for the next image.
const ImageMarker = "<image>"

// ImageUse says what became of one image of a request.
type ImageUse struct {
	Layout imaging.Layout `json:"layout"`
	// Sequence is the number of tokens that the image takes in the prompt, markers included.
	Sequence int `json:"sequence"`
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
	// Stop holds texts that end the answer, which is then without them.
	Stop []string
	// Images holds encoded image files (PNG and others), one for each ImageToken in Tokens, or
	// for each ImageMarker in Prompt; without any marker they go before it.
	Images [][]byte
}

// Response is the answer with its marks on the machine's monotonic clock (measure.Now).
type Response struct {
	Text       string
	TokensIn   int // tokens of the prompt, those of images included
	TokensOut  int
	Phases     []measure.Phase // encode (of images, if any), prefill and decode, in order
	TokenTimes []int64         // when each output token was ready
	Images     []ImageUse      // one per image of the request, in order
}
