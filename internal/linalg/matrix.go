package linalg

import "fmt"

// Float is the type of a matrix's elements.
type Float interface{ float32 | float64 }

// MatrixOf is a row-major matrix: element (i, j) is Data[i*Stride+j], j < Cols ≤ Stride. What
// lies between the rows is neither read nor written.
type MatrixOf[T Float] struct {
	Rows, Cols, Stride int
	Data               []T
}

// Matrix is a matrix of float32, Matrix64 one of float64.
type (
	Matrix   = MatrixOf[float32]
	Matrix64 = MatrixOf[float64]
)

// Dense returns the matrix whose rows lie one behind the other in data.
func Dense[T Float](rows, cols int, data []T) MatrixOf[T] {
	return MatrixOf[T]{Rows: rows, Cols: cols, Stride: cols, Data: data}
}

// newMatrix returns a matrix of zeros.
func newMatrix[T Float](rows, cols int) MatrixOf[T] {
	return Dense(rows, cols, make([]T, rows*cols))
}

// check panics when the elements do not lie within Data: shapes are the caller's code, not input.
func (m MatrixOf[T]) check(what string) {
	if m.Rows < 0 || m.Cols < 0 || m.Stride < m.Cols ||
		m.Rows > 0 && m.Cols > 0 && len(m.Data) < (m.Rows-1)*m.Stride+m.Cols {
		panic(fmt.Sprintf("linalg: matrix %s of %d×%d, stride %d, in %d floats", what, m.Rows, m.Cols, m.Stride, len(m.Data)))
	}
}

// row returns row i.
func (m MatrixOf[T]) row(i int) []T { return m.Data[i*m.Stride : i*m.Stride+m.Cols] }

// part returns the rows [i0, i1) of columns [j0, j1), which share m's elements.
func (m MatrixOf[T]) part(i0, i1, j0, j1 int) MatrixOf[T] {
	p := MatrixOf[T]{Rows: i1 - i0, Cols: j1 - j0, Stride: m.Stride}
	if p.Rows > 0 && p.Cols > 0 {
		p.Data = m.Data[i0*m.Stride+j0 : (i1-1)*m.Stride+j1]
	}
	return p
}

// copyTo copies m's elements to dst, of the same shape.
func (m MatrixOf[T]) copyTo(dst MatrixOf[T]) {
	for i := range m.Rows {
		copy(dst.row(i), m.row(i))
	}
}

// transposeTo writes mᵀ to dst, in squares that a first-level cache holds even if rows lie a power of two apart.
func (m MatrixOf[T]) transposeTo(dst MatrixOf[T]) {
	const side = 8
	for i0 := 0; i0 < m.Rows; i0 += side {
		for j0 := 0; j0 < m.Cols; j0 += side {
			for j := j0; j < min(j0+side, m.Cols); j++ {
				d := dst.Data[j*dst.Stride : j*dst.Stride+m.Rows]
				for i := i0; i < min(i0+side, m.Rows); i++ {
					d[i] = m.Data[i*m.Stride+j]
				}
			}
		}
	}
}

// Op is what is done to a matrix before it is multiplied.
type Op bool

// The two operations.
const (
	Plain      Op = false
	Transposed Op = true
)

// String names the operation.
func (op Op) String() string {
	if op == Transposed {
		return "transposed"
	}
	return "plain"
}

// shape returns the rows and columns of op(m).
func shape[T Float](op Op, m MatrixOf[T]) (rows, cols int) {
	if op == Transposed {
		return m.Cols, m.Rows
	}
	return m.Rows, m.Cols
}
