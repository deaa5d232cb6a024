package eval

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// Figure is a number with what is known of its precision.
type Figure struct {
	Value float64 `json:"value"`
	// Error is the standard error that takes all N values as independent, as llama.cpp's tool
	// states it; absent where there is none.
	Error  *float64       `json:"error,omitempty"`
	CI     *stat.Interval `json:"ci,omitempty"` // at Level, by Method; absent where there is none
	Level  float64        `json:"level,omitempty"`
	Method string         `json:"method,omitempty"`
	N      int            `json:"n"` // values: tokens or items
	Doubts []string       `json:"doubts,omitempty"`
}

// Ways to an interval.
const (
	methodWindows  = "bootstrap over windows"
	methodWoodruff = "Woodruff over windows"
	methodWilson   = "Wilson"
	methodItems    = "bootstrap over items"
	methodPaired   = "paired bootstrap over items"
)

// fewTokens is below what llama.cpp's tool does statistics on.
const fewTokens = 100

// exp turns a figure of a logarithm into one of what it is the logarithm of.
func (f Figure) exp() Figure {
	f.Value = math.Exp(f.Value)
	if f.Error != nil {
		f.Error = ptr(f.Value * *f.Error)
	}
	if f.CI != nil {
		f.CI = &stat.Interval{Lo: math.Exp(f.CI.Lo), Hi: math.Exp(f.CI.Hi)}
	}
	return f
}

// finite errs for a figure that no number can hold.
func (f Figure) finite(what string) error {
	values := []float64{f.Value}
	if f.Error != nil {
		values = append(values, *f.Error)
	}
	if f.CI != nil {
		values = append(values, f.CI.Lo, f.CI.Hi)
	}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("the %s comes to %v: the logits are too far apart, as those of damaged weights", what, v)
		}
	}
	return nil
}

// sqrt turns a figure of a mean square into one of its root.
func (f Figure) sqrt() Figure {
	f.Value = math.Sqrt(f.Value)
	if f.Error != nil && f.Value > 0 {
		f.Error = ptr(0.5 / f.Value * *f.Error)
	}
	if f.CI != nil {
		f.CI = &stat.Interval{Lo: math.Sqrt(max(0, f.CI.Lo)), Hi: math.Sqrt(max(0, f.CI.Hi))}
	}
	return f
}

func ptr[T any](v T) *T { return &v }

// tokenMean is the mean of values of tokens, window after window of equal numbers. Its
// interval resamples whole windows: the tokens of one are not independent.
func tokenMean(values []float64, perWindow int) (Figure, error) {
	f := Figure{Value: stat.Mean(values), N: len(values)}
	if len(values) < fewTokens {
		f.Doubts = append(f.Doubts, fmt.Sprintf("%d tokens are too few for a figure to be trusted", len(values)))
	}
	if len(values) > 1 {
		f.Error = ptr(stat.SD(values) / math.Sqrt(float64(len(values))))
	}
	var means []float64
	for w := range slices.Chunk(values, perWindow) {
		means = append(means, stat.Mean(w))
	}
	if len(means) < 2 {
		f.Doubts = append(f.Doubts, "a single window has no interval")
		return f, nil
	}
	e, err := stat.Bootstrap(means, stat.Mean, method(len(means)), stat.Options{})
	if err != nil {
		return f, err
	}
	f.CI, f.Level, f.Method = &e.CI, e.Level, methodWindows
	if len(means) < 5 {
		f.Doubts = append(f.Doubts, fmt.Sprintf("%d windows are too few for an interval to be trusted: take a longer text", len(means)))
	}
	return f, nil
}

// method is BCa for samples whose jackknife is affordable. In larger ones its corrections
// vanish.
func method(n int) stat.Method {
	if n > 5000 {
		return stat.Percentile
	}
	return stat.BCa
}

// tokenQuantile is the q-quantile of values of tokens. Its interval is Woodruff's (1952) for
// samples in clusters: the error of the share of values below the quantile, which is taken
// from its scatter over the windows, as an interval of levels.
func tokenQuantile(values, sorted []float64, perWindow int, q float64) Figure {
	f := Figure{Value: stat.SortedQuantile(sorted, q), N: len(values)}
	var shares []float64
	for w := range slices.Chunk(values, perWindow) {
		below := 0
		for _, v := range w {
			if v <= f.Value {
				below++
			}
		}
		shares = append(shares, float64(below)/float64(len(w)))
	}
	if n := len(shares); n > 1 {
		t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile((1 + stat.DefaultLevel) / 2)
		half := t * stat.SD(shares) / math.Sqrt(float64(n))
		f.CI = &stat.Interval{Lo: stat.SortedQuantile(sorted, q-half), Hi: stat.SortedQuantile(sorted, q+half)}
		f.Level, f.Method = stat.DefaultLevel, methodWoodruff
	}
	if beyond := float64(len(values)) * min(q, 1-q); beyond < 5 {
		f.Doubts = append(f.Doubts, fmt.Sprintf("only about %.2g of %d tokens lie beyond this quantile", beyond, len(values)))
	}
	return f
}

// share is a proportion of items.
func share(values []float64) Figure {
	p, n := stat.Mean(values), float64(len(values))
	ci := stat.Wilson(p*n, n, stat.DefaultLevel)
	return Figure{Value: p, N: len(values), Level: stat.DefaultLevel, Method: methodWilson, CI: &ci, Doubts: fewItems(len(values))}
}

// itemStatistic is a statistic of values of items with its bootstrap interval.
func itemStatistic(values []float64, of func([]float64) float64, name string) (Figure, error) {
	opt := stat.Options{}
	if len(values) > 5000 {
		opt.Resamples = 400
	}
	f := Figure{Value: of(values), N: len(values), Doubts: fewItems(len(values))}
	if len(values) < 2 {
		return f, nil
	}
	e, err := stat.Bootstrap(values, of, method(len(values)), opt)
	if err != nil {
		return f, err
	}
	f.CI, f.Level, f.Method = &e.CI, e.Level, name
	if slices.Min(values) == slices.Max(values) {
		f.Doubts = append(f.Doubts, "all values are equal: resampling cannot tell how far a further one could lie")
	}
	return f, nil
}

// fewItems doubts samples that say little.
func fewItems(n int) []string {
	if n < 30 {
		return []string{"fewer than 30 items: an interval says how little they tell"}
	}
	return nil
}

// trimmedMean drops the share at each end, rounded down to whole values, and averages the
// rest.
func trimmedMean(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	k := int(share * float64(len(sorted)))
	return stat.Mean(sorted[k : len(sorted)-k])
}
