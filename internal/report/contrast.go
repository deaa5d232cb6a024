package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

// Verdicts of a contrast. "same" is an equivalence: the whole interval lies within
// margin of equal cost, which a mere lack of significance would not show.
const (
	VerdictSame      = "same"      // the interval of the ratio lies within ±5 %
	VerdictDifferent = "different" // the interval excludes 1 and leaves ±5 %
	VerdictUndecided = "undecided" // the interval contains 1 and leaves ±5 %: too few or too noisy trials
)

const (
	margin    = 0.05
	resamples = 1000
)

// complexityLevels in rising order; contrasts are taken against the first that occurs.
var complexityLevels = [...]string{"low", "medium", "high"}

// observation is a cost in a group (what is compared) and a block (what is held equal).
type observation struct {
	group, block int
	cost         float64 // logarithm
}

// complexity compares the cost of the levels of semantic complexity at equal length.
func complexity(config string, trials []store.Trial) []Contrast {
	return contrasts(config, trials, complexityLevels[:], func(i int) int {
		return slices.Index(complexityLevels[:], trials[i].Complexity)
	})
}

// drift compares the last third of the trials with the first, at equal length.
func drift(config string, trials []store.Trial) []Contrast {
	if len(trials) < 6 {
		return []Contrast{}
	}
	third := len(trials) / 3
	return contrasts(config, trials, []string{"first third", "last third"}, func(i int) int {
		switch {
		case i < third:
			return 0
		case i >= len(trials)-third:
			return 1
		}
		return -1
	})
}

// contrasts compares, for every fixed metric, each named group with the first that
// occurs. group returns the index of a trial's group, or −1 to leave the trial out.
func contrasts(config string, trials []store.Trial, names []string, group func(i int) int) []Contrast {
	result := []Contrast{}
	for _, m := range metrics {
		var data []observation
		for i, t := range trials {
			v, g := value(t.Figures, m.name), group(i)
			if v != nil && *v > 0 && g >= 0 {
				data = append(data, observation{g, t.X, math.Log(*v)})
			}
		}
		base := -1
		for g, name := range names {
			if !slices.ContainsFunc(data, func(o observation) bool { return o.group == g }) {
				continue
			}
			if base < 0 {
				base = g
				continue
			}
			if c, ok := contrast(data, base, g); ok {
				c.Config, c.Metric, c.Group, c.Against = config, m.name, name, names[base]
				result = append(result, c)
			}
		}
	}
	return result
}

// contrast estimates the ratio of the costs of group over base, with a percentile
// bootstrap that resamples whole trials within each cell of group and block. It needs
// three trials in each group and a block in which both occur.
func contrast(data []observation, base, group int) (Contrast, bool) {
	cells := map[[2]int][]float64{}
	count := [2]int{}
	for _, o := range data {
		switch o.group {
		case base:
			count[0]++
			cells[[2]int{0, o.block}] = append(cells[[2]int{0, o.block}], o.cost)
		case group:
			count[1]++
			cells[[2]int{1, o.block}] = append(cells[[2]int{1, o.block}], o.cost)
		}
	}
	effect, ok := blockedEffect(cells)
	if !ok || count[0] < 3 || count[1] < 3 {
		return Contrast{}, false
	}
	// Cells of one or two trials know little of their own spread, so residuals are pooled
	// over all cells and dealt anew, widened for the means that were estimated.
	residuals, inflate := pooledResiduals(cells)
	if residuals == nil {
		return Contrast{}, false
	}
	random := stat.Rand(uint64(group))
	keys := sortedCells(cells)
	effects := make([]float64, resamples)
	for r := range effects {
		drawn := make(map[[2]int][]float64, len(cells))
		for _, key := range keys {
			m := stat.Mean(cells[key])
			for range cells[key] {
				drawn[key] = append(drawn[key], m+inflate*residuals[random.IntN(len(residuals))])
			}
		}
		effects[r], _ = blockedEffect(drawn)
	}
	span := stat.PercentileInterval(effects, stat.DefaultLevel)
	ci := law.Interval{Lo: math.Exp(span.Lo), Hi: math.Exp(span.Hi)}
	return Contrast{Ratio: math.Exp(effect), CI: ci, N: count[0] + count[1], Verdict: verdict(ci)}, true
}

// blockedEffect is the mean difference between the two groups over the blocks in which
// both occur, each block weighted by n₀·n₁/(n₀+n₁): the least-squares effect of the group
// in the additive model cost = block + group.
func blockedEffect(cells map[[2]int][]float64) (float64, bool) {
	var sum, weight float64
	for _, key := range sortedCells(cells) {
		low, high := cells[[2]int{0, key[1]}], cells[[2]int{1, key[1]}]
		if key[0] != 0 || len(low) == 0 || len(high) == 0 {
			continue
		}
		n, m := float64(len(low)), float64(len(high))
		w := n * m / (n + m)
		sum += w * (stat.Mean(high) - stat.Mean(low))
		weight += w
	}
	return sum / weight, weight > 0
}

// pooledResiduals returns the distances of all values from their cell's mean, and the
// factor that undoes the shrinking which comes from estimating those means.
func pooledResiduals(cells map[[2]int][]float64) ([]float64, float64) {
	var residuals []float64
	for _, key := range sortedCells(cells) {
		m := stat.Mean(cells[key])
		for _, v := range cells[key] {
			residuals = append(residuals, v-m)
		}
	}
	n, free := len(residuals), len(residuals)-len(cells)
	if free <= 0 {
		return nil, 0 // one trial per cell: nothing is known of the noise
	}
	return residuals, math.Sqrt(float64(n) / float64(free))
}

// sortedCells fixes an order, so that sums and draws do not depend on that of a map.
func sortedCells(cells map[[2]int][]float64) [][2]int {
	keys := make([][2]int, 0, len(cells))
	for key := range cells {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return keys
}

func verdict(ci law.Interval) string {
	switch {
	case ci.Lo >= 1-margin && ci.Hi <= 1+margin:
		return VerdictSame
	case ci.Lo > 1 || ci.Hi < 1:
		return VerdictDifferent
	}
	return VerdictUndecided
}

// medianInterval is the percentile bootstrap interval of a median.
func medianInterval(vs []float64) *law.Interval {
	random := stat.Rand(uint64(len(vs)))
	medians, draw := make([]float64, resamples), make([]float64, len(vs))
	for r := range medians {
		for i := range draw {
			draw[i] = vs[random.IntN(len(vs))]
		}
		medians[r] = stat.Median(draw)
	}
	span := stat.PercentileInterval(medians, stat.DefaultLevel)
	return &law.Interval{Lo: span.Lo, Hi: span.Hi}
}

// sentence says a contrast in words.
func (c Contrast) sentence() string {
	change := fmt.Sprintf("%s %% (%s … %s)", signed(100*(c.Ratio-1)), signed(100*(c.CI.Lo-1)), signed(100*(c.CI.Hi-1)))
	switch c.Verdict {
	case VerdictSame:
		return fmt.Sprintf("%s costs the same as %s within 5 %%: %s.", c.Group, c.Against, change)
	case VerdictDifferent:
		return fmt.Sprintf("%s costs differently from %s: %s.", c.Group, c.Against, change)
	}
	text := fmt.Sprintf("not settled between %s and %s: %s", c.Group, c.Against, change)
	if times := c.needed(); times > 0 {
		text += fmt.Sprintf("; about %s times as many trials would settle it", number(times, 0))
	}
	return text + "."
}

// needed is about how many times the trials would bring the interval within the margin, if the
// ratio stays; 0 where none would.
func (c Contrast) needed() float64 {
	room := math.Log1p(margin) - math.Abs(math.Log(c.Ratio))
	times := math.Pow((math.Log(c.CI.Hi)-math.Log(c.CI.Lo))/2/room, 2)
	if !(room > margin/10) || !(times > 0) || math.IsInf(times, 0) {
		return 0
	}
	return math.Max(2, math.Ceil(times))
}

// signed writes a percentage with its sign and one decimal.
func signed(v float64) string {
	text := number(v, 1)
	if v > 0 && text != "0.0" {
		return "+" + text
	}
	return text
}
