package law

import (
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// meeting is an x at which several groups have trials: the logarithms of their costs.
type meeting struct {
	x    float64
	logs map[string][]float64
}

// meetings lists the x that groups share, in order. An x at which some cost is not above zero is
// left out.
func meetings(points []Point, groups []string) (shared []meeting) {
	at := map[float64]*meeting{}
	bad := map[float64]bool{}
	for i, p := range points {
		m := at[p.X]
		if m == nil {
			m = &meeting{p.X, map[string][]float64{}}
			at[p.X] = m
		}
		if !(p.Y > 0) {
			bad[p.X] = true
			continue
		}
		m.logs[groups[i]] = append(m.logs[groups[i]], math.Log(p.Y))
	}
	for x, m := range at {
		if len(m.logs) > 1 && !bad[x] {
			shared = append(shared, *m)
		}
	}
	slices.SortFunc(shared, func(a, b meeting) int {
		if a.x < b.x {
			return -1
		}
		return 1
	})
	return shared
}

// scatter is the variance of trials of one group at one x, pooled over all, and its degrees of
// freedom.
func scatter(shared []meeting) (variance float64, freedom int) {
	sum := 0.0
	for _, m := range shared {
		for _, name := range slices.Sorted(maps.Keys(m.logs)) {
			logs := m.logs[name]
			mean := stat.Mean(logs)
			for _, v := range logs {
				sum += (v - mean) * (v - mean)
			}
			freedom += len(logs) - 1
		}
	}
	return sum / float64(freedom), freedom
}

// pair fills in how far each group lies off the others where they meet.
func (c *Curve) pair(points []Point, groups, names []string, level float64) {
	c.Unit, c.One = UnitTrial, true
	shared := meetings(points, groups)
	variance, freedom := scatter(shared)
	for _, name := range names {
		o := pairOne(name, shared, variance, freedom, level)
		o.Shared = meetsAt(name, points, groups)
		if o.byX {
			c.Unit = UnitX
		}
		o.Verdict = within(o.Offset.CI, c.Margin)
		c.One = c.One && o.Verdict == stat.Equivalent
		c.Groups = append(c.Groups, o.GroupOffset)
	}
	c.F, c.P = offsetTest(shared, names)
}

// meetsAt counts the x at which a group and another one have trials.
func meetsAt(name string, points []Point, groups []string) int {
	own, others := map[float64]bool{}, map[float64]bool{}
	for i, p := range points {
		if groups[i] == name {
			own[p.X] = true
		} else {
			others[p.X] = true
		}
	}
	n := 0
	for x := range own {
		if others[x] {
			n++
		}
	}
	return n
}

// pairedOffset is an offset, and whether its interval takes each x as one value.
type pairedOffset struct {
	GroupOffset
	byX bool
}

// pairOne is the mean difference of a group's logarithms from the others', each x weighted by
// n·m/(n+m): the least-squares effect of the group in the additive model log cost = x + group. Its
// error comes from the scatter of trials about their means; where the differences vary from x to
// x by more than that explains, or there are no repeats, from the scatter of the differences.
func pairOne(name string, shared []meeting, variance float64, freedom int, level float64) pairedOffset {
	nan := math.NaN()
	o := pairedOffset{GroupOffset: GroupOffset{Group: name, Offset: Coef{Name: "offset", Value: nan, CI: Interval{Lo: nan, Hi: nan}}}}
	var differences, weights []float64
	var sum, total float64
	for _, m := range shared {
		own := m.logs[name]
		var others []float64
		for group, logs := range m.logs {
			if group != name {
				others = append(others, logs...)
			}
		}
		if len(own) == 0 || len(others) == 0 {
			continue
		}
		slices.Sort(others) // a sum that does not depend on the order of a map
		w := float64(len(own)*len(others)) / float64(len(own)+len(others))
		d := stat.Mean(own) - stat.Mean(others)
		differences, weights = append(differences, d), append(weights, w)
		sum, total = sum+w*d, total+w
	}
	if total == 0 {
		return o
	}
	mean, about := sum/total, 0.0
	for i, d := range differences {
		about += weights[i] * (d - mean) * (d - mean)
	}
	between := len(differences) - 1
	o.byX = freedom < 1 || between > 0 && about > rounding*rounding && fTail(about/float64(between)/variance, between, freedom) < misfit
	if o.byX {
		variance, freedom = about/float64(between), between
	}
	o.Offset.Value = math.Exp(mean) - 1
	if freedom < 1 {
		return o
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(freedom)}.Quantile((1 + level) / 2)
	half := t * math.Sqrt(variance/total)
	o.Offset.CI = Interval{Lo: math.Exp(mean-half) - 1, Hi: math.Exp(mean+half) - 1}
	return o
}

// offsetTest is the F test of "no group has an offset" in the additive model of the trials that
// meet others. NaN where groups are not connected by the x that they share.
func offsetTest(shared []meeting, names []string) (f, p float64) {
	var y []float64
	var cols [][]float64
	rows := 0
	for _, m := range shared {
		for _, logs := range m.logs {
			rows += len(logs)
		}
	}
	for range len(shared) + len(names) - 1 {
		cols = append(cols, make([]float64, rows))
	}
	for i, m := range shared {
		for k, name := range names {
			for _, v := range m.logs[name] {
				cols[i][len(y)] = 1
				if k > 0 { // the first group is what the others are told from
					cols[len(shared)+k-1][len(y)] = 1
				}
				y = append(y, v)
			}
		}
	}
	w := slices.Repeat([]float64{1}, rows)
	offsets, freedom := len(names)-1, rows-len(cols)
	if len(shared) == 0 || freedom < 1 {
		return math.NaN(), math.NaN()
	}
	same, err := newWLS(cols[:len(shared)], w)
	if err != nil {
		return math.NaN(), math.NaN()
	}
	apart, err := newWLS(cols, w)
	if err != nil {
		return math.NaN(), math.NaN()
	}
	_, all := same.solve(y)
	_, left := apart.solve(y)
	f = max(0, rss(w, all)-rss(w, left)) / float64(offsets) / max(rss(w, left)/float64(freedom), rounding*rounding)
	return f, fTail(f, offsets, freedom)
}
