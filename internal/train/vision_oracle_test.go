package train

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
)

// stream returns the first residual stream of tokens and images, and where each row stands.
func (o *oracle) stream(tokens []int32, images []Image) (x [][]float64, at [][3]int) {
	width, next := o.m.Config.Width, 0
	for t := 0; t < len(tokens); {
		if len(images) == 0 || images[0].At != t {
			id := int(tokens[t])
			x = append(x, append([]float64(nil), o.values["token_embd.weight"][id*width:(id+1)*width]...))
			at = append(at, [3]int{next, next, next})
			t, next = t+1, next+1
			continue
		}
		seen := o.see(images[0].View)
		high := next
		for row := range seen {
			for column, e := range seen[row] {
				x, at = append(x, e), append(at, [3]int{next, next + row, next + column})
				high = max(high, next+row+1, next+column+1)
				t++
			}
		}
		next, images = high, images[1:]
	}
	return x, at
}

// see returns the embeddings of an image by rows and columns.
func (o *oracle) see(view imaging.View) [][][]float64 {
	c := o.m.encoder.config
	rows, columns := view.Size.Height/c.Patch, view.Size.Width/c.Patch
	var x [][]float64 // patches, row by row
	for p := range rows * columns {
		x = append(x, o.linear(pixels(view, c.Patch, p/columns, p%columns), "v.patch_embd"))
	}
	for i := range c.Layers {
		o.seeLayer(x, columns, fmt.Sprintf("v.blk.%d.", i))
	}
	var out [][][]float64
	for row := range rows / 2 {
		out = append(out, nil)
		for column := range columns / 2 {
			var merged []float64
			for _, p := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
				merged = append(merged, o.layerNorm(x[(2*row+p[0])*columns+2*column+p[1]], "v.post_ln")...)
			}
			hidden := o.linear(merged, "mm.0")
			for k, v := range hidden {
				hidden[k] = gelu(v)
			}
			out[row] = append(out[row], o.linear(hidden, "mm.2"))
		}
	}
	return out
}

func gelu(v float64) float64 {
	return 0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
}

// pixels returns those of a patch: channel, then row, then column.
func pixels(view imaging.View, side, row, column int) (list []float64) {
	for channel := range 3 {
		for y := range side {
			for x := range side {
				at := channel*view.Size.Width*view.Size.Height + (row*side+y)*view.Size.Width + column*side + x
				list = append(list, float64(view.Data[at]))
			}
		}
	}
	return list
}

func (o *oracle) layerNorm(x []float64, name string) []float64 {
	var mean, variance float64
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v-mean)/math.Sqrt(variance+o.m.encoder.config.Eps)*o.values[name+".weight"][i] + o.values[name+".bias"][i]
	}
	return y
}

// seeLayer takes all patches of an image through a layer.
func (o *oracle) seeLayer(x [][]float64, columns int, blk string) {
	var q, k, v [][]float64
	for p := range x {
		n := o.layerNorm(x[p], blk+"ln1")
		q = append(q, o.turn(o.linear(n, blk+"attn_q"), p/columns, p%columns))
		k = append(k, o.turn(o.linear(n, blk+"attn_k"), p/columns, p%columns))
		v = append(v, o.linear(n, blk+"attn_v"))
	}
	c := o.m.encoder.config
	for p := range x {
		mixed := make([]float64, c.Width)
		for h := 0; h < c.Width; h += c.HeadDim() {
			weights, total := make([]float64, len(x)), 0.0
			for r := range x {
				for d := h; d < h+c.HeadDim(); d++ {
					weights[r] += q[p][d] * k[r][d] / math.Sqrt(float64(c.HeadDim()))
				}
				weights[r] = math.Exp(weights[r])
				total += weights[r]
			}
			for r, w := range weights {
				for d := h; d < h+c.HeadDim(); d++ {
					mixed[d] += w / total * v[r][d]
				}
			}
		}
		addTo(x[p], o.linear(mixed, blk+"attn_out"))
	}
	for p := range x {
		hidden := o.linear(o.layerNorm(x[p], blk+"ln2"), blk+"ffn_up")
		for i, v := range hidden {
			if c.Activation == model.GELU {
				hidden[i] = gelu(v)
			} else {
				hidden[i] = v / (1 + math.Exp(-1.702*v))
			}
		}
		addTo(x[p], o.linear(hidden, blk+"ffn_down"))
	}
}

func addTo(x, y []float64) {
	for i, v := range y {
		x[i] += v
	}
}

// turn rotates the heads of a patch: of the pairs (i, i + dim/2), the first half by its row, the
// others by its column.
func (o *oracle) turn(x []float64, row, column int) []float64 {
	dim := o.m.encoder.config.HeadDim()
	for h := 0; h < len(x); h += dim {
		for i := range dim / 2 {
			at, j := row, i
			if i >= dim/4 {
				at, j = column, i-dim/4
			}
			sin, cos := math.Sincos(float64(at) * math.Pow(10000, -float64(j)/float64(dim/4)))
			a, b := h+i, h+i+dim/2
			x[a], x[b] = x[a]*cos-x[b]*sin, x[a]*sin+x[b]*cos
		}
	}
	return x
}
