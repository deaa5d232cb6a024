package train

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
)

// angles makes cosines and sines of positions.
type angles struct {
	freqs    []float64 // angle per position of each rotated pair
	axes     []int     // the direction of a position that turns it
	cos, sin []float32 // of the numbers from 0, kept; a row per number
}

// turns holds the cosines and sines of a pass, a row of pairs per position, sines negated for
// the way back.
type turns struct{ cos, sin, back []float32 }

// fill computes the turns of positions.
func (a *angles) fill(t *turns, positions []model.Position) {
	var top int32
	for _, p := range positions {
		top = max(top, p[0], p[1], p[2])
	}
	half := len(a.freqs)
	for at := len(a.cos) / half; at <= int(top); at++ {
		for _, f := range a.freqs {
			sin, cos := math.Sincos(float64(at) * f)
			a.cos, a.sin = append(a.cos, float32(cos)), append(a.sin, float32(sin))
		}
	}
	n := len(positions) * half
	t.cos, t.sin, t.back = resize(t.cos, n), resize(t.sin, n), resize(t.back, n)
	for row, p := range positions {
		for i, axis := range a.axes {
			from, to := int(p[axis])*half+i, row*half+i
			t.cos[to], t.sin[to], t.back[to] = a.cos[from], a.sin[from], -a.sin[from]
		}
	}
}

// rotate turns the queries and keys of every row of qkv by angles of which cosines and sines are given.
func (t *tools) rotate(a attention, qkv, cos, sin []float32, pairing kernel.Pairing) {
	width, turned := a.width(), (a.heads+a.kvHeads)*a.dim
	rows := len(qkv) / width
	half := len(cos) / max(rows, 1)
	t.spread(rows, rowGrain, func(i, j int) {
		for r := i; r < j; r++ {
			t.kernels.Rope(qkv[r*width:r*width+turned], a.dim, cos[r*half:(r+1)*half], sin[r*half:(r+1)*half], pairing)
		}
	})
}
