// Package speed times an engine on its own: how fast it reads a prompt and how fast it
// writes an answer, as llama.cpp's llama-bench does, so that both can be compared.
package speed

import (
	"context"
	"fmt"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// Plan says what to time. A length of 0 leaves its test out.
type Plan struct {
	Prompt   []int          // tokens of prompts read in one go ("pp")
	Generate []int          // tokens written one by one after a single one ("tg")
	Images   []imaging.Size // images turned into embeddings, preprocessing included ("ie")
	Repeats  int            // timed runs of each test, after one that is not timed
}

// Test holds the runs of one test.
type Test struct {
	Name    string // e.g. "pp512", "tg64", "ie448x448"
	Tokens  int    // per run
	Seconds []float64
	// CPUSeconds is the processor time of this process in each run, NaN where the system
	// does not say.
	CPUSeconds []float64
}

// Result is what Measure found.
type Result struct {
	Model engine.Info
	Tests []Test
}

// Measure runs the plan's tests one after the other.
func Measure(ctx context.Context, e *engine.Engine, plan Plan) (Result, error) {
	if plan.Repeats < 1 {
		return Result{}, fmt.Errorf("bench: %d repeats: want at least 1", plan.Repeats)
	}
	r := Result{Model: e.Info()}
	for _, kind := range []struct {
		name    string
		lengths []int
		run     func(context.Context, *engine.Engine, []int32) error
	}{{"pp", plan.Prompt, read}, {"tg", plan.Generate, write}} {
		for _, n := range kind.lengths {
			if n < 0 || n > r.Model.Context {
				return Result{}, fmt.Errorf("bench: %s%d: the context holds 1 to %d tokens", kind.name, n, r.Model.Context)
			}
			if n == 0 {
				continue
			}
			tokens := someTokens(n, r.Model.Vocabulary)
			t := Test{Name: fmt.Sprint(kind.name, n), Tokens: n}
			err := t.measure(plan.Repeats, func() error {
				e.Reset()
				return kind.run(ctx, e, tokens)
			})
			if err != nil {
				return Result{}, err
			}
			r.Tests = append(r.Tests, t)
		}
	}
	for _, size := range plan.Images {
		t, err := encode(ctx, e, size, plan.Repeats)
		if err != nil {
			return Result{}, err
		}
		r.Tests = append(r.Tests, t)
	}
	return r, nil
}

// encode times the encoding of an image of that size.
func encode(ctx context.Context, e *engine.Engine, size imaging.Size, repeats int) (Test, error) {
	t := Test{Name: "ie" + size.String()}
	contract := e.Vision()
	if contract == nil {
		return t, fmt.Errorf("bench: %s: %s takes no images: name its encoder (a GGUF file often called mmproj)", t.Name, e.Info().Name)
	}
	layout, err := contract.Layout(size)
	if err != nil {
		return t, fmt.Errorf("bench: %s: %w", t.Name, err)
	}
	t.Tokens = layout.Tokens
	img := imaging.NewRGB(size)
	for i := range img.Pix {
		img.Pix[i] = uint8(i % 251) // what it shows costs nothing
	}
	return t, t.measure(repeats, func() error {
		_, _, err := e.EncodeImage(ctx, img)
		return err
	})
}

// measure times job repeatedly, after once without.
func (t *Test) measure(repeats int, job func() error) error {
	for i := range repeats + 1 {
		cpu, start := cpuSeconds(), measure.Now()
		if err := job(); err != nil {
			return fmt.Errorf("bench: %s: %w", t.Name, err)
		}
		seconds := float64(measure.Now()-start) / 1e9
		if i > 0 {
			t.Seconds = append(t.Seconds, seconds)
			t.CPUSeconds = append(t.CPUSeconds, cpuSeconds()-cpu)
		}
	}
	return nil
}

// read computes a prompt.
func read(ctx context.Context, e *engine.Engine, tokens []int32) error {
	_, err := e.Eval(ctx, tokens)
	return err
}

// write computes tokens one by one. What they are costs nothing, so none is chosen.
func write(ctx context.Context, e *engine.Engine, tokens []int32) error {
	for i := range tokens {
		if _, err := e.Eval(ctx, tokens[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// someTokens spreads n ids over the vocabulary.
func someTokens(n, vocabulary int) []int32 {
	ids := make([]int32, n)
	x := uint32(1)
	for i := range ids {
		x = x*1664525 + 1013904223 // Knuth's "quick and dirty" generator
		ids[i] = int32(uint64(x) * uint64(vocabulary) >> 32)
	}
	return ids
}

// Rates returns tokens per second of each run.
func (t Test) Rates() []float64 {
	rates := make([]float64, len(t.Seconds))
	for i, s := range t.Seconds {
		rates[i] = float64(t.Tokens) / s
	}
	return rates
}

// CPUPerToken is the median processor time per token.
func (t Test) CPUPerToken() unit.Seconds {
	return unit.Seconds(stat.Median(t.CPUSeconds) / float64(t.Tokens))
}
