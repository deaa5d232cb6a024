// Package engine runs language models on this machine's CPU: it loads a GGUF file, a folder of
// safetensors or a shape model, computes prompts in batches and answers token by token.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/llama"
	"github.com/wattlaw/wattlaw/internal/model/qwen2"
	"github.com/wattlaw/wattlaw/internal/model/qwen2vl"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// Options say how a model is loaded. The zero value of each field takes its default.
type Options struct {
	Threads int    // compute threads; default: one per CPU that Go may use
	Context int    // tokens of prompt and answer together; default: the model's, at most 4096
	Batch   int    // tokens of one prefill pass; default 512
	Kernel  string // instruction set by name; default: the best of this CPU
	Seed    uint64 // of a shape model's weights

	Projector string        // GGUF file or folder of the encoder of images ("mmproj"); default: the model's own, or none
	Clamp     imaging.Clamp // where images stop costing more; default: the model's
	MaxPixels int           // the same in effective pixels, instead of Clamp
}

const (
	defaultContext = 4096
	defaultBatch   = 512
	maxThreads     = 1024
)

// Info is what there is to say of a loaded model.
type Info struct {
	Name         string `json:"name"`
	Architecture string `json:"architecture"`
	Quant        string `json:"quant"`
	Parameters   int64  `json:"parameters"`
	Bytes        int64  `json:"bytes"` // of the weights
	Context      int    `json:"context"`
	Vocabulary   int    `json:"vocabulary"`
	Meaningless  bool   `json:"meaningless"` // random weights: the text says nothing
	Kernel       string `json:"kernel"`
	Threads      int    `json:"threads"`
	// Vision is what happens to an image before the model sees it; nil for text alone.
	Vision *imaging.Contract `json:"vision,omitempty"`
}

// Engine is a loaded model and one sequence. It is not safe for concurrent use.
type Engine struct {
	info      Info
	source    *model.Source
	file      io.Closer // of the source; nil for shape models
	graph     model.Graph
	tokenizer *tokenizer.Tokenizer
	team      *model.Team
	state     *model.State
	position  int // tokens that the cache holds
	// rotary is where the next token stands for the rotary embedding: behind position once
	// images with rows and columns have passed.
	rotary int
	seen   int    // tokens up to the end of the last image; 0 without any
	sight  *sight // nil for a model of text
}

// architectures is the list of what can be run, by general.architecture without the mark of
// factorized models.
func architectures() map[string]func(*model.Source) (model.Graph, error) {
	return map[string]func(*model.Source) (model.Graph, error){
		llama.Architecture:   llama.New,
		qwen2.Architecture:   qwen2.New,
		qwen2vl.Architecture: qwen2vl.New,
	}
}

// Load loads the model that ref names: one that OpenModel reads, or a shape such as
// "shape:smollm2-135m@q8_0". Close releases it.
func Load(ref string, opt Options) (*Engine, error) {
	e := &Engine{}
	if err := e.load(ref, opt); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// workers settles the instruction set and the number of threads.
func (opt Options) workers() (kernels *kernel.Set, threads int, err error) {
	kernels = kernel.Best()
	if opt.Kernel != "" {
		if kernels, err = kernel.ByName(opt.Kernel); err != nil {
			return nil, 0, err
		}
	}
	threads = opt.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if threads < 1 || threads > maxThreads {
		return nil, 0, fmt.Errorf("%d threads: want 1 to %d", threads, maxThreads)
	}
	return kernels, threads, nil
}

func (e *Engine) load(ref string, opt Options) error {
	kernels, threads, err := opt.workers()
	if err != nil {
		return err
	}
	if e.source, e.file, err = open(ref, opt.Seed); err != nil {
		return err
	}
	architecture, _ := e.source.Architecture()
	build := architectures()[architecture]
	switch {
	case architecture == model.BertArchitecture:
		return fmt.Errorf("%s embeds texts (architecture %q) and writes none: use it with wattlaw embed --text", ref, model.BertArchitecture)
	case build == nil:
		return fmt.Errorf("%s: architecture %q is not supported; there are llama, qwen2 and qwen2vl, and -lr of each, with factorized layers",
			ref, e.source.Text("general.architecture"))
	}
	if e.graph, err = build(e.source); err != nil {
		return err
	}
	if e.tokenizer, err = tokenizer.New(e.source.Vocab); err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	config := e.graph.Config()
	if n := e.tokenizer.Size(); n > config.Vocab {
		return fmt.Errorf("%s: %d tokens for an embedding matrix of %d rows", ref, n, config.Vocab)
	}
	positions, err := e.positions(opt.Context)
	if err != nil {
		return err
	}
	batch := opt.Batch
	if batch <= 0 {
		batch = defaultBatch
	}
	batch = min(batch, positions)
	e.team = model.NewTeam(threads, kernels)
	e.state = model.NewState(config, e.graph.Layers(), positions, batch, 1, threads)
	e.info = Info{
		Name: ref, Architecture: e.source.Text("general.architecture"), Quant: e.source.Quant, Parameters: e.source.Parameters(),
		Bytes: e.source.Bytes(), Context: positions, Vocabulary: config.Vocab, Meaningless: e.source.Meaningless,
		Kernel: kernels.Name(), Threads: threads,
	}
	return e.openSight(ref, opt)
}

// open reads or makes a model's metadata and tensors. The file is nil for shape models.
func open(ref string, seed uint64) (src *model.Source, file io.Closer, err error) {
	if strings.HasPrefix(ref, shape.Prefix) {
		s, format, err := shape.Parse(ref)
		if err != nil {
			return nil, nil, err
		}
		if err := checkMemory("the weights of "+ref, s.Plan(format).Bytes()); err != nil {
			return nil, nil, err
		}
		src, err = s.Build(format, seed)
		return src, nil, err
	}
	if src, file, err = OpenModel(ref); err != nil {
		return nil, nil, err
	}
	touch(src)
	return src, file, nil
}

// touch reads a model's file into memory where it fits there.
func touch(src *model.Source) {
	if available, ok := availableMemory(); ok && src.Bytes() < available {
		src.Touch()
	}
}

// LoadTokenizer makes only the tokenizer of the model that ref names.
func LoadTokenizer(ref string) (*tokenizer.Tokenizer, error) {
	var vocab tokenizer.Vocab
	if strings.HasPrefix(ref, shape.Prefix) {
		s, _, err := shape.Parse(ref)
		if err != nil {
			return nil, err
		}
		if vocab, err = s.Vocab(); err != nil {
			return nil, err
		}
	} else {
		src, f, err := OpenModel(ref)
		if err != nil {
			return nil, err
		}
		defer f.Close() // read-only: nothing is lost
		vocab = src.Vocab
	}
	t, err := tokenizer.New(vocab)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return t, nil
}

// positions settles the context length and checks that its cache fits.
func (e *Engine) positions(wanted int) (int, error) {
	config := e.graph.Config()
	n := wanted
	switch {
	case n == 0:
		n = min(config.Context, defaultContext)
	case n < 1 || n > config.Context:
		return 0, fmt.Errorf("context of %d tokens: %s was trained for 1 to %d", n, e.source.Name, config.Context)
	}
	return n, checkMemory(fmt.Sprintf("a key–value cache of %d tokens", n), config.KVBytes(n))
}

// checkMemory refuses an allocation that the machine's available memory cannot hold, with
// a message instead of a kill. Where the available memory is unknown nothing is refused.
func checkMemory(what string, bytes int64) error {
	available, ok := availableMemory()
	if ok && bytes > available {
		return fmt.Errorf("%s needs %v, but only %v of memory are available", what, unit.Bytes(bytes), unit.Bytes(available))
	}
	return nil
}

// Close stops the workers and releases the file.
func (e *Engine) Close() error {
	if e.team != nil {
		e.team.Close()
		e.team = nil
	}
	err := e.sight.close()
	if e.file != nil {
		err = errors.Join(err, e.file.Close())
	}
	return err
}

// Info describes the model.
func (e *Engine) Info() Info { return e.info }

// Tokenizer returns the model's tokenizer.
func (e *Engine) Tokenizer() *tokenizer.Tokenizer { return e.tokenizer }

// ChatTemplate returns the model's chat template, "" when it has none.
func (e *Engine) ChatTemplate() string { return e.source.Text("tokenizer.chat_template") }

// Reset forgets the sequence.
func (e *Engine) Reset() { e.position, e.rotary, e.seen = 0, 0, 0 }

// Position returns the number of tokens that the sequence has.
func (e *Engine) Position() int { return e.position }

// Eval appends tokens to the sequence and returns the logits after the last one, one value
// per token of the vocabulary; they are valid until the next call. When ctx ends it stops
// between two batches with the cause.
func (e *Engine) Eval(ctx context.Context, tokens []int32) ([]float32, error) {
	if err := e.check(tokens); err != nil {
		return nil, err
	}
	for len(tokens) > 0 {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		n := min(len(tokens), e.state.Capacity())
		want := model.WantNone
		if n == len(tokens) {
			want = model.WantLast
		}
		e.forward(model.Batch{Tokens: tokens[:n], Want: want})
		tokens = tokens[n:]
	}
	return e.state.Logits[:e.info.Vocabulary], nil
}

// forward appends a batch to the sequence. Without positions of its own it is text.
func (e *Engine) forward(b model.Batch) {
	b.Start = e.position
	text := b.Positions == nil
	if text && e.rotary != e.position {
		for t := range b.Tokens {
			b.Positions = append(b.Positions, model.At(e.rotary+t))
		}
	}
	e.state.Begin(b)
	e.team.Run(func(w *model.Worker) { e.graph.Forward(w, e.state) })
	e.position += e.state.N
	if text {
		e.rotary += e.state.N
	}
}

var errEmpty = errors.New("the prompt is empty: it must hold at least one token")

// check says whether tokens can be appended.
func (e *Engine) check(tokens []int32) error {
	if len(tokens) == 0 {
		return errEmpty
	}
	if err := e.fits(len(tokens)); err != nil {
		return err
	}
	for i, id := range tokens {
		if id < 0 || int(id) >= e.info.Vocabulary {
			return fmt.Errorf("token %d at position %d is outside the vocabulary of %d", id, i, e.info.Vocabulary)
		}
	}
	return nil
}

// fits says whether so many tokens more fit the context.
func (e *Engine) fits(tokens int) error {
	if n := e.position + tokens; n > e.info.Context {
		return fmt.Errorf("%d tokens do not fit the context of %d: shorten the prompt or raise the context", n, e.info.Context)
	}
	return nil
}

// logitBytes bounds the logits of one pass of AllLogits.
const logitBytes = 64 << 20

// AllLogits runs tokens as a new sequence in batches of at most batch tokens (0: as many as
// are allowed) and hands the logits of each position to sink, which must not keep them.
func (e *Engine) AllLogits(ctx context.Context, tokens []int32, batch int, sink func(position int, logits []float32) error) error {
	e.Reset()
	if err := e.check(tokens); err != nil {
		return err
	}
	vocab := e.info.Vocabulary
	most := max(1, min(e.state.Capacity(), logitBytes/(4*vocab)))
	if batch <= 0 || batch > most {
		batch = most
	}
	if need := min(batch, len(tokens)) * vocab; len(e.state.Logits) < need {
		e.state.Logits = make([]float32, need)
	}
	for len(tokens) > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, first := min(batch, len(tokens)), e.position
		e.forward(model.Batch{Tokens: tokens[:n], Want: model.WantAll})
		for i := range n {
			if err := sink(first+i, e.state.Logits[i*vocab:(i+1)*vocab]); err != nil {
				return err
			}
		}
		tokens = tokens[n:]
	}
	return nil
}
