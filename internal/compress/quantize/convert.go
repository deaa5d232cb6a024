package quantize

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// chunkValues is about how many values one core converts at a time.
const chunkValues = 1 << 16

// chunk is some rows of a tensor and what they become.
type chunk struct {
	first    int64 // value of the tensor
	src, dst []byte
	weights  []float32 // of a row's columns
	values   []float32 // scratch
	decoded  []float32
	err      error

	change, power float64 // Σ (x − decoded)² and Σ x²
}

// convert writes tensor t in the type of c and adds up the error. It holds one chunk per core.
// weights, nil for none, has a row for each matrix of the tensor.
func convert(ctx context.Context, w io.Writer, t *model.Tensor, c *Change, weights []float32) error {
	cols := t.Shape[0]
	rows, perMatrix := int(c.Values())/cols, 1
	if len(t.Shape) > 1 {
		perMatrix = t.Shape[1]
	}
	// RowBytes has been asked for both types before.
	from, to := len(t.Data)/rows, int(c.After)/rows
	chunks := make([]chunk, runtime.GOMAXPROCS(0))
	for row := 0; row < rows; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := 0
		for ; n < len(chunks) && row < rows; n++ {
			matrix := row / perMatrix
			take := min(max(chunkValues/cols, 1), (matrix+1)*perMatrix-row)
			k := &chunks[n]
			k.first, k.src = int64(row)*int64(cols), t.Data[row*from:(row+take)*from]
			k.values, k.dst = resize(k.values, take*cols), resize(k.dst, take*to)
			k.weights = nil
			if weights != nil {
				k.weights = weights[matrix*cols : (matrix+1)*cols]
			}
			row += take
		}
		if err := convertAll(w, c, chunks[:n]); err != nil {
			return err
		}
	}
	return nil
}

// convertAll converts chunks, each on a core of its own, and writes them in order.
func convertAll(w io.Writer, c *Change, chunks []chunk) error {
	var done sync.WaitGroup
	for i := range chunks {
		done.Go(func() { chunks[i].err = chunks[i].convert(c.From, c.To) })
	}
	done.Wait()
	for i := range chunks {
		k := &chunks[i]
		if k.err != nil {
			return k.err
		}
		if _, err := w.Write(k.dst); err != nil {
			return err
		}
		c.Error += k.change
		c.Power += k.power
	}
	return nil
}

// convert fills dst and the error sums.
func (k *chunk) convert(from, to tensor.DType) error {
	k.change, k.power = 0, 0
	if _, integer := integers[from]; integer {
		copy(k.dst, k.src)
		return nil
	}
	if err := tensor.Dequantize(k.values, from, k.src); err != nil {
		return err
	}
	for i, x := range k.values {
		if x-x != 0 { // NaN, and the infinities
			return fmt.Errorf("value %d is %v: the file is damaged; take another copy, or make it anew", k.first+int64(i), x)
		}
		k.power += float64(x) * float64(x)
	}
	if from == to {
		copy(k.dst, k.src)
		return nil
	}
	if err := tensor.QuantizeRows(k.dst, to, k.values, k.weights); err != nil {
		return fmt.Errorf("rows from value %d: %w", k.first, err)
	}
	k.decoded = resize(k.decoded, len(k.values))
	if err := tensor.Dequantize(k.decoded, to, k.dst); err != nil {
		return err
	}
	for i, x := range k.values {
		d := float64(x) - float64(k.decoded[i])
		k.change += d * d
	}
	if math.IsInf(k.change, 0) {
		return fmt.Errorf("rows from value %d: a value is too large for %v; choose bf16 or f32", k.first, to)
	}
	return nil
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
