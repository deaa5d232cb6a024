package tensor

import (
	"fmt"
	"math"
)

// QuantizeRows writes src, whole rows of a matrix, as Quantize does, and searches the scales
// that leave the least squared error, also those of Q4_0. importance, if not nil, weighs the
// squared errors: one number of at least 0 per column, of any common unit, such as the mean
// square of what the column is multiplied with. F32, F16, BF16 and Q8_0 do not use it: there
// is nothing to trade. The result depends on nothing but the row and importance.
func QuantizeRows(dst []byte, dt DType, src, importance []float32) error {
	fit := fitter(dt)
	if fit == nil && encoder(dt) == nil {
		return fmt.Errorf("quantize: no encoder for %v", dt)
	}
	if err := checkBytes(dt, len(src), len(dst)); err != nil {
		return fmt.Errorf("quantize: %w", err)
	}
	w, err := relative(importance, len(src), dt.BlockValues())
	if err != nil {
		return fmt.Errorf("quantize to %v: %w", dt, err)
	}
	if fit == nil {
		return refused(dt, encoder(dt)(dst, src))
	}
	n, size := dt.BlockValues(), dt.BlockBytes()
	for block := range len(src) / n {
		at := block * n % len(w)
		if !fit(dst[block*size:(block+1)*size], src[block*n:(block+1)*n], w[at:at+n]) {
			return refused(dt, block)
		}
	}
	return nil
}

// leastWeight is the least weight of a value relative to the mean of its row: a column that
// the calibration never saw must still decode to something like itself.
const leastWeight = 1e-6

// relative returns the weights that divide values into rows, with a mean of 1: importance, or
// one block of ones.
func relative(importance []float32, values, block int) ([]float32, error) {
	n := len(importance)
	if importance == nil {
		n = block
	}
	if n == 0 || values%n != 0 || n%block != 0 {
		return nil, fmt.Errorf("importance of %d columns does not divide %d values into rows", n, values)
	}
	w := make([]float32, n)
	var sum float64
	for i, v := range importance {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return nil, fmt.Errorf("importance of column %d is %v, want a finite number of at least 0", i, v)
		}
		sum += float64(v)
	}
	for i := range w {
		w[i] = 1
		if sum > 0 {
			w[i] = max(float32(float64(importance[i])*float64(n)/sum), leastWeight)
		}
	}
	return w, nil
}

// blockFit writes the block that suits x best under the weights w. It reports false if x
// cannot be stored. It may keep scratch memory: one goroutine at a time.
type blockFit func(dst []byte, x, w []float32) bool

// fitter returns the search of a block type, nil where there is none.
func fitter(dt DType) blockFit {
	switch dt {
	case Q4_0:
		return q4_0Fit()
	case Q4_1:
		return q4_1Fit()
	case Q5_0:
		return q5_0Fit()
	case Q5_1:
		return q5_1Fit()
	case Q2_K:
		return q2KFit()
	case Q3_K:
		return q3KFit()
	case Q4_K:
		return q4KFit()
	case Q5_K:
		return q5KFit()
	case Q6_K:
		return q6KFit()
	case IQ4NL:
		return iq4NLFit()
	}
	return nil
}
