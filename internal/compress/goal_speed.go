package compress

import (
	"time"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// speed is how long this machine takes for a token's share of a layer, in seconds: what energy is
// estimated by, as the power of a CPU at work hardly depends on what it multiplies.
type speed struct{ perByte, perMulAdd float64 }

func (s speed) seconds(c Choice) float64 {
	return s.perByte*float64(c.Bytes) + s.perMulAdd*float64(c.MulAdds)
}

// Of the timing: a matrix that no cache near the core holds, and how often it is multiplied.
const (
	timedSide = 2048
	timings   = 5
)

// measureSpeed times products of one token in several formats, which differ in bytes per multiply-add, and
// fits both prices by least squares, neither below 0.
func measureSpeed(set *kernel.Set) speed {
	var bb, bm, mm, bt, mt float64
	for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.Q8_0, tensor.Q4_K} {
		if !kernel.Supported(dt) {
			continue
		}
		bytes := matrixBytes(dt, timedSide, timedSide)
		t := timeProduct(set, kernel.Matrix{DType: dt, Rows: timedSide, Cols: timedSide, Data: make([]byte, bytes)})
		b, m := float64(bytes), float64(timedSide*timedSide)
		bb, bm, mm, bt, mt = bb+b*b, bm+b*m, mm+m*m, bt+b*t, mt+m*t
	}
	det := bb*mm - bm*bm
	s := speed{(bt*mm - mt*bm) / det, (mt*bb - bt*bm) / det}
	if !(s.perByte > 0) {
		s = speed{0, mt / mm}
	}
	if !(s.perMulAdd >= 0) {
		s = speed{bt / bb, 0}
	}
	return s
}

// timeProduct returns the least of several times, in seconds.
func timeProduct(set *kernel.Set, w kernel.Matrix) float64 {
	var a kernel.Acts
	var scratch kernel.Scratch
	x, y := make([]float32, w.Cols), make([]float32, w.Rows)
	a.Reset(w.DType, 1, w.Cols)
	set.Prepare(&a, x, w.Cols, 0, 1, &scratch)
	var least time.Duration
	for i := range timings {
		from := time.Now()
		set.MatMul(y, w.Rows, w, 0, w.Rows, &a, &scratch)
		if d := time.Since(from); i == 0 || d < least {
			least = d
		}
	}
	return least.Seconds()
}
