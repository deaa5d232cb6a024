package linalg

import (
	"math"
	"slices"
)

// merger joins the solutions of the parts [lo, mid) and [mid, hi).
type merger[T Float] struct {
	*conqueror[T]
	lo, mid, hi, keep int

	order    []int // rows, in rising order of their values
	kept     []int // those that take part in the secular equation
	deflated []int // those that are eigenvectors as they are
	support  []support
}

// support tells which columns of a row may hold other values than zero.
type support uint8

const (
	first  support = iota // those before mid
	whole                 // all
	second                // those from mid on
)

// merge solves the part [lo, hi), which the two parts' solutions turn into a diagonal matrix and one of
// rank one, coupling·z·zᵀ; z are the vectors' elements beside the cut.
func (m *merger[T]) merge(coupling float64) {
	m.support = make([]support, m.hi-m.lo)
	for i := m.lo; i < m.hi; i++ {
		if i < m.mid {
			m.z[i] = float64(m.q.Data[i*m.q.Stride+m.mid-1]) * math.Sqrt2 / 2
			continue
		}
		m.support[i-m.lo] = second
		m.z[i] = math.Copysign(1, coupling) * float64(m.q.Data[i*m.q.Stride+m.mid]) * math.Sqrt2 / 2
	}
	m.sorted(m.order)
	rho := 2 * math.Abs(coupling)
	m.deflate(rho)
	if len(m.kept) > 0 {
		m.combine(rho)
	}
}

// deflate sorts out what is an eigenvector already: what z hardly touches, and one of two whose values
// are so close that a rotation which makes its element of z zero leaves the matrix diagonal.
func (m *merger[T]) deflate(rho float64) {
	eps, _ := unit[T]()
	var topD, topZ float64
	for i := m.lo; i < m.hi; i++ {
		topD, topZ = max(topD, math.Abs(m.d[i])), max(topZ, math.Abs(m.z[i]))
	}
	tolerance := 8 * eps * max(topD, rho*topZ)
	last := -1
	for _, j := range m.order {
		if rho*math.Abs(m.z[j]) <= tolerance {
			m.deflated = append(m.deflated, j)
			continue
		}
		if last >= 0 && !m.join(last, j, tolerance) {
			m.kept = append(m.kept, last)
		}
		last = j
	}
	if last >= 0 {
		m.kept = append(m.kept, last)
	}
}

// join deflates row i against row j, of the next larger value, if their values are close enough.
func (m *merger[T]) join(i, j int, tolerance float64) bool {
	r := math.Hypot(m.z[i], m.z[j])
	cos, sin := m.z[j]/r, -m.z[i]/r
	if math.Abs((m.d[j]-m.d[i])*cos*sin) > tolerance {
		return false
	}
	m.z[i], m.z[j] = 0, r
	// as a·cos² + b·sin² and its like, rounding would let many close values drift past their neighbours
	a, gap := m.d[i], m.d[j]-m.d[i]
	m.d[i], m.d[j] = a+gap*sin*sin, a+gap*cos*cos
	rotate(m.q.row(i)[m.lo:m.hi], m.q.row(j)[m.lo:m.hi], cos, sin)
	if si, sj := &m.support[i-m.lo], &m.support[j-m.lo]; *si != *sj {
		*si, *sj = whole, whole
	}
	m.deflated = append(m.deflated, i)
	return true
}

const secularTask = 16 // roots that one task finds

// combine solves the secular equation and multiplies the vectors of the parts with its own. Vectors
// that are zero before or behind the cut are multiplied there only.
func (m *merger[T]) combine(rho float64) {
	k := len(m.kept)
	s := &secular{rho: rho, d: make([]float64, k), z: make([]float64, k), at: make([]int, k), tau: make([]float64, k)}
	for i, r := range m.kept {
		s.d[i], s.z[i] = m.d[r], m.z[r]
	}
	tasks := (k + secularTask - 1) / secularTask
	each := func(f func(lo, hi int)) {
		Parallel(m.g.threads, tasks, func(_, t int) { f(t*secularTask, min((t+1)*secularTask, k)) })
	}
	each(func(lo, hi int) {
		for i := lo; i < hi; i++ {
			s.solve(i)
		}
	})
	z := make([]float64, k)
	each(func(lo, hi int) { s.refit(z, lo, hi) })
	place, firsts, seconds := m.gather()
	values := make([]float64, 0, m.hi-m.lo)
	for i := range k {
		values = append(values, s.root(i))
	}
	for _, r := range m.deflated {
		values = append(values, m.d[r])
	}
	from := m.wanted(values, k)
	each(func(lo, hi int) {
		for i := max(lo, from); i < hi; i++ {
			vector(s, m.s.row(i)[:k], z, place, i)
		}
	})
	roots, left := m.q.part(m.lo+from, m.lo+k, m.lo, m.hi), m.mid-m.lo
	m.g.Gemm(Plain, Plain, 1, m.s.part(from, k, 0, seconds), m.old.part(0, seconds, 0, left), 0, roots.part(0, k-from, 0, left))
	m.g.Gemm(Plain, Plain, 1, m.s.part(from, k, firsts, k), m.old.part(firsts, k, left, m.hi-m.lo), 0, roots.part(0, k-from, left, m.hi-m.lo))
	for i := range m.deflated {
		copy(m.q.row(m.lo + k + i)[m.lo:m.hi], m.old.row(k+i))
	}
	for i, v := range values {
		m.order[i], m.d[m.lo+i] = m.lo+i, v
	}
}

// gather copies the vectors to old: those that take part by their support, then the deflated ones.
// place[i] is the row of kept[i]; what rows before firsts hold behind the cut, and those from seconds
// on before it, would be zero and is left out.
func (m *merger[T]) gather() (place []int, firsts, seconds int) {
	place = make([]int, len(m.kept))
	at, left, n := 0, m.mid-m.lo, m.hi-m.lo
	columns := [...][2]int{first: {0, left}, whole: {0, n}, second: {left, n}}
	for _, s := range []support{first, whole, second} {
		from, to := columns[s][0], columns[s][1]
		for i, r := range m.kept {
			if m.support[r-m.lo] == s {
				place[i] = at
				copy(m.old.row(at)[from:to], m.q.row(r)[m.lo+from:m.lo+to])
				at++
			}
		}
		switch s {
		case first:
			firsts = at
		case whole:
			seconds = at
		}
	}
	for _, r := range m.deflated {
		copy(m.old.row(at), m.q.row(r)[m.lo:m.hi])
		at++
	}
	return place, firsts, seconds
}

// wanted returns the first of the k roots, the first k values, that is among the keep largest.
func (m *merger[T]) wanted(values []float64, k int) int {
	if m.keep >= len(values) {
		return 0
	}
	all := slices.Clone(values)
	slices.Sort(all)
	least := all[len(all)-m.keep]
	from, _ := slices.BinarySearch(values[:k], least)
	return from
}
