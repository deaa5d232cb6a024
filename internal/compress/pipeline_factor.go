package compress

import (
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// rounded is a matrix as it is stored.
type rounded struct {
	dt     tensor.DType
	values linalg.Matrix64 // that the data decodes to
	data   []byte
}

// round stores a matrix, its rows on all cores.
func (c *compressor) round(m linalg.Matrix64, dt tensor.DType) (r rounded, err error) {
	defer c.clock.time("quantize")()
	size, err := dt.RowBytes(m.Cols)
	if err != nil {
		return r, err
	}
	r = rounded{dt, linalg.Dense(m.Rows, m.Cols, make([]float64, m.Rows*m.Cols)), make([]byte, m.Rows*size)}
	errs := make([]error, m.Rows)
	linalg.Parallel(c.Threads, m.Rows, func(_, i int) {
		row, data := make([]float32, m.Cols), r.data[i*size:(i+1)*size]
		for j := range row {
			row[j] = float32(m.Data[i*m.Stride+j])
		}
		if errs[i] = tensor.QuantizeRows(data, dt, row, nil); errs[i] == nil {
			errs[i] = tensor.Dequantize(row, dt, data)
		}
		for j, v := range row {
			r.values.Data[i*m.Cols+j] = float64(v)
		}
	})
	for _, err := range errs {
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// factored is layers as factors.
type factored struct {
	a    rounded
	bs   []rounded
	loss float64
}

// b is the second factors one above the other.
func (f factored) b() linalg.Matrix64 {
	var m linalg.Matrix64
	for _, b := range f.bs {
		m.Rows, m.Cols = m.Rows+b.values.Rows, b.values.Cols
		m.Data = append(m.Data, b.values.Data...)
	}
	m.Stride = m.Cols
	return m
}

// sweeps is how often both factors are refitted in turns.
const sweeps = 2

// factorize cuts a bundle and rounds the factors: the first, and the second as it fits best to the first
// as rounded; then in turns, while that lessens the loss.
func (c *compressor) factorize(s *site, bu bundle, x *Spectrum) (factored, error) {
	o := x.o
	b, a := x.Pair(bu.rank)
	f, err := c.roundPair(s, bu, o, a, b)
	if err != nil || !c.does(Sweep) || !c.does(QuantizeLoop) || f.a.dt.BlockValues() == 1 {
		return f, err
	}
	for range sweeps {
		next, err := c.roundPair(s, bu, o, c.refitA(o, f.b()), b)
		if err != nil {
			return f, err
		}
		if !(next.loss < f.loss) {
			break
		}
		f = next
	}
	return f, nil
}

func (c *compressor) refitA(o *Objective, b linalg.Matrix64) linalg.Matrix64 {
	defer c.clock.time("factorize")()
	return o.RefitA(b)
}

// roundPair rounds a, fits the second factor to it unless that is left out, and rounds that.
func (c *compressor) roundPair(s *site, bu bundle, o *Objective, a, b linalg.Matrix64) (f factored, err error) {
	if f.a, err = c.round(a, c.factorType(s, bu.first, s.inputs)); err != nil {
		return f, err
	}
	done := c.clock.time("factorize")
	w := o.whitened(f.a.values)
	if c.does(QuantizeLoop) {
		b = o.refitB(w)
	}
	done()
	at := 0
	for i := bu.first; i < bu.end; i++ {
		rows := linalg.Matrix64{Rows: s.rows[i], Cols: b.Cols, Stride: b.Stride, Data: b.Data[at*b.Stride:]}
		second, err := c.round(rows, c.factorType(s, i, b.Cols))
		if err != nil {
			return f, err
		}
		f.bs, at = append(f.bs, second), at+s.rows[i]
	}
	defer c.clock.time("factorize")()
	f.loss = o.pairLoss(f.b(), w)
	return f, nil
}

// encode makes the tensors that stand for the layers.
func (f factored) encode(layers []string) (model.Replacement, error) {
	first, second, err := model.LowRankNames(layers)
	if err != nil {
		return model.Replacement{}, err
	}
	list := []model.Tensor{f.a.tensor(first)}
	for i, b := range f.bs {
		list = append(list, b.tensor(second[i]))
	}
	return model.Replacement{Layers: layers, Tensors: list}, nil
}

// tensor is the factor as it is stored.
func (r rounded) tensor(name string) model.Tensor {
	return model.Tensor{Name: name, DType: r.dt, Shape: []int{r.values.Cols, r.values.Rows}, Data: r.data}
}
