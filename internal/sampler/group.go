package sampler

import (
	"math"
	"sync"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// group is one opened source with its history.
type group struct {
	source   source.Source
	explain  source.Explainer // nil when the source has no reasons to give
	name     string
	channels []measure.Channel
	native   float64 // rate at which the source yields new values; 0 when it follows the sampler
	interval int64   // least distance of readings in ns; 0 for every tick
	next     int64   // when the next reading is due
	stagger  int64   // added once to next
	closed   bool
	values   []float64
	history  history

	mu       sync.Mutex // guards failures
	failures []failure
}

type failure struct {
	count, first int64
	reason       error
}

// newGroup takes over an opened source. Slow sources are spread over the ticks by their
// place in the list, so that they do not all fall on the same one.
func newGroup(src source.Source, rate float64, keep time.Duration, place int) *group {
	channels := src.Channels()
	g := &group{source: src, name: src.Info().Name, channels: channels, values: make([]float64, len(channels))}
	g.explain, _ = src.(source.Explainer)
	for _, c := range channels {
		g.native = max(g.native, c.RateHz)
	}
	effective := rate
	if g.native > 0 && g.native < rate {
		effective = g.native
		period := int64(1e9 / rate)
		// Half a tick less, so that a tick that is a little early still counts.
		g.interval = int64(1e9/g.native) - period/2
		g.stagger = int64(place) * period
	}
	g.failures = make([]failure, len(channels))
	g.history.init(len(channels), effective, keep)
	return g
}

// due reports whether the group is to be read at a tick at time now.
func (g *group) due(now int64) bool { return now >= g.next }

// poll reads the source, which it began at time before, and stores the values under the
// middle of the reading. It returns when the reading ended. The caller holds Sampler.reading.
func (g *group) poll(before int64) (after int64) {
	if g.closed {
		return before
	}
	g.read(before)
	after = measure.Now()
	g.history.append(before+(after-before)/2, g.values)
	g.next = before + g.interval + g.stagger
	g.stagger = 0
	return after
}

// mark reads the source between its ticks and stores the values under the time at. The
// caller holds Sampler.reading.
func (g *group) mark(at int64) {
	if g.closed {
		return
	}
	g.read(at)
	g.history.append(at, g.values)
}

// read fills values, NaN where there is no reading, and records why.
func (g *group) read(at int64) {
	err := g.source.Read(g.values)
	if err != nil {
		for i := range g.values {
			g.values[i] = math.NaN()
		}
	}
	for i, v := range g.values {
		if math.IsNaN(v) && g.channels[i].Quality != measure.Unavailable {
			g.fail(i, at, err)
		}
	}
}

// fail records why a reading is absent.
func (g *group) fail(channel int, at int64, err error) {
	if err == nil && g.explain != nil {
		err = g.explain.Failure(channel)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f := &g.failures[channel]
	if f.count == 0 {
		f.first = at
	}
	f.count++
	if err != nil {
		f.reason = err
	}
}

func (g *group) faults() []Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Fault
	for i, f := range g.failures {
		if f.count == 0 {
			continue
		}
		reason := "the source gave no reason"
		if f.reason != nil {
			reason = f.reason.Error()
		}
		out = append(out, Fault{Source: g.name, Channel: g.channels[i].Name, Count: f.count, First: f.first, Reason: reason})
	}
	return out
}
