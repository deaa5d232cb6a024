package compress

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// BenchmarkLayer takes the matrices of a feed-forward network of a model of half a billion weights
// through what a cut needs.
func BenchmarkLayer(b *testing.B) {
	const rows = 2048
	rng := rand.New(rand.NewPCG(1, 1))
	random := func(rows, cols int) linalg.Matrix {
		m := linalg.Dense(rows, cols, make([]float32, rows*cols))
		for i := range m.Data {
			m.Data[i] = float32(rng.NormFloat64())
		}
		return m
	}
	for _, shape := range [][2]int{{4864, 896}, {896, 4864}} {
		x, y, w := random(rows, shape[1]), random(rows, shape[0]), random(shape[0], shape[1])
		g, g64, m := singles(), multiplier(), NewMoments(shape[1], shape[0])
		var o *Objective
		var s *Spectrum
		steps := []struct {
			name string
			run  func() error
		}{
			{"add 2048 rows", func() error { return m.Add(g, x, y) }},
			{"objective", func() (err error) { o, err = m.Toward(w, 0); return err }},
			{"spectrum", func() (err error) { s, err = o.Spectrum(g64); return err }},
			{"refit", func() error { _, a := s.Pair(448); o.RefitB(a); return nil }},
			{"narrow", func() error { _, _, _, err := Narrow(m.Gram(), w, shape[1]/2, 0); return err }},
		}
		for _, step := range steps {
			b.Run(fmt.Sprintf("%d×%d/%s", shape[0], shape[1], step.name), func(b *testing.B) {
				for b.Loop() {
					if err := step.run(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
