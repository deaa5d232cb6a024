package recipe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// Options of Run.
type Options struct {
	Train train.Options
	Dir   string // holds checkpoints, the curve and the model
	// From, when not empty, is a file of the model to go on with where there is no checkpoint, at
	// the last phase that begins from a file. Its encoder of images lies beside it as NAME.mmproj.gguf.
	From string
	Save time.Duration // between checkpoints; default a minute
	// Report, when not nil, is told of each line of the curve.
	Report func(Point)
}

const (
	pointEvery    = 25  // steps between points of the curve
	validateEvery = 200 // steps between validations
	defaultSave   = time.Minute
)

// training is a recipe under way.
type training struct {
	recipe Recipe
	opt    Options
	vocab  tokenizer.Vocab
	reader reader
	model  *train.Model
	config model.Config // the model's, and its encoder's
	vision *model.VisionConfig
	exam   exam
	ended  bool // a phase has ended in this run, so that the file in Dir holds its weights
}

// Run trains the recipe's model, from the last checkpoint in opt.Dir if there is one. With every
// checkpoint it writes the model as it then is. When ctx ends, it saves a checkpoint and returns the cause.
func Run(ctx context.Context, r Recipe, opt Options) error {
	if opt.Save == 0 {
		opt.Save = defaultSave
	}
	t, err := start(r, opt)
	if err != nil {
		return fmt.Errorf("recipe %s: %w", r.Name, err)
	}
	from, err := t.first()
	if err != nil {
		return fmt.Errorf("recipe %s: %w", r.Name, err)
	}
	if err := t.randomize(from); err != nil {
		return fmt.Errorf("recipe %s: %w", r.Name, err)
	}
	for i := from; i < len(r.Phases); i++ {
		if err := t.phase(ctx, i); err != nil {
			return fmt.Errorf("recipe %s, phase %q: %w", r.Name, r.Phases[i].Name, err)
		}
	}
	return nil
}

// first returns the phase to go on with: that of the last checkpoint, or the last one that begins
// from a file if one is given.
func (t *training) first() (int, error) {
	for i := len(t.recipe.Phases) - 1; i >= 0; i-- {
		if _, err := os.Stat(t.checkpoint(i)); err == nil {
			return i, nil
		}
	}
	if t.opt.From == "" {
		return 0, nil
	}
	for i := len(t.recipe.Phases) - 1; i >= 0; i-- {
		if t.recipe.Phases[i].FromFile {
			return i, nil
		}
	}
	return 0, errors.New("no phase begins from a file")
}

// source is the file that a phase begins from. A phase that is resumed takes its own, whose weights
// the checkpoint then replaces: both have their hyperparameters as files round them.
func (t *training) source(phase int) string {
	if _, err := os.Stat(t.checkpoint(phase)); err != nil && !t.ended && t.opt.From != "" {
		return t.opt.From
	}
	return t.path(".gguf")
}

// load takes the weights from a file, and its encoder's beside it, for a phase that the model has the
// shape of now; if it is to be wider than in the phase before, they may still be that one's.
func (t *training) load(path string, phase int) error {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // read-only, and the weights are copied
	src, err := model.FromFile(f)
	if err != nil {
		return err
	}
	var eyes *model.Source
	if t.vision != nil {
		encoder, err := gguf.Open(model.EncoderPath(path))
		if err != nil {
			return err
		}
		defer encoder.Close()
		eyes = model.EncoderFromFile(encoder)
	}
	if k := t.recipe.Phases[phase].Widen; k > 0 {
		if src, eyes, err = t.widen(src, eyes, k); err != nil {
			return err
		}
	}
	m, err := train.NewSeeing(src, eyes, t.opt.Train)
	if err != nil {
		return err
	}
	want := t.config
	want.Eps = float64(float32(want.Eps)) // as the file has it
	if m.Config != want || !slices.Equal(src.Vocab.Tokens, t.vocab.Tokens) {
		return fmt.Errorf("%s is not the recipe's model: it has another shape or vocabulary", path)
	}
	t.model = m
	return nil
}

// widen makes a model of the phase before k times as wide, and leaves one alone that is wide already.
func (t *training) widen(src, eyes *model.Source, k int) (*model.Source, *model.Source, error) {
	c, err := model.ReadConfig(src)
	if err != nil || c.Width == t.config.Width {
		return src, eyes, err
	}
	language, encoder := t.meta()
	if src, err = widen(src, language, k, t.recipe.Seed); err != nil || eyes == nil {
		return src, nil, err
	}
	eyes, err = widen(eyes, encoder, k, t.recipe.Seed)
	return src, eyes, err
}

func start(r Recipe, opt Options) (*training, error) {
	if err := os.MkdirAll(opt.Dir, 0o755); err != nil {
		return nil, err
	}
	t := &training{recipe: r, opt: opt}
	var err error
	if t.vocab, err = r.vocabulary(); err != nil {
		return nil, err
	}
	if t.reader.tokens, err = tokenizer.New(t.vocab); err != nil {
		return nil, err
	}
	t.recipe.Config.Vocab = len(t.vocab.Tokens)
	if r.Vision != nil {
		contract := r.Vision.Contract()
		t.reader.contract = &contract
	}
	return t, nil
}

// randomize gives the model the shape of a phase, and weights that no training has seen.
func (t *training) randomize(phase int) (err error) {
	const tied = true
	t.config, t.vision = t.recipe.shape(phase)
	if t.vision == nil {
		t.model, err = train.NewRandom(t.config, tied, t.recipe.Seed, t.opt.Train)
	} else {
		t.model, err = train.NewRandomSeeing(t.config, *t.vision, tied, t.recipe.Seed, t.opt.Train)
	}
	return err
}

func (t *training) path(suffix string) string {
	return filepath.Join(t.opt.Dir, t.recipe.Name+suffix)
}

func (t *training) checkpoint(phase int) string {
	return t.path(fmt.Sprintf("-%d.checkpoint", phase+1))
}

// phase trains one phase, or what is left of it.
func (t *training) phase(ctx context.Context, i int) error {
	phase := t.recipe.Phases[i]
	first, read := t.recipe.first(i), int64(0)
	data, err := t.examples(phase, first, &read)
	if err != nil {
		return err
	}
	if t.exam, err = t.reader.exam(t.recipe.Seed, phase); err != nil {
		return err
	}
	if phase.FromFile {
		t.config, t.vision = t.recipe.shape(i)
		if err := t.load(t.source(i), i); err != nil {
			return err
		}
	}
	tr, err := train.NewTrainer(t.model, t.recipe.plan(i), data)
	if err != nil {
		return err
	}
	if err := tr.Resume(t.checkpoint(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	passed := false
	// It may have been stopped between the exam that it passed and the next phase.
	if phase.Until > 0 && !tr.Done() && tr.Steps() > 0 && tr.Steps()%validateEvery == 0 {
		right, _, err := t.exam.take(t.model)
		if err != nil {
			return err
		}
		passed = phase.passed(right)
	}
	saved, since := time.Now(), time.Now()
	var loss float64
	for n := 0; !tr.Done() && !passed; {
		p, err := tr.Step(ctx)
		if err != nil {
			return errors.Join(err, t.save(tr, i))
		}
		loss, n = loss+p.Loss, n+1
		if p.Step%pointEvery == 0 || tr.Done() {
			point := Point{Phase: phase.Name, Step: p.Step, Of: phase.Steps, Seen: first + tr.Position(),
				Loss: loss / float64(n), Rate: p.Rate, Tokens: read, Seconds: time.Since(since).Seconds()}
			validate := p.Step%validateEvery == 0 || tr.Done()
			right, err := t.point(point, validate)
			if err != nil {
				return err
			}
			passed = validate && phase.passed(right)
			loss, n, read, since = 0, 0, 0, time.Now()
		}
		if time.Since(saved) > t.opt.Save || tr.Done() || passed {
			if err := t.save(tr, i); err != nil {
				return err
			}
			saved = time.Now()
		}
	}
	t.ended = true
	return nil
}

// examples are what a phase learns from, the first of which has the index first; read counts their tokens.
func (t *training) examples(phase Phase, first uint64, read *int64) (train.Data, error) {
	draw, err := t.reader.lessons(world.Train, t.recipe.Seed, phase)
	if err != nil {
		return nil, err
	}
	data := ahead(func(i uint64) (train.Sequence, error) {
		w, err := draw(first + i)
		return w.Sequence, err
	}, phase.Batch)
	return func(i uint64) (train.Sequence, error) {
		s, err := data(i)
		*read += int64(len(s.Tokens))
		return s, err
	}, nil
}

// save writes a checkpoint and the model as it is now.
func (t *training) save(tr *train.Trainer, phase int) error {
	if err := tr.Save(t.checkpoint(phase)); err != nil {
		return err
	}
	return t.export()
}

// point completes a point of the curve and appends it to the file. It returns what validation found.
func (t *training) point(p Point, validate bool) (right float64, err error) {
	if validate {
		if p.Right, p.ByKind, err = t.exam.take(t.model); err != nil {
			return 0, err
		}
	}
	if err := appendPoint(t.path(".jsonl"), p); err != nil {
		return 0, err
	}
	if t.opt.Report != nil {
		t.opt.Report(p)
	}
	return p.Right, nil
}

// ahead makes n sequences at once on all cores, as a step of the training asks for them: drawing
// pictures takes time.
func ahead(data train.Data, n int) train.Data {
	ready := map[uint64]train.Sequence{}
	return func(i uint64) (train.Sequence, error) {
		if _, ok := ready[i]; !ok {
			clear(ready)
			made, errs := make([]train.Sequence, n), make([]error, n)
			var done sync.WaitGroup
			for k := range n {
				done.Go(func() { made[k], errs[k] = data(i + uint64(k)) })
			}
			done.Wait()
			if err := errors.Join(errs...); err != nil {
				return train.Sequence{}, err
			}
			for k, s := range made {
				ready[i+uint64(k)] = s
			}
		}
		return ready[i], nil
	}
}
