package bench

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// tryOut makes the n-th request of a warm-up: the longest prompt or largest image first, so
// that all memory has been touched, then the middle one over and over.
func (r *runner) tryOut(ctx context.Context, c *config, n int) (seconds float64, err error) {
	seed := r.plan.Seed + uint64(n) + 1<<32
	item := workload.Item{Seq: -1, Complexity: workload.Complexity(r.plan.Complexity[0]), PromptSeed: seed, ImageSeed: seed}
	pick := func(sorted int) int {
		if n == 0 {
			return sorted - 1
		}
		return sorted / 2
	}
	if r.plan.Images() {
		sizes, err := r.plan.sizes()
		if err != nil {
			return 0, err
		}
		slices.SortFunc(sizes, func(a, b imaging.Size) int { return a.Pixels() - b.Pixels() })
		item.Size, item.Kind = sizes[pick(len(sizes))], r.gallery.kinds[0]
		item.X = item.Size.Pixels()
	} else {
		lengths := slices.Sorted(slices.Values(r.plan.Tokens))
		item.X = lengths[pick(len(lengths))]
	}
	t, err := r.task(ctx, c, item)
	if err != nil {
		return 0, fmt.Errorf("warm-up of %s: %w", c.id, err)
	}
	start := measure.Now()
	if _, err := c.server.Generate(ctx, r.request(t)); err != nil {
		return 0, fmt.Errorf("warm-up of %s: %w", c.id, err)
	}
	took := float64(measure.Now()-start) / 1e9
	r.eta.request(c.id, r.work(item), took)
	return took, nil
}

// warmUp makes requests until their times agree.
func (r *runner) warmUp(ctx context.Context, c *config) error {
	if r.plan.WarmUp.Max == 0 {
		return nil
	}
	r.emit(StageChanged{StageWarmUp, fmt.Sprintf("at most %d requests to %s", r.plan.WarmUp.Max, c.name())})
	if err := r.attach(ctx, c); err != nil {
		return err
	}
	var times []float64
	cv := math.NaN()
	for n := range r.plan.WarmUp.Max {
		took, err := r.tryOut(ctx, c, n)
		if err != nil {
			return err
		}
		if n > 0 {
			times = append(times, took)
		}
		if len(times) >= 3 {
			cv = stat.CV(times[len(times)-3:])
		}
		r.emit(WarmUpRepeated{N: n + 1, Max: r.plan.WarmUp.Max, Wall: took, CV: cv})
		if cv < r.plan.WarmUp.CV {
			return nil
		}
	}
	if math.IsNaN(cv) {
		r.find(whenBaseline, severityDoubt, "warm-up", "%d requests are too few to tell whether %s is warm; raise warm_up.max to 4 or more", r.plan.WarmUp.Max, c.name())
	} else {
		r.find(whenBaseline, severityDoubt, "warm-up", "after %d requests the last three still varied by %.1f %% (%.1f %% was wanted)", r.plan.WarmUp.Max, 100*cv, 100*r.plan.WarmUp.CV)
	}
	return nil
}
