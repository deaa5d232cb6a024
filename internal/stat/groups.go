package stat

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Observation is one cost at one x in one group, such as a complexity of prompts.
type Observation struct {
	Group string
	X     float64
	Y     float64 // above zero
}

// Verdicts of an equivalence test.
const (
	Equivalent   = "equivalent"   // the whole interval of the ratio lies within the margin
	Different    = "different"    // the interval leaves out 1 and reaches beyond the margin
	Inconclusive = "inconclusive" // the interval holds 1 and reaches beyond the margin
)

// Effect is the cost of a group relative to the reference group at the same x.
type Effect struct {
	Group   string   `json:"group"`
	Ratio   float64  `json:"ratio"`
	CI      Interval `json:"ci"`
	Verdict string   `json:"verdict"`
	N       int      `json:"n"`
}

// GroupEffects is the answer to "does the group matter, length being equal".
type GroupEffects struct {
	Reference string   `json:"reference"`
	Margin    float64  `json:"margin"`
	Level     float64  `json:"level"`
	Effects   []Effect `json:"effects"` // one per other group, in order of name
	// P is the p value of "no group matters" (F test). A small one with all verdicts
	// equivalent means: there is an effect, and it is too small to matter.
	P        float64  `json:"p"`
	Scatter  float64  `json:"scatter"` // relative standard deviation that remains
	Freedom  int      `json:"freedom"` // degrees of freedom of it
	Warnings []string `json:"warnings"`
}

// ErrGroups is wrapped by errors that say the observations cannot be compared by group.
var ErrGroups = errors.New("stat: cannot compare groups")

// CompareGroups estimates the ratio of each group's cost to the reference group's at the same
// x and tests whether it lies within ±margin: within 1/(1+margin) … 1+margin. It assumes
// scatter of the same relative size everywhere (normal in the logarithm) and one ratio for
// all x, and fits log y = level of x + effect of group by least squares; groups need not be
// balanced, but each must share an x with another. Calling a group equivalent only when the
// whole 95 % interval lies within the margin errs on the side of caution: two one-sided tests
// at 5 % (Schuirmann, 1987) would take the 90 % interval.
func CompareGroups(obs []Observation, reference string, margin float64, opt Options) (GroupEffects, error) {
	opt, err := opt.checked()
	if err != nil {
		return GroupEffects{}, err
	}
	if !(margin > 0 && margin < 10) {
		return GroupEffects{}, fmt.Errorf("%w: margin %v; want a relative one such as 0.05", ErrGroups, margin)
	}
	g, err := newGrouped(obs, reference)
	if err != nil {
		return GroupEffects{}, err
	}
	out := GroupEffects{Reference: reference, Margin: margin, Level: opt.Level, Warnings: []string{}, Freedom: len(obs) - g.lengths - len(g.names)}
	if out.Freedom < 1 {
		return out, fmt.Errorf("%w: %d observations for %d lengths and %d groups; add repeats", ErrGroups, len(obs), g.lengths, len(g.names)+1)
	}
	inverse, err := invert(g.normal)
	if err != nil {
		return out, err
	}
	effect := make([]float64, len(g.names))
	explained := 0.0
	for i := range effect {
		for j, v := range g.moment {
			effect[i] += inverse[i][j] * v
		}
		explained += effect[i] * g.moment[i]
	}
	residual := max(g.total-explained, 0)
	variance := residual / float64(out.Freedom)
	out.Scatter = math.Sqrt(variance)
	out.P = fTest(explained, residual, len(effect), out.Freedom)
	t := studentT(out.Freedom, opt.Level)
	for i, name := range g.names {
		half := t * math.Sqrt(variance*inverse[i][i])
		e := Effect{
			Group: name, Ratio: math.Exp(effect[i]), N: g.counts[name],
			CI: Interval{Lo: math.Exp(effect[i] - half), Hi: math.Exp(effect[i] + half)},
		}
		e.Verdict = verdict(e.CI, margin)
		out.Effects = append(out.Effects, e)
	}
	if out.Freedom < 10 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("only %d degrees of freedom: the intervals are wide, add repeats", out.Freedom))
	}
	return out, nil
}

func verdict(ci Interval, margin float64) string {
	switch {
	case ci.Lo >= 1/(1+margin) && ci.Hi <= 1+margin:
		return Equivalent
	case !ci.Contains(1):
		return Different
	}
	return Inconclusive
}

// grouped is the least-squares problem of the group effects after the level of each x was
// taken out: every log cost and every group's indicator less its mean at that x.
type grouped struct {
	names   []string       // groups but the reference
	counts  map[string]int // observations by group
	lengths int
	normal  [][]float64 // indicators × indicators
	moment  []float64   // indicators × log cost
	total   float64     // log cost squared
}

func newGrouped(obs []Observation, reference string) (*grouped, error) {
	g := &grouped{counts: map[string]int{}}
	byX := map[float64][]Observation{}
	for i, o := range obs {
		if !(o.Y > 0) || math.IsInf(o.Y, 0) || math.IsNaN(o.X) {
			return nil, fmt.Errorf("%w: observation %d is %v at x = %v; a ratio needs finite costs above zero", ErrGroups, i+1, o.Y, o.X)
		}
		g.counts[o.Group]++
		byX[o.X] = append(byX[o.X], o)
	}
	if g.counts[reference] == 0 {
		return nil, fmt.Errorf("%w: no observation of the reference group %q", ErrGroups, reference)
	}
	for _, name := range slices.Sorted(maps.Keys(g.counts)) {
		if name != reference {
			g.names = append(g.names, name)
		}
	}
	if len(g.names) == 0 {
		return nil, fmt.Errorf("%w: there is no group but %q", ErrGroups, reference)
	}
	if len(g.names) > 100 {
		return nil, fmt.Errorf("%w: %d groups; want at most 101", ErrGroups, len(g.names)+1)
	}
	g.lengths, g.moment = len(byX), make([]float64, len(g.names))
	for range g.names {
		g.normal = append(g.normal, make([]float64, len(g.names)))
	}
	for _, x := range slices.SortedFunc(maps.Keys(byX), cmp.Compare[float64]) {
		g.add(byX[x])
	}
	return g, nil
}

// add takes the observations at one x into the sums.
func (g *grouped) add(at []Observation) {
	n, mean := float64(len(at)), 0.0
	share := make([]float64, len(g.names))
	sums := make([]float64, len(g.names)) // of log cost by group
	for _, o := range at {
		mean += math.Log(o.Y) / n
	}
	for _, o := range at {
		d := math.Log(o.Y) - mean
		g.total += d * d
		if i, ok := slices.BinarySearch(g.names, o.Group); ok {
			share[i] += 1 / n
			sums[i] += d
		}
	}
	for i := range g.names {
		g.moment[i] += sums[i] // deviations from the mean add up to zero: the indicator's mean drops out
		g.normal[i][i] += n * share[i]
		for j := range g.names {
			g.normal[i][j] -= n * share[i] * share[j]
		}
	}
}

// invert returns the inverse of a symmetric positive definite matrix by Gauss–Jordan.
func invert(m [][]float64) ([][]float64, error) {
	n := len(m)
	work := make([][]float64, n)
	for i := range m {
		work[i] = append(slices.Clone(m[i]), make([]float64, n)...)
		work[i][n+i] = 1
	}
	for i := range n {
		pivot := work[i][i]
		if !(pivot > 1e-9) { // the entries count observations
			return nil, fmt.Errorf("%w: some group shares no x with the others", ErrGroups)
		}
		for j := range work[i] {
			work[i][j] /= pivot
		}
		for k := range n {
			if f := work[k][i]; k != i && f != 0 {
				for j := range work[k] {
					work[k][j] -= f * work[i][j]
				}
			}
		}
	}
	for i := range work {
		work[i] = work[i][n:]
	}
	return work, nil
}

// fTest is the p value of the explained sum of squares.
func fTest(explained, residual float64, groups, freedom int) float64 {
	if residual <= 0 {
		if explained <= 0 {
			return 1
		}
		return 0
	}
	f := explained / float64(groups) / (residual / float64(freedom))
	return distuv.F{D1: float64(groups), D2: float64(freedom)}.Survival(max(f, 0))
}
