package measure

import (
	"cmp"
	"slices"
)

// Detector finds the windows of work in a load curve from its gradient, for runtimes that
// give no marks and for logs of external meters. The curve is put on an even grid and
// smoothed by a moving average; a step of height H then has the gradient H per smoothing
// length, for that length. A window opens in the middle of a stretch of steep rise and
// closes in the middle of a steep fall; between the two levels of the hysteresis nothing
// changes, so a dip in the load does not split a window. Zero fields take their defaults.
type Detector struct {
	Smooth  float64 // seconds of the moving average; default 0.25
	Steep   float64 // gradient threshold, as a fraction of (highest − lowest) per smoothing length; default 0.3
	High    float64 // level that an opening must reach, as a fraction of the range; default 0.5
	Low     float64 // level that a closing must reach, as a fraction of the range; default 0.25
	MinRise float64 // a smaller range is noise without windows, in the unit of the curve; default 0.2
}

func (d Detector) withDefaults() Detector {
	d.Smooth = cmp.Or(d.Smooth, 0.25)
	d.Steep = cmp.Or(d.Steep, 0.3)
	d.High = cmp.Or(d.High, 0.5)
	d.Low = cmp.Or(d.Low, 0.25)
	d.MinRise = cmp.Or(d.MinRise, 0.2)
	return d
}

// Detect returns the windows of work within w, in order. A load that is already high at the
// start of w, or still high at its end, gives a window that begins or ends with w. For a
// cumulative series, pass its Rate.
func (d Detector) Detect(load Series, w Window) ([]Window, error) {
	d = d.withDefaults()
	step := max(load.Valid().Period(), 1)
	raw, err := resample(load, w, step)
	if err != nil {
		return nil, err
	}
	half := max(1, int(d.Smooth*1e9/float64(step)/2))
	level := smooth(raw, half)
	base, top := slices.Min(level), slices.Max(level)
	if top-base < d.MinRise {
		return nil, nil
	}
	walk := walker{
		level: level, slope: gradient(level),
		steep: d.Steep * (top - base) / float64(2*half+1),
		high:  base + d.High*(top-base), low: base + d.Low*(top-base),
		at: func(i float64) int64 { return w.Start + int64(i*float64(step)) },
	}
	return walk.windows(w), nil
}

// walker is the state machine over one smoothed curve.
type walker struct {
	level, slope     []float64
	steep, high, low float64
	at               func(index float64) int64
}

func (k walker) windows(w Window) (out []Window) {
	open, start := k.level[0] >= k.high, w.Start
	for i := 0; i < len(k.level); {
		sign := 1.0
		if open {
			sign = -1
		}
		if sign*k.slope[i] <= k.steep {
			// A change too gentle to be steep takes effect where it crosses the level.
			switch {
			case open && k.level[i] < k.low:
				out, open = append(out, Window{start, k.at(float64(i))}), false
			case !open && k.level[i] >= k.high:
				open, start = true, k.at(float64(i))
			}
			i++
			continue
		}
		middle, next := k.stretch(i, sign)
		after := k.level[min(next, len(k.level)-1)]
		switch {
		case !open && after >= k.high:
			open, start = true, k.at(middle)
		case open && after <= k.low:
			out, open = append(out, Window{start, k.at(middle)}), false
		}
		i = next
	}
	if open {
		out = append(out, Window{start, w.End})
	}
	return out
}

// stretch returns the slope-weighted middle of the steep stretch that begins at index i,
// and the index after it.
func (k walker) stretch(i int, sign float64) (middle float64, next int) {
	var weight, moment float64
	for next = i; next < len(k.slope) && sign*k.slope[next] > k.steep; next++ {
		weight += sign * k.slope[next]
		moment += sign * k.slope[next] * float64(next)
	}
	return moment / weight, next
}
