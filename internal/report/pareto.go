package report

import (
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

// Axes of a Pareto picture besides metrics of cost.
const (
	AxisBytes    = "bytes"    // of the weights
	AxisAccuracy = "accuracy" // share of tasks answered rightly
)

// Pareto sets several models against each other in two respects: what they are worth, and what they
// cost.
type Pareto struct {
	X       string          `json:"x"` // "bytes", or the metric of the cost of an answer
	Y       string          `json:"y"` // "accuracy"; without tasks the metric of the cost of a request, of which less is better
	XUnit   string          `json:"x_unit"`
	YUnit   string          `json:"y_unit"`
	Quality measure.Quality `json:"quality"` // of the cost
	Points  []ParetoPoint   `json:"points"`
}

// ParetoPoint is one configuration, with images of one resolution.
type ParetoPoint struct {
	Config     string        `json:"config"`
	Resolution string        `json:"resolution"`
	X          float64       `json:"x"`
	XCI        *law.Interval `json:"x_ci"`
	Y          float64       `json:"y"`
	YCI        *law.Interval `json:"y_ci"`
	// Frontier says that no other point is as good in both respects and better in one.
	Frontier bool `json:"frontier"`
}

// better reports whether less of y is better.
func (p *Pareto) lessIsBetter() bool { return p.Y != AxisAccuracy }

// mark finds the frontier.
func (p *Pareto) mark() {
	worth := func(q ParetoPoint) float64 {
		if p.lessIsBetter() {
			return -q.Y
		}
		return q.Y
	}
	for i := range p.Points {
		own := &p.Points[i]
		own.Frontier = true
		for _, q := range p.Points {
			if q.X <= own.X && worth(q) >= worth(*own) && (q.X < own.X || worth(q) > worth(*own)) {
				own.Frontier = false
			}
		}
	}
}

// paretos are the pictures of a run of several models: accuracy against the cost of an answer, in
// processor time and, where it was measured, in energy, and against the bytes of the weights; without tasks the cost of a
// request against the bytes.
func paretos(r *Result, trials []store.Trial) []Pareto {
	out := []Pareto{}
	if len(r.Comparisons) == 0 {
		return out
	}
	cells := accuracyCells(r)
	if len(cells) == 0 {
		return append(out, costAgainstBytes(r, trials)...)
	}
	cpu := func(c accuracyCell) *AnswerCost { return c.cost(store.MetricCPUCoreSeconds) }
	joules := func(c accuracyCell) *AnswerCost {
		if e := c.energy(); e != nil && e.Quality == measure.Measured {
			return e
		}
		return nil
	}
	bytes := func(c accuracyCell) *AnswerCost {
		if c.bytes <= 0 {
			return nil
		}
		return &AnswerCost{Metric: AxisBytes, Unit: "B", Quality: measure.Measured, Mean: float64(c.bytes)}
	}
	for _, of := range [...]func(accuracyCell) *AnswerCost{cpu, joules, bytes} {
		if p := accuracyAgainst(cells, of); len(p.Points) > 1 {
			out = append(out, p)
		}
	}
	return out
}

// accuracyAgainst has a point for every cell that has the cost.
func accuracyAgainst(cells []accuracyCell, of func(accuracyCell) *AnswerCost) Pareto {
	p := Pareto{Y: AxisAccuracy}
	for _, c := range cells {
		cost := of(c)
		if cost == nil || p.X != "" && p.X != cost.Metric {
			continue
		}
		p.X, p.XUnit, p.Quality = cost.Metric, cost.Unit, cost.Quality
		ci := c.CI
		p.Points = append(p.Points, ParetoPoint{Config: c.id, Resolution: c.Resolution, X: cost.Mean, XCI: cost.CI, Y: c.Value, YCI: &ci})
	}
	p.mark()
	return p
}

// costAgainstBytes has the mean cost of a request over the trials of each configuration.
func costAgainstBytes(r *Result, trials []store.Trial) []Pareto {
	p := Pareto{X: AxisBytes, XUnit: "B", Y: store.MetricCPUCoreSeconds, YUnit: describe(store.MetricCPUCoreSeconds).unit, Quality: measure.Measured}
	for _, c := range r.Configs {
		var costs, same []float64
		var block []int
		for _, t := range trials {
			v := value(t.Figures, p.Y)
			if t.Config == c.ID && v != nil && t.Figures[p.Y].Quality == p.Quality {
				costs, same, block = append(costs, *v), append(same, 1), append(block, t.X)
			}
		}
		if len(costs) == 0 || c.Bytes <= 0 {
			continue
		}
		point := ParetoPoint{Config: c.ID, X: float64(c.Bytes), Y: stat.Mean(costs)}
		if e, err := stat.RatioOfSums(same, costs, block, stat.Options{}); err == nil { // over as many ones: the mean
			point.YCI = finite(e.CI)
		}
		p.Points = append(p.Points, point)
	}
	if len(p.Points) < 2 {
		return nil
	}
	p.mark()
	return []Pareto{p}
}
