// Package tn writes matrices as matrix product operators: a chain of cores, one per site, joined by
// bonds (Schollwöck, "The density-matrix renormalization group in the age of matrix product states",
// 2011). It decomposes and truncates them with a known error, and plans how one is applied to a
// vector, with exact counts of parameters and multiply-adds.
//
// A low-rank pair is the operator of two sites whose one bond parts all outputs from all inputs.
package tn

import (
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Site is the share that one core has of a matrix's outputs (rows) and inputs (columns). The
// index of a row is that of the first site's output times the other sites' outputs, and so on:
// the first site counts most. Columns likewise.
type Site struct{ Out, In int }

// LowRank returns the sites of a low-rank pair: all outputs, all inputs.
func LowRank(rows, cols int) []Site { return []Site{{rows, 1}, {1, cols}} }

// Matrix is a matrix of float64. Those that this package makes have rows without gaps.
type Matrix = linalg.Matrix64

// Multiplier is what operators are computed with.
type Multiplier = linalg.MultiplierOf[float64]

// maxValues bounds the elements that are held at once, so that products of dimensions are ints.
const maxValues = 1 << 40

// newMatrix returns a matrix of zeros.
func newMatrix(rows, cols int) Matrix { return linalg.Dense(rows, cols, make([]float64, rows*cols)) }

// norm returns √(Σ x²).
func norm(x []float64) float64 { return math.Sqrt(squares(x)) }

func squares(x []float64) (sum float64) {
	for _, v := range x {
		sum += v * v
	}
	return sum
}

// MPO is a matrix as a product of cores. Core k, of site k, is an array [l][o][i][r], row-major:
// left bond, output, input, right bond. The bonds at both ends have dimension 1.
type MPO struct {
	Sites []Site
	// Bonds holds the dimensions χ of the bonds between two sites: one less than sites.
	Bonds []int
	Cores [][]float64
}

// bond returns the dimension of the bond left of site k; that left of the first and right of the
// last is 1.
func bond(bonds []int, k int) int {
	if k <= 0 || k > len(bonds) {
		return 1
	}
	return bonds[k-1]
}

// Shape returns the rows and columns of the matrix.
func (m *MPO) Shape() (rows, cols int) { return shape(m.Sites) }

func shape(sites []Site) (rows, cols int) {
	rows, cols = 1, 1
	for _, s := range sites {
		rows, cols = rows*s.Out, cols*s.In
	}
	return rows, cols
}

// Parameters counts the elements of the cores.
func Parameters(sites []Site, bonds []int) (n int64) {
	for k, s := range sites {
		n += int64(bond(bonds, k)) * int64(s.Out) * int64(s.In) * int64(bond(bonds, k+1))
	}
	return n
}

// checkSites errs for sites that do not make up a matrix of rows by cols.
func checkSites(sites []Site, rows, cols int) error {
	if len(sites) == 0 {
		return fmt.Errorf("a matrix product operator without sites")
	}
	product := [2]int{1, 1}
	for k, s := range sites {
		for j, n := range [2]int{s.Out, s.In} {
			if n < 1 || n > maxValues/product[j] {
				return fmt.Errorf("site %d of %d outputs by %d inputs: want positive numbers whose products are the matrix's", k, s.Out, s.In)
			}
			product[j] *= n
		}
	}
	if product != [2]int{rows, cols} {
		return fmt.Errorf("sites %v make a matrix of %d by %d, not of %d by %d", sites, product[0], product[1], rows, cols)
	}
	return nil
}

// Matrix multiplies the cores out.
func (m *MPO) Matrix(g *Multiplier) Matrix {
	rows, cols := 1, 1
	all := []float64{1} // [row][column][bond]
	for k, s := range m.Sites {
		left, right := bond(m.Bonds, k), bond(m.Bonds, k+1)
		product := multiply(g, linalg.Dense(rows*cols, left, all), linalg.Dense(left, s.Out*s.In*right, m.Cores[k]))
		all = permuted(product.Data, [5]int{rows, cols, s.Out, s.In, right}, [5]int{0, 2, 1, 3, 4})
		rows, cols = rows*s.Out, cols*s.In
	}
	return linalg.Dense(rows, cols, all)
}

// multiply computes a·b.
func multiply(g *Multiplier, a, b Matrix) Matrix {
	c := newMatrix(a.Rows, b.Cols)
	g.Gemm(linalg.Plain, linalg.Plain, 1, a, b, 0, c)
	return c
}

// permuted returns an array of the given dimensions with its axes in another order: axis j of the
// result is axis order[j] of x.
func permuted(x []float64, dims, order [5]int) []float64 {
	var strides, sizes [5]int
	for j, axis := range order {
		strides[j], sizes[j] = 1, dims[axis]
		for _, n := range dims[axis+1:] {
			strides[j] *= n
		}
	}
	y := make([]float64, 0, len(x))
	for a := range sizes[0] {
		for b := range sizes[1] {
			for c := range sizes[2] {
				for d := range sizes[3] {
					at := a*strides[0] + b*strides[1] + c*strides[2] + d*strides[3]
					for e := range sizes[4] {
						y = append(y, x[at+e*strides[4]])
					}
				}
			}
		}
	}
	return y
}

// Clone returns a copy that shares nothing.
func (m *MPO) Clone() *MPO {
	c := &MPO{Sites: slices.Clone(m.Sites), Bonds: slices.Clone(m.Bonds)}
	for _, core := range m.Cores {
		c.Cores = append(c.Cores, slices.Clone(core))
	}
	return c
}
