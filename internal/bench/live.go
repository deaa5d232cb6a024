package bench

import (
	"math"
	"slices"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/sampler"
)

// livePeriod is the distance of Live events.
const livePeriod = 400 * time.Millisecond

// startLive sends Live events until the returned function is called.
func (r *runner) startLive() (stop func()) {
	if r.deps.Progress == nil {
		return func() {}
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(livePeriod)
		defer ticker.Stop()
		view := liveView{last: map[string]sampler.Sample{}}
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
			}
			r.mu.Lock()
			if r.sampler != nil {
				r.deps.Progress(view.look(r.sampler))
			}
			r.mu.Unlock()
		}
	}()
	return func() { close(ended); <-done }
}

// liveView remembers the last look at each counter.
type liveView struct {
	last map[string]sampler.Sample
}

// look reads the newest samples.
func (v *liveView) look(s *sampler.Sampler) Live {
	live := Live{At: measure.Now(), Power: math.NaN()}
	live.SystemCPU = v.value(s, measure.Channel{Name: "system.cpu", Kind: measure.KindCPUTime})
	live.ProcessCPU = v.value(s, measure.Channel{Name: "process.cpu", Kind: measure.KindCPUTime})
	live.RAM = v.value(s, measure.Channel{Name: "system.memory", Kind: measure.KindMemory})
	live.RSS = v.value(s, measure.Channel{Name: "process.rss", Kind: measure.KindMemory})
	if c, ok := widestPower(s.Channels()); ok {
		live.Power, live.PowerName, live.Estimated = v.value(s, c), c.Name, c.Quality == measure.Estimated
	}
	return live
}

// value is the newest value of a channel, for counters the rate since the last look; NaN
// when there is none.
func (v *liveView) value(s *sampler.Sampler, c measure.Channel) float64 {
	now, ok := s.Latest(c.Name)
	if !ok {
		return math.NaN()
	}
	if !c.Kind.Cumulative() {
		return now.V
	}
	before, seen := v.last[c.Name]
	v.last[c.Name] = now
	// After a change of the sampler a counter may start anew.
	if !seen || now.T <= before.T || now.V < before.V {
		return math.NaN()
	}
	return (now.V - before.V) / (float64(now.T-before.T) / 1e9)
}

// scopesByWidth orders scopes from the one that covers most of the machine.
var scopesByWidth = [...]measure.Scope{
	measure.ScopeWall, measure.ScopeBoard, measure.ScopeSystem, measure.ScopePsys, measure.ScopeSoC, measure.ScopePackage,
	measure.ScopeDRAM, measure.ScopeCore, measure.ScopeUncore, measure.ScopeProcess,
}

// widestPower picks the channel to show as the machine's power: a measured one before an
// estimate, and then the one that covers most.
func widestPower(channels []measure.Channel) (measure.Channel, bool) {
	rank := func(c measure.Channel) int {
		width := slices.Index(scopesByWidth[:], c.Scope)
		if width < 0 {
			width = len(scopesByWidth)
		}
		return int(measure.Measured-c.Quality)*(len(scopesByWidth)+1) + width
	}
	var best measure.Channel
	found := false
	for _, c := range channels {
		if (c.Kind != measure.KindEnergy && c.Kind != measure.KindPower) || c.Quality == measure.Unavailable {
			continue
		}
		if !found || rank(c) < rank(best) {
			best, found = c, true
		}
	}
	return best, found
}
