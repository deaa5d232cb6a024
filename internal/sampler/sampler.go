// Package sampler polls sources on one locked thread at absolute deadlines and keeps what
// they read, with real time stamps of the clock that all processes share (measure.Now).
// Late ticks and its own cost are counted, never hidden.
package sampler

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// Limits of the rate.
const (
	DefaultRate = 20.0
	minRate     = 0.1
	maxRate     = 1000.0
)

// Config says what to sample. Zero fields take their defaults.
type Config struct {
	RateHz  float64         // ticks per second, 0.1 to 1000; default 20
	Sources []source.Source // not yet opened; New opens them and Stop closes them
	Keep    time.Duration   // history that is kept at least; older samples may be dropped; default 1 h
}

// Observer is what sampling cost and how punctual it was.
type Observer struct {
	CoreFraction float64 // CPU time of the sampling thread over wall time
	Ticks        int64   // deadlines that have passed
	LateTicks    int64   // deadlines met more than half a period late, or not at all
	RateHz       float64
	Duration     time.Duration
	Priority     string // what became of the wish to run before others
}

// Fault says that a channel failed while sampling, or never worked.
type Fault struct {
	Source  string
	Channel string // empty when the whole source could not be opened
	Count   int64  // readings that failed
	First   int64  // time of the first failure
	Reason  string // of the latest failure
}

// Sample is one reading.
type Sample struct {
	T int64 // nanoseconds of the monotonic clock
	V float64
}

// Sampler polls sources from Start to Stop. Its methods may be called concurrently.
type Sampler struct {
	rate   float64
	period int64
	groups []*group

	reading sync.Mutex // held while sources are read: by the loop or by Mark
	ticks   atomic.Int64
	late    atomic.Int64
	spent   atomic.Int64 // CPU time of the thread in ns
	begun   atomic.Int64 // when the loop started; 0 before
	ended   atomic.Int64 // when it ended; 0 while it runs
	stop    atomic.Bool
	done    chan struct{}

	starting sync.Once
	stopping sync.Once
	stopErr  error
	priority atomic.Pointer[string]
	unopened []Fault
}

// New opens the sources. One that cannot be opened becomes a fault (see Faults) and the
// others go on; it is an error when the configuration is wrong, when two channels have the same
// name, or when no source can be opened.
func New(cfg Config) (*Sampler, error) {
	if cfg.RateHz == 0 {
		cfg.RateHz = DefaultRate
	}
	if !(cfg.RateHz >= minRate && cfg.RateHz <= maxRate) {
		return nil, fmt.Errorf("sampler: a rate of %g Hz is not possible; choose one from %g to %g Hz", cfg.RateHz, minRate, maxRate)
	}
	if cfg.Keep <= 0 {
		cfg.Keep = time.Hour
	}
	s := &Sampler{rate: cfg.RateHz, period: int64(1e9 / cfg.RateHz), done: make(chan struct{})}
	seen := map[string]bool{}
	for _, src := range cfg.Sources {
		if err := src.Open(); err != nil {
			s.unopened = append(s.unopened, Fault{Source: src.Info().Name, Reason: err.Error(), First: measure.Now()})
			continue
		}
		g := newGroup(src, cfg.RateHz, cfg.Keep, len(s.groups))
		s.groups = append(s.groups, g)
		for _, c := range g.channels {
			if seen[c.Name] {
				return nil, errors.Join(fmt.Errorf("sampler: two sources have a channel named %q; leave one of them out", c.Name), s.closeAll())
			}
			seen[c.Name] = true
		}
	}
	if len(s.groups) == 0 {
		err := errors.New("sampler: no source could be opened")
		for _, f := range s.unopened {
			err = fmt.Errorf("%w; %s: %s", err, f.Source, f.Reason)
		}
		return nil, err
	}
	return s, nil
}

// Start begins sampling and returns once the first readings are in. Starting twice is
// starting once.
func (s *Sampler) Start() {
	s.starting.Do(func() {
		first := make(chan struct{})
		go s.loop(first)
		<-first
	})
}

// Stop ends sampling, waits for the loop and closes the sources. Stopping twice is allowed,
// and so is stopping a sampler that was never started. What was sampled stays readable.
func (s *Sampler) Stop() error {
	s.stopping.Do(func() {
		s.stop.Store(true)
		if s.begun.Load() != 0 {
			<-s.done
		}
		s.stopErr = s.closeAll()
	})
	return s.stopErr
}

func (s *Sampler) closeAll() error {
	s.reading.Lock()
	defer s.reading.Unlock()
	var err error
	for _, g := range s.groups {
		err = errors.Join(err, g.source.Close())
		g.closed = true
	}
	return err
}

// Mark reads all sources at once, between the ticks, and returns the time under which the
// values are stored. A window that begins and ends at marks has its counters read at its
// very edges instead of interpolated over a period. Sources slower than 1 Hz are left alone.
func (s *Sampler) Mark() int64 {
	s.reading.Lock()
	defer s.reading.Unlock()
	now := measure.Now()
	for _, g := range s.groups {
		if g.native == 0 || g.native >= 1 {
			g.mark(now)
		}
	}
	return now
}

// Channels describes all channels that are sampled, in the order of Window.
func (s *Sampler) Channels() []measure.Channel {
	var out []measure.Channel
	for _, g := range s.groups {
		out = append(out, g.channels...)
	}
	return out
}

// Window returns a copy of all series within the window and a margin on both sides, plus
// the nearest sample beyond on each side where there is one, so that values at the edges
// can be interpolated.
func (s *Sampler) Window(w measure.Window, margin time.Duration) []measure.Series {
	w = w.Widen(margin.Nanoseconds())
	var out []measure.Series
	for _, g := range s.groups {
		out = append(out, g.history.window(w, g.channels)...)
	}
	return out
}

// Latest returns the newest reading of a channel, false when there is no such channel or no
// reading yet. The value is NaN when the reading failed.
func (s *Sampler) Latest(channel string) (Sample, bool) {
	for _, g := range s.groups {
		for i, c := range g.channels {
			if c.Name == channel {
				return g.history.latest(i)
			}
		}
	}
	return Sample{V: math.NaN()}, false
}

// Discard lets go of samples older than before, so that long runs stay small.
func (s *Sampler) Discard(before int64) {
	for _, g := range s.groups {
		g.history.discard(before)
	}
}

// Faults lists the sources that could not be opened and the channels that failed.
func (s *Sampler) Faults() []Fault {
	out := append([]Fault(nil), s.unopened...)
	for _, g := range s.groups {
		out = append(out, g.faults()...)
	}
	return out
}

// Observer reports the cost and punctuality so far.
func (s *Sampler) Observer() Observer {
	o := Observer{Ticks: s.ticks.Load(), LateTicks: s.late.Load(), RateHz: s.rate, CoreFraction: math.NaN()}
	if p := s.priority.Load(); p != nil {
		o.Priority = *p
	}
	begun, end := s.begun.Load(), s.ended.Load()
	if begun == 0 {
		return o
	}
	if end == 0 {
		end = measure.Now()
	}
	o.Duration = time.Duration(end - begun)
	if end > begun {
		o.CoreFraction = float64(s.spent.Load()) / float64(end-begun)
	}
	return o
}
