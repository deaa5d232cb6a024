package law

import (
	"errors"
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// ErrRatio is wrapped when a ratio of coefficients has no bounded interval.
var ErrRatio = errors.New("law: no ratio")

// Ratio returns other's coefficient over base's, "a" or "b", with an interval at base's
// level from the bootstrap draws of both laws. It takes the laws as independent; where they
// were fitted to trials of the same prompts, the interval errs on the wide side. It fails when
// base's coefficient is not told from zero: the ratio could then be anything.
func Ratio(base, other Law, name string) (Coef, error) {
	j := slices.IndexFunc(base.Coef, func(c Coef) bool { return c.Name == name })
	if j < 0 || j > 1 || j >= len(other.Coef) || other.Coef[j].Name != name {
		return Coef{}, fmt.Errorf("%w: no coefficient %q in both laws", ErrRatio, name)
	}
	if len(base.Bootstrap) == 0 || len(other.Bootstrap) == 0 {
		return Coef{}, fmt.Errorf("%w: a law read from a record has no bootstrap draws; fit it again", ErrRatio)
	}
	if ci := base.Coef[j].CI; ci.Contains(0) {
		return Coef{}, fmt.Errorf("%w: %s of the base law, %.3g … %.3g, is not told from zero", ErrRatio, name, ci.Lo, ci.Hi)
	}
	// Fits with one seed flip the same signs: a shuffle makes the draws independent.
	order := stat.Rand(uint64(len(other.Bootstrap))).Perm(len(other.Bootstrap))
	ratios := make([]float64, max(len(base.Bootstrap), len(other.Bootstrap)))
	for i := range ratios {
		b, o := base.Bootstrap[i%len(base.Bootstrap)], other.Bootstrap[order[i%len(order)]]
		ratios[i] = o[j] / b[j]
	}
	return Coef{Name: name, Value: other.Coef[j].Value / base.Coef[j].Value, CI: stat.PercentileInterval(ratios, base.Level)}, nil
}
