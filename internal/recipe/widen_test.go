package recipe

import (
	"context"
	"math"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// TestWidenChangesNothing holds that a wider model predicts as the trained one that it was made of.
func TestWidenChangesNothing(t *testing.T) {
	for _, name := range Names() {
		r, err := ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		src, eyes := trained(t, name)
		run := &training{recipe: r, vocab: src.Vocab}
		if run.reader.tokens, err = tokenizer.New(src.Vocab); err != nil {
			t.Fatal(err)
		}
		if run.config, err = model.ReadConfig(src); err != nil {
			t.Fatal(err)
		}
		if eyes != nil {
			v, err := model.ReadVisionConfig(eyes)
			if err != nil {
				t.Fatal(err)
			}
			contract := v.Contract()
			run.vision, run.reader.contract = &v, &contract
		}
		before := lossOf(t, run, src, eyes)
		const k = 2
		run.config, run.vision = widened(run.config, run.vision, k)
		wide, wideEyes, err := run.widen(src, eyes, k)
		if err != nil {
			t.Fatal(err)
		}
		after := lossOf(t, run, wide, wideEyes)
		if n := run.model.Config.Width; n != run.config.Width {
			t.Errorf("%s: %d features, want %d", name, n, run.config.Width)
		}
		if math.Abs(after-before) > 1e-4*before {
			t.Errorf("%s, %d times as wide: a loss of %v, before %v", name, k, after, before)
		}
	}
}

func trained(t *testing.T, name string) (language, encoder *model.Source) {
	t.Helper()
	file, err := builtin.Open(builtin.Prefix + name)
	if err != nil {
		t.Fatal(err)
	}
	if language, err = model.FromFile(file); err != nil {
		t.Fatal(err)
	}
	eyes, err := builtin.OpenEncoder(builtin.Prefix + name)
	if err != nil {
		t.Fatal(err)
	}
	if eyes != nil {
		encoder = model.EncoderFromFile(eyes)
	}
	return language, encoder
}

// lossOf is that of a few stories or pictures that nothing was learned from.
func lossOf(t *testing.T, run *training, src, eyes *model.Source) float64 {
	t.Helper()
	draw, err := run.reader.lessons(world.Validation, 1, Phase{Prose: 0.1, Lessons: []Lesson{{Share: 1, Side: 96, Questions: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	if run.model, err = train.NewSeeing(src, eyes, run.opt.Train); err != nil {
		t.Fatal(err)
	}
	var batch []train.Sequence
	for i := range uint64(3) {
		w, err := draw(i)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, w.Sequence)
	}
	loss, err := run.model.Loss(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return loss
}
