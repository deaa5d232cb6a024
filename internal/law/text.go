package law

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// WriteText prints the law as tables for a terminal: coefficients with intervals, rivals,
// predictions and doubts. x and y name the predictor and the cost.
func (l Law) WriteText(w io.Writer, x, y string, predictions []Prediction) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	a, b := l.A(), l.B()
	fmt.Fprintf(t, "%s = a + b·%s\tn = %d\t%s = %.6g … %.6g\tR² = %.5f\n\n", y, x, l.N, x, l.X.Lo, l.X.Hi, l.R2)
	fmt.Fprintf(t, "coefficient\tvalue\t%g %% interval\n", 100*l.Level)
	fmt.Fprintf(t, "a  fixed cost\t%.5g\t%s\n", a.Value, intervalText(a.CI))
	fmt.Fprintf(t, "b  per %s\t%.5g\t%s\n", x, b.Value, intervalText(b.CI))
	fmt.Fprintf(t, "b  Theil–Sen\t%.5g\t%s\n\n", l.TheilSen.Value, intervalText(l.TheilSen.CI))

	fmt.Fprintf(t, "curve\tcoefficients\tΔAICc\tR²\terror at the held-out longest\n")
	lowest := best(l.Rivals).AICc
	for _, r := range l.Rivals {
		mark := ""
		if r.Kind == l.Best {
			mark = " ←"
		}
		fmt.Fprintf(t, "%s%s\t%s\t%s\t%.5f\t%s\n", r.Kind, mark, r.coefText(), dash("%.1f", r.AICc-lowest), r.R2, dash("%.2f %%", 100*r.HeldOutError))
	}
	fmt.Fprintf(t, "\nlinear holds within 5 %% of the best curve for %s = %.6g … %.6g\n", x, l.LinearFrom, l.LinearTo)

	fmt.Fprintf(t, "\n%s\t%s\t%g %% interval\tbest curve differs by\tbeyond the fitted range\n", x, y, 100*l.Level)
	for _, p := range append(slices.Clone(predictions), l.Beyond...) {
		beyond := "inside"
		if p.X < l.X.Lo || p.X > l.X.Hi {
			beyond = "outside"
		}
		if p.Times > 1 {
			beyond = fmt.Sprintf("%.3g×", p.Times)
		}
		fmt.Fprintf(t, "%.6g\t%.5g\t%s\t%.2g %%\t%s\n", p.X, p.Y, intervalText(p.CI), 100*p.Apart, beyond)
	}
	doubts := slices.Clone(l.Doubts)
	for _, p := range predictions {
		for _, d := range p.Doubts {
			doubts = append(doubts, doubt("at %s = %.6g: %s", x, p.X, d))
		}
	}
	for i, d := range doubts {
		if i == 0 {
			fmt.Fprintf(t, "\ndoubts\n")
		}
		fmt.Fprintf(t, "- %s\n", d)
	}
	return t.Flush()
}

func intervalText(ci Interval) string { return fmt.Sprintf("%.5g … %.5g", ci.Lo, ci.Hi) }

func (r Rival) coefText() string {
	switch r.Kind {
	case Power:
		return fmt.Sprintf("%.4g·x^%.4g", r.Coef["k"], r.Coef["p"])
	case Quadratic:
		return fmt.Sprintf("%.4g %+.4g·x %+.4g·x²", r.Coef["a"], r.Coef["b"], r.Coef["c"])
	}
	return fmt.Sprintf("%.4g %+.4g·x", r.Coef["a"], r.Coef["b"])
}

// dash formats v, or writes a dash where there is no number.
func dash(format string, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf(format, v)
}
