// Package estimate models the energy of a machine from its CPU load, for machines without
// any meter. What it yields is always labelled estimated and carries an uncertainty; it must
// never be mixed with measurements.
package estimate

import (
	"errors"
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

const (
	name = "estimate"
	// rate is how often the model is evaluated. CPU time of whole machines comes in ticks of
	// 10 ms, so that shorter stretches would see more ticks than load.
	rate = 10.0
)

var errNoLoad = errors.New("the CPU time of the machine, which the model needs, is not available")

// Source integrates a profile's power over the CPU load of the machine:
//
//	E += (Idle + (Max − Idle)·u^Alpha)·Δt,   u = Δ(CPU time) / (cores·Δt)
//
// The running total is exact in the mean for Alpha = 1, whatever the rate.
type Source struct {
	source.List
	profile Profile
	load    source.Source
	now     func() int64

	values   []float64
	channel  int // of the machine's CPU time among those of load
	cores    float64
	lastTime int64
	lastCPU  float64
	joules   float64
}

// New models a machine by a profile. load must yield the CPU time of the whole machine, with
// the number of cores as its capacity; the estimate opens and closes it as its own.
func New(profile Profile, load source.Source) *Source {
	return &Source{profile: profile, load: load, now: measure.Now}
}

// Info implements source.Source.
func (s *Source) Info() source.Info {
	i := source.Info{Name: name, About: "model of the machine's energy from its CPU load (" + s.profile.Name + "): not a measurement"}
	from := s.load.Info()
	i.State, i.Reason, i.Fix = from.State, from.Reason, from.Fix
	return i
}

// Open implements source.Source.
func (s *Source) Open() error {
	if err := s.profile.check(); err != nil {
		return fmt.Errorf("open source %s: %w", name, err)
	}
	if err := s.load.Open(); err != nil {
		return fmt.Errorf("open source %s: %w", name, err)
	}
	channels := s.load.Channels()
	s.channel = -1
	for i, c := range channels {
		if c.Kind == measure.KindCPUTime && c.Scope == measure.ScopeSystem && c.Capacity > 0 && s.channel < 0 {
			s.channel, s.cores = i, c.Capacity
		}
	}
	if s.channel < 0 {
		return errors.Join(fmt.Errorf("open source %s: %w", name, errNoLoad), s.load.Close())
	}
	s.values = make([]float64, len(channels))
	s.joules, s.lastTime = 0, 0
	step := channels[s.channel].Resolution / s.cores * (s.profile.Max - s.profile.Idle)
	s.Set([]source.Reading{{Read: s.advance, Channel: measure.Channel{
		Name: name + ".energy", Source: name, Kind: measure.KindEnergy, Scope: s.profile.Scope,
		Quality: measure.Estimated, Reason: s.profile.reason(), RateHz: rate, Resolution: step, Uncertainty: s.profile.Uncertainty,
	}}}, s.load.Close)
	return nil
}

// advance adds the energy since the last reading. A reading without load is absent, and the
// next one covers the whole time since the last good one.
func (s *Source) advance() (float64, error) {
	if err := s.load.Read(s.values); err != nil {
		return 0, err
	}
	now, cpu := s.now(), s.values[s.channel]
	if math.IsNaN(cpu) {
		return 0, errNoLoad
	}
	if dt := float64(now-s.lastTime) / 1e9; s.lastTime != 0 && dt > 0 {
		s.joules += s.profile.Power((cpu-s.lastCPU)/(s.cores*dt)) * dt
	}
	s.lastTime, s.lastCPU = now, cpu
	return s.joules, nil
}
