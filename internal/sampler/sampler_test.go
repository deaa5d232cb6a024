package sampler

import (
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// fake yields the time since it was opened as a cumulative counter, and a constant.
type fake struct {
	name    string
	rate    float64
	openErr error
	fail    atomic.Bool // every reading fails
	absent  atomic.Bool // the second channel reads as NaN
	reads   atomic.Int64
	opened  int64
	closed  atomic.Int64
}

var (
	errBroken  = errors.New("broken cable")
	errPartial = errors.New("half of it is missing")
)

func (f *fake) Info() source.Info { return source.Info{Name: f.name, State: source.Ready} }
func (f *fake) Open() error       { f.opened = measure.Now(); return f.openErr }
func (f *fake) Close() error      { f.closed.Add(1); return nil }
func (f *fake) Failure(int) error { return errPartial }
func (f *fake) Channels() []measure.Channel {
	one := measure.Channel{Name: f.name + ".cpu", Source: f.name, Kind: measure.KindCPUTime, Quality: measure.Measured, RateHz: f.rate}
	two := measure.Channel{Name: f.name + ".memory", Source: f.name, Kind: measure.KindMemory, Quality: measure.Measured, RateHz: f.rate}
	return []measure.Channel{one, two}
}

func (f *fake) Read(dst []float64) error {
	f.reads.Add(1)
	if f.fail.Load() {
		return errBroken
	}
	dst[0], dst[1] = float64(measure.Now()-f.opened)/1e9, 42
	if f.absent.Load() {
		dst[1] = math.NaN()
	}
	return nil
}

func start(t *testing.T, rate float64, sources ...source.Source) *Sampler {
	t.Helper()
	s, err := New(Config{RateHz: rate, Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.Start()
	return s
}

// series finds one channel in a window.
func series(t *testing.T, all []measure.Series, name string) measure.Series {
	t.Helper()
	for _, s := range all {
		if s.Channel.Name == name {
			return s
		}
	}
	t.Fatalf("no series %q", name)
	return measure.Series{}
}

// The fake counts one core-second per second: whatever the jitter of this machine, real time
// stamps must give that back, and marks must lie on samples.
func TestWindowBetweenMarks(t *testing.T) {
	s := start(t, 100, &fake{name: "a"})
	time.Sleep(30 * time.Millisecond)
	from := s.Mark()
	time.Sleep(300 * time.Millisecond)
	w := measure.Window{Start: from, End: s.Mark()}
	cpu := series(t, s.Window(w, 0), "a.cpu")
	delta := measure.CounterDelta(cpu, w)
	if !delta.OK() || delta.Uncertainty != 0 || math.Abs(delta.Value/w.Seconds()-1) > 0.01 {
		t.Errorf("counted %+v in %.6f s", delta, w.Seconds())
	}
	if cpu.T[0] >= w.Start || cpu.Within(w).T[0] != w.Start {
		t.Errorf("window from %d begins with samples at %d", w.Start, cpu.T[:2])
	}
	for i := 1; i < len(cpu.T); i++ {
		if cpu.T[i] <= cpu.T[i-1] || cpu.V[i] < cpu.V[i-1] {
			t.Fatalf("samples %d and %d are out of order", i-1, i)
		}
	}
	margin := series(t, s.Window(w, 20*time.Millisecond), "a.cpu")
	if len(margin.T) <= len(cpu.T) {
		t.Errorf("a margin of two periods added nothing to %d samples", len(cpu.T))
	}
}

func TestFailingSourceDoesNotStopOthers(t *testing.T) {
	bad, good := &fake{name: "bad"}, &fake{name: "good"}
	s := start(t, 200, bad, good)
	bad.fail.Store(true)
	good.absent.Store(true)
	failed := s.Mark()
	after := s.Mark()
	w := measure.Window{Start: failed, End: after}
	all := s.Window(w, 0)
	if v := series(t, all, "bad.cpu").At(failed); !math.IsNaN(v) {
		t.Errorf("a failed reading is stored as %g", v)
	}
	if v := series(t, all, "good.cpu").At(failed); math.IsNaN(v) {
		t.Error("the other source stopped too")
	}
	want := map[string]string{"bad.cpu": errBroken.Error(), "bad.memory": errBroken.Error(), "good.memory": errPartial.Error()}
	faults := s.Faults()
	for _, f := range faults {
		if want[f.Channel] != f.Reason || f.Count < 2 || f.First > failed {
			t.Errorf("fault %+v", f)
		}
		delete(want, f.Channel)
	}
	if len(want) != 0 {
		t.Errorf("faults %+v lack %v", faults, want)
	}
	bad.fail.Store(false)
	if sample, ok := s.Latest("good.memory"); !ok || !math.IsNaN(sample.V) {
		t.Errorf("latest of an absent reading is %+v, %v", sample, ok)
	}
	s.Mark()
	if sample, ok := s.Latest("bad.memory"); !ok || sample.V != 42 {
		t.Errorf("after recovery the latest is %+v, %v", sample, ok)
	}
}

func TestSlowSourcesKeepTheirRate(t *testing.T) {
	fast, slow := &fake{name: "fast"}, &fake{name: "slow", rate: 5}
	s := start(t, 100, fast, slow)
	time.Sleep(time.Second)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := slow.reads.Load(); n < 3 || n > 7 {
		t.Errorf("a source of 5 Hz was read %d times in a second", n)
	}
	if n := fast.reads.Load(); n < 3*slow.reads.Load() {
		t.Errorf("the fast source was read %d times only", n)
	}
	o := s.Observer()
	if o.Ticks < fast.reads.Load() || o.RateHz != 100 || !(o.CoreFraction > 0 && o.CoreFraction < 0.5) ||
		o.Duration < 900*time.Millisecond || o.Priority == "" || o.LateTicks > o.Ticks {
		t.Errorf("observer %+v after %d readings", o, fast.reads.Load())
	}
	if slow.closed.Load() != 1 || s.Stop() != nil || slow.closed.Load() != 1 {
		t.Error("sources are not closed exactly once")
	}
	if got := s.Window(measure.Window{Start: 0, End: math.MaxInt64 / 2}, 0); len(got) != 4 || len(got[0].T) == 0 {
		t.Error("what was sampled is not readable after the stop")
	}
}

// Ticks that a source holds up must be counted as late or missed.
func TestLateTicksAreCounted(t *testing.T) {
	s := &Sampler{period: 50}
	for _, tc := range []struct{ late, passed, lateTicks int64 }{
		{0, 1, 0}, {-3, 1, 0}, {25, 1, 0}, {26, 1, 1}, {49, 1, 1}, {50, 2, 2}, {260, 6, 6},
	} {
		before := s.late.Load()
		if passed := s.account(tc.late); passed != tc.passed || s.late.Load()-before != tc.lateTicks {
			t.Errorf("%d ns late of 50: %d deadlines passed, %d late", tc.late, passed, s.late.Load()-before)
		}
	}
	if s.ticks.Load() != 13 {
		t.Errorf("%d ticks", s.ticks.Load())
	}
}

func TestNewRefuses(t *testing.T) {
	broken := &fake{name: "broken", openErr: errBroken}
	for name, cfg := range map[string]Config{
		"between 0.1 and": {RateHz: 1e6, Sources: []source.Source{&fake{name: "a"}}},
		"no source":       {},
		"broken cable":    {Sources: []source.Source{broken}},
		"two sources":     {Sources: []source.Source{&fake{name: "a"}, &fake{name: "a"}}},
	} {
		want := strings.Replace(name, "between 0.1 and", "0.1 to 1000", 1)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := New(Config{Sources: []source.Source{broken, &fake{name: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	if f := s.Faults(); len(f) != 1 || f[0].Source != "broken" || f[0].Reason != errBroken.Error() {
		t.Errorf("faults %+v", f)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := start(t, 500, &fake{name: "a"}, &fake{name: "b", rate: 50})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 100 {
				at := s.Mark()
				s.Window(measure.Window{Start: at - 1e8, End: at}, time.Millisecond)
				s.Latest("b.cpu")
				s.Discard(at - 1e7)
				s.Observer()
				s.Faults()
				s.Channels()
			}
		})
	}
	wg.Wait()
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	h.init(1, 100, 30*time.Second) // 3000 readings
	for i := range int64(20000) {
		h.append(i, []float64{float64(i)})
	}
	channels := []measure.Channel{{Name: "x"}}
	all := h.window(measure.Window{Start: 0, End: 1 << 40}, channels)[0]
	if n := len(all.T); n < 3000 || n > 3000+2*chunkTicks || all.T[n-1] != 19999 {
		t.Errorf("%d readings are kept, up to %d", n, all.T[n-1])
	}
	part := h.window(measure.Window{Start: 18000, End: 18010}, channels)[0]
	if len(part.T) != 13 || part.T[0] != 17999 || part.T[12] != 18011 || part.V[1] != 18000 {
		t.Errorf("window [18000, 18010] holds %v", part.T)
	}
	h.discard(19990)
	rest := h.window(measure.Window{Start: 0, End: 1 << 40}, channels)[0]
	if len(rest.T) > 2*chunkTicks || rest.T[len(rest.T)-1] != 19999 {
		t.Errorf("%d readings are left after discarding all but ten", len(rest.T))
	}
	if got := h.window(measure.Window{Start: 1 << 50, End: 1 << 51}, channels)[0]; len(got.T) != 1 {
		t.Errorf("a window after the end holds %v, want the sample before it", got.T)
	}
	h.append(5, []float64{5}) // a time stamp that is not later
	if s, _ := h.latest(0); s.T != 20000 {
		t.Errorf("time stamps must grow: %d", s.T)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	g := newGroup(&fake{name: "a"}, 100, time.Hour, 0)
	var now int64
	// A new chunk costs a few allocations in chunkTicks readings.
	if n := testing.AllocsPerRun(4*chunkTicks, func() { now = g.poll(now + 1) }); n >= 0.1 {
		t.Errorf("a tick allocates %.3f times", n)
	}
}
