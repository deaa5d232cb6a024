package recipe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
)

// TestMiniatures goes through every recipe with a tiny model: interrupted and resumed it ends in the file
// of an uninterrupted run, which the engine loads.
func TestMiniatures(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			r, err := ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			r = r.Miniature()
			whole, broken := t.TempDir(), t.TempDir()
			if err := Run(context.Background(), r, Options{Dir: whole}); err != nil {
				t.Fatal(err)
			}
			points, err := ReadCurve(filepath.Join(whole, r.Name+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if len(points) != len(r.Phases) {
				t.Fatalf("%d points of the curve, want one at the end of each of %d phases", len(points), len(r.Phases))
			}
			for i, p := range points {
				if p.Step != r.Phases[i].Steps || p.Loss <= 0 || p.ByKind == nil || p.Tokens == 0 {
					t.Errorf("point %d: %+v", i+1, p)
				}
			}
			if first, last := points[0].Loss, points[len(points)-1].Loss; last >= first {
				t.Errorf("the loss went from %v to %v", first, last)
			}
			interrupted(t, r, broken)
			file := r.Name + ".gguf"
			if a, b := read(t, filepath.Join(whole, file)), read(t, filepath.Join(broken, file)); string(a) != string(b) {
				t.Error("an interrupted training ends in another model")
			}
			onward(t, r, filepath.Join(broken, file))
			var opt engine.Options
			if r.Vision != nil {
				opt.Projector = filepath.Join(whole, r.Name+".mmproj.gguf")
			}
			e, err := engine.Load(filepath.Join(whole, file), opt)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// interrupted stops a training in its first phase and in its last, and then lets it end.
func interrupted(t *testing.T, r Recipe, dir string) {
	t.Helper()
	stop := errors.New("power cut")
	for phase := range r.Phases {
		ctx, cancel := context.WithCancelCause(context.Background())
		opt := Options{Dir: dir, Save: 1, Report: func(p Point) {
			if p.Phase == r.Phases[phase].Name {
				cancel(stop)
			}
		}}
		err := Run(ctx, r, opt)
		last := phase == len(r.Phases)-1
		if !last && !errors.Is(err, stop) || last && err != nil {
			t.Fatalf("phase %d: %v", phase+1, err)
		}
	}
}

// onward trains the last phase again from the file of the phase before, which must end in the same model.
func onward(t *testing.T, r Recipe, want string) {
	t.Helper()
	before, after := t.TempDir(), t.TempDir()
	first := r
	first.Phases = r.Phases[:len(r.Phases)-1]
	if err := Run(context.Background(), first, Options{Dir: before}); err != nil {
		t.Fatal(err)
	}
	file := r.Name + ".gguf"
	if err := Run(context.Background(), r, Options{Dir: after, From: filepath.Join(before, file)}); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, want), read(t, filepath.Join(after, file)); string(a) != string(b) {
		t.Error("the last phase, from the file before it, ends in another model")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestUnknownRecipe(t *testing.T) {
	if _, err := ByName("poet"); err == nil {
		t.Error("no error for a recipe that is none")
	}
}

// TestFirst holds that phases share no examples.
func TestFirst(t *testing.T) {
	r := scribe()
	for i := range r.Phases[1:] {
		p := r.Phases[i]
		if got, want := r.first(i+1), r.first(i)+uint64(p.Steps*p.Batch); got != want {
			t.Errorf("phase %d begins at %d, want %d", i+2, got, want)
		}
	}
}
