package measure

import (
	"fmt"
	"math"
)

const (
	maxAlignWork   = 4e8 // products in one search: seconds, not minutes
	minCorrelation = 0.5
)

// Alignment is the distance between two clocks found from the same event in both.
type Alignment struct {
	Offset      int64   // nanoseconds to add to the log's time stamps to get the reference's
	Correlation float64 // Pearson's r at that offset
}

// Align finds the offset of a log's clock from the reference's by cross-correlation of the
// two curves, for instance a pulse of CPU load against the power that an external meter
// logged. Offsets up to ±maxShift seconds are searched on a grid of the finer period of the
// two, and the best is refined by a parabola through its neighbours. Below a correlation of
// 0.5, or with the best one at the edge of the search, the curves do not show the same event
// and an error is returned.
func Align(reference, log Series, maxShift float64) (Alignment, error) {
	a, b := reference.Valid(), log.Valid()
	if len(a.T) < 2 || len(b.T) < 2 {
		return Alignment{}, fmt.Errorf("align %s to %s: both need at least 2 valid samples", log.Channel.Name, reference.Channel.Name)
	}
	step := max(1, min(a.Period(), b.Period()))
	aw, bw := Window{a.T[0], a.T[len(a.T)-1]}, Window{b.T[0], b.T[len(b.T)-1]}
	lags := int64(maxShift * 1e9 / float64(step))
	work := float64(2*lags+1) * min(aw.Seconds(), bw.Seconds()) * 1e9 / float64(step)
	if lags < 1 || work > maxAlignWork {
		return Alignment{}, fmt.Errorf("align %s to %s: ±%.3g s at steps of %d ns is not a feasible search; cut the series or narrow the shift",
			log.Channel.Name, reference.Channel.Name, maxShift, step)
	}
	x, err := resample(a, aw, step)
	if err != nil {
		return Alignment{}, fmt.Errorf("align: %w", err)
	}
	y, err := resample(b, bw, step)
	if err != nil {
		return Alignment{}, fmt.Errorf("align: %w", err)
	}
	origin := int((bw.Start - aw.Start) / step) // where y[0] lies in x without any shift
	remainder := (bw.Start - aw.Start) - int64(origin)*step
	r := make([]float64, 2*lags+1)
	best := 0
	for k := range r {
		r[k] = overlapCorrelation(x, y, origin+k-int(lags))
		if r[k] > r[best] {
			best = k
		}
	}
	if r[best] < minCorrelation || best == 0 || best == len(r)-1 {
		return Alignment{Correlation: r[best]}, fmt.Errorf("align %s to %s: no common event within ±%.3g s (best correlation %.2f)",
			log.Channel.Name, reference.Channel.Name, maxShift, r[best])
	}
	shift := float64(best) - float64(lags) + vertex(r[best-1], r[best], r[best+1])
	return Alignment{Offset: int64(math.Round(shift*float64(step))) - remainder, Correlation: r[best]}, nil
}

// overlapCorrelation is Pearson's r of x[i+at] and y[i] where both exist, −1 when that is
// less than half of the shorter one or when one of them is constant there.
func overlapCorrelation(x, y []float64, at int) float64 {
	lo, hi := max(0, -at), min(len(y), len(x)-at)
	n := float64(hi - lo)
	if hi <= lo || 2*(hi-lo) < min(len(x), len(y)) {
		return -1
	}
	mx, sx := meanDeviation(x[lo+at : hi+at])
	my, sy := meanDeviation(y[lo:hi])
	if sx == 0 || sy == 0 {
		return -1
	}
	var sum float64
	for i := lo; i < hi; i++ {
		sum += (x[i+at] - mx) * (y[i] - my)
	}
	return sum / (n * sx * sy)
}

// vertex is the place of the top of the parabola through (−1, l), (0, m), (1, r) with m the
// largest: between −½ and ½.
func vertex(l, m, r float64) float64 {
	curvature := l - 2*m + r
	if curvature >= 0 {
		return 0
	}
	return (l - r) / (2 * curvature)
}
