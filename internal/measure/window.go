package measure

import (
	"cmp"
	"slices"
)

// Window is a stretch of time in nanoseconds of the monotonic clock (Now).
type Window struct {
	Start, End int64
}

// Window returns the stretch of the phase.
func (p Phase) Window() Window { return Window{p.Start, p.End} }

// Seconds is the length of the window.
func (w Window) Seconds() float64 { return float64(w.End-w.Start) / 1e9 }

// Widen returns the window with a margin in nanoseconds added on both sides.
func (w Window) Widen(margin int64) Window { return Window{w.Start - margin, w.End + margin} }

// intersect returns the common stretch of two windows, empty (End = Start) when there is none.
func (w Window) intersect(v Window) Window {
	start := max(w.Start, v.Start)
	return Window{start, max(start, min(w.End, v.End))}
}

// IoU is the agreement of two sets of windows: the time in both over the time in either
// (intersection over union), 1 when they are the same and 0 when they never meet or are
// both empty. Windows within one set may overlap; they count once.
func IoU(a, b []Window) float64 {
	a, b = merge(a), merge(b)
	var shared float64
	for _, v := range a {
		for _, w := range b {
			shared += v.intersect(w).Seconds()
		}
	}
	union := total(a) + total(b) - shared
	if union <= 0 {
		return 0
	}
	return shared / union
}

// merge returns the windows in order with overlapping ones joined and empty ones left out.
func merge(windows []Window) []Window {
	sorted := slices.DeleteFunc(slices.Clone(windows), func(w Window) bool { return w.End <= w.Start })
	slices.SortFunc(sorted, func(a, b Window) int { return cmp.Compare(a.Start, b.Start) })
	var out []Window
	for _, w := range sorted {
		if n := len(out); n > 0 && w.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, w.End)
			continue
		}
		out = append(out, w)
	}
	return out
}

func total(windows []Window) (seconds float64) {
	for _, w := range windows {
		seconds += w.Seconds()
	}
	return seconds
}
