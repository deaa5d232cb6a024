package model

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wattlaw/wattlaw/internal/kernel"
)

// Team is a fixed group of workers that run one function together. The caller of Run is
// worker 0; the others are goroutines that live until Close. Between runs, and while they
// wait for each other, workers spin for a short bounded time and then park, so an idle
// team takes no CPU time.
type Team struct {
	workers []*Worker
	start   barrier // opens a run
	inside  barrier // Worker.Barrier, and the end of a run
	job     func(*Worker)
	ended   sync.WaitGroup
}

// Worker is one member of a Team, with what it alone may write.
type Worker struct {
	Index, Count int
	Kernels      *kernel.Set
	Scratch      kernel.Scratch
	team         *Team   // nil for a worker alone
	alone        *Worker // see Alone
	// What a stage of a matrix product operator multiplies.
	rearranged []float32
	acts       kernel.Acts
}

// NewTeam starts a team of n workers, n ≥ 1, that compute with the given kernels.
func NewTeam(n int, kernels *kernel.Set) *Team {
	spin := spinTime
	if n > runtime.GOMAXPROCS(0) {
		spin = 0 // a spinning worker would keep the one it waits for off the processor
	}
	t := &Team{}
	t.start.init(n, spin)
	t.inside.init(n, spin)
	for i := range n {
		t.workers = append(t.workers, &Worker{Index: i, Count: n, Kernels: kernels, team: t})
	}
	t.ended.Add(n - 1)
	for _, w := range t.workers[1:] {
		go t.serve(w)
	}
	return t
}

// Run calls job once per worker, all at the same time, and returns when all have returned.
// Only one Run may be under way. What the caller wrote before is visible to every worker,
// and what workers wrote is visible to the caller afterwards.
func (t *Team) Run(job func(*Worker)) {
	t.job = job
	t.start.wait()
	job(t.workers[0])
	t.inside.wait()
}

// Close ends the workers and waits for them. The team must be idle and not be used again.
func (t *Team) Close() {
	t.job = nil
	t.start.wait()
	t.ended.Wait()
}

func (t *Team) serve(w *Worker) {
	defer t.ended.Done()
	for {
		t.start.wait()
		if t.job == nil {
			return
		}
		t.job(w)
		t.inside.wait()
	}
}

// Barrier returns once every worker of the run has called it. What any of them wrote
// before is then visible to all.
func (w *Worker) Barrier() {
	if w.team != nil {
		w.team.inside.wait()
	}
}

// Alone returns this worker as a team of one, which applies whole layers to tokens of its
// own while the others do the same to theirs.
func (w *Worker) Alone() *Worker {
	if w.alone == nil {
		w.alone = &Worker{Count: 1, Kernels: w.Kernels}
	}
	return w.alone
}

// Share returns the part [lo, hi) of n items that belongs to this worker. Parts are
// contiguous, begin at multiples of grain, and are as even as that allows; hi = lo where
// there is nothing left.
func (w *Worker) Share(n, grain int) (lo, hi int) {
	blocks := (n + grain - 1) / grain
	lo = min(blocks*w.Index/w.Count*grain, n)
	hi = min(blocks*(w.Index+1)/w.Count*grain, n)
	return lo, hi
}

// spinTime bounds the busy wait at a barrier. Phases of a balanced step end within
// microseconds of each other. Waking a parked thread costs some fifty, and a worker that
// parks at one barrier is late for the next, where another then parks: the bound lies well
// above the cost of waking, so that a team leaves that state.
//
// When it was too short all the same, other programs keep the processors busy, and the
// worker that is waited for may be waiting for this processor: the next hurriedWaits waits
// give up after hurriedTime.
const (
	spinTime     = 200 * time.Microsecond
	hurriedTime  = 5 * time.Microsecond
	hurriedWaits = 32
)

// barrier lets n goroutines meet again and again.
type barrier struct {
	n       int32
	spin    time.Duration
	_       [64]byte
	arrived atomic.Int32
	_       [60]byte
	round   atomic.Uint32
	_       [60]byte
	hurried atomic.Int32 // waits left that give up early
	parked  atomic.Int32
	mu      sync.Mutex
	opened  sync.Cond
}

func (b *barrier) init(n int, spin time.Duration) {
	b.n, b.spin = int32(n), spin
	b.opened.L = &b.mu
}

func (b *barrier) wait() {
	round := b.round.Load()
	if b.arrived.Add(1) == b.n {
		b.arrived.Store(0)
		b.round.Add(1)
		// A sleeper raises parked before it looks at round once more, so either it sees the
		// new round or its mark is seen here.
		if b.parked.Load() > 0 {
			b.mu.Lock()
			b.opened.Broadcast()
			b.mu.Unlock()
		}
		return
	}
	if b.spinWhile(round) {
		return
	}
	b.mu.Lock()
	b.parked.Add(1)
	for b.round.Load() == round {
		b.opened.Wait()
	}
	b.parked.Add(-1)
	b.mu.Unlock()
}

// spinWhile busy-waits for the round to end and reports whether it did in time.
func (b *barrier) spinWhile(round uint32) bool {
	const looksPerClockRead = 500
	bound, hurried := b.spin, b.hurried.Load() > 0
	if hurried {
		b.hurried.Add(-1)
		bound = min(bound, hurriedTime)
	}
	for start := time.Now(); time.Since(start) < bound; {
		for range looksPerClockRead {
			if b.round.Load() != round {
				return true
			}
		}
	}
	if !hurried {
		b.hurried.Store(hurriedWaits)
	}
	return false
}
