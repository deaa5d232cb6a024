package speed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
)

// Picture is an image and what to call it.
type Picture struct {
	Name  string
	Image imaging.RGB
}

// ClampPlan says which limits of a vision model to compare with its own.
type ClampPlan struct {
	// Clamps besides the model's own; none means limits of 64, 128, 256… image tokens, as many
	// as are below what the pictures take without them.
	Clamps       []imaging.Clamp
	Pictures     []Picture
	Prompt       string // beside each picture
	OutputTokens int    // of each answer
	Repeats      int    // rounds over all limits and pictures
	Seed         uint64 // of the order
	// Progress, when not nil, is told of each answer before it is asked for.
	Progress func(done, all int)
}

// Cost is what an answer costs on average over the pictures.
type Cost struct {
	Encode, Prefill, Total float64 // seconds
	Cores                  float64 // core-seconds of this process, NaN where the system does not say
}

// ClampTest holds what one limit costs.
type ClampTest struct {
	Clamp   imaging.Clamp
	Own     bool             // the model's own
	Layouts []imaging.Layout // what becomes of each picture
	Rounds  []Cost
	// Kept is the part of the answers, from the first token on, that is as under the model's
	// own limit; NaN where answers say nothing.
	Kept float64

	kept []float64
}

// ClampResult is what SweepClamp found. The first test is that of the model's own limit.
type ClampResult struct {
	Model        engine.Info
	Pictures     []Picture
	OutputTokens int
	Tests        []ClampTest
	// Accuracy is how well tasks are answered under the same limits, where they were: it goes
	// into JSON as it is, and below the table as lines.
	Accuracy interface{ Lines() []string }
}

// SweepClamp answers the prompt about every picture under every limit, in rounds of random
// order so that slow changes of the machine meet all limits alike. Everything happens in
// this process; the engine has its own limit again afterwards.
func SweepClamp(ctx context.Context, e *engine.Engine, plan ClampPlan) (r ClampResult, err error) {
	if err := plan.check(e); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, e.SetClamp(imaging.Clamp{}, 0)) }()
	tokens, err := e.EncodePrompt(plan.Prompt, 1)
	if err != nil {
		return r, err
	}
	r = ClampResult{Model: e.Info(), Pictures: plan.Pictures, OutputTokens: plan.OutputTokens}
	if r.Tests, err = plan.tests(e, tokens); err != nil {
		return r, err
	}
	s := sweep{engine: e, plan: plan, tokens: tokens, tests: r.Tests}
	return r, s.run(ctx)
}

func (p ClampPlan) check(e *engine.Engine) error {
	switch {
	case e.Vision() == nil:
		return fmt.Errorf("clamp: %s takes no images: name its encoder (a GGUF file often called mmproj)", e.Info().Name)
	case len(p.Pictures) == 0:
		return errors.New("clamp: there are no images")
	case p.Repeats < 1:
		return fmt.Errorf("clamp: %d repeats: want at least 1", p.Repeats)
	case p.OutputTokens < 1:
		return fmt.Errorf("clamp: answers of %d tokens: want at least 1", p.OutputTokens)
	}
	return nil
}

// tests lists the limits, the model's own first, with what becomes of the pictures. It errs
// when a prompt and its answer would not fit.
func (p ClampPlan) tests(e *engine.Engine, tokens []int32) ([]ClampTest, error) {
	own, err := p.test(e, tokens, imaging.Clamp{})
	if err != nil {
		return nil, err
	}
	own.Own = true
	tests := []ClampTest{own}
	clamps := p.Clamps
	if len(clamps) == 0 {
		clamps = powers(own.Layouts)
	}
	for _, clamp := range clamps {
		if clamp == (imaging.Clamp{}) {
			return nil, errors.New("clamp: a limit of 0 is none: leave it out, the model's own is measured anyway")
		}
		t, err := p.test(e, tokens, clamp)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return tests, nil
}

// powers lists limits of 64, 128, … tokens below the most that a picture takes.
func powers(layouts []imaging.Layout) (clamps []imaging.Clamp) {
	most := 0
	for _, l := range layouts {
		most = max(most, l.Tokens)
	}
	for n := 64; n < most; n *= 2 {
		clamps = append(clamps, imaging.Clamp{MaxTokens: n})
	}
	return clamps
}

func (p ClampPlan) test(e *engine.Engine, tokens []int32, clamp imaging.Clamp) (t ClampTest, err error) {
	if err := e.SetClamp(clamp, 0); err != nil {
		return t, err
	}
	t.Clamp, t.Kept = e.Vision().Clamp, math.NaN()
	for _, picture := range p.Pictures {
		layout, err := e.Vision().Layout(picture.Image.Size())
		if err != nil {
			return t, fmt.Errorf("clamp %v: %s: %w", t.Clamp, picture.Name, err)
		}
		t.Layouts = append(t.Layouts, layout)
		n, err := e.ExpandedLength(tokens, []imaging.Size{picture.Image.Size()})
		if err != nil {
			return t, fmt.Errorf("clamp %v: %s: %w", t.Clamp, picture.Name, err)
		}
		if n+p.OutputTokens > e.Info().Context {
			return t, fmt.Errorf("clamp %v: %s: a prompt of %d tokens and an answer of %d do not fit the context of %d: raise the context (--context) or take smaller images",
				t.Clamp, picture.Name, n, p.OutputTokens, e.Info().Context)
		}
	}
	return t, nil
}

// sweep is a sweep under way.
type sweep struct {
	engine *engine.Engine
	plan   ClampPlan
	tokens []int32
	tests  []ClampTest
}

// cell is one picture under one limit.
type cell struct{ test, picture int }

func (s *sweep) run(ctx context.Context) error {
	var cells []cell
	for t := range s.tests {
		for p := range s.plan.Pictures {
			cells = append(cells, cell{t, p})
		}
	}
	largest := slices.MaxFunc(cells, func(a, b cell) int { return s.effort(a) - s.effort(b) })
	if _, _, err := s.answer(ctx, largest); err != nil { // not timed: it allocates what all need
		return err
	}
	random := rand.New(rand.NewPCG(s.plan.Seed, 0))
	for round := range s.plan.Repeats {
		random.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
		answers := make(map[cell][]int32)
		for t := range s.tests {
			s.tests[t].Rounds = append(s.tests[t].Rounds, Cost{})
		}
		for i, c := range cells {
			if s.plan.Progress != nil {
				s.plan.Progress(round*len(cells)+i, s.plan.Repeats*len(cells))
			}
			tokens, cost, err := s.answer(ctx, c)
			if err != nil {
				return err
			}
			answers[c] = tokens
			s.tests[c.test].Rounds[round].add(cost, float64(len(s.plan.Pictures)))
		}
		s.compare(answers)
	}
	return nil
}

func (s *sweep) effort(c cell) int { return s.tests[c.test].Layouts[c.picture].Patches }

// answer asks about a picture under a limit.
func (s *sweep) answer(ctx context.Context, c cell) ([]int32, Cost, error) {
	clamp := s.tests[c.test].Clamp
	if s.tests[c.test].Own {
		clamp = imaging.Clamp{}
	}
	if err := s.engine.SetClamp(clamp, 0); err != nil {
		return nil, Cost{}, err
	}
	cpu, start := cpuSeconds(), measure.Now()
	result, err := s.engine.Generate(ctx, engine.Request{
		Tokens: s.tokens, Images: []imaging.RGB{s.plan.Pictures[c.picture].Image}, MaxTokens: s.plan.OutputTokens, IgnoreEOS: true,
	}, nil)
	cost := Cost{Total: float64(measure.Now()-start) / 1e9, Cores: cpuSeconds() - cpu}
	for _, p := range result.Phases {
		seconds := float64(p.End-p.Start) / 1e9
		switch p.Name {
		case measure.PhaseEncode:
			cost.Encode = seconds
		case measure.PhasePrefill:
			cost.Prefill = seconds
		}
	}
	return result.Tokens, cost, err
}

// add adds one of so many parts of a mean.
func (c *Cost) add(part Cost, parts float64) {
	c.Encode += part.Encode / parts
	c.Prefill += part.Prefill / parts
	c.Total += part.Total / parts
	c.Cores += part.Cores / parts
}

// compare holds the answers of a round against those under the model's own limit.
func (s *sweep) compare(answers map[cell][]int32) {
	if s.engine.Info().Meaningless {
		return
	}
	for c, answer := range answers {
		own := answers[cell{0, c.picture}]
		same := 0
		for same < min(len(answer), len(own)) && answer[same] == own[same] {
			same++
		}
		t := &s.tests[c.test]
		t.kept = append(t.kept, float64(same)/float64(len(own)))
		t.Kept = stat.Mean(t.kept)
	}
}
