package imaging

import "math"

// fixedBits is Pillow's precision: 32 bits less 8 of the pixel and 2 of headroom.
const fixedBits = 32 - 8 - 2

// kernel is a resampling function with its reach to either side, in source pixels at ratio 1.
type kernel struct {
	at     func(float64) float64
	radius float64
	// twice says that weights are rounded twice, as llama.cpp does for the cubic where Pillow
	// rounds once; it moves a few pixels by 1.
	twice bool
}

// cubic is Pillow's bicubic, with a = -0.5.
func cubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64((float64((a+2)*x)-(a+3))*x*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

// lanczos is Pillow's Lanczos, three lobes wide.
func lanczos(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// window is the source range of one output position, with its fixed-point weights.
type window struct {
	first   int
	weights []int32
}

// windows returns, for every output position, the pixels it is made of. When shrinking, the
// kernel is widened by the ratio, which is the antialiasing.
func windows(from, to int, k kernel) []window {
	scale := float64(from) / float64(to)
	wide := max(scale, 1)
	support := k.radius * wide
	out := make([]window, to)
	for i := range out {
		centre := float64((float64(i) + 0.5) * scale) // rounded: a fused product would move the window
		first := max(int(centre-support+0.5), 0)
		n := min(int(centre+support+0.5), from) - first
		w, sum := make([]float64, n), 0.0
		for j := range w {
			w[j] = k.at((float64(j+first) - centre + 0.5) * (1 / wide))
			sum += w[j]
		}
		out[i] = window{first, fixedWeights(w, sum, k.twice)}
	}
	return out
}

// fixedWeights divides by the sum and rounds to fixed point, halves away from zero.
func fixedWeights(w []float64, sum float64, twice bool) []int32 {
	out := make([]int32, len(w))
	for k, v := range w {
		if sum != 0 {
			v /= sum
		}
		v = float64(v * (1 << fixedBits))
		v += math.Copysign(0.5, v)
		if twice {
			v = math.Round(v)
		}
		out[k] = int32(v)
	}
	return out
}

// resizePillow resamples rows, then columns, rounding to 8 bits in between, as Pillow does.
func resizePillow(src RGB, to Size, k kernel) RGB {
	if to.Width != src.Width {
		mid := NewRGB(Size{to.Width, src.Height})
		if mid.Pix == nil {
			return mid // wider than MaxPixels allows at the old height
		}
		ws := windows(src.Width, to.Width, k)
		for y := range src.Height {
			in, out := src.row(y), mid.row(y)
			for x, w := range ws {
				var sum [3]int32
				for j, v := range w.weights {
					p := in[3*(w.first+j):]
					sum[0] += int32(p[0]) * v
					sum[1] += int32(p[1]) * v
					sum[2] += int32(p[2]) * v
				}
				for c := range 3 {
					out[3*x+c] = fromFixed(sum[c])
				}
			}
		}
		src = mid
	}
	if to.Height == src.Height {
		return src
	}
	out := NewRGB(to)
	sum := make([]int32, 3*to.Width)
	for y, w := range windows(src.Height, to.Height, k) {
		clear(sum)
		for j, v := range w.weights {
			for i, p := range src.row(w.first + j) {
				sum[i] += int32(p) * v
			}
		}
		for i, s := range sum {
			out.row(y)[i] = fromFixed(s)
		}
	}
	return out
}

func fromFixed(sum int32) uint8 {
	return uint8(min(max((sum+1<<(fixedBits-1))>>fixedBits, 0), 255))
}
