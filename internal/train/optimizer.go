package train

import (
	"fmt"
	"math"
	"time"
)

// Schedule is the learning rate over the steps of a training: it rises in a line for WarmUp steps
// to Peak, then falls to Floor on half a cosine (Loshchilov & Hutter, "SGDR", 2017) until Steps, or
// over the Time that steps take.
type Schedule struct {
	Peak   float64 `json:"peak"`
	Floor  float64 `json:"floor"`
	WarmUp int     `json:"warm_up"`
	Steps  int     `json:"steps"`
	// Time, instead of Steps, makes a training last that long.
	Time time.Duration `json:"time,omitempty"`
}

// Rate returns the learning rate of a step, counted from 0.
func (s Schedule) Rate(step int) float64 {
	switch {
	case step < s.WarmUp:
		return s.Peak * float64(step+1) / float64(s.WarmUp)
	case step >= s.Steps:
		return s.Floor
	}
	return s.fall(float64(step-s.WarmUp) / float64(s.Steps-s.WarmUp))
}

// fall is the half cosine after a share of it.
func (s Schedule) fall(done float64) float64 {
	return s.Floor + (s.Peak-s.Floor)*(1+math.Cos(math.Pi*min(done, 1)))/2
}

// after is Rate for a schedule of steps or of time, of which some is spent.
func (s Schedule) after(step int, spent time.Duration) float64 {
	if s.Time > 0 && step >= s.WarmUp {
		return s.fall(spent.Seconds() / s.Time.Seconds())
	}
	return s.Rate(step)
}

// done says whether the steps done are all, or a further one would not fit into the time.
func (s Schedule) done(step int, spent time.Duration) bool {
	if s.Time > 0 {
		return step > 0 && spent+spent/time.Duration(step) > s.Time
	}
	return step >= s.Steps
}

// check errs for what is no schedule.
func (s Schedule) check() error {
	finite := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	switch {
	case !finite(s.Peak) || s.Peak == 0 || !finite(s.Floor) || s.Floor > s.Peak:
		return fmt.Errorf("learning rate from %v to %v: want a positive peak and a floor from 0 to it", s.Peak, s.Floor)
	case s.Time < 0 || s.Time > 0 && s.Steps != 0:
		return fmt.Errorf("%v and %d steps: want a time or a number of steps", s.Time, s.Steps)
	case s.Time > 0 && s.WarmUp >= 0:
	case s.Steps < 1 || s.WarmUp < 0 || s.WarmUp > s.Steps:
		return fmt.Errorf("%d steps of which %d warm up: want at least one, and no more to warm up", s.Steps, s.WarmUp)
	}
	return nil
}

// adam holds the moments of AdamW (Loshchilov & Hutter, "Decoupled weight decay regularization",
// 2019), one value per parameter's.
type adam struct{ first, second [][]float32 }

func newAdam(params []*Param) adam {
	var a adam
	for _, p := range params {
		a.first = append(a.first, make([]float32, len(p.Value)))
		a.second = append(a.second, make([]float32, len(p.Value)))
	}
	return a
}

// update improves the values with gradients scaled by shrink, as the step'th update from 1, at a rate:
//
//	m = β₁m + (1−β₁)g, v = β₂v + (1−β₂)g², w −= rate·(m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε) + decay·w)
//
// Norms and biases do not decay.
func (m *Model) update(a adam, plan Plan, step int, rate float64, shrink float32) {
	b1, b2 := float32(plan.Beta1), float32(plan.Beta2)
	lift1 := float32(1 / (1 - math.Pow(plan.Beta1, float64(step))))
	lift2 := float32(1 / (1 - math.Pow(plan.Beta2, float64(step))))
	for i, p := range m.params {
		first, second := a.first[i], a.second[i]
		if plan.Muon && m.orthogonal(p) {
			m.muon(p, first, plan, rate, shrink)
			continue
		}
		rate, keep := rate, float32(1)
		if len(p.Shape) > 1 {
			if plan.Muon {
				rate *= plan.Outer
			}
			keep = float32(1 - rate*plan.Decay)
		}
		m.spread(len(p.Value), grain, func(i, j int) {
			values, grads, first, second := p.Value[i:j], p.Grad[i:j], first[i:j], second[i:j]
			for k, g := range grads {
				g *= shrink
				first[k] = b1*first[k] + (1-b1)*g
				second[k] = b2*second[k] + (1-b2)*g*g
				root := float32(math.Sqrt(float64(second[k] * lift2)))
				values[k] = keep*values[k] - float32(rate)*(first[k]*lift1)/(root+float32(plan.Epsilon))
			}
		})
	}
}

// gradientNorm returns the gradients' Euclidean length. Sums run over fixed spans, so that threads do not
// change it.
func (m *Model) gradientNorm() float64 {
	var total float64
	for _, p := range m.params {
		sums := make([]float64, (len(p.Grad)+grain-1)/grain)
		m.spread(len(p.Grad), grain, func(i, j int) {
			var sum float64
			for _, g := range p.Grad[i:j] {
				sum += float64(g) * float64(g)
			}
			sums[i/grain] = sum
		})
		for _, s := range sums {
			total += s
		}
	}
	return math.Sqrt(total)
}
