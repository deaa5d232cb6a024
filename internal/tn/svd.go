package tn

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// svd returns x = U·diag(s)·Vᵀ, s in falling order; U and V have min(rows, cols) columns.
func svd(x Matrix) (u Matrix, s []float64, v Matrix, err error) {
	var d mat.SVD
	if !d.Factorize(mat.NewDense(x.Rows, x.Cols, x.Data), mat.SVDThin) {
		return u, nil, v, fmt.Errorf("singular values of a matrix of %d by %d: no convergence; are all its values finite?", x.Rows, x.Cols)
	}
	var du, dv mat.Dense
	d.UTo(&du)
	d.VTo(&dv)
	return raw(&du), d.Values(nil), raw(&dv), nil
}

func raw(d *mat.Dense) Matrix {
	r := d.RawMatrix()
	m := NewMatrix(r.Rows, r.Cols)
	for i := range r.Rows {
		copy(m.Data[i*r.Cols:(i+1)*r.Cols], r.Data[i*r.Stride:])
	}
	return m
}
