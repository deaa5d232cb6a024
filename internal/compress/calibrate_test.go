package compress

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// TestPassing: targets that are read while the original passes a part are those that are computed for them.
func TestPassing(t *testing.T) {
	opt := keep(0.5)
	opt.Rows = 100
	c, err := open(random(t, "qwen2vl", true), opt)
	if err != nil {
		t.Fatal(err)
	}
	data := sequences(6, true)
	data[2].Images, data[2].Weights = nil, nil
	l, err := c.lane(data)
	if err != nil {
		t.Fatal(err)
	}
	ctx, closed := context.Background(), 0
	for i := range c.parts {
		original, err := c.load(i)
		if err != nil {
			t.Fatal(err)
		}
		cut := original.Clone()
		for _, s := range c.sites {
			if s.part != i {
				continue
			}
			w := stacked(original, s.layers)
			for k := range w.Data {
				w.Data[k] *= 1 + 0.1*float32(k%3)
			}
			if s.index == 0 {
				cut.Set(s.layers[0], linalg.Dense(s.rows[0], s.inputs, w.Data[:s.rows[0]*s.inputs]))
			}
			if !c.closes(s) {
				continue
			}
			closed++
			want, got := NewMoments(s.inputs, s.rows[0]), NewMoments(s.inputs, s.rows[0])
			err := errors.Join(c.selecting(ctx, want, l, s, original, cut, stacked(original, s.layers)), c.passing(ctx, got, l, s, original, cut))
			if err != nil {
				t.Fatal(err)
			}
			if got.rows == 0 || got.rows != want.rows || !reflect.DeepEqual(got.c, want.c) || !reflect.DeepEqual(got.r, want.r) || !reflect.DeepEqual(got.squares, want.squares) {
				t.Errorf("%s: other moments of %d rows and %d", s.layers[0], got.rows, want.rows)
			}
		}
		if err := c.advance(ctx, lanes{l, l}, i, original, cut); err != nil {
			t.Fatal(err)
		}
	}
	if closed != 5 {
		t.Errorf("%d sites close a part, want those of 4 blocks and of the merger", closed)
	}
}

// TestSet: a part is computed with factors, or with their product where that is less work, to the same end.
func TestSet(t *testing.T) {
	c, err := open(random(t, "llama", true), keep(0.5))
	if err != nil {
		t.Fatal(err)
	}
	original, err := c.load(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, rank := range []int{8, 40} {
		for _, s := range c.sites[:4] {
			o, err := Plain(stacked(original, s.layers)).Spectrum(c.g64)
			if err != nil {
				t.Fatal(err)
			}
			f, err := c.factorize(s, bundle{0, len(s.layers), rank}, o)
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.encode(s.layers)
			if err != nil {
				t.Fatal(err)
			}
			got, want := original.Clone(), original.Clone()
			if err := errors.Join(c.set(got, r), c.setProduct(want, r)); err != nil {
				t.Fatal(err)
			}
			for _, layer := range s.layers {
				a, b := got.Weight(layer), want.Weight(layer)
				for i := range b.Data {
					if d := a.Data[i] - b.Data[i]; d > 1e-5 || d < -1e-5 {
						t.Fatalf("%s: value %d is %v, want %v", layer, i, a.Data[i], b.Data[i])
					}
				}
				if b, _ := got.Factors(layer); rank == 8 && b.Cols != rank {
					t.Errorf("%s: a rank of %d, want %d", layer, b.Cols, rank)
				}
			}
		}
	}
}
