package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// sweepView is a configuration swept by the resolution of images, as all renderings take it.
type sweepView struct {
	name     string
	clamp    string // limit on pixels as the plan spells it; "" for the model's own
	contract *imaging.Contract
	aspect   imaging.Size         // of the largest image
	sizes    map[int]imaging.Size // images by their nominal pixels
	knees    []kneeView           // CPU time first
}

// kneeView is the law of one cost over nominal pixels, next to its law in effective ones.
type kneeView struct {
	metric  string
	unit    string
	quality measure.Quality
	fit     law.Knee
	band    []BandPoint // pointwise interval of the fitted curve over nominal pixels
	line    *LawResult  // cost over effective pixels; nil when it could not be fitted
	noLine  string      // why line is nil
	trials  []imageTrial
}

// imageTrial is one trial in the figures of a knee. Its cost is in the unit of the metric.
type imageTrial struct {
	nominal, effective float64 // effective is NaN when the backend does not tell it
	cost               float64
	fate               int
	tip                string
}

// What becomes of an image before the model looks at it; colour and shape of its point.
const (
	fateWhole = iota
	fateReduced
	fateEnlarged
)

var fateNames = [...]string{"seen at its own size", "scaled down by the model", "enlarged by the model"}

// roundingSlack is the relative change of pixels that alignment to patches alone may cause.
const roundingSlack = 0.12

// fateOf tells what becomes of an image: by the contract's limits where there are any,
// and by the change of its pixels beyond alignment otherwise.
func fateOf(c *imaging.Contract, m *ImageResult) int {
	nominal := float64(m.NominalPixels)
	if c != nil {
		size := imaging.Size{Width: m.Width, Height: m.Height}
		knee, limited := c.Knee(size)
		floor, floored := c.Floor(size)
		switch {
		case limited && nominal > knee*(1+1e-9):
			return fateReduced
		case floored && nominal < floor*(1-1e-9):
			return fateEnlarged
		case limited || floored:
			return fateWhole
		}
	}
	if m.ResizedWidth == nil || m.ResizedHeight == nil {
		return fateWhole
	}
	switch seen := float64(*m.ResizedWidth) * float64(*m.ResizedHeight); {
	case seen < nominal*(1-roundingSlack):
		return fateReduced
	case seen > nominal*(1+roundingSlack):
		return fateEnlarged
	}
	return fateWhole
}

// newSweep returns how a configuration that was swept by resolution is shown; nil for one
// that was swept by length.
func newSweep(r *Result, c *ConfigResult) *sweepView {
	if r.Sweep != SweepPixels {
		return nil
	}
	s := &sweepView{name: c.ID, clamp: c.Clamp, contract: c.Vision, sizes: map[int]imaging.Size{}}
	for i := range r.Trials {
		t := &r.Trials[i]
		if t.Config != c.ID || t.Image == nil {
			continue
		}
		size := imaging.Size{Width: t.Image.Width, Height: t.Image.Height}
		s.sizes[t.X] = size
		if size.Pixels() > s.aspect.Pixels() {
			s.aspect = size
		}
	}
	for i := range c.Knees {
		s.knees = append(s.knees, s.newKnee(r, c, &c.Knees[i]))
	}
	return s
}

// newKnee joins a knee with the law in effective pixels and the trials of the same cost.
func (s *sweepView) newKnee(r *Result, c *ConfigResult, fitted *KneeResult) kneeView {
	k := kneeView{metric: fitted.Metric, unit: fitted.Unit, quality: fitted.Quality, fit: fitted.Fit, band: fitted.Band, noLine: "the backend does not tell effective pixels"}
	for i := range c.Laws {
		if l := &c.Laws[i]; l.Metric == k.metric && l.Quality == k.quality && l.Predictor == PredictorEffective {
			k.line = l
		}
	}
	of := LawResult{Metric: k.metric, Quality: k.quality}
	for i := range r.Trials {
		t := &r.Trials[i]
		v := t.figure(&of)
		if t.Config != c.ID || t.Image == nil || v == nil {
			continue
		}
		trial := imageTrial{nominal: float64(t.X), effective: math.NaN(), cost: *v, fate: fateOf(s.contract, t.Image)}
		trial.tip = fmt.Sprintf("trial %d · %s · %s", t.Seq, s.sizeText(t.X), t.Image.Kind)
		if e := t.Image.EffectivePixels; e != nil {
			trial.effective = float64(*e)
			trial.tip += fmt.Sprintf("\n%s effective pixels", pixelsText(trial.effective))
		}
		if n := t.Image.Tokens; n != nil {
			trial.tip += fmt.Sprintf(" · %d image tokens", *n)
		}
		trial.tip += "\n" + amount(k.unit, *v)
		k.trials = append(k.trials, trial)
	}
	if slices.ContainsFunc(k.trials, func(t imageTrial) bool { return !math.IsNaN(t.effective) }) {
		for _, u := range c.Unfitted {
			if u.Metric == k.metric {
				k.noLine = u.Reason
			}
		}
	}
	return k
}

// main returns the knee of the CPU time, else the first; nil when none could be fitted.
func (s *sweepView) main() *kneeView {
	if len(s.knees) == 0 {
		return nil
	}
	return &s.knees[0]
}

// top is the largest cost in a figure of the knee, from which its unit follows.
func (k *kneeView) top() float64 {
	top := 0.0
	for _, t := range k.trials {
		top = max(top, math.Abs(t.cost))
	}
	return top
}

func (k *kneeView) scale() scale { return scaleFor(k.unit, k.top()) }

// fitted says that there is a curve with a knee to draw, preferred or not.
func (k *kneeView) fitted() bool { return len(k.fit.Coef) >= 2 && present(k.fit.At.Value) != nil }

// span is the range of nominal pixels.
func (k *kneeView) span() law.Interval { return k.fit.X }

// perMegapixel returns the slope of the law in effective pixels as an estimate.
func (k *kneeView) perMegapixel() (estimated, bool) {
	if k.line == nil {
		return estimated{}, false
	}
	return estimateOf(k.line.times(million), "b"), true
}

// estimateIn writes a coefficient of a knee in the display unit of its value.
func (k *kneeView) estimateIn(c law.Coef) estimated {
	l := LawResult{Unit: k.unit, Coef: map[string]float64{"": c.Value}, CI: map[string]*law.Interval{"": finite(c.CI)}}
	return estimateOf(&l, "")
}

// sizeText names an image of a number of nominal pixels, e.g. "448×336".
func (s *sweepView) sizeText(pixels int) string {
	if size, ok := s.sizes[pixels]; ok {
		return times(size)
	}
	return pixelsText(float64(pixels)) + " pixels"
}

// times writes a size for people, with a multiplication sign.
func times(s imaging.Size) string { return fmt.Sprintf("%d×%d", s.Width, s.Height) }

// sizeOf is the image of the swept aspect ratio with about that many pixels, with sides that
// are multiples of step.
func (s *sweepView) sizeOf(pixels float64, step int) imaging.Size {
	ratio := 1.0
	if s.aspect.Width > 0 && s.aspect.Height > 0 {
		ratio = float64(s.aspect.Width) / float64(s.aspect.Height)
	}
	side := func(v float64) int { return max(step, int(math.Round(v/float64(step)))*step) }
	return imaging.Size{Width: side(math.Sqrt(pixels * ratio)), Height: side(math.Sqrt(pixels / ratio))}
}

// step is the alignment of sizes to propose: that of the model's patches, as others would be
// rounded to it anyway.
func (s *sweepView) step() int {
	if s.contract != nil && s.contract.Family == imaging.FamilyDynamic && s.contract.Align() > 0 {
		return s.contract.Align()
	}
	return 8
}

// sweptBy is how what was swept is named.
type sweptBy struct {
	label  string // of an axis: "prompt tokens"
	value  string // one of them: "prompt length"
	equal  string // what is held equal in a contrast: "length"
	sets   string // begin of "… the cost"
	margin float64
	short  func(x int) string // on an axis
	long   func(x int) string // in a sentence
}

// byTokens is the predictor of sweeps over the length of prompts.
var byTokens = sweptBy{
	label: "prompt tokens", value: "prompt length", equal: "length", sets: "Length sets", margin: 58,
	short: func(x int) string { return fmt.Sprint(x) }, long: func(x int) string { return fmt.Sprintf("%d tokens", x) },
}

// swept names what was swept; a nil sweep is one over tokens.
func (s *sweepView) swept() sweptBy {
	if s == nil {
		return byTokens
	}
	return sweptBy{
		label: "image", value: "size of the image", equal: "size of the image", sets: "Pixels set", margin: 82,
		short: s.sizeText, long: s.sizeText,
	}
}
