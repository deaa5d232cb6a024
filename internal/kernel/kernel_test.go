package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
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

// TestMatMulLongRows takes several blocks of features and several passes of rows, and compares
// with products of other splits, bit for bit: neither threads nor batches may show.
func TestMatMulLongRows(t *testing.T) {
	eachSet(t, func(t *testing.T, s *kernel.Set) {
		for _, d := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.Q5_1} {
			const m, rows, k = 13, 400, 1600
			checkMatMul(t, s, d, m, 50, k)
			rng := rand.New(rand.NewPCG(1, 3))
			w, x := kerneltest.RandomMatrix(rng, d, rows, k), kerneltest.Normal(rng, m*k)
			var a, part kernel.Acts
			var sc kernel.Scratch
			whole, parts := make([]float32, m*rows), make([]float32, m*rows)
			a.Reset(d, m, k)
			s.Prepare(&a, x, k, 0, m, &sc)
			s.MatMul(whole, rows, w, 0, rows, &a, &sc)
			for _, tokens := range [][2]int{{0, 5}, {5, m}} {
				part.Reset(d, tokens[1]-tokens[0], k)
				s.Prepare(&part, x[tokens[0]*k:], k, 0, tokens[1]-tokens[0], &sc)
				for _, r := range [][2]int{{0, 7}, {7, 150}, {150, rows}} {
					s.MatMul(parts[tokens[0]*rows:], rows, w, r[0], r[1], &part, &sc)
				}
			}
			kerneltest.Same(t, d.String(), parts, whole)
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
		for _, c := range []struct{ dim, group, kvHeads, start, n, visible int }{
			{64, 3, 3, 0, 1, 0}, {64, 3, 3, 0, 9, 0}, {64, 1, 2, 130, 1, 0}, {36, 7, 1, 5, 70, 0}, {128, 4, 2, 63, 2, 0}, {80, 2, 1, 64, 33, 0},
			{80, 3, 2, 1500, 1, 0}, {100, 1, 1, 2100, 2, 0},
			{64, 1, 2, 0, 100, 100}, {72, 1, 2, 3, 130, 257}, {80, 1, 3, 0, 66, 64}, {80, 1, 1, 7, 3, 1000}, {72, 2, 1, 0, 40, 1},
			{72, 1, 1, 0, 40, 16384}, {80, 1, 1, 0, 2, 16384}, {88, 1, 1, 16360, 24, 0},
		} {
			t.Run(fmt.Sprint(c), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(1, uint64(c.n)))
				ctx := c.start + c.n
				if c.visible > 0 {
					ctx = c.visible
				}
				ldq, ldkv := c.kvHeads*c.group*c.dim, c.kvHeads*c.dim
				k, v := kerneltest.Normal(rng, ctx*ldkv), kerneltest.Normal(rng, ctx*ldkv)
				k16, v16 := make([]uint16, len(k)), make([]uint16, len(v))
				s.ToF16(k16, k)
				s.ToF16(v16, v)
				a := kernel.Attention{Q: kerneltest.Normal(rng, c.n*ldq), LDQ: ldq, K: k16, V: v16, LDKV: ldkv,
					Out: kerneltest.Traps(c.n * ldq), LDO: ldq, HeadDim: c.dim, Group: c.group, Start: c.start, Visible: c.visible,
					Scale: float32(1 / math.Sqrt(float64(c.dim)))}
				exact := a
				exact.K, exact.V, exact.K32, exact.V32, exact.Out = nil, nil, k, v, kerneltest.Traps(c.n*ldq)
				var sc kernel.Scratch
				for _, a := range []kernel.Attention{a, exact} {
					for h := range c.kvHeads {
						s.Attend(a, h, 0, c.n/2, &sc)
						s.Attend(a, h, c.n/2, c.n, &sc)
					}
					want := kerneltest.Attention(a, c.kvHeads, c.n)
					for i, got := range a.Out {
						if diff := math.Abs(float64(got) - want[i]); !(diff <= 2e-5) {
							t.Fatalf("out[%d] = %v, want %v (float32 cache: %v)", i, got, want[i], a.K32 != nil)
						}
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

// TestRequiredISA fails, rather than passing on what happens to be there, when the
// environment names an instruction set that this CPU does not select.
func TestRequiredISA(t *testing.T) {
	for _, name := range strings.FieldsFunc(os.Getenv("WATTLAW_REQUIRE_ISA"), func(r rune) bool { return r == ',' }) {
		if _, err := kernel.ByName(name); err != nil {
			t.Errorf("WATTLAW_REQUIRE_ISA: %v", err)
		}
	}
	if best := kernel.Best(); best.Name() != kernel.Available()[0].Name() {
		t.Errorf("Best is %s, not the first available", best.Name())
	}
}

// TestOps checks the drivers of the small operations beyond one chunk, and their guards.
func TestOps(t *testing.T) {
	eachSet(t, func(t *testing.T, s *kernel.Set) {
		rng := rand.New(rand.NewPCG(3, 4))
		n := 40000
		x, y := kerneltest.Normal(rng, n), kerneltest.Normal(rng, n)
		half, back, sum, gated := make([]uint16, n), make([]float32, n), slices.Clone(x), make([]float32, n)
		s.ToF16(half, x)
		s.FromF16(back, half)
		s.Add(sum, y)
		s.SwiGLU(gated, x, y)
		gelu, quick := slices.Clone(x), slices.Clone(x)
		s.GELU(gelu)
		s.QuickGELU(quick)
		for i, v := range x {
			if back[i] != tensor.F32FromF16(tensor.F16FromF32(v)) || sum[i] != v+y[i] {
				t.Fatalf("element %d: half %v, sum %v of %v and %v", i, back[i], sum[i], v, y[i])
			}
			want := float64(v) / (1 + math.Exp(-float64(v))) * float64(y[i])
			if math.Abs(float64(gated[i])-want) > 1e-6*math.Abs(want) {
				t.Fatalf("element %d: SwiGLU %v, want %v", i, gated[i], want)
			}
			f := float64(v)
			want = f / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(f+0.044715*f*f*f)))
			if math.Abs(float64(gelu[i])-want) > 2e-6*math.Abs(want)+1e-12 {
				t.Fatalf("GELU(%v) = %v, want %v", v, gelu[i], want)
			}
			if want = f / (1 + math.Exp(-1.702*f)); math.Abs(float64(quick[i])-want) > 2e-6*math.Abs(want) {
				t.Fatalf("QuickGELU(%v) = %v, want %v", v, quick[i], want)
			}
		}
		for name, f := range map[string]func(){
			"Add":       func() { s.Add(x, y[1:]) },
			"SwiGLU":    func() { s.SwiGLU(x[1:], x, y) },
			"RMSNorm":   func() { s.RMSNorm(x, y, y[2:], 1e-5) },
			"LayerNorm": func() { s.LayerNorm(x[:8], x[:8], y[:8], y[:7], 1e-5) },
			"Attend": func() {
				a := kernel.Attention{Q: x, LDQ: 64, K: half[:640], V: half[:640], LDKV: 64, Out: y, LDO: 64, HeadDim: 64, Group: 1, Visible: 11}
				s.Attend(a, 0, 0, 4, new(kernel.Scratch))
			},
			"Attend in float32": func() {
				a := kernel.Attention{Q: x, LDQ: 64, K: half, V: half, K32: x[:640], V32: x, LDKV: 64, Out: y, LDO: 64, HeadDim: 64, Group: 1, Visible: 11}
				s.Attend(a, 0, 0, 4, new(kernel.Scratch))
			},
			"Rope": func() { s.Rope(x[:64], 64, y[:33], y[:33], kernel.Adjacent) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s accepted slices that do not fit", name)
					}
				}()
				f()
			}()
		}
	})
}

// TestRope holds both pairings to the rotation's definition and leaves the rest of a head alone.
func TestRope(t *testing.T) {
	eachSet(t, func(t *testing.T, s *kernel.Set) {
		rng := rand.New(rand.NewPCG(5, 6))
		const heads, dim, n = 3, 80, 27
		cos, sin := make([]float32, n), make([]float32, n)
		for i := range n {
			angle := rng.Float64() * 100
			cos[i], sin[i] = float32(math.Cos(angle)), float32(math.Sin(angle))
		}
		for _, p := range []kernel.Pairing{kernel.Adjacent, kernel.HalfSplit} {
			x := kerneltest.Normal(rng, heads*dim)
			got := slices.Clone(x)
			s.Rope(got, dim, cos, sin, p)
			for i := range x {
				h, d := i/dim*dim, i%dim
				want := x[i]
				if d < 2*n {
					a, b, j := d&^1, d|1, d/2
					if p == kernel.HalfSplit {
						j = d % n
						a, b = j, j+n
					}
					if d == a {
						want = x[h+a]*cos[j] - x[h+b]*sin[j]
					} else {
						want = x[h+a]*sin[j] + x[h+b]*cos[j]
					}
				}
				if math.Abs(float64(got[i]-want)) > 1e-6 {
					t.Fatalf("pairing %d, head %d, feature %d: %v, want %v", p, h/dim, d, got[i], want)
				}
			}
		}
	})
}

// TestCheck refuses matrices whose data is too short or whose type no kernel multiplies.
func TestCheck(t *testing.T) {
	for _, w := range []kernel.Matrix{
		{DType: tensor.Q8_0, Rows: 2, Cols: 32, Data: make([]byte, 67)},
		{DType: tensor.Q8_0, Rows: 2, Cols: 33, Data: make([]byte, 68)},
		{DType: tensor.F32, Rows: -1, Cols: 4},
		{DType: tensor.F32, Rows: math.MaxInt / 2, Cols: 4, Data: make([]byte, 64)},
		{DType: tensor.I32, Rows: 1, Cols: 4, Data: make([]byte, 16)},
		{DType: 99, Rows: 1, Cols: 4, Data: make([]byte, 16)},
	} {
		if w.Check() == nil {
			t.Errorf("accepted %v %d×%d in %d bytes", w.DType, w.Rows, w.Cols, len(w.Data))
		}
	}
}

// TestPrepareConcurrently prepares and multiplies from several goroutines, as an engine does.
func TestPrepareConcurrently(t *testing.T) {
	s := kernel.Best()
	rng := rand.New(rand.NewPCG(8, 9))
	const m, k, rows = 37, 512, 70
	for _, d := range []tensor.DType{tensor.Q8_0, tensor.Q4_K, tensor.Q6_K, tensor.F16} {
		w, x := kerneltest.RandomMatrix(rng, d, rows, k), kerneltest.Normal(rng, m*k)
		var alone kernel.Acts
		var sc kernel.Scratch
		alone.Reset(d, m, k)
		s.Prepare(&alone, x, k, 0, m, &sc)
		want := make([]float32, m*rows)
		s.MatMul(want, rows, w, 0, rows, &alone, &sc)

		var a kernel.Acts
		a.Reset(d, m, k)
		got := make([]float32, m*rows)
		parallel(3, func(i int, sc *kernel.Scratch) {
			t0 := i * 2 * kernel.PrepareStep
			s.Prepare(&a, x, k, t0, min(t0+2*kernel.PrepareStep, m), sc)
		})
		parallel(3, func(i int, sc *kernel.Scratch) {
			s.MatMul(got, rows, w, i*rows/3, (i+1)*rows/3, &a, sc)
		})
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%v: y[%d] = %v in parts, %v at once", d, i, got[i], want[i])
			}
		}
	}
}

func parallel(n int, f func(i int, sc *kernel.Scratch)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i, new(kernel.Scratch)) })
	}
	wg.Wait()
}

func TestPrimitives(t *testing.T) {
	eachSet(t, func(t *testing.T, s *kernel.Set) { kerneltest.Suite(t, s.Primitives()) })
}
