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
// were fitted to trials of the same prompts, PairedRatio is narrower. It fails when
// base's coefficient is not told from zero: the ratio could then be anything.
func Ratio(base, other Law, name string) (Coef, error) {
	// Fits with one seed flip the same signs: a shuffle makes the draws independent.
	order := stat.Rand(uint64(len(other.Bootstrap))).Perm(len(other.Bootstrap))
	return ratio(base, other, name, func(i int) int { return order[i%len(order)] })
}

// PairedRatio is Ratio for laws that were fitted with one seed to trials that belong together
// one by one, such as those of the same prompts, in the same order: the bootstrap then flips the
// residuals of a pair together, and what both trials have in common leaves the interval.
func PairedRatio(base, other Law, name string) (Coef, error) {
	return ratio(base, other, name, func(i int) int { return i % len(other.Bootstrap) })
}

// ratio takes draw i of base with draw of(i) of other.
func ratio(base, other Law, name string, of func(int) int) (Coef, error) {
	j, err := common(base, other, name)
	if err != nil {
		return Coef{}, err
	}
	if ci := base.Coef[j].CI; ci.Contains(0) {
		return Coef{}, fmt.Errorf("%w: %s of the base law, %.3g … %.3g, is not told from zero", ErrRatio, name, ci.Lo, ci.Hi)
	}
	ratios := make([]float64, max(len(base.Bootstrap), len(other.Bootstrap)))
	for i := range ratios {
		ratios[i] = other.Bootstrap[of(i)][j] / base.Bootstrap[i%len(base.Bootstrap)][j]
	}
	return Coef{Name: name, Value: other.Coef[j].Value / base.Coef[j].Value, CI: stat.PercentileInterval(ratios, base.Level)}, nil
}

// PairedDifference returns other's coefficient minus base's, for laws as PairedRatio takes them.
// It has an interval even where base's is not told from zero.
func PairedDifference(base, other Law, name string) (Coef, error) {
	j, err := common(base, other, name)
	if err != nil {
		return Coef{}, err
	}
	draws := make([]float64, min(len(base.Bootstrap), len(other.Bootstrap)))
	for i := range draws {
		draws[i] = other.Bootstrap[i][j] - base.Bootstrap[i][j]
	}
	return Coef{Name: name, Value: other.Coef[j].Value - base.Coef[j].Value, CI: stat.PercentileInterval(draws, base.Level)}, nil
}

// common is the place of a coefficient that both laws have with draws of it.
func common(base, other Law, name string) (int, error) {
	j := slices.IndexFunc(base.Coef, func(c Coef) bool { return c.Name == name })
	if j < 0 || j > 1 || j >= len(other.Coef) || other.Coef[j].Name != name {
		return 0, fmt.Errorf("%w: no coefficient %q in both laws", ErrRatio, name)
	}
	if len(base.Bootstrap) == 0 || len(other.Bootstrap) == 0 {
		return 0, fmt.Errorf("%w: a law read from a record has no bootstrap draws; fit it again", ErrRatio)
	}
	return j, nil
}
