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
		if !s.sleep(deadline) {
			break
		}
		now := measure.Now()
		passed := s.account(now - deadline)
		s.tick(tick)
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

// sleep waits for the deadline in pieces, false when the sampler was stopped meanwhile.
func (s *Sampler) sleep(deadline int64) bool {
	for {
		now := measure.Now()
		if now >= deadline {
			return true
		}
		sleepUntil(min(deadline, now+longestSleep))
		if s.stop.Load() {
			return false
		}
	}
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

// tick polls the groups that are due.
func (s *Sampler) tick(number int64) {
	s.reading.Lock()
	defer s.reading.Unlock()
	now := measure.Now()
	for _, g := range s.groups {
		if number == 0 || g.due(now) {
			now = g.poll(now)
		}
	}
}
