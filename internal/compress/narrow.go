package compress

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Narrow keeps some features of a feed-forward network whose inner activations h have ch = E[h·hᵀ],
// and lets the others be computed from them where its outputs are made (Nyström's approximation: Lin
// and others, "MoDeGPT: Modular decomposition for large language model compression", 2024). With C =
// ch + λ, λ = ridge·tr(ch)/n, 0 for DefaultRidge, and a set S of features, ascending, it returns
//
//	newDown = down·C[:,S]·C[S,S]⁻¹,	outputs × keep
//
// which is the best for that set: for all features it is down itself. loss is what it costs,
// E‖down·h − newDown·h[S]‖² with C for the expectation. S is the better of two: the features of the
// largest ridge leverage, 1 − λ·[C⁻¹]ᵢᵢ, about which the others tell least, and those whose removal
// alone would cost most, ‖down[:,i]‖²/[C⁻¹]ᵢᵢ (Hassibi and Stork, "Second order derivatives for network
// pruning: Optimal brain surgeon", 1993). Nothing given is written to.
//
// It errs when keep is not from 1 to n, or ch is not finite.
func Narrow(ch linalg.Matrix64, down linalg.Matrix, keep int, ridge float64) (kept []int, newDown linalg.Matrix64, loss float64, err error) {
	n := ch.Rows
	defer func() {
		if err != nil {
			err = fmt.Errorf("narrow %d features to %d: %w", n, keep, err)
		}
	}()
	if ch.Cols != n || down.Cols != n || keep < 1 || keep > n {
		return nil, newDown, 0, fmt.Errorf("moments of %d×%d, outputs of %d×%d", n, ch.Cols, down.Rows, down.Cols)
	}
	g := multiplier()
	root, used, err := regularized(g, ch, 1, ridge)
	if err != nil {
		return nil, newDown, 0, err
	}
	inverse, err := inverseDiagonal(g, root)
	if err != nil {
		return nil, newDown, 0, err
	}
	w, c := converted[float64](down), lower(ch, 1)
	leverage, cost := make([]float64, n), make([]float64, n)
	for i, v := range inverse {
		c.Data[i*n+i] += used.Lambda
		column := part(w, 0, w.Rows, i, i+1)
		leverage[i], cost[i] = 1-used.Lambda*v, squares(column)/v
	}
	mirror(c)
	wc := product(g, linalg.Plain, linalg.Plain, w, c)
	for _, scores := range [][]float64{leverage, cost} {
		set := largestOf(scores, keep)
		small, explained, err := reconstruct(g, c, wc, set)
		if err != nil {
			return nil, newDown, 0, err
		}
		if lost := max(0, inner(wc, w)-explained); kept == nil || lost < loss {
			kept, newDown, loss = set, small, lost
		}
	}
	return kept, newDown, loss, nil
}

// reconstruct returns wc[:,S]·C[S,S]⁻¹, and the share of tr(W·C·Wᵀ) that it makes.
func reconstruct(g *Multiplier64, c, wc linalg.Matrix64, kept []int) (linalg.Matrix64, float64, error) {
	inside, of := columns(c, kept), columns(wc, kept)
	for i, from := range kept { // rows, too
		copy(inside.Data[i*inside.Stride:(i+1)*inside.Stride], inside.Data[from*inside.Stride:])
	}
	inside.Rows = len(kept)
	if err := g.Cholesky(inside); err != nil {
		return of, 0, err
	}
	down := clone(of)
	if err := g.SolveCholesky(linalg.Right, inside, down); err != nil {
		return of, 0, err
	}
	return down, inner(down, of), nil
}

// inverseDiagonal returns [C⁻¹]ᵢᵢ of C = root·rootᵀ: Σⱼ [root⁻¹]ⱼᵢ². Column after column of the inverse
// is solved for from its diagonal on.
func inverseDiagonal(g *Multiplier64, root linalg.Matrix64) ([]float64, error) {
	const block = 240
	n := root.Rows
	diagonal := make([]float64, n)
	for lo := 0; lo < n; lo += block {
		x := newMatrix(n-lo, min(block, n-lo))
		for j := range x.Cols {
			x.Data[j*x.Stride+j] = 1
		}
		if err := g.SolveTriangular(linalg.Left, linalg.Lower, linalg.Plain, part(root, lo, n, lo, n), x); err != nil {
			return nil, err
		}
		for i := range x.Rows {
			for j, v := range x.Data[i*x.Stride : i*x.Stride+x.Cols] {
				diagonal[lo+j] += v * v
			}
		}
	}
	return diagonal, nil
}

// largestOf returns the places of the largest scores, ascending; of equal ones the first.
func largestOf(scores []float64, keep int) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	kept := order[:keep:keep]
	slices.Sort(kept)
	return kept
}

// columns returns a copy of some columns.
func columns(m linalg.Matrix64, which []int) linalg.Matrix64 {
	c := newMatrix(m.Rows, len(which))
	for i := range m.Rows {
		for k, j := range which {
			c.Data[i*c.Stride+k] = m.Data[i*m.Stride+j]
		}
	}
	return c
}

// inner returns Σ a·b.
func inner(a, b linalg.Matrix64) (sum float64) {
	for i := range a.Rows {
		other := b.Data[i*b.Stride : i*b.Stride+a.Cols]
		for j, v := range a.Data[i*a.Stride : i*a.Stride+a.Cols] {
			sum += v * other[j]
		}
	}
	return sum
}
