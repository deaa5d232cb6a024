package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

const million = 1e6

// grouped writes a whole number with commas between thousands.
func grouped(v float64) string {
	text := number(v, 0)
	sign, digits := "", text
	if rest, ok := strings.CutPrefix(text, "−"); ok {
		sign, digits = "−", rest
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// pixelsText writes a number of pixels: whole with commas, or in millions.
func pixelsText(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case math.Abs(v) >= million:
		return number(v/million, 2) + " million"
	}
	return grouped(v)
}

// pixelTick writes a number of pixels where space is short: "200k", "1.5M".
func pixelTick(v float64) string {
	text := func(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.3g", v), ".0") }
	switch {
	case v >= million:
		return text(v/million) + "M"
	case v >= 1000:
		return text(v/1000) + "k"
	}
	return text(v)
}

// pixelEstimate writes a number of pixels and its interval with as many digits as the
// interval's width supports. An end may be infinite.
func pixelEstimate(c law.Coef) estimated {
	if present(c.Value) == nil {
		return estimated{"–", "–", "pixels"}
	}
	width := (c.CI.Hi - c.CI.Lo) / 2
	if !(width > 0) || math.IsInf(width, 0) {
		width = math.Abs(c.Value) / 100
	}
	write, unit := func(v float64) string {
		step := math.Pow(10, max(0, math.Floor(math.Log10(width))))
		return grouped(math.Round(v/step) * step)
	}, "pixels"
	if math.Abs(c.Value) >= million {
		digits := min(3, decimals(width/million))
		write, unit = func(v float64) string { return number(v/million, digits) }, "million pixels"
	}
	return estimated{write(c.Value), bounds(c.CI, write), unit}
}

// bounds writes an interval whose ends may be infinite or unknown.
func bounds(ci law.Interval, write func(float64) string) string {
	lo, hi := present(ci.Lo), present(ci.Hi)
	switch {
	case lo != nil && hi != nil:
		return write(*lo) + " … " + write(*hi)
	case hi != nil:
		return "up to " + write(*hi)
	case lo != nil:
		return write(*lo) + " or more"
	}
	return "unbounded"
}

// signedPercent writes a relative change as a percentage with its sign.
func signedPercent(v float64) string { return signed(100*v) + " %" }

// slopeText writes the change of cost above the knee with its interval.
func (k *kneeView) slopeText() string {
	c := k.fit.FlatSlope
	if !k.fit.Found || present(c.Value) == nil {
		return "–"
	}
	text := signedPercent(c.Value)
	if ci := finite(c.CI); ci != nil {
		text += fmt.Sprintf(" (%s … %s)", signed(100*ci.Lo), signed(100*ci.Hi))
	}
	return text
}

// statement says one law of a sweep over resolutions in words and numbers.
func (s *sweepView) statement(k *kneeView) string {
	return s.headline(k) + " " + s.details(k)
}

// headline is the claim of statement: the cost at full size and where it begins to fall.
func (s *sweepView) headline(k *kneeView) string {
	x := k.span()
	if !k.fit.Found {
		return fmt.Sprintf("No knee in the measured range of %s … %s pixels: %s.", pixelsText(x.Lo), pixelsText(x.Hi), s.whyNoKnee(k)[0])
	}
	flat, at := k.flat(), k.at()
	predicted := ""
	if k.fit.Predicted > 0 {
		predicted = fmt.Sprintf("; predicted %s from its preprocessing", pixelsText(k.fit.Predicted))
	}
	above := map[string]string{stat.Equivalent: "above it is flat", stat.Different: "above it is not flat either"}[k.fit.FlatVerdict]
	if above == "" {
		above = "above it is not yet shown to be flat"
	}
	return fmt.Sprintf("An image at full size costs %s %s (%s interval %s). Below %s %s (%s%s) cost falls with pixels, %s.",
		flat.inWords(), describe(k.metric).per, percent(k.fit.Level), flat.interval, at.value, at.unit, at.interval, predicted, above)
}

// details are what bears the headline out, and what to do where it is weak.
func (s *sweepView) details(k *kneeView) string {
	var texts []string
	if !k.fit.Found {
		if more := s.whyNoKnee(k)[1:]; len(more) > 0 {
			texts = append(texts, capital(strings.Join(more, "; "))+".")
		}
	} else {
		texts = append(texts, s.agreement(k))
		if slope := k.slopeText(); slope == "–" {
			texts = append(texts, "Too few images lie above it to tell whether cost is flat there.")
		} else {
			texts = append(texts, fmt.Sprintf("From the knee to the largest image cost changes by %s.", slope))
		}
	}
	if sizes := s.missing(k); len(sizes) > 0 {
		text := "Add --resolutions "
		if k.fit.Found {
			text = "The grid is coarse around it: add --resolutions "
		}
		texts = append(texts, text+strings.Join(sizes, ",")+".")
	}
	if k.quality == measure.Estimated {
		texts = append(texts, "This is an estimate, not a measurement.")
	}
	return strings.Join(texts, " ")
}

// leeway writes the range that rounding sizes to whole patches leaves to the predicted knee,
// "" when it leaves none.
func (k *kneeView) leeway(format string) string {
	r := k.fit.PredictedRange
	if !(r.Hi > r.Lo) {
		return ""
	}
	return fmt.Sprintf(format, pixelsText(r.Lo), pixelsText(r.Hi))
}

// agreement says whether the measured knee is the predicted one.
func (s *sweepView) agreement(k *kneeView) string {
	switch {
	case k.fit.Agrees:
		return "The knee lies where the preprocessing puts it" + k.leeway(" (%s … %s with its rounding to patches)") + "."
	case k.fit.Predicted > 0 && k.fit.Predicted > k.fit.At.Value:
		return "This disagrees with the prediction: cost flattens before the preprocessing's limit."
	case k.fit.Predicted > 0:
		return "This disagrees with the prediction: cost goes on growing beyond the preprocessing's limit."
	case s.contract == nil:
		return "The backend does not tell its preprocessing, so nothing was predicted."
	}
	return "Its preprocessing has no limit on pixels, so no knee was predicted."
}

// whyNoKnee gives the reasons, the prediction first.
func (s *sweepView) whyNoKnee(k *kneeView) []string {
	var why []string
	x, predicted := k.span(), k.fit.Predicted
	switch {
	case predicted > x.Hi:
		why = append(why, fmt.Sprintf("its preprocessing puts one at %s, above the largest image", pixelsText(predicted)))
	case predicted > 0 && predicted < x.Lo:
		why = append(why, fmt.Sprintf("its preprocessing puts one at %s, below the smallest image", pixelsText(predicted)))
	case predicted > 0 && k.fit.TooCoarse:
		why = append(why, fmt.Sprintf("the grid is too coarse around the predicted %s", pixelsText(predicted)))
	case predicted > 0:
		why = append(why, fmt.Sprintf("its preprocessing puts one at %s, and cost does not show it", pixelsText(predicted)))
	case s.contract != nil && s.contract.LongestEdge > 0:
		why = append(why, fmt.Sprintf("as predicted, since every image is scaled to a longest edge of %d pixels", s.contract.LongestEdge))
	case s.contract != nil:
		why = append(why, "as predicted, since its preprocessing has no limit on pixels")
	}
	switch {
	case !k.fitted():
		why = append(why, "cost does not grow towards one anywhere")
	case k.fit.P > 1-k.fit.Level:
		why = append(why, fmt.Sprintf("a curve without one fits as well (p = %.2g)", k.fit.P))
	case math.IsInf(k.fit.At.CI.Hi, 1):
		why = append(why, "growth all over fits as well")
	default:
		why = append(why, "a smooth curve fits better")
	}
	return why
}

// missing lists the sizes that the grid lacks around the knee, as the plan would take them.
func (s *sweepView) missing(k *kneeView) []string {
	var sizes []string
	if !k.fit.TooCoarse {
		return nil
	}
	for _, pixels := range k.fit.Add {
		size := s.sizeOf(pixels, s.step())
		if _, known := s.sizes[size.Pixels()]; known {
			size = s.sizeOf(pixels, 2)
		}
		if _, known := s.sizes[size.Pixels()]; !known && !slices.Contains(sizes, size.String()) {
			sizes = append(sizes, size.String())
		}
	}
	return sizes
}

// clampText says a limit on pixels in words.
func (s *sweepView) clampText() string {
	own := s.clamp == "" || s.clamp == "model"
	text := s.clamp
	if s.contract != nil {
		switch c := s.contract.Clamp; {
		case s.contract.Family == imaging.FamilyTiles && s.contract.LongestEdge > 0:
			text = fmt.Sprintf("scaled to a longest edge of %d pixels", s.contract.LongestEdge)
		case c.Policy == imaging.PolicyLongestSide:
			text = fmt.Sprintf("longest side of %d pixels", c.LongestSide)
		case c.MaxTokens > 0:
			text = fmt.Sprintf("at most %s image tokens", grouped(float64(c.MaxTokens)))
		default:
			text = "no limit"
		}
	}
	switch {
	case !own:
		return text
	case text == "" || text == "model":
		return "the model's own"
	}
	return text + " (the model's own)"
}

// lineText says the law in effective pixels.
func (k *kneeView) lineText() string {
	per, ok := k.perMegapixel()
	if !ok {
		return "No law in effective pixels: " + k.noLine + "."
	}
	fixed := estimateOf(k.line, "a")
	text := fmt.Sprintf("Each effective megapixel costs %s %s (%s), on top of %s fixed (%s)",
		per.inWords(), describe(k.metric).per, per.interval, fixed.inWords(), fixed.interval)
	if rival, ok := k.line.betterRival(); ok {
		text += fmt.Sprintf("; a %s curve fits better than the line", rival.Kind)
	}
	return text + "."
}

// curveText says whether all configurations lie on one curve in effective pixels.
func curveText(c *law.Curve, metric string) string {
	if c == nil {
		return ""
	}
	var widest law.Interval
	worst := stat.Equivalent
	for _, g := range c.Groups {
		if ci := finite(g.Offset.CI); ci != nil {
			widest = law.Interval{Lo: min(widest.Lo, ci.Lo), Hi: max(widest.Hi, ci.Hi)}
		}
		if g.Verdict == stat.Different || worst == stat.Equivalent {
			worst = g.Verdict
		}
	}
	span := fmt.Sprintf("intervals within %s … %s %%", signed(100*widest.Lo), signed(100*widest.Hi))
	what, within := shortTitle(metric), number(100*c.Margin, 0)
	switch {
	case c.One:
		return fmt.Sprintf("In effective pixels there is one curve: under every limit, %s lies within %s %% of the others' (%s).", what, within, span)
	case worst == stat.Different:
		return fmt.Sprintf("Effective pixels do not explain everything: %s lies off one common curve by more than %s %% (%s).", what, within, span)
	}
	return fmt.Sprintf("Whether %s follows one curve in effective pixels within %s %% is not settled (%s).", what, within, span)
}

// kneeTitle is shortTitle for the tables of a sweep. What is named an estimate need not be
// called one again.
func kneeTitle(k *kneeView) string {
	name := shortTitle(k.metric)
	if k.quality == measure.Estimated && !strings.Contains(name, "estimate") {
		name += " (estimate)"
	}
	return name
}

// flat is the cost at full size; "–" when there is none.
func (k *kneeView) flat() estimated {
	if !k.fit.Found || present(k.fit.Flat.Value) == nil {
		return estimated{value: "–", interval: "–"}
	}
	return k.estimateIn(k.fit.Flat)
}

// at is the knee; "none" when none was found.
func (k *kneeView) at() estimated {
	if !k.fit.Found {
		return estimated{value: "none", interval: "–"}
	}
	return pixelEstimate(k.fit.At)
}

func predictedText(k *kneeView) string {
	if !(k.fit.Predicted > 0) {
		return "none"
	}
	return pixelsText(k.fit.Predicted)
}

// agreesText says in a word whether measurement and prediction agree. A knee that was not
// found contradicts no prediction.
func agreesText(k *kneeView) string {
	switch predicted := k.fit.Predicted; {
	case k.fit.Agrees:
		return "yes"
	case k.fit.Found && predicted > 0:
		return "no"
	case predicted > k.span().Lo && predicted < k.span().Hi:
		return "undecided"
	}
	return "–"
}

// flatText says in a word whether cost is flat above the knee.
func flatText(k *kneeView) string {
	switch {
	case !k.fit.Found || math.IsNaN(k.fit.FlatSlope.Value):
		return "–"
	case k.fit.FlatVerdict == stat.Equivalent:
		return "flat"
	case k.fit.FlatVerdict == stat.Different:
		return "not flat"
	}
	return "unsettled"
}

// unfitted says which costs have no knee at all, and whether the law in effective pixels is
// missing.
func (s *sweepView) unfitted(c *ConfigResult) []string {
	var texts []string
	for _, u := range c.Unfitted {
		knee := slices.ContainsFunc(s.knees, func(k kneeView) bool { return k.metric == u.Metric })
		if !knee && !isEnergy(u.Metric) {
			texts = append(texts, describe(u.Metric).title+": no law: "+u.Reason)
		}
	}
	if k := s.main(); k != nil && k.line == nil {
		texts = append(texts, k.lineText())
	}
	return texts
}

// loadText says how loading the model enters the figures.
func (s *sweepView) loadText(c *ConfigResult) string {
	const cost = store.MetricCPUCoreSeconds
	last := len(c.Lengths) - 1
	switch {
	case last >= 0 && len(c.Lengths[last].WithoutLoad) > 0:
		text := "Every trial started the model anew, and the laws contain its loading."
		if m, ok := c.Lengths[last].WithoutLoad[cost]; ok {
			text += fmt.Sprintf(" Without it an image of %s costs %s.", s.sizeText(c.Lengths[last].X), amount("core·s", m.Value))
		}
		return text
	case c.LoadS != nil:
		return fmt.Sprintf("The model was loaded once, in %s, which the laws do not contain.", amount("s", *c.LoadS))
	}
	return ""
}
