package law

import (
	"maps"
	"math"
	"slices"
)

// segments is the trials by x, in increasing order, prepared for the search of a breakpoint:
// everything that does not depend on the costs is worked out once, so that one resample
// costs microseconds.
//
// Between two neighbouring x the curve below the knee and the level above it are free of
// each other: the best breakpoint there is where their separate least-squares fits meet, if
// they meet between the two. If not, the best one lies on an x. So the minimum over all
// breakpoints is found exactly, without a grid of trial values (Hudson, 1966).
type segments struct {
	degree int
	x, w   []float64
	of     []int     // trial → its group
	share  []float64 // trial → its share in the weighted mean of its group
	whole  *wls      // no knee: one polynomial over all x
	joints []joint
}

// joint is one place where the knee can be: on x[j], or between x[j] and x[j+1].
type joint struct {
	j       int
	between bool
	p       *wls // columns 1, u, … with u = min(x, x[j]); or those below and the level above
}

// kneeFit is one fitted segmented curve in scaled units.
type kneeFit struct {
	at   float64
	coef vector // a, b[, c]
	rss  float64
}

// newSegments fails when the x do not tell the coefficients apart; there may be no place for
// a knee at all when they are too few.
func (d *data) newSegments(degree int) (*segments, error) {
	s := &segments{degree: degree}
	index := map[float64]int{}
	for _, x := range d.x {
		index[x] = 0
	}
	s.x = slices.Sorted(maps.Keys(index))
	for g, x := range s.x {
		index[x] = g
	}
	s.w, s.of, s.share = make([]float64, len(s.x)), make([]int, len(d.x)), make([]float64, len(d.x))
	for i, x := range d.x {
		s.of[i] = index[x]
		s.w[s.of[i]] += d.w[i]
	}
	for i, g := range s.of {
		s.share[i] = d.w[i] / s.w[g]
	}
	var err error
	if s.whole, err = newWLS(powers(s.x, degree), s.w); err != nil {
		return nil, err
	}
	for j := degree; j < len(s.x)-1; j++ {
		if p, err := newWLS(powers(clamped(s.x, s.x[j]), degree), s.w); err == nil {
			s.joints = append(s.joints, joint{j: j, p: p})
		}
		if p, err := newWLS(split(s.x, j, degree), s.w); err == nil {
			s.joints = append(s.joints, joint{j: j, between: true, p: p})
		}
	}
	return s, nil
}

// powers returns the columns 1, u, … u^degree.
func powers(u []float64, degree int) [][]float64 {
	cols := [][]float64{ones(len(u))}
	for j := range degree {
		col := make([]float64, len(u))
		for i := range u {
			col[i] = cols[j][i] * u[i]
		}
		cols = append(cols, col)
	}
	return cols
}

// clamped returns min(x, k).
func clamped(x []float64, k float64) []float64 {
	u := make([]float64, len(x))
	for i := range x {
		u[i] = min(x[i], k)
	}
	return u
}

// split returns the columns of a polynomial up to x[j] and of a level above it.
func split(x []float64, j, degree int) [][]float64 {
	cols := powers(x, degree)
	level := make([]float64, len(x))
	for i := j + 1; i < len(x); i++ {
		level[i] = 1
		for _, col := range cols {
			col[i] = 0
		}
	}
	return append(cols, level)
}

// means returns the weighted mean of y at every x.
func (s *segments) means(y, out []float64) []float64 {
	out = append(out[:0], make([]float64, len(s.x))...)
	for i, v := range y {
		out[s.of[i]] += s.share[i] * v
	}
	return out
}

// within is the weighted sum of squares of y about its means, which no curve can explain.
func (s *segments) within(y, means []float64) float64 {
	var sum float64
	for i, v := range y {
		g := s.of[i]
		r := v - means[g]
		sum += s.share[i] * s.w[g] * r * r
	}
	return sum
}

// best returns the segmented curve nearest to the means that grows into its knee; false when
// there is none. rss does not count the scatter about the means.
func (s *segments) best(means []float64) (kneeFit, bool) {
	found := kneeFit{rss: math.Inf(1)}
	for _, t := range s.joints {
		var coef vector
		sum := t.p.fit(means, &coef)
		if !(sum < found.rss) {
			continue
		}
		f := kneeFit{at: s.x[t.j], coef: coef, rss: sum}
		if t.between {
			level := coef[s.degree+1]
			f.coef[s.degree+1] = 0
			f.at = meet(f.coef, level)
			if !(f.at > s.x[t.j] && f.at < s.x[t.j+1]) {
				continue
			}
		}
		if f.grows(s.x[0]) {
			found = f
		}
	}
	return found, !math.IsInf(found.rss, 1)
}

// fit solves for the coefficients and returns the weighted residual sum of squares, like
// solve without allocating.
func (p *wls) fit(y []float64, coef *vector) float64 {
	for j := range p.cols {
		coef[j] = dot(p.c[j], y)
	}
	var sum float64
	for i, v := range y {
		for j := range p.cols {
			v -= coef[j] * p.cols[j][i]
		}
		sum += p.w[i] * v * v
	}
	return sum
}

// meet returns where the curve rises through the level; NaN when it does not.
func meet(coef vector, level float64) float64 {
	a, b, c := coef[0]-level, coef[1], coef[2]
	root := math.Sqrt(b*b - 4*a*c)
	if b > 0 { // the stable form of (−b + root)/2c, which also holds for c = 0
		return -2 * a / (b + root)
	}
	return (root - b) / (2 * c)
}

// value is the curve at x.
func (f kneeFit) value(x float64) float64 {
	u := min(x, f.at)
	return f.coef[0] + u*(f.coef[1]+u*f.coef[2])
}

// slope is the growth just below the knee.
func (f kneeFit) slope() float64 { return f.coef[1] + 2*f.coef[2]*f.at }

// grows says whether cost rises from the smallest x to the knee, and still does there.
func (f kneeFit) grows(lowest float64) bool {
	return f.slope() > 0 && f.value(f.at) > f.value(lowest)
}

// profile returns the least sum of squares about the means with the knee at k, wherever that is.
// Where too few x lie below k to tell all coefficients, every k up to the next x fits alike.
func (s *segments) profile(means []float64, k float64) float64 {
	below := len(s.x) - distinctFrom(s.x, k)
	degree := min(s.degree, below)
	if below <= degree {
		k = max(k, s.x[degree])
	}
	p, err := newWLS(powers(clamped(s.x, k), degree), s.w)
	if err != nil {
		return math.Inf(1)
	}
	var coef vector
	return p.fit(means, &coef)
}
