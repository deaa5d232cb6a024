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
// With one token, as in decode, the matrices of one run together exceed the caches, or are
// one and the same.
func BenchmarkMatMul(b *testing.B) {
	for _, s := range kernel.Available() {
		for _, d := range []tensor.DType{tensor.Q8_0, tensor.Q4_0, tensor.Q4_K, tensor.Q6_K, tensor.F16, tensor.BF16, tensor.F32} {
			for _, shape := range [][2]int{{576, 576}, {1536, 576}, {896, 4864}, {2048, 8192}, {1280, 1280}} {
				if shape[1]%d.BlockValues() != 0 {
					continue
				}
				batches := []int{1, 8, 512}
				if shape[0] == 1280 { // a vision encoder's, with the patches of a large image
					batches = []int{1024, 4096}
				}
				for _, m := range batches {
					b.Run(fmt.Sprintf("%s/%v/%dx%d/m=%d", s.Name(), d, shape[0], shape[1], m), func(b *testing.B) {
						benchMatMul(b, s, d, shape[0], shape[1], m, m == 1)
					})
				}
				b.Run(fmt.Sprintf("%s/%v/%dx%d/m=1,cached", s.Name(), d, shape[0], shape[1]), func(b *testing.B) {
					benchMatMul(b, s, d, shape[0], shape[1], 1, false)
				})
			}
		}
	}
}

func benchMatMul(b *testing.B, s *kernel.Set, d tensor.DType, rows, k, m int, large bool) {
	rng := rand.New(rand.NewPCG(1, 2))
	w := kerneltest.RandomMatrix(rng, d, rows, k)
	copies := []kernel.Matrix{w}
	if large { // as many copies as 64 MiB hold, so that weights come from memory
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

// BenchmarkAttend reports GFLOP/s (two per multiply-add, masked pairs not counted) of one KV
// head: prefill of 512 tokens, decode of one at position 512 and 4096, and 512 of the patches
// of images of 1024 and 4096.
func BenchmarkAttend(b *testing.B) {
	for _, s := range kernel.Available() {
		for _, c := range []struct{ dim, group, start, n, visible int }{
			{64, 3, 0, 512, 0}, {64, 7, 0, 512, 0}, {64, 3, 512, 1, 0}, {64, 3, 4096, 1, 0}, {128, 4, 4096, 1, 0},
			{64, 1, 0, 512, 1024}, {72, 1, 0, 512, 1024}, {80, 1, 0, 512, 4096},
		} {
			b.Run(fmt.Sprintf("%s/dim=%d/group=%d/start=%d/n=%d/visible=%d", s.Name(), c.dim, c.group, c.start, c.n, c.visible), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 2))
				q := kerneltest.Normal(rng, c.n*c.group*c.dim)
				kv := make([]uint16, max(c.start+c.n, c.visible)*c.dim)
				s.ToF16(kv, kerneltest.Normal(rng, len(kv)))
				a := kernel.Attention{Q: q, LDQ: c.group * c.dim, K: kv, V: kv, LDKV: c.dim, Out: make([]float32, len(q)), LDO: c.group * c.dim,
					HeadDim: c.dim, Group: c.group, Start: c.start, Visible: c.visible, Scale: 0.125}
				var sc kernel.Scratch
				for b.Loop() {
					s.Attend(a, 0, 0, c.n, &sc)
				}
				pairs := float64(c.n) * (float64(c.start) + float64(c.n+1)/2)
				if c.visible > 0 {
					pairs = float64(c.n * c.visible)
				}
				b.ReportMetric(4*pairs*float64(c.group*c.dim)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkOps reports GB/s of the small operations on one token of 1536 features, in cache.
func BenchmarkOps(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := 1536
	x, y, z := kerneltest.Normal(rng, n), kerneltest.Normal(rng, n), make([]float32, n)
	half := make([]uint16, n)
	cos, sin := make([]float32, 32), make([]float32, 32)
	for i := range cos {
		cos[i], sin[i] = 0.6, 0.8
	}
	for _, s := range kernel.Available() {
		var q8, q8k kernel.Acts
		var sc kernel.Scratch
		q8.Reset(tensor.Q8_0, 1, n)
		q8k.Reset(tensor.Q4_K, 1, n)
		for _, op := range []struct {
			name string
			run  func()
		}{
			{"RMSNorm", func() { s.RMSNorm(z, x, y, 1e-5) }},
			{"SwiGLU", func() { s.SwiGLU(z, x, y) }},
			{"Add", func() { s.Add(z, x) }},
			{"LayerNorm", func() { s.LayerNorm(z, x, y, y, 1e-5) }},
			{"GELU", func() { copy(z, x); s.GELU(z) }},
			{"ToF16", func() { s.ToF16(half, x) }},
			{"Rope", func() { s.Rope(z, 64, cos, sin, kernel.Adjacent) }},
			{"PrepareQ8", func() { s.Prepare(&q8, x, n, 0, 1, &sc) }},
			{"PrepareQ8K", func() { s.Prepare(&q8k, x, n, 0, 1, &sc) }},
		} {
			b.Run(s.Name()+"/"+op.name, func(b *testing.B) {
				for b.Loop() {
					op.run()
				}
				b.ReportMetric(float64(4*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
			})
		}
	}
}
