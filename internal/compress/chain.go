package compress

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/tn"
)

const (
	chainSweeps   = 4    // over all cores, forth and back, at most
	chainEnough   = 1e-3 // of the loss that a sweep must save for another one
	chainUnknowns = 4096 // of a core that is refitted, for each of its outputs
)

// Chain returns a matrix product operator with bonds of at most chi that makes the loss small, and
// its loss. Inputs are whitened site by site, by the Kronecker product of the Gram matrices that C
// leaves when the other sites' inputs are summed out: unlike C's own root, that can be undone in each
// core, and it keeps the operator one. Sequential singular value decompositions cut the bonds; then
// sweeps refit one core at a time, in closed form and with all of C, which never worsens (alternating
// least squares: Holtz, Rohwedder and Schneider, "The alternating linear scheme for tensor
// optimization in the tensor train format", 2012).
//
// For a low-rank pair this is the best of its rank. Longer chains are good, not best; cores of more
// than 4096 unknowns, left bond × input × right bond, stay as they are cut.
func (o *Objective) Chain(g *Multiplier64, sites []tn.Site, chi int) (*tn.MPO, float64, error) {
	if chi < 1 {
		return nil, 0, fmt.Errorf("chain with bonds of %d: want at least 1", chi)
	}
	rows, cols := 1, 1
	for k, s := range sites {
		if s.Out < 1 || s.In < 1 || o.best.Rows%(rows*s.Out) != 0 || o.best.Cols%(cols*s.In) != 0 {
			return nil, 0, fmt.Errorf("chain: site %d of %d outputs by %d inputs does not divide a matrix of %d×%d", k, s.Out, s.In, o.best.Rows, o.best.Cols)
		}
		rows, cols = rows*s.Out, cols*s.In
	}
	f := newChainFit(g, o, sites)
	if err := f.start(chi); err != nil {
		return nil, 0, fmt.Errorf("chain of %d sites: %w", len(sites), err)
	}
	loss := o.Loss(f.mpo.Matrix(g))
	for range chainSweeps {
		for k := range sites {
			f.refit(k)
		}
		for k := len(sites) - 2; k > 0; k-- {
			f.refit(k)
		}
		before := loss
		if loss = o.Loss(f.mpo.Matrix(g)); loss >= before*(1-chainEnough) {
			break
		}
	}
	return f.mpo, loss, nil
}

// chainFit is an operator on its way to the least loss.
type chainFit struct {
	g   *Multiplier64
	o   *Objective
	mpo *tn.MPO
	c   linalg.Matrix64 // C
	wc  linalg.Matrix64 // W*·C
}

func newChainFit(g *Multiplier64, o *Objective, sites []tn.Site) *chainFit {
	f := &chainFit{g: g, o: o, mpo: &tn.MPO{Sites: sites}, wc: o.white}
	if o.root.Rows == 0 {
		f.c = newMatrix(o.best.Cols, o.best.Cols)
		for i := range f.c.Rows {
			f.c.Data[i*f.c.Stride+i] = 1
		}
		return f
	}
	f.c = product(g, linalg.Plain, linalg.Transposed, o.root, o.root)
	f.wc = product(g, linalg.Plain, linalg.Transposed, o.white, o.root)
	return f
}

// inputs returns the inputs of the sites before k, of k, and behind it.
func (f *chainFit) inputs(k int) (before, own, behind int) {
	before = 1
	for _, s := range f.mpo.Sites[:k] {
		before *= s.In
	}
	own = f.mpo.Sites[k].In
	return before, own, f.c.Cols / (before * own)
}

// start cuts the matrix, its inputs whitened site by site.
func (f *chainFit) start(chi int) error {
	w := clone(f.o.best)
	roots := make([]linalg.Matrix64, len(f.mpo.Sites))
	for k := range roots {
		before, own, behind := f.inputs(k)
		root := f.marginal(before, own, behind)
		if err := f.g.Cholesky(root); err != nil {
			return err
		}
		clearUpper(root)
		roots[k] = root
		in := swapped(w.Data, w.Rows*before, own, behind, 1)
		out := product(f.g, linalg.Plain, linalg.Plain, linalg.Dense(w.Rows*before*behind, own, in), roots[k])
		w.Data = swapped(out.Data, w.Rows*before, behind, own, 1)
	}
	mpo, _, err := tn.Decompose(f.g, w, f.mpo.Sites, tn.UpTo(chi, len(f.mpo.Sites)))
	if err != nil {
		return err
	}
	for k, core := range mpo.Cores {
		own := mpo.Sites[k].In
		rows := bondLeft(mpo, k) * mpo.Sites[k].Out
		right := len(core) / (rows * own)
		x := linalg.Dense(rows*right, own, swapped(core, rows, own, right, 1))
		if err := f.g.SolveTriangular(linalg.Right, linalg.Lower, linalg.Plain, roots[k], x); err != nil {
			return err
		}
		mpo.Cores[k] = swapped(x.Data, rows, right, own, 1)
	}
	f.mpo = mpo
	return nil
}

// marginal sums C over the inputs of other sites.
func (f *chainFit) marginal(before, own, behind int) linalg.Matrix64 {
	m := newMatrix(own, own)
	for b := range before {
		for i := range own {
			for j := range own {
				for e := range behind {
					m.Data[i*own+j] += f.c.Data[((b*own+i)*behind+e)*f.c.Stride+(b*own+j)*behind+e]
				}
			}
		}
	}
	return m
}

// bondLeft returns the dimension of the bond left of site k.
func bondLeft(m *tn.MPO, k int) int {
	if k == 0 {
		return 1
	}
	return m.Bonds[k-1]
}

// swapped returns an array [a][b][c][d] as [a][c][b][d].
func swapped(x []float64, a, b, c, d int) []float64 {
	y := make([]float64, 0, len(x))
	for i := range a {
		for k := range c {
			for j := range b {
				at := ((i*b+j)*c + k) * d
				y = append(y, x[at:at+d]...)
			}
		}
	}
	return y
}

// left returns the cores before k as an array [outputs][inputs][bond].
func (f *chainFit) left(k int) (all []float64, outputs int) {
	all, outputs = []float64{1}, 1
	inputs := 1
	for j, s := range f.mpo.Sites[:k] {
		bond := bondLeft(f.mpo, j)
		x := product(f.g, linalg.Plain, linalg.Plain, linalg.Dense(outputs*inputs, bond, all), linalg.Dense(bond, len(f.mpo.Cores[j])/bond, f.mpo.Cores[j]))
		all = swapped(x.Data, outputs, inputs, s.Out, s.In*f.mpo.Bonds[j])
		outputs, inputs = outputs*s.Out, inputs*s.In
	}
	return all, outputs
}

// right returns the cores behind k as an array [outputs][bond][inputs].
func (f *chainFit) right(k int) (all []float64, outputs int) {
	all, outputs = []float64{1}, 1
	inputs, bond := 1, 1
	for j := len(f.mpo.Sites) - 1; j > k; j-- {
		s, left := f.mpo.Sites[j], bondLeft(f.mpo, j)
		rows := left * s.Out * s.In
		x := make([]float64, outputs*rows*inputs)
		for at := range outputs {
			f.g.Gemm(linalg.Plain, linalg.Plain, 1, linalg.Dense(rows, bond, f.mpo.Cores[j]), linalg.Dense(bond, inputs, all[at*bond*inputs:]),
				0, linalg.Dense(rows, inputs, x[at*rows*inputs:]))
		}
		all = swapped(x, 1, outputs*left, s.Out, s.In*inputs)
		outputs, inputs, bond = outputs*s.Out, inputs*s.In, left
	}
	return all, outputs
}

// refit gives core k the least loss that it can have between the others. As a function of the core,
// for each of its outputs a vector x of [left bond][input][right bond], the loss is x·N·xᵀ − 2·x·bᵀ
// and what does not depend on it.
func (f *chainFit) refit(k int) {
	s, bond := f.mpo.Sites[k], bondLeft(f.mpo, k)
	before, own, behind := f.inputs(k)
	right := len(f.mpo.Cores[k]) / (bond * s.Out * own)
	unknowns := bond * own * right
	if unknowns > chainUnknowns || right > 1 && before*own*right > chainUnknowns {
		return
	}
	ls, lsOutputs := f.left(k)
	rs, rsOutputs := f.right(k)

	t := swapped(f.wc.Data, lsOutputs*s.Out, rsOutputs, before*own, behind)
	r := linalg.Dense(right, rsOutputs*behind, swapped(rs, 1, rsOutputs, right, behind))
	x := product(f.g, linalg.Plain, linalg.Transposed, linalg.Dense(lsOutputs*s.Out*before*own, rsOutputs*behind, t), r)
	x = linalg.Dense(lsOutputs*before, s.Out*own*right, swapped(x.Data, lsOutputs, s.Out, before, own*right))
	b := product(f.g, linalg.Transposed, linalg.Plain, linalg.Dense(lsOutputs*before, bond, ls), x)
	b = linalg.Dense(s.Out, unknowns, swapped(b.Data, 1, bond, s.Out, own*right))

	n := f.fromRight(rs, rsOutputs, before*own, right, behind)
	n = f.fromLeft(n, ls, lsOutputs, before, bond, own*right)
	was := linalg.Dense(s.Out, unknowns, swapped(f.mpo.Cores[k], 1, bond, s.Out, own*right))
	is := clone(b)
	divide(f.g, is, clone(n))
	value := func(x linalg.Matrix64) float64 {
		return inner(product(f.g, linalg.Plain, linalg.Plain, x, n), x) - 2*inner(x, b)
	}
	if value(is) < value(was) { // not where rounding has the last word
		f.mpo.Cores[k] = swapped(is.Data, 1, s.Out, bond, own*right)
	}
}

// fromRight multiplies C from both sides with the cores to the right, for each of their outputs, and
// sums up: a square matrix of [inputs up to the core][right bond].
func (f *chainFit) fromRight(rs []float64, outputs, upTo, bond, behind int) linalg.Matrix64 {
	if behind == 1 && outputs == 1 && bond == 1 && rs[0] == 1 {
		return f.c
	}
	n := newMatrix(upTo*bond, upTo*bond)
	z := newMatrix(upTo*bond, f.c.Cols)
	for at := range outputs {
		r := linalg.Dense(bond, behind, rs[at*bond*behind:(at+1)*bond*behind])
		for p := range upTo {
			f.g.Gemm(linalg.Plain, linalg.Plain, 1, r, part(f.c, p*behind, (p+1)*behind, 0, f.c.Cols), 0, part(z, p*bond, (p+1)*bond, 0, z.Cols))
		}
		f.g.Gemm(linalg.Plain, linalg.Transposed, 1, linalg.Dense(upTo*bond*upTo, behind, z.Data), r, 1, linalg.Dense(upTo*bond*upTo, bond, n.Data))
	}
	return n
}

// fromLeft does the same with the cores to the left: n of [inputs before][within] becomes a matrix of
// [left bond][within].
func (f *chainFit) fromLeft(n linalg.Matrix64, ls []float64, outputs, before, bond, within int) linalg.Matrix64 {
	if before == 1 && outputs == 1 && bond == 1 && ls[0] == 1 {
		return n
	}
	rows := bond * within
	sum := newMatrix(bond, rows*within)
	for at := range outputs {
		l := linalg.Dense(before, bond, ls[at*before*bond:(at+1)*before*bond])
		x := product(f.g, linalg.Transposed, linalg.Plain, l, linalg.Dense(before, within*n.Cols, n.Data))
		f.g.Gemm(linalg.Transposed, linalg.Plain, 1, l, linalg.Dense(before, rows*within, swapped(x.Data, 1, rows, before, within)), 1, sum)
	}
	return linalg.Dense(rows, rows, swapped(sum.Data, 1, bond, rows, within))
}
