package model

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// CheckFinite reads all weights and errs with the first tensor that holds a NaN or an infinity.
// It takes about as long as reading them from memory once.
func (s *Source) CheckFinite() error {
	const chunk = 1 << 14 // values, a multiple of every block
	values := make([]float32, chunk)
	for i := range s.Tensors {
		t := &s.Tensors[i]
		if t.DType.BlockValues() == 0 || int64(len(t.Data)) != t.Bytes() {
			continue // nothing computes with it: a graph would have refused it
		}
		step := chunk / t.DType.BlockValues() * t.DType.BlockBytes()
		for first, data := 0, t.Data; len(data) > 0; first, data = first+chunk, data[min(step, len(data)):] {
			part := data[:min(step, len(data))]
			v := values[:len(part)/t.DType.BlockBytes()*t.DType.BlockValues()]
			if err := tensor.Dequantize(v, t.DType, part); err != nil {
				return fmt.Errorf("%s: tensor %q: %w", s.Name, t.Name, err)
			}
			if err := s.CheckValues(t.Name, first, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckValues errs for values of a tensor, of which there are first before them, that are no numbers.
func (s *Source) CheckValues(tensor string, first int, values []float32) error {
	for i, x := range values {
		if x-x != 0 { // NaN, and the infinities
			return fmt.Errorf("%s: value %d of tensor %q is %v: the file is damaged; take another copy, or make it anew", s.Name, first+i, tensor, x)
		}
	}
	return nil
}
