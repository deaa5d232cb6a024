package compress

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// TestResume interrupts a run at every part and ends in the same bytes.
func TestResume(t *testing.T) {
	in, data := random(t, "llama", true), calibration(t, sequences(12, false))
	for _, narrow := range []bool{false, true} {
		opt := keep(0.8)
		opt.LlamaCpp = narrow
		whole, _, err := Compress(context.Background(), in, data, opt)
		if err != nil {
			t.Fatal(err)
		}
		opt.Dir = filepath.Join(t.TempDir(), "work")
		ends := 0
		for at := 1; at < 3; at++ {
			ctx, stop := context.WithCancel(context.Background())
			opt.Report = func(e Event) {
				if strings.HasPrefix(e.What, "compress blk.") && e.Done >= at {
					stop()
				}
			}
			if _, _, err := Compress(ctx, in, data, opt); errors.Is(err, context.Canceled) {
				ends++
			}
			stop()
		}
		opt.Report = nil
		out, _, err := Compress(context.Background(), in, data, opt)
		if err != nil || ends == 0 {
			t.Fatal(err, ends)
		}
		for i := range whole.Language.Tensors {
			a, b := whole.Language.Tensors[i], out.Language.Tensors[i]
			if a.Name != b.Name || a.DType != b.DType || !bytes.Equal(a.Data, b.Data) {
				t.Errorf("tensor %q differs", a.Name)
			}
		}
		if err := Clean(opt.Dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(opt.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Error("the folder is still there")
		}
	}
}

// TestKeptSharing: an interrupted run goes on with what a goal came to, though another timing would say otherwise.
func TestKeptSharing(t *testing.T) {
	in, data := random(t, "llama", false), calibration(t, sequences(12, false))
	for _, narrow := range []bool{false, true} {
		opt := keep(0.8)
		opt.LlamaCpp, opt.Goal.Measure, opt.Dir, opt.Without = narrow, Energy, t.TempDir(), []Step{Allocation}
		var got [2]sharing
		for i, s := range []speed{{1, 2}, {3, 1}} {
			c, err := open(in, opt)
			if err != nil {
				t.Fatal(err)
			}
			c.Goal.speed = s
			if err := errors.Join(c.openWork(data), c.plan(context.Background(), data)); err != nil {
				t.Fatal(err)
			}
			if got[i] = c.sharing; c.Goal.speed != (speed{1, 2}) {
				t.Errorf("run %d: prices %+v", i, c.Goal.speed)
			}
		}
		if !reflect.DeepEqual(got[0], got[1]) || narrow == (got[0].Features == [2]int{}) {
			t.Errorf("%+v, then %+v", got[0], got[1])
		}
	}
}

// TestWorkFolder: what the result depends on names the folder of a run.
func TestWorkFolder(t *testing.T) {
	in, data := random(t, "llama", false), calibration(t, sequences(12, false))
	seen := map[string]int{}
	for i, change := range []func(*Options){
		func(*Options) {}, func(o *Options) { o.Goal.Share = 0.80001 }, func(o *Options) { o.By = "other tasks" }, func(o *Options) { o.Goal.Drop = 1 },
	} {
		opt := keep(0.8)
		opt.Dir = t.TempDir()
		change(&opt)
		c, err := open(in, opt)
		if err == nil {
			err = c.openWork(data)
		}
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[filepath.Base(c.work)]; ok {
			t.Errorf("runs %d and %d have one folder", other, i)
		}
		seen[filepath.Base(c.work)] = i
	}
}

// TestKeptOfAnotherPart is refused, with what to do.
func TestKeptOfAnotherPart(t *testing.T) {
	in, data := random(t, "llama", false), calibration(t, sequences(12, false))
	opt := keep(0.8)
	opt.Dir, opt.Without = t.TempDir(), []Step{Allocation}
	c, err := open(in, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.openWork(data); err != nil {
		t.Fatal(err)
	}
	pair := func(second int) *finished {
		tensor := func(name string, cols, rows int) model.Tensor {
			return model.Tensor{Name: name, DType: tensor.F32, Shape: []int{cols, rows}, Data: make([]byte, 4*cols*rows)}
		}
		return &finished{factors: []model.Replacement{{Layers: []string{"blk.1.ffn_down"},
			Tensors: []model.Tensor{tensor("blk.1.ffn_down.lr_a", 128, 8), tensor("blk.1.ffn_down.lr_b", second, 64)}}}}
	}
	for part, f := range []*finished{pair(8), pair(9)} {
		if err := c.store(part, f); err != nil {
			t.Fatal(err)
		}
		original, err := c.load(part)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.part(context.Background(), nil, part, nil, original, original.Clone()); err == nil || !strings.Contains(err.Error(), "remove the file") {
			t.Errorf("part %d: %v", part, err)
		}
	}
}
