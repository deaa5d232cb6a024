package sampler

import (
	"runtime"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// longestSleep bounds how long Stop waits at low rates.
const longestSleep = int64(100e6)

// loop is the sampling thread. It never unlocks its thread, so that the thread ends with it
// and the raised priority cannot pass to other work.
func (s *Sampler) loop(first chan<- struct{}) {
	runtime.LockOSThread()
	defer close(s.done)
	priority := raisePriority()
	s.priority.Store(&priority)
	start := measure.Now()
	s.begun.Store(start)
	cpu := threadTime()
	for tick := int64(0); !s.stop.Load(); tick++ {
		deadline := start + tick*s.period
		now, ok := s.sleep(deadline)
		if !ok {
			break
		}
		passed := s.account(now - deadline)
		s.tick(now)
		tick += passed - 1
		s.spent.Store(threadTime() - cpu)
		if first != nil {
			close(first)
			first = nil
		}
	}
	s.ended.Store(measure.Now())
	if first != nil {
		close(first)
	}
}

// sleep waits for the deadline in pieces and returns the time it woke, false when the sampler
// was stopped meanwhile.
func (s *Sampler) sleep(deadline int64) (now int64, ok bool) {
	for now = measure.Now(); now < deadline; now = measure.Now() {
		sleepUntil(min(deadline, now+longestSleep))
		if s.stop.Load() {
			return now, false
		}
	}
	return now, true
}

// account counts one tick that came late nanoseconds after its deadline, and with it the
// deadlines that were missed altogether meanwhile. It returns how many deadlines passed.
func (s *Sampler) account(late int64) (passed int64) {
	passed = 1 + max(0, late)/s.period
	s.ticks.Add(passed)
	if late > s.period/2 {
		s.late.Add(passed)
	}
	return passed
}

// tick polls the groups that are due at the time now.
func (s *Sampler) tick(now int64) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for _, g := range s.groups {
		if g.due(now) {
			now = g.poll(now)
		}
	}
}
