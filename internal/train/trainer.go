package train

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Data returns the i'th sequence of a training set. It depends on nothing but i, so that a
// resumed training sees what an uninterrupted one would.
type Data func(i uint64) (Sequence, error)

// Plan says how a model is trained.
type Plan struct {
	// Recipe names the data and the model's start, e.g. with their seeds: a checkpoint resumes
	// only under the same.
	Recipe string   `json:"recipe"`
	Batch  int      `json:"batch"` // sequences of one step
	Rate   Schedule `json:"rate"`
	// Of AdamW; zero takes 0.9, 0.95 and 1e-8.
	Beta1   float64 `json:"beta1"`
	Beta2   float64 `json:"beta2"`
	Epsilon float64 `json:"epsilon"`
	Decay   float64 `json:"decay"` // of the matrices, per step and unit of the learning rate
	Clip    float64 `json:"clip"`  // longest gradient; 0 for no limit
	// Muon updates the matrices inside the layers by their momentum made orthogonal instead.
	Muon bool `json:"muon,omitempty"`
	// Outer is the share of the learning rate that the other matrices get, embeddings above all, beside
	// Muon; zero takes 1. Rows of rare tokens learn in bounds where the rest wants a high rate.
	Outer float64 `json:"outer,omitempty"`
	// Teacher is learned from with weight Share, the data with the rest (see Model.Distill); nil for none.
	Teacher *Model  `json:"-"`
	Share   float64 `json:"share"`
	// Round, if not nil, makes of a parameter's values those that its step computes with. The update
	// is that of the values themselves, as if they had not been rounded (the straight-through
	// estimator of Bengio et al., 2013), so that they add up what is too small to be seen rounded.
	Round func(p *Param) (rounded []float32, err error) `json:"-"`
}

// withDefaults fills in what is zero and checks the rest.
func (p Plan) withDefaults() (Plan, error) {
	fill := func(x *float64, v float64) {
		if *x == 0 {
			*x = v
		}
	}
	fill(&p.Beta1, 0.9)
	fill(&p.Beta2, 0.95)
	fill(&p.Epsilon, 1e-8)
	fill(&p.Outer, 1)
	inside := func(x, hi float64) bool { return x >= 0 && x < hi }
	switch {
	case p.Batch < 1:
		return p, fmt.Errorf("training plan: a batch of %d sequences: want at least one", p.Batch)
	case !inside(p.Beta1, 1) || !inside(p.Beta2, 1):
		return p, fmt.Errorf("training plan: moments decay by %v and %v: want numbers from 0, below 1", p.Beta1, p.Beta2)
	case !inside(p.Epsilon, 1) || !inside(p.Decay, 1e6) || !inside(p.Clip, math.Inf(1)) || !inside(p.Outer, 1e3):
		return p, fmt.Errorf("training plan: epsilon %v, decay %v, clip %v or share of the rate %v is no number that can be used", p.Epsilon, p.Decay, p.Clip, p.Outer)
	}
	if err := p.Rate.check(); err != nil {
		return p, fmt.Errorf("training plan: %w", err)
	}
	return p, nil
}

// Trainer improves a model step by step.
type Trainer struct {
	model    *Model
	plan     Plan
	data     Data
	moments  adam
	step     int    // steps done
	position uint64 // sequences seen
	// spent is the time that the steps took, before the last checkpoint too, where the plan goes by time.
	spent time.Duration
}

// Progress is what there is to say of one step.
type Progress struct {
	Step   int     // counted from 1
	Loss   float64 // nats per learned token, before the step
	Norm   float64 // of the gradient, before clipping
	Rate   float64 // the learning rate
	Tokens int     // learned
}

// NewTrainer starts a training at its first step.
func NewTrainer(m *Model, plan Plan, data Data) (*Trainer, error) {
	plan, err := plan.withDefaults()
	if err != nil {
		return nil, err
	}
	switch {
	case plan.Teacher != nil:
		if err := m.canLearnFrom(plan.Teacher, plan.Share); err != nil {
			return nil, fmt.Errorf("training plan: %w", err)
		}
	case plan.Share != 0:
		return nil, fmt.Errorf("training plan: a share of %v for a teacher, but no teacher", plan.Share)
	}
	return &Trainer{model: m, plan: plan, data: data, moments: newAdam(m.params)}, nil
}

// Done reports whether all steps of the plan are done, or there is no time for another.
func (t *Trainer) Done() bool { return t.plan.Rate.done(t.step, t.spent) }

// Spent returns the time that all steps took, if the plan goes by time.
func (t *Trainer) Spent() time.Duration { return t.spent }

// Steps returns the number of steps done.
func (t *Trainer) Steps() int { return t.step }

// Position returns the number of sequences that the training has seen.
func (t *Trainer) Position() uint64 { return t.position }

// Step learns from the next batch. After an error, be it a loss that is no number or the end of
// ctx, parameters and position are as before.
func (t *Trainer) Step(ctx context.Context) (Progress, error) {
	at, began := t.step+1, time.Now()
	fail := func(err error) (Progress, error) { return Progress{}, fmt.Errorf("training step %d: %w", at, err) }
	batch := make([]Sequence, t.plan.Batch)
	for i := range batch {
		var err error
		if batch[i], err = t.data(t.position + uint64(i)); err != nil {
			return fail(fmt.Errorf("sequence %d of the data: %w", t.position+uint64(i), err))
		}
	}
	loss, err := t.gradients(ctx, batch)
	if err != nil {
		return fail(err)
	}
	p := Progress{Step: at, Loss: loss, Norm: t.model.gradientNorm(), Rate: t.plan.Rate.after(t.step, t.spent)}
	if !finite(loss) || !finite(p.Norm) {
		return fail(t.model.diagnose(loss))
	}
	for _, s := range batch {
		p.Tokens += s.learned()
	}
	shrink := 1.0
	if t.plan.Clip > 0 && p.Norm > t.plan.Clip {
		shrink = t.plan.Clip / p.Norm
	}
	t.model.update(t.moments, t.plan, at, p.Rate, float32(shrink))
	t.step, t.position = at, t.position+uint64(t.plan.Batch)
	if t.plan.Rate.Time > 0 {
		t.spent += time.Since(began)
	}
	return p, nil
}

// gradients computes those of the batch's loss, and returns it. Values that are to be rounded are so meanwhile.
func (t *Trainer) gradients(ctx context.Context, batch []Sequence) (float64, error) {
	if t.plan.Round != nil {
		values := make([][]float32, len(t.model.params))
		for i, p := range t.model.params {
			values[i] = p.Value
		}
		defer func() {
			for i, p := range t.model.params {
				p.Value = values[i]
			}
		}()
		for _, p := range t.model.params {
			rounded, err := t.plan.Round(p)
			if err != nil {
				return 0, fmt.Errorf("round %s: %w", p.Name, err)
			}
			p.Value = rounded
		}
	}
	return t.model.run(ctx, batch, goal{gradients: true, teacher: t.plan.Teacher, share: t.plan.Share})
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// diagnose says where a loss or gradient stopped being a number: in the weights, if any is none.
func (m *Model) diagnose(loss float64) error {
	for _, p := range m.params {
		for i, v := range p.Value {
			if !finite(float64(v)) {
				return fmt.Errorf("the loss is %v: %s holds %v at %d", loss, p.Name, v, i)
			}
		}
	}
	for _, p := range m.params {
		for i, g := range p.Grad {
			if !finite(float64(g)) {
				return fmt.Errorf("the loss is %v and the gradient of %s is %v at %d: lower the learning rate or clip", loss, p.Name, g, i)
			}
		}
	}
	return fmt.Errorf("the loss is %v: lower the learning rate or clip", loss)
}
