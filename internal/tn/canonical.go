package tn

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Canonical returns the same operator in the mixed canonical form about a site: the cores before it
// are left isometries (Σ over left bond, output and input of conj·core is 1 on the right bond),
// those behind it right isometries, so that the norm of the matrix is that of the site's core.
// Bonds that are wider than their sites can fill become as narrow as they can.
func (m *MPO) Canonical(g *Multiplier, site int) (*MPO, error) {
	if site < 0 || site >= len(m.Sites) {
		return nil, fmt.Errorf("canonical form about site %d of %d", site, len(m.Sites))
	}
	c := m.Clone()
	whole := newCutter(g, Limits{}, len(c.Sites), 0)
	for k := range site {
		if err := c.push(k, whole); err != nil {
			return nil, err
		}
	}
	for k := len(c.Sites) - 1; k > site; k-- {
		if err := c.pull(k, whole); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Truncate returns an operator with narrower bonds, and what that leaves out. It works on the
// canonical form, where the singular values at a bond are those of the whole matrix.
func (m *MPO) Truncate(g *Multiplier, limits Limits) (*MPO, Truncation, error) {
	if err := limits.check(len(m.Sites)); err != nil {
		return nil, Truncation{}, fmt.Errorf("truncate: %w", err)
	}
	c, err := m.Canonical(g, 0)
	if err != nil {
		return nil, Truncation{}, fmt.Errorf("truncate: %w", err)
	}
	cut := newCutter(g, limits, len(c.Sites), norm(c.Cores[0]))
	for k := range len(c.Sites) - 1 {
		if err := c.push(k, cut); err != nil {
			return nil, Truncation{}, fmt.Errorf("truncate: %w", err)
		}
	}
	return c, cut.Truncation, nil
}

// push makes the core of site k a left isometry and multiplies the rest into the next core; the
// cutter narrows the bond.
func (m *MPO) push(k int, cut *cutter) error {
	right := m.Bonds[k]
	u, rest, err := cut.at(k, linalg.Dense(len(m.Cores[k])/right, right, m.Cores[k]))
	if err != nil {
		return err
	}
	m.Cores[k], m.Bonds[k] = u.Data, u.Cols
	m.Cores[k+1] = multiply(cut.g, rest, linalg.Dense(right, len(m.Cores[k+1])/right, m.Cores[k+1])).Data
	return nil
}

// pull makes the core of site k a right isometry and multiplies the rest into the core before.
func (m *MPO) pull(k int, cut *cutter) error {
	left := m.Bonds[k-1]
	u, rest, err := cut.at(k-1, transposed(linalg.Dense(left, len(m.Cores[k])/left, m.Cores[k])))
	if err != nil {
		return err
	}
	m.Cores[k], m.Bonds[k-1] = transposed(u).Data, u.Cols
	m.Cores[k-1] = multiply(cut.g, linalg.Dense(len(m.Cores[k-1])/left, left, m.Cores[k-1]), transposed(rest)).Data
	return nil
}

func transposed(m Matrix) Matrix {
	return linalg.Dense(m.Cols, m.Rows, permuted(m.Data, [5]int{1, 1, 1, m.Rows, m.Cols}, [5]int{0, 1, 2, 4, 3}))
}
