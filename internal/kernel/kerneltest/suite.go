package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/kernel/ref"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Suite holds every primitive of an instruction set against its oracle in ref.
func Suite(t *testing.T, p kernel.Primitives) {
	s := suite{p: p, panel: ref.Panel{Rows: p.Rows}}
	t.Run("Interleave", s.interleave)
	t.Run("Quantize", s.quantize)
	t.Run("GemmInt", s.gemmInt)
	t.Run("GemmF32", func(t *testing.T) {
		gemmFloat(t, p.Rows, 0x1p-23, p.GemmF32, p.GemmF32x3, s.panel.GemmF32, Normal)
	})
	t.Run("GemmF64", func(t *testing.T) {
		gemmFloat(t, p.RowsF64, 0x1p-52, p.GemmF64, p.GemmF64x3, ref.Panel{Rows: p.RowsF64}.GemmF64, normal64)
	})
	t.Run("RowsF32", func(t *testing.T) { rowProducts(t, 0x1p-23, p.RowDotsF32, p.AddRowsF32, p.SymRowsF32, Normal) })
	t.Run("RowsF64", func(t *testing.T) { rowProducts(t, 0x1p-52, p.RowDotsF64, p.AddRowsF64, p.SymRowsF64, normal64) })
	if s.p.GemmBF16 != nil {
		t.Run("GemmBF16", func(t *testing.T) {
			gemmFloat(t, p.Rows, 0x1p-23, p.GemmBF16, p.GemmBF16x3, s.panel.GemmBF16, normalPairs)
		})
	}
	t.Run("Unpack", s.unpack)
	t.Run("Dot", s.dot)
	t.Run("Rows", s.rows)
	t.Run("Half", s.half)
	t.Run("Elementwise", s.elementwise)
	t.Run("LayerNorm", s.layerNorm)
	t.Run("GELU", s.gelu)
	t.Run("Rope", s.rope)
	t.Run("Softmax", s.softmax)
	t.Run("Attention", s.attention)
	t.Run("Gradients", s.gradients)
}

type suite struct {
	p     kernel.Primitives
	panel ref.Panel
}

func random(seed int) *rand.Rand { return rand.New(rand.NewPCG(7, uint64(seed))) }

func randomInt8(rng *rand.Rand, n int) []int8 {
	x := make([]int8, n)
	for i := range x {
		x[i] = int8(rng.IntN(255) - 127)
	}
	return x
}

func randomCodes(rng *rand.Rand, n, below int) []uint8 {
	x := make([]uint8, n)
	for i := range x {
		x[i] = uint8(rng.IntN(below))
	}
	return x
}

// center returns codes as the instruction set keeps them; see kernel.Primitives.
func (s suite) center(codes []uint8, offset uint8) []uint8 {
	kept := slices.Clone(codes)
	if s.p.Centered {
		for i := range kept {
			kept[i] -= offset
		}
	}
	return kept
}

// small returns n floats from −2, −1, 1, 2: products and sums of few stay exact.
func small(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = [4]float32{-2, -1, 1, 2}[rng.IntN(4)]
	}
	return x
}

func (s suite) interleave(t *testing.T) {
	for _, rows := range []int{ref.Tokens, s.p.Rows} {
		for n := range 67 {
			src := make([]uint32, rows*n)
			for i := range src {
				src[i] = uint32(i)
			}
			want := make([]uint32, rows*n)
			ref.Interleave(want, src, rows, n)
			in, out := GuardCopy(t, src, n%3), Guard[uint32](t, rows*n, n%5)
			s.p.Interleave(out.Data, in.Data, rows, n)
			Same(t, fmt.Sprintf("%d×%d words", rows, n), out.Data, want)
			Same(t, "input", in.Data, src)
			in.Check(t, "input")
			out.Check(t, "output")
		}
	}
}

func (s suite) quantize(t *testing.T) {
	for _, c := range []struct {
		per, perSum int
		got, want   func(q []int8, d []float32, sums []int32, x []float32)
	}{{32, 32, s.p.QuantizeQ8, ref.QuantizeQ8}, {256, 16, s.p.QuantizeQ8K, ref.QuantizeQ8K}} {
		for n := range 6 {
			for variant := range 6 {
				rng := random(n)
				x := Normal(rng, n*c.per)
				for i := range x {
					switch variant {
					case 1:
						x[i] = 0
					case 2:
						x[i] *= 1e-30
					case 3: // ties and equal magnitudes of both signs
						x[i] = float32(rng.IntN(9)-4) / 4
					case 4:
						x[i] *= 1e30
					case 5: // one spike
						x[i] *= 1e-3
						if i%c.per == c.per-1 {
							x[i] = -5
						}
					}
				}
				in := GuardCopy(t, x, variant)
				q, d, sums := Guard[int8](t, len(x), variant), Guard[float32](t, n, 1), Guard[int32](t, len(x)/c.perSum, 2)
				c.got(q.Data, d.Data, sums.Data, in.Data)
				wq, wd, ws := make([]int8, len(x)), make([]float32, n), make([]int32, len(x)/c.perSum)
				c.want(wq, wd, ws, x)
				what := fmt.Sprintf("per %d, variant %d: ", c.per, variant)
				Same(t, what+"q", q.Data, wq)
				Same(t, what+"d", d.Data, wd)
				Same(t, what+"sums", sums.Data, ws)
				Same(t, what+"input", in.Data, x)
				q.Check(t, what+"q")
				d.Check(t, what+"d")
				sums.Check(t, what+"sums")
			}
		}
	}
}

// gemmInt checks the integer panel kernels with scales that keep float32 exact, so equality
// is required, and with random scales, where each sum of n rounded terms may differ by n·2⁻²³
// of the sum of magnitudes.
func (s suite) gemmInt(t *testing.T) {
	rows, tokens := s.p.Rows, ref.Tokens
	for _, c := range []struct {
		name           string
		below, groups  int // codes, groups per scale of activations
		group          int
		offset         int32
		mins           bool
		got, want      func(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32)
		gotM, wantMins func(out []float32, ldo int, codes []uint8, scales, mins []float32, q []int8, d, sums []float32)
	}{
		{name: "Q8", below: 256, groups: 1, group: 32, offset: 128, got: s.p.GemmQ8, want: s.panel.GemmQ8},
		{name: "Q4", below: 16, groups: 1, group: 32, offset: 8, got: s.p.GemmQ4, want: s.panel.GemmQ4},
		{name: "Q4K", below: 32, groups: 8, group: 32, mins: true, gotM: s.p.GemmQ4K, wantMins: s.panel.GemmQ4K},
		{name: "Q6K", below: 64, groups: 16, group: 16, offset: 32, got: s.p.GemmQ6K, want: s.panel.GemmQ6K},
	} {
		for n := range 5 {
			for _, exact := range []bool{true, false} {
				rng := random(n)
				groups := n * c.groups
				k := groups * c.group
				plain, q := randomCodes(rng, k*rows, c.below), GuardCopy(t, randomInt8(rng, k*tokens), 1)
				codes := GuardCopy(t, s.center(plain, uint8(c.offset)), 3)
				floats := Normal
				if exact {
					floats = small
				}
				scales, mins := GuardCopy(t, floats(rng, groups*rows), 1), GuardCopy(t, floats(rng, groups*rows), 0)
				d := GuardCopy(t, floats(rng, n*tokens), 0)
				init, sums := Guard[int32](t, groups*tokens, 0), Guard[float32](t, groups*tokens, 1)
				for g := range groups {
					for tok := range tokens {
						var sum int32
						for i := g * c.group; i < (g+1)*c.group; i++ {
							sum += int32(q.Data[i/4*tokens*4+tok*4+i%4])
						}
						init.Data[g*tokens+tok], sums.Data[g*tokens+tok] = -c.offset*sum, float32(sum)
					}
				}
				ldo := rows + 3*n
				out, want := Guard[float32](t, (tokens-1)*ldo+rows, n), make([]float32, (tokens-1)*ldo+rows)
				copy(want, out.Data)
				if c.mins {
					c.gotM(out.Data, ldo, codes.Data, scales.Data, mins.Data, q.Data, d.Data, sums.Data)
					c.wantMins(want, ldo, plain, scales.Data, mins.Data, q.Data, d.Data, sums.Data)
				} else {
					c.got(out.Data, ldo, codes.Data, scales.Data, q.Data, d.Data, init.Data)
					c.want(want, ldo, plain, scales.Data, q.Data, d.Data, init.Data)
				}
				what := fmt.Sprintf("%s of %d, out", c.name, n)
				if exact && n <= 2 {
					Same(t, what, out.Data, want)
				} else {
					// each group contributes at most about 3·3·127·√group·below in magnitude
					bound := float64(groups*groups+1) * 0x1p-23 * 4 * 4 * 127 * float64(c.below) * float64(c.group)
					Near(t, what, out.Data, want, func(int) float64 { return bound })
				}
				out.Check(t, what)
			}
		}
	}
}

// quantizedFormats are those with primitives of their own and their group, span of d and of
// sums, and offset.
var quantizedFormats = map[tensor.DType]struct {
	group, perD, perSum int
	offset              uint8
}{
	tensor.Q8_0: {32, 32, 32, 128}, tensor.Q4_0: {32, 32, 32, 8}, tensor.IQ4NL: {32, 32, 32, 128},
	tensor.Q4_K: {32, 256, 16, 0}, tensor.Q5_K: {32, 256, 16, 0}, tensor.Q6_K: {16, 256, 16, 32},
}

func (s suite) unpack(t *testing.T) {
	for d, f := range quantizedFormats {
		oracle := oracles[d]
		for n := range 6 {
			k := n * d.BlockValues()
			row := GuardCopy(t, RandomMatrix(random(n), d, 1, k).Data, n%3)
			codes, scales, mins := Guard[uint8](t, k, n%5), Guard[float32](t, k/f.group, n%3), Guard[float32](t, k/f.group, n%2)
			s.p.Quantized[d].Unpack(codes.Data, scales.Data, mins.Data, row.Data)
			wc, ws, wm := make([]uint8, k), make([]float32, k/f.group), Traps(k/f.group)
			for i := range wm { // formats without minimums leave them alone
				wm[i] = math.Float32frombits(math.MaxUint32)
			}
			oracle.Unpack(wc, ws, wm, row.Data)
			Same(t, d.String()+" codes", codes.Data, s.center(wc, f.offset))
			Same(t, d.String()+" scales", scales.Data, ws)
			Same(t, d.String()+" mins", mins.Data, wm)
			codes.Check(t, d.String())
			scales.Check(t, d.String())
			mins.Check(t, d.String())
		}
	}
}

// oracles are ref's primitives of the quantized formats.
var oracles = map[tensor.DType]kernel.Quantized{
	tensor.Q8_0:  {Unpack: ref.UnpackQ8_0, Dot: ref.DotQ8_0},
	tensor.Q4_0:  {Unpack: ref.UnpackQ4_0, Dot: ref.DotQ4_0},
	tensor.IQ4NL: {Unpack: ref.UnpackIQ4NL, Dot: ref.DotIQ4NL},
	tensor.Q4_K:  {Unpack: ref.UnpackQ4_K, Dot: ref.DotQ4_K},
	tensor.Q5_K:  {Unpack: ref.UnpackQ5_K, Dot: ref.DotQ5_K},
	tensor.Q6_K:  {Unpack: ref.UnpackQ6_K, Dot: ref.DotQ6_K},
}

// dot checks the row-wise products for every count of rows and blocks: float32 summation
// may differ by the number of terms times 2⁻²³ of the sum of magnitudes.
func (s suite) dot(t *testing.T) {
	for d, f := range quantizedFormats {
		for _, rows := range []int{0, 1, 2, 3, 4, 5, 9} {
			for n := range 6 {
				rng := random(rows*10 + n)
				k := n * d.BlockValues()
				w := RandomMatrix(rng, d, rows, k)
				dense := Dense(t, w)
				x := Normal(rng, k)
				q, scale, sums := Guard[int8](t, k, 0), Guard[float32](t, k/f.perD, 0), Guard[int32](t, k/f.perSum, 0)
				quantize := ref.QuantizeQ8
				if f.perD == 256 {
					quantize = ref.QuantizeQ8K
				}
				quantize(q.Data, scale.Data, sums.Data, x)
				data := GuardCopy(t, w.Data, n%3)
				stride := k / d.BlockValues() * d.BlockBytes()
				y, want := Guard[float32](t, rows, n%3), make([]float32, rows)
				s.p.Quantized[d].Dot(y.Data, data.Data, stride, q.Data, scale.Data, sums.Data)
				oracles[d].Dot(want, w.Data, stride, q.Data, scale.Data, sums.Data)
				Near(t, fmt.Sprintf("%v, %d rows of %d", d, rows, k), y.Data, want, func(r int) float64 {
					var magnitude float64
					for i, v := range dense[r*k : (r+1)*k] {
						magnitude += math.Abs(float64(v) * float64(x[i]))
					}
					return float64(k/f.group+8) * 0x1p-23 * magnitude
				})
				y.Check(t, d.String())
				Same(t, "weights", data.Data, w.Data)
			}
		}
	}
}

// rows checks the float formats: reading is exact, products differ by summation only.
func (s suite) rows(t *testing.T) {
	for d, f := range s.p.Floats {
		for _, rows := range []int{0, 1, 3, 4, 6} {
			for k := range 70 {
				rng := random(k)
				w := RandomMatrix(rng, d, rows, k)
				dense := Dense(t, w)
				data, x := GuardCopy(t, w.Data, k%3*d.BlockBytes()), GuardCopy(t, Normal(rng, k), k%5)
				y, want := Guard[float32](t, rows, k%3), make([]float32, rows)
				f.Dot(y.Data, data.Data, k*d.BlockBytes(), x.Data)
				for r := range rows {
					row := Guard[float32](t, k, k%2)
					f.Row(row.Data, data.Data[r*k*d.BlockBytes():(r+1)*k*d.BlockBytes()])
					Same(t, d.String()+" row", row.Data, dense[r*k:(r+1)*k])
					row.Check(t, d.String()+" row")
					want[r] = ref.DotVec(dense[r*k:(r+1)*k], x.Data)
				}
				Near(t, fmt.Sprintf("%v, %d rows of %d", d, rows, k), y.Data, want, func(int) float64 { return float64((k+1)*(k+1)) * 25 * 0x1p-23 })
				y.Check(t, d.String())
			}
		}
	}
}
