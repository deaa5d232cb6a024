package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/kernel/kerneltest"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// eachSet runs f for every instruction set of this CPU.
func eachSet(t *testing.T, f func(t *testing.T, s *kernel.Set)) {
	for _, s := range kernel.Available() {
		t.Run(s.Name(), func(t *testing.T) { f(t, s) })
	}
}

// TestMatMul compares whole multiplications with float64 sums over the dequantized weights.
// The activations are rounded by the format, so the bound is that of the rounding: half a
// step of max|x|/127 per value for int8, accumulated as a random walk with a margin of 6.
func TestMatMul(t *testing.T) {
	eachSet(t, func(t *testing.T, s *kernel.Set) {
		for _, d := range kerneltest.DTypes {
			for _, m := range []int{1, 2, 3, 4, 5, 8, 13, 16} {
				for _, rows := range []int{1, 7, 16, 35} {
					for _, blocks := range []int{1, 2, 3} {
						k := blocks * max(32, d.BlockValues())
						t.Run(fmt.Sprintf("%v/%d×%d×%d", d, m, rows, k), func(t *testing.T) { checkMatMul(t, s, d, m, rows, k) })
					}
				}
			}
		}
	})
}

func checkMatMul(t *testing.T, s *kernel.Set, d tensor.DType, m, rows, k int) {
	rng := rand.New(rand.NewPCG(uint64(m), uint64(rows*k)))
	w := kerneltest.RandomMatrix(rng, d, rows, k)
	if err := w.Check(); err != nil {
		t.Fatal(err)
	}
	dense := kerneltest.Dense(t, w)
	ldx, ldy := k+3, rows+5
	x := kerneltest.Normal(rng, m*ldx)
	var a kernel.Acts
	var sc kernel.Scratch
	a.Reset(d, m, k)
	s.Prepare(&a, x, ldx, 0, m, &sc)
	y := kerneltest.Traps(m * ldy)
	r0, r1 := min(1, rows-1), max(rows-1, 1)
	s.MatMul(y, ldy, w, r0, r1, &a, &sc)
	for i := range m {
		xi := x[i*ldx : i*ldx+k]
		for r := range ldy {
			got := y[i*ldy+r]
			if r < r0 || r >= r1 {
				if !math.IsNaN(float64(got)) {
					t.Fatalf("y[%d][%d] = %v was written outside rows %d to %d", i, r, got, r0, r1)
				}
				continue
			}
			want, bound := kerneltest.Product(dense[r*k:(r+1)*k], xi, d)
			if diff := math.Abs(float64(got) - want); !(diff <= bound) {
				t.Fatalf("y[%d][%d] = %v, want %v ± %v", i, r, got, want, bound)
			}
		}
	}
}

// TestAttend compares with a float64 softmax over the whole cache.
func TestAttend(t *testing.T) {
	eachSet(t, func(t *testing.T, s *kernel.Set) {
		for _, c := range []struct{ dim, group, kvHeads, start, n int }{
			{64, 3, 3, 0, 1}, {64, 3, 3, 0, 9}, {64, 1, 2, 130, 1}, {36, 7, 1, 5, 70}, {128, 4, 2, 63, 2}, {80, 2, 1, 64, 33},
		} {
			t.Run(fmt.Sprint(c), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(1, uint64(c.n)))
				ctx := c.start + c.n
				ldq, ldkv := c.kvHeads*c.group*c.dim, c.kvHeads*c.dim
				k, v := kerneltest.Normal(rng, ctx*ldkv), kerneltest.Normal(rng, ctx*ldkv)
				k16, v16 := make([]uint16, len(k)), make([]uint16, len(v))
				s.ToF16(k16, k)
				s.ToF16(v16, v)
				a := kernel.Attention{Q: kerneltest.Normal(rng, c.n*ldq), LDQ: ldq, K: k16, V: v16, LDKV: ldkv,
					Out: kerneltest.Traps(c.n * ldq), LDO: ldq, HeadDim: c.dim, Group: c.group, Start: c.start,
					Scale: float32(1 / math.Sqrt(float64(c.dim)))}
				var sc kernel.Scratch
				for h := range c.kvHeads {
					s.Attend(a, h, 0, c.n/2, &sc)
					s.Attend(a, h, c.n/2, c.n, &sc)
				}
				want := kerneltest.Attention(a, c.kvHeads, c.n)
				for i, got := range a.Out {
					if diff := math.Abs(float64(got) - want[i]); !(diff <= 2e-5) {
						t.Fatalf("out[%d] = %v, want %v", i, got, want[i])
					}
				}
			})
		}
	})
}

func TestByName(t *testing.T) {
	for _, s := range kernel.Available() {
		if got, err := kernel.ByName(s.Name()); err != nil || got.Name() != s.Name() {
			t.Errorf("ByName(%q) = %v, %v", s.Name(), got, err)
		}
	}
	if _, err := kernel.ByName("mmx"); err == nil {
		t.Error("ByName of an unknown set succeeded")
	}
}

func TestPrimitives(t *testing.T) {
	eachSet(t, func(t *testing.T, s *kernel.Set) { kerneltest.Suite(t, s.Primitives()) })
}
