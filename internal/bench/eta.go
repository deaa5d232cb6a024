package bench

import (
	"math"
	"time"
)

// eta predicts how long the rest of a run takes. Its unit of work is the token: good enough
// for a progress bar.
type eta struct {
	tokens, seconds float64 // of all requests so far
	trials, between float64 // number of trials, and seconds spent around their windows
}

func (e *eta) request(tokens int, seconds float64) {
	e.tokens += float64(tokens)
	e.seconds += seconds
}

func (e *eta) overhead(seconds float64) {
	e.trials++
	e.between += seconds
}

// trial predicts the seconds of one trial; 0 while nothing is known.
func (e *eta) trial(tokens int, minWindow float64) float64 {
	if e.tokens == 0 {
		return 0
	}
	request := max(float64(tokens)*e.seconds/e.tokens, 1e-9)
	between := 1.0 // a first guess: the margins and the pause
	if e.trials > 0 {
		between = e.between / e.trials
	}
	return max(1, math.Ceil(minWindow/request))*request + between
}

// remaining predicts the time until the last trial is finished, and the closing baseline.
func (r *runner) remaining() time.Duration {
	left := 0.0
	for _, item := range r.items {
		if !r.done[item.Seq] {
			left += r.eta.trial(item.X+r.plan.OutputTokens, r.plan.MinWindow)
		}
	}
	if left == 0 && len(r.done) < len(r.items) {
		return 0
	}
	left += float64(len(r.configs)) * r.plan.Baseline.Seconds
	return seconds(left).Round(time.Second)
}
