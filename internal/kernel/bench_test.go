package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/kernel/kerneltest"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// BenchmarkMatMul reports GOP/s (two per multiply-add) and the weights' GB/s on one core.
// The matrices of one run together exceed the caches when there is one token, as in decode.
func BenchmarkMatMul(b *testing.B) {
	for _, s := range kernel.Available() {
		for _, d := range []tensor.DType{tensor.Q8_0, tensor.Q4_0, tensor.Q4_K, tensor.Q6_K, tensor.F16, tensor.BF16, tensor.F32} {
			for _, shape := range [][2]int{{576, 576}, {1536, 576}, {896, 4864}, {2048, 8192}} {
				if shape[1]%d.BlockValues() != 0 {
					continue
				}
				for _, m := range []int{1, 8, 512} {
					b.Run(fmt.Sprintf("%s/%v/%dx%d/m=%d", s.Name(), d, shape[0], shape[1], m), func(b *testing.B) {
						benchMatMul(b, s, d, shape[0], shape[1], m)
					})
				}
			}
		}
	}
}

func benchMatMul(b *testing.B, s *kernel.Set, d tensor.DType, rows, k, m int) {
	rng := rand.New(rand.NewPCG(1, 2))
	w := kerneltest.RandomMatrix(rng, d, rows, k)
	copies := []kernel.Matrix{w}
	if m == 1 { // as many copies as 64 MiB hold, so that weights come from memory
		for len(copies) < 64<<20/len(w.Data) {
			c := w
			c.Data = append([]byte(nil), w.Data...)
			copies = append(copies, c)
		}
	}
	x := kerneltest.Normal(rng, m*k)
	var a kernel.Acts
	var sc kernel.Scratch
	y := make([]float32, m*rows)
	a.Reset(d, m, k)
	s.Prepare(&a, x, k, 0, m, &sc)
	i := 0
	for b.Loop() {
		s.MatMul(y, rows, copies[i%len(copies)], 0, rows, &a, &sc)
		i++
	}
	seconds := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(2*float64(m)*float64(rows)*float64(k)/seconds/1e9, "GOP/s")
	b.ReportMetric(float64(len(w.Data))/seconds/1e9, "GB/s")
	b.ReportMetric(0, "ns/op")
}
