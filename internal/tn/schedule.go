package tn

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Order is the direction in which the cores meet a vector.
type Order uint8

// The two orders. A vector's inputs are consumed site by site from one end, and every step leaves
// the outputs of the sites that are done, the inputs of the others and one open bond.
const (
	FromLast Order = iota
	FromFirst
)

// Arrangement is how values are rearranged before a step: from an array [A][B][C][D][E] to
// [A][E][C][B][D]. The result is A·E·C tokens of B·D features.
type Arrangement struct{ A, B, C, D, E int }

// Tokens is the number of vectors that the next core multiplies.
func (a Arrangement) Tokens() int { return a.A * a.E * a.C }

// Features is the length of each of them.
func (a Arrangement) Features() int { return a.B * a.D }

// Identity says that the values already lie as they should.
func (a Arrangement) Identity() bool {
	return (a.B == 1 || a.C == 1) && (a.E == 1 || a.B == 1 && a.C == 1 && a.D == 1)
}

// Gather copies tokens [lo, hi) of the rearranged src one behind the other to dst. src may hold
// several vectors one behind the other: their tokens follow each other, too.
func Gather[T float32 | float64](a Arrangement, dst, src []T, lo, hi int) {
	for t := lo; t < hi; t++ {
		at := a.first(t)
		for b := range a.B {
			from := at + b*a.C*a.D*a.E
			for d := range a.D {
				dst[d] = src[from+d*a.E]
			}
			dst = dst[a.D:]
		}
	}
}

// Scatter is the inverse of Gather: it copies tokens [lo, hi), which src holds, to where they
// came from.
func Scatter[T float32 | float64](a Arrangement, dst, src []T, lo, hi int) {
	for t := lo; t < hi; t++ {
		at := a.first(t)
		for b := range a.B {
			to := at + b*a.C*a.D*a.E
			for d := range a.D {
				dst[to+d*a.E] = src[d]
			}
			src = src[a.D:]
		}
	}
}

// first returns where the first feature of a token lies before the rearrangement.
func (a Arrangement) first(token int) int {
	i, e, c := token/(a.E*a.C), token/a.C%a.E, token%a.C
	return (i*a.B*a.C+c)*a.D*a.E + e
}

// Stage is one step: values are rearranged to tokens, which the core of a site multiplies as a
// matrix of Rows by Features: rows (open bond, output), columns (input, bond from the step before).
type Stage struct {
	Arrangement
	Site int
	Rows int
}

// Schedule is how an operator is applied to a vector.
type Schedule struct {
	Order  Order
	Stages []Stage
	// Last brings the values of the last stage into the order of the matrix's rows.
	Last Arrangement
}

// NewSchedule plans the application of an operator in one order.
func NewSchedule(sites []Site, bonds []int, order Order) Schedule {
	s := Schedule{Order: order}
	rows, cols := shape(sites)
	outs, ins := 1, cols // of the sites that are done, of those to come
	before, bondIn := 1, 1
	for n := range sites {
		k, bondOut := n, bond(bonds, n+1)
		if order == FromLast {
			k = len(sites) - 1 - n
			bondOut = bond(bonds, k)
		}
		site := sites[k]
		ins /= site.In
		st := Stage{Site: k, Rows: bondOut * site.Out}
		if order == FromLast {
			st.Arrangement = Arrangement{A: ins, B: site.In, C: outs / before, D: bondIn, E: before}
		} else {
			st.Arrangement = Arrangement{A: outs / before, B: site.In, C: ins, D: bondIn, E: before}
		}
		s.Stages = append(s.Stages, st)
		outs, before, bondIn = outs*site.Out, site.Out, bondOut
	}
	s.Last = Arrangement{A: 1, B: 1, C: 1, D: 1, E: rows}
	if order == FromLast {
		s.Last.C, s.Last.E = rows/sites[0].Out, sites[0].Out
	}
	return s
}

// Cheaper plans the application in the order of fewer multiply-adds.
func Cheaper(sites []Site, bonds []int) Schedule {
	last, first := NewSchedule(sites, bonds, FromLast), NewSchedule(sites, bonds, FromFirst)
	if first.MulAdds() < last.MulAdds() {
		return first
	}
	return last
}

// MulAdds counts the multiply-adds for one vector.
func (s Schedule) MulAdds() (n int64) {
	for _, st := range s.Stages {
		n += int64(st.Tokens()) * int64(st.Rows) * int64(st.Features())
	}
	return n
}

// Bytes is what the cores take when they are stored as a type, row by row.
func (s Schedule) Bytes(dt tensor.DType) (n int64, err error) {
	for _, st := range s.Stages {
		row, err := dt.RowBytes(st.Features())
		if err != nil {
			return 0, fmt.Errorf("core of site %d: %w", st.Site, err)
		}
		n += int64(row) * int64(st.Rows)
	}
	return n, nil
}

// Widest is the largest number of values that stand between two stages, or before or behind one.
func (s Schedule) Widest() (n int) {
	for _, st := range s.Stages {
		n = max(n, st.Tokens()*max(st.Rows, st.Features()))
	}
	return n
}

// Core returns the core of a stage as the matrix that it multiplies with.
func (m *MPO) Core(s Schedule, stage int) Matrix {
	st := s.Stages[stage]
	core, site := m.Cores[st.Site], m.Sites[st.Site]
	if s.Order == FromFirst { // [l][o][i][r] → [r][o][i][l]
		left, right := bond(m.Bonds, st.Site), bond(m.Bonds, st.Site+1)
		core = permuted(core, [5]int{1, left, site.Out, site.In, right}, [5]int{0, 4, 2, 3, 1})
	}
	return linalg.Dense(st.Rows, st.Features(), core)
}

// Assemble is the inverse of Core: it makes an operator of the matrices that a schedule's stages
// multiply with.
func Assemble(sites []Site, bonds []int, s Schedule, stages [][]float64) *MPO {
	m := &MPO{Sites: sites, Bonds: bonds, Cores: make([][]float64, len(sites))}
	for i, st := range s.Stages {
		k := st.Site
		m.Cores[k] = stages[i]
		if s.Order == FromFirst { // [r][o][i][l] → [l][o][i][r]
			left, right := bond(bonds, k), bond(bonds, k+1)
			m.Cores[k] = permuted(stages[i], [5]int{1, right, sites[k].Out, sites[k].In, left}, [5]int{0, 4, 2, 3, 1})
		}
	}
	return m
}

// Run applies an operator to x: multiply gets the tokens of each stage, one behind the other, and
// returns their products with the stage's core, Rows values each.
func (s Schedule) Run(x []float64, multiply func(stage int, tokens []float64) []float64) []float64 {
	for i, st := range s.Stages {
		tokens := make([]float64, len(x))
		Gather(st.Arrangement, tokens, x, 0, st.Tokens())
		x = multiply(i, tokens)
	}
	y := make([]float64, len(x))
	Gather(s.Last, y, x, 0, s.Last.Tokens())
	return y
}

// Apply computes W·x by a schedule.
func (m *MPO) Apply(g *Multiplier, s Schedule, x []float64) []float64 {
	return s.Run(x, func(stage int, tokens []float64) []float64 {
		core := m.Core(s, stage)
		return multiply(g, linalg.Dense(len(tokens)/core.Cols, core.Cols, tokens), transposed(core)).Data
	})
}
