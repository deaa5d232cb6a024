// Package heal gives a compressed model back what its cuts took: all its weights, factors included,
// learn by gradients to predict what the original predicts, within a box of time.
package heal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"time"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/train"
)

// Pair is a stored model.
type Pair struct {
	Language *model.Source
	Encoder  *model.Source // of images; nil for a model of text
}

// open makes a model of it whose weights can be trained.
func (p Pair) open(opt train.Options) (*train.Model, error) {
	return train.NewSeeing(p.Language, p.Encoder, opt)
}

// Defaults of Options, by which the built-in models heal well.
const (
	DefaultBatch = 16
	DefaultRate  = 2e-3
)

// Options of Distill. Zero values take the defaults.
type Options struct {
	Train train.Options
	// Time is that of all steps together, those before an interruption included; what is measured before
	// and after comes on top. Steps in its place fix their number, and so the result.
	Time  time.Duration
	Steps int
	Batch int     // sequences of a step; default DefaultBatch
	Rate  float64 // the highest learning rate; default DefaultRate
	// Answers is the share of the cross-entropy of the data's own tokens in what is learned; the rest
	// is the divergence from the original. Default 0.
	Answers float64
	// AdamW updates all matrices by AdamW; else Muon updates those inside the layers.
	AdamW bool
	// Smooth computes steps with weights as they are before rounding, even if the file has a matrix in
	// fewer than eight bits. Else such a matrix is rounded for every step.
	Smooth bool
	// Checkpoint is a file to go on from if it exists, written once in a while and when ctx ends or all
	// steps are done; none if empty.
	Checkpoint string
	Save       time.Duration // between checkpoints; default a minute
	// Recipe names the data: a checkpoint made with others is refused.
	Recipe string
	// Report, if not nil, is told of every step.
	Report func(Progress)
}

// Progress is what there is to say of a step.
type Progress struct {
	train.Progress
	// Done is the share of the healing that is done, by time or by steps.
	Done float64
}

// Report is what came of a healing.
type Report struct {
	// Before and After are the mean KL(original ‖ compressed) per learned token of the held-out
	// sequences, in nats. Both are of weights as files hold them, rounded to their formats.
	Before, After float64
	// Better says whether After is less, and so whether Model has the new weights.
	Better bool
	Model  Pair
	Steps  int
}

func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Time < 0 || o.Steps < 0 || (o.Time > 0) == (o.Steps > 0):
		return o, fmt.Errorf("%v and %d steps: want a time or a number of steps", o.Time, o.Steps)
	case !(o.Answers >= 0 && o.Answers <= 1):
		return o, fmt.Errorf("a share of %v for answers: want a number from 0 to 1", o.Answers)
	}
	if o.Train.Threads <= 0 {
		o.Train.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if o.Save == 0 {
		o.Save = time.Minute
	}
	return o, nil
}

// Of the schedule: the steps in which the rate rises, and how far it falls.
const (
	warmUp = 10
	floor  = 0.02
)

// plan is how the compressed model learns.
func (o Options) plan(recipe string, teacher *train.Model) train.Plan {
	s := train.Schedule{Peak: o.Rate, Floor: floor * o.Rate, WarmUp: warmUp, Steps: o.Steps, Time: o.Time}
	if o.Steps > 0 {
		s.WarmUp = min(warmUp, o.Steps/10)
	}
	return train.Plan{Recipe: recipe, Batch: o.Batch, Rate: s, Clip: 1, Muon: !o.AdamW, Teacher: teacher, Share: 1 - o.Answers}
}

// Distill improves all weights of a compressed model on the data, until the time or the steps are used,
// and measures on held-out sequences what it gained. The original may be in any format that can be
// read; the weights return to the formats that they had. Tokens of the data whose weight is 0 are learned with a weight of
// a tenth, those held out are not measured. What is held of a model in memory is, in bytes
// per weight, 4 for the original and 16 for the compressed one. When ctx ends it returns the cause.
//
// With the same steps, an interrupted healing ends in the bits of an uninterrupted one.
func Distill(ctx context.Context, original, compressed Pair, data train.Data, held []train.Sequence, opt Options) (r Report, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("heal %s: %w", compressed.Language.Name, err)
		}
	}()
	if opt, err = opt.withDefaults(); err != nil {
		return r, err
	}
	teacher, err := original.open(opt.Train)
	if err != nil {
		return r, err
	}
	student, err := compressed.open(opt.Train)
	if err != nil {
		return r, err
	}
	if err := checkOriginal(original, compressed, teacher, student); err != nil {
		return r, err
	}
	if r.Before, err = student.Divergence(ctx, held, teacher); err != nil {
		return r, fmt.Errorf("held-out sequences: %w", err)
	}
	plan := opt.plan(fmt.Sprintf("heal %s after %s on %s, prompts %g", compressed.fingerprint(), original.fingerprint(), opt.Recipe, promptWeight), teacher)
	if coarse := newRounding(compressed, opt.Train.Threads); !opt.Smooth && coarse.any() {
		plan.Recipe += ", rounded"
		plan.Round = coarse.round
	}
	vision, _ := student.Vision()
	tr, err := train.NewTrainer(student, plan, withPrompts(data, vision))
	if err != nil {
		return r, err
	}
	if err := opt.run(ctx, tr); err != nil {
		return r, err
	}
	r.Steps = tr.Steps()
	return r, r.finish(ctx, compressed, student, teacher, held, opt)
}

// run makes all steps that are not yet made.
func (o Options) run(ctx context.Context, tr *train.Trainer) error {
	if o.Checkpoint != "" {
		if err := tr.Resume(o.Checkpoint); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w; remove the file to begin anew", err)
		}
	}
	save := func() error {
		if o.Checkpoint == "" {
			return nil
		}
		return tr.Save(o.Checkpoint)
	}
	for saved := time.Now(); !tr.Done(); {
		p, err := tr.Step(ctx)
		if err != nil {
			return errors.Join(err, save())
		}
		if o.Report != nil {
			o.Report(Progress{p, o.done(tr)})
		}
		if time.Since(saved) > o.Save {
			if err := save(); err != nil {
				return err
			}
			saved = time.Now()
		}
	}
	return save()
}

// done returns the share of the healing that is done.
func (o Options) done(tr *train.Trainer) float64 {
	switch {
	case tr.Done():
		return 1
	case o.Time > 0:
		return min(1, tr.Spent().Seconds()/o.Time.Seconds())
	}
	return float64(tr.Steps()) / float64(o.Steps)
}

// finish rounds the new weights, measures them and keeps the better model.
func (r *Report) finish(ctx context.Context, compressed Pair, student, teacher *train.Model, held []train.Sequence, opt Options) error {
	healed, err := compressed.with(student, opt.Train.Threads)
	if err != nil {
		return err
	}
	rounded, err := healed.open(opt.Train)
	if err != nil {
		return err
	}
	if r.After, err = rounded.Divergence(ctx, held, teacher); err != nil {
		return fmt.Errorf("held-out sequences: %w", err)
	}
	r.Model = compressed
	if r.Better = r.After < r.Before; r.Better {
		r.Model = healed
		healed.Language.Meta = append(healed.Language.Meta, r.meta()...)
	}
	return nil
}

// meta records the healing in the file.
func (r *Report) meta() []model.Entry {
	const prefix = "wattlaw.compress.heal."
	return []model.Entry{
		{Key: prefix + "steps", Value: gguf.ValueOf(uint32(min(r.Steps, math.MaxUint32)))},
		{Key: prefix + "kl_before", Value: gguf.ValueOf(float32(r.Before))},
		{Key: prefix + "kl_after", Value: gguf.ValueOf(float32(r.After))},
	}
}
