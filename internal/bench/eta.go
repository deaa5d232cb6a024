package bench

import (
	"math"
	"slices"
	"time"

	"github.com/wattlaw/wattlaw/internal/workload"
)

// eta predicts how long the rest of a run takes from how long requests of the same work
// took, or of the next smaller and larger ones. Work is what is swept: tokens or pixels.
type eta struct {
	byConfig map[string]*curve
	all      curve   // of all configurations: for one that has made no request yet
	trials   float64 // number of trials, and seconds spent around their windows
	between  float64
}

// curve holds the mean time of requests by their work.
type curve struct{ points []curvePoint } // in order of work

type curvePoint struct{ work, seconds, n float64 }

func (c *curve) add(work, seconds float64) {
	i, found := slices.BinarySearchFunc(c.points, work, func(p curvePoint, w float64) int {
		switch {
		case p.work < w:
			return -1
		case p.work > w:
			return 1
		}
		return 0
	})
	if !found {
		c.points = slices.Insert(c.points, i, curvePoint{work: work})
	}
	p := &c.points[i]
	p.n++
	p.seconds += (seconds - p.seconds) / p.n
}

// at interpolates between the known points, and takes time to grow in proportion to work
// beyond them: good enough for a progress bar.
func (c *curve) at(work float64) float64 {
	if len(c.points) == 0 {
		return 0
	}
	i := slices.IndexFunc(c.points, func(p curvePoint) bool { return p.work >= work })
	switch {
	case i >= 0 && (c.points[i].work == work || i == 0):
		return c.points[i].seconds * work / c.points[i].work
	case i < 0:
		last := c.points[len(c.points)-1]
		return last.seconds * work / last.work
	}
	a, b := c.points[i-1], c.points[i]
	return a.seconds + (b.seconds-a.seconds)*(work-a.work)/(b.work-a.work)
}

func (e *eta) request(config string, work, seconds float64) {
	if e.byConfig == nil {
		e.byConfig = map[string]*curve{}
	}
	if e.byConfig[config] == nil {
		e.byConfig[config] = &curve{}
	}
	e.byConfig[config].add(work, seconds)
	e.all.add(work, seconds)
}

func (e *eta) overhead(seconds float64) {
	e.trials++
	e.between += seconds
}

// trial predicts the seconds of one trial; 0 while nothing is known.
func (e *eta) trial(config string, work, minWindow float64) float64 {
	known := &e.all
	if own := e.byConfig[config]; own != nil {
		known = own
	}
	if len(known.points) == 0 {
		return 0
	}
	request := max(known.at(work), 1e-9)
	between := 1.0 // a first guess: the margins and the pause
	if e.trials > 0 {
		between = e.between / e.trials
	}
	return max(1, math.Ceil(minWindow/request))*request + between
}

// work is what the time of a request depends on.
func (r *runner) work(item workload.Item) float64 {
	if r.plan.Images() {
		return float64(item.X)
	}
	return float64(item.X + r.plan.OutputTokens)
}

// remaining predicts the time until the last trial is finished, and the closing baseline.
func (r *runner) remaining() time.Duration {
	left := 0.0
	for _, item := range r.items {
		if !r.done[item.Seq] {
			left += r.eta.trial(item.Config, r.work(item), r.minWindow())
		}
	}
	if left == 0 && len(r.done) < len(r.items) {
		return 0
	}
	if r.answers > 0 {
		left += float64(r.answersPlanned()-len(r.answered)) * r.answering / float64(r.answers)
	}
	closing := len(r.configs)
	if r.plan.Reload {
		closing = 1
	}
	left += float64(closing) * r.plan.Baseline.Seconds
	return seconds(left).Round(time.Second)
}
