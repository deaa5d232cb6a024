package measure

import (
	"testing"

	"pgregory.net/rapid"
)

// A counter read modulo its range must give back the true total, however often it wraps.
func TestCounterRecoversTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(8, 1<<40).Draw(t, "range")
		truth := rapid.Uint64Range(0, size-1).Draw(t, "start")
		steps := rapid.SliceOfN(rapid.Uint64Range(0, size/2), 1, 50).Draw(t, "steps")
		c := Counter{Range: size}
		if _, how := c.Add(truth % size); how != First {
			t.Fatalf("first reading is %v", how)
		}
		var want uint64
		for _, step := range steps {
			wraps := truth%size+step >= size
			truth += step
			delta, how := c.Add(truth % size)
			if delta != step || (how == Wrapped) != wraps {
				t.Fatalf("step %d (wraps %v) read as %d, %v", step, wraps, delta, how)
			}
			want += step
		}
		if c.Total() != want {
			t.Fatalf("total %d, want %d", c.Total(), want)
		}
	})
}

func TestCounterReset(t *testing.T) {
	for _, tc := range []struct {
		name    string
		counter Counter
		from    uint64
		to      uint64
		how     Advance
	}{
		{"no range", Counter{}, 100, 5, Reset},
		{"through the end", Counter{Range: 1000}, 990, 5, Wrapped},
		{"restart from low", Counter{Range: 1000}, 300, 5, Reset},
		{"restart from high, limited", Counter{Range: 1000, MaxStep: 50}, 800, 5, Reset},
		{"beyond the stated range", Counter{Range: 1000}, 2000, 5, Reset},
		{"standing still", Counter{Range: 1000}, 7, 7, Delta},
	} {
		tc.counter.Add(tc.from)
		delta, how := tc.counter.Add(tc.to)
		if how != tc.how || (how == Reset && (delta != 0 || tc.counter.Total() != 0)) {
			t.Errorf("%s: %d → %d is %v by %d, want %v", tc.name, tc.from, tc.to, how, delta, tc.how)
		}
	}
}
