package kerneltest

import (
	"fmt"
	"math"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// lengths covers whole vectors, every tail, and nothing.
const lengths = 67

// half checks conversions: all binary16 numbers, and floats at every rounding boundary.
func (s suite) half(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	floats, want := make([]float32, len(all)), make([]float32, len(all))
	s.p.FromF16(floats, all)
	ref.FromF16(want, all)
	Same(t, "FromF16", floats, want)
	rng := random(1)
	for i := range floats { // the numbers, their midpoints and neighbours, and any bit pattern
		bits := math.Float32bits(want[i])
		switch i % 5 {
		case 1:
			bits += 0x1000
		case 2:
			bits += 0x0fff
		case 3:
			bits += 0x1001
		case 4:
			bits = rng.Uint32()
		}
		if floats[i] = math.Float32frombits(bits); floats[i] != floats[i] {
			floats[i] = float32(math.NaN())
		}
	}
	got16, want16 := make([]uint16, len(all)), make([]uint16, len(all))
	s.p.ToF16(got16, floats)
	ref.ToF16(want16, floats)
	Same(t, "ToF16", got16, want16)
	got := make([]float32, len(all))
	s.p.RoundF16(got, floats)
	ref.RoundF16(want, floats)
	Same(t, "RoundF16", got, want)
	s.p.RoundBF16(got, floats)
	ref.RoundBF16(want, floats)
	Same(t, "RoundBF16", got, want)
	s.p.ToBF16(got16, floats)
	ref.ToBF16(want16, floats)
	Same(t, "ToBF16", got16, want16)
	for _, width := range []int{ref.Tokens, s.p.Rows} {
		for n := range 9 {
			ldx := width + n%3*5
			x := GuardCopy(t, floats[:max(0, (2*n-1)*ldx+width)], n%4)
			pairs, want := Guard[uint32](t, n*width, n%3), make([]uint32, n*width)
			s.p.PairBF16(pairs.Data, x.Data, ldx, width)
			ref.PairBF16(want, x.Data, ldx, width)
			Same(t, "PairBF16", pairs.Data, want)
			pairs.Check(t, "PairBF16")
			x.Check(t, "PairBF16")
		}
	}
	for n := range lengths {
		in, out := GuardCopy(t, Normal(rng, n), n%3), Guard[uint16](t, n, n%7)
		s.p.ToF16(out.Data, in.Data)
		back := Guard[float32](t, n, n%5)
		s.p.FromF16(back.Data, out.Data)
		rounded := Guard[float32](t, n, n%2)
		s.p.RoundF16(rounded.Data, in.Data)
		Same(t, "round trip", back.Data, rounded.Data)
		brain := Guard[float32](t, n, n%2)
		s.p.RoundBF16(brain.Data, in.Data)
		for _, g := range []Guarded[float32]{in, back, rounded, brain} {
			g.Check(t, "conversion")
		}
		out.Check(t, "ToF16")
		s.p.ToBF16(out.Data, in.Data)
		for i, v := range out.Data {
			back.Data[i] = math.Float32frombits(uint32(v) << 16)
		}
		Same(t, "ToBF16", back.Data, brain.Data)
		out.Check(t, "ToBF16")
	}
}

// elementwise checks RMSNorm (n·2⁻²⁴ for the sum of squares, halved by the root, and three
// roundings), SwiGLU (eˣ within 2 ulp, up to four roundings; gates below −87 may count as −87,
// that is 1.5·10⁻³⁶) and Add (exact).
func (s suite) elementwise(t *testing.T) {
	for n := range lengths {
		rng := random(n)
		x, y := GuardCopy(t, Normal(rng, n), n%3), GuardCopy(t, Normal(rng, n), n%4)
		for i := range x.Data {
			x.Data[i] *= 20 // far into both saturations of the gate
		}
		out, want := Guard[float32](t, n, n%5), make([]float32, n)
		if n > 0 {
			s.p.RMSNorm(out.Data, x.Data, y.Data, 1e-5)
			ref.RMSNorm(want, x.Data, y.Data, 1e-5)
			Near(t, "RMSNorm", out.Data, want, func(i int) float64 { return float64(n+8) * 0x1p-24 * math.Abs(float64(want[i])) })
			out.Check(t, "RMSNorm")
		}
		s.p.SwiGLU(out.Data, x.Data, y.Data)
		ref.SwiGLU(want, x.Data, y.Data)
		Near(t, "SwiGLU", out.Data, want, func(i int) float64 {
			return 6*0x1p-23*math.Abs(float64(want[i])) + 1.5e-36*math.Abs(float64(y.Data[i]))
		})
		out.Check(t, "SwiGLU")
		before := append([]float32(nil), x.Data...)
		s.p.Add(x.Data, y.Data)
		ref.Add(before, y.Data)
		Same(t, "Add", x.Data, before)
		x.Check(t, "Add")
	}
	extremes := []float32{0, -90, 90, -200, 200, -1e30, 1e30, float32(math.Inf(1)), 1e-30, -1e-30, 88.5, -88.5, -104, 104, 1, -1}
	got, want, ones := make([]float32, 16), make([]float32, 16), make([]float32, 16)
	for i := range ones {
		ones[i] = 1
	}
	s.p.SwiGLU(got, extremes, ones)
	ref.SwiGLU(want, extremes, ones)
	Near(t, "SwiGLU of extremes", got, want, func(i int) float64 { return 6*0x1p-23*math.Abs(float64(want[i])) + 1.5e-36 })
}

func (s suite) rope(t *testing.T) {
	for n := range lengths {
		rng := random(n)
		cos, sin := Guard[float32](t, n, n%3), Guard[float32](t, n, n%2)
		for i := range n {
			angle := rng.Float64() * 7
			cos.Data[i], sin.Data[i] = float32(math.Cos(angle)), float32(math.Sin(angle))
		}
		for name, f := range map[string][2]func(x, cos, sin []float32){
			"pairs": {s.p.RopePairs, ref.RopePairs}, "halves": {s.p.RopeHalves, ref.RopeHalves},
		} {
			x := GuardCopy(t, Normal(rng, 2*n), n%5)
			want := append([]float32(nil), x.Data...)
			f[0](x.Data, cos.Data, sin.Data)
			f[1](want, cos.Data, sin.Data)
			// two products below 5, each rounded at most once
			Near(t, fmt.Sprintf("%s of %d", name, n), x.Data, want, func(int) float64 { return 4 * 5 * 0x1p-24 })
			x.Check(t, name)
		}
	}
}

// softmax checks one and several blocks: eˣ within 2 ulp and n roundings of the sum.
func (s suite) softmax(t *testing.T) {
	lanes := s.p.Rows
	for n := range 33 {
		rng := random(n)
		top, sum, shrink := Guard[float32](t, lanes, 0), Guard[float32](t, lanes, 1), Guard[float32](t, lanes, 2)
		wtop, wsum, wshrink := make([]float32, lanes), make([]float32, lanes), make([]float32, lanes)
		for j := range lanes {
			top.Data[j], wtop[j] = float32(math.Inf(-1)), float32(math.Inf(-1))
			sum.Data[j] = 0
		}
		for block := range 3 {
			x := Normal(rng, (n+1)*lanes)
			for i := range x {
				x[i] *= 30
				if block == 1 || (block == 0 && i >= lanes && i%3 == 0) {
					x[i] = float32(math.Inf(-1))
				}
			}
			scores, want := GuardCopy(t, x, n%4), append([]float32(nil), x...)
			s.p.Softmax(scores.Data, top.Data, sum.Data, shrink.Data)
			ref.Softmax(want, wtop, wsum, wshrink)
			relative := func(w []float32) func(i int) float64 {
				return func(i int) float64 { return float64(3*n+16) * 0x1p-23 * float64(w[i]) }
			}
			Same(t, "top", top.Data, wtop)
			// the shrinkage of a far maximum may be subnormal: an absolute part of 2⁻¹²⁶
			Near(t, "exp", scores.Data, want, func(i int) float64 { return relative(want)(i) + 0x1p-126 })
			Near(t, "shrink", shrink.Data, wshrink, func(i int) float64 { return relative(wshrink)(i) + 0x1p-126 })
			Near(t, "sum", sum.Data, wsum, relative(wsum))
			for i, v := range x {
				if math.IsInf(float64(v), -1) && scores.Data[i] != 0 {
					t.Fatalf("exp(−∞) = %v", scores.Data[i])
				}
			}
			for _, g := range []Guarded[float32]{scores, top, sum, shrink} {
				g.Check(t, "softmax")
			}
			rows, scaled := GuardCopy(t, x, 1), append([]float32(nil), x...)
			c := Normal(rng, lanes)
			s.p.ScaleLanes(rows.Data, c)
			ref.ScaleLanes(scaled, c)
			Same(t, "ScaleLanes", rows.Data, scaled)
			rows.Check(t, "ScaleLanes")
		}
	}
}

// attention checks the primitives of a single query: eˣ within 2 ulp, and sums of n terms.
func (s suite) attention(t *testing.T) {
	for n := 16; n <= 160; n += 16 {
		x := Normal(random(n), n)
		for i := range x {
			x[i] *= 20
			if i > n-5 {
				x[i] = float32(math.Inf(-1))
			}
		}
		in, want := GuardCopy(t, x, n%5), append([]float32(nil), x...)
		sum, wsum := s.p.SoftmaxRow(in.Data), ref.SoftmaxRow(want)
		Near(t, "SoftmaxRow", in.Data, want, func(i int) float64 { return 24*0x1p-23*float64(want[i]) + 0x1p-126 })
		Near(t, "its sum", []float32{sum}, []float32{wsum}, func(int) float64 { return float64(n) * 0x1p-23 * float64(wsum) })
		in.Check(t, "SoftmaxRow")
	}
	for n := range 150 {
		for _, rows := range []int{0, 1, 5} {
			rng := random(n)
			ldv := n + rows
			v := GuardCopy(t, make([]uint16, max(0, (rows-1)*ldv+n)), n%3)
			ref.ToF16(v.Data, Normal(rng, len(v.Data)))
			p, out := GuardCopy(t, Normal(rng, rows), 1), GuardCopy(t, Normal(rng, n), n%4)
			want := append([]float32(nil), out.Data...)
			s.p.AccumulateF16(out.Data, p.Data, v.Data, ldv)
			ref.AccumulateF16(want, p.Data, v.Data, ldv)
			// up to 6 terms below 25
			Near(t, "AccumulateF16", out.Data, want, func(int) float64 { return 6 * 6 * 25 * 0x1p-24 })
			out.Check(t, "AccumulateF16")
		}
	}
}
