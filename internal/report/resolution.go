package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

// What a run sweeps.
const (
	SweepTokens = "tokens" // lengths of the prompt
	SweepPixels = "pixels" // resolutions of an image
)

// Predictors of laws.
const (
	PredictorTokens    = "tokens"           // prompt tokens as the backend counted them
	PredictorEffective = "effective_pixels" // pixels that the model works on
)

// sweepOf tells what a run sweeps by its trials, or by its plan while it has none.
func sweepOf(run store.Run, trials []store.Trial) string {
	if slices.ContainsFunc(trials, func(t store.Trial) bool { return t.Image != nil }) {
		return SweepPixels
	}
	var plan struct {
		Resolutions []string `json:"resolutions"`
	}
	if len(trials) == 0 && json.Unmarshal(run.Plan, &plan) == nil && len(plan.Resolutions) > 0 {
		return SweepPixels
	}
	return SweepTokens
}

// predictorOf returns the x of the linear laws of a configuration, and its name.
func predictorOf(trials []store.Trial) (string, func(store.Trial) (float64, bool)) {
	if slices.ContainsFunc(trials, func(t store.Trial) bool { return t.Image != nil }) {
		return PredictorEffective, func(t store.Trial) (float64, bool) {
			if t.Image == nil || t.Image.Layout.Pixels < 1 {
				return 0, false
			}
			return float64(t.Image.Layout.Pixels), true
		}
	}
	return PredictorTokens, func(t store.Trial) (float64, bool) { return float64(tokens(t)), true }
}

// pointsOf lists a metric over x, by the quality of its figures, with the trials that they
// belong to.
func pointsOf(metric string, trials []store.Trial, x func(store.Trial) (float64, bool)) (map[measure.Quality][]law.Point, map[measure.Quality][]store.Trial) {
	points, owners := map[measure.Quality][]law.Point{}, map[measure.Quality][]store.Trial{}
	for _, t := range trials {
		v := value(t.Figures, metric)
		at, known := x(t)
		if v == nil || !known {
			continue
		}
		q := t.Figures[metric].Quality
		points[q] = append(points[q], law.Point{X: at, Y: *v, Weight: 1})
		owners[q] = append(owners[q], t)
	}
	return points, owners
}

// qualities are those that may carry a law, measurements first.
var qualities = [...]measure.Quality{measure.Measured, measure.Estimated}

// fitKnees fits the knee of one metric over nominal pixels, once per quality.
func fitKnees(metric string, vision *imaging.Contract, trials []store.Trial) (knees []KneeResult, why string) {
	nominal := func(t store.Trial) (float64, bool) { return float64(t.X), t.Image != nil }
	points, _ := pointsOf(metric, trials, nominal)
	expected := expectedKnee(vision, sizesOf(trials))
	for _, quality := range qualities {
		own := points[quality]
		if len(own) == 0 {
			continue
		}
		fit, err := law.FitKnee(own, law.KneeOptions{
			Options:   law.Options{Seed: 1, Noise: noiseOf(own)},
			Predicted: expected.knee, PredictedRange: expected.within, Floor: expected.floor,
		})
		if err != nil {
			why = strings.TrimPrefix(err.Error(), law.ErrPoints.Error()+": ")
			continue
		}
		knees = append(knees, KneeResult{
			Metric: metric, Unit: describe(metric).unit, Quality: quality, Fit: fit, Band: kneeBand(fit),
			Statement: fit.Text("nominal pixels", describe(metric).title),
			Doubts:    append(slices.Clone(expected.doubts), fit.Doubts...),
		})
	}
	if len(knees) == 0 && why == "" {
		why = absentReason(metric, trials)
	}
	return knees, why
}

// kneeBand returns the pointwise interval of a knee's curve over the swept range, at equal
// ratios, since sizes are swept and drawn so.
func kneeBand(k law.Knee) []BandPoint {
	band := []BandPoint{}
	for i := range bandPoints {
		x := k.X.Lo * math.Pow(k.X.Hi/k.X.Lo, float64(i)/(bandPoints-1))
		if ci := finite(k.Band(x)); ci != nil {
			band = append(band, BandPoint{X: x, Lo: ci.Lo, Hi: ci.Hi})
		}
	}
	return band
}

// sizesOf lists the sizes of the images of trials, smallest first.
func sizesOf(trials []store.Trial) []imaging.Size {
	sizes := map[int]imaging.Size{}
	for _, t := range trials {
		if t.Image != nil {
			sizes[t.X] = t.Image.Layout.Nominal
		}
	}
	var out []imaging.Size
	for _, x := range slices.Sorted(maps.Keys(sizes)) {
		out = append(out, sizes[x])
	}
	return out
}

// sameKnee is how much knees of different aspect ratios may differ and count as one.
const sameKnee = 0.01

// expectation is what the preprocessing contract says of the knee of some sizes, in nominal
// pixels.
type expectation struct {
	knee   float64      // 0 when there is none, or none for all sizes together
	within law.Interval // where rounding to whole patches leaves it
	floor  float64      // smaller images are enlarged to it; 0 when none are
	doubts []string
}

// expectedKnee asks the contract. Sizes of different aspect ratios may have different knees:
// then the one that counts lies between the largest size that is seen whole and the smallest
// that is not, if no size upsets that order.
func expectedKnee(c *imaging.Contract, sizes []imaging.Size) (e expectation) {
	if c == nil || len(sizes) == 0 {
		return e
	}
	e.floor, _ = c.Floor(sizes[0])
	least, most := math.Inf(1), 0.0
	below, above := 0.0, math.Inf(1) // pixels of the largest whole and the smallest reduced size
	next := 0.0                      // knee of the latter's aspect ratio
	for _, size := range sizes {
		at, ok := c.Knee(size)
		if !ok {
			return e
		}
		least, most = min(least, at), max(most, at)
		if pixels := float64(size.Pixels()); pixels <= at {
			below = max(below, pixels)
		} else if pixels < above {
			above, next = pixels, at
		}
	}
	if most <= least*(1+sameKnee) {
		largest := sizes[len(sizes)-1]
		e.knee, _ = c.Knee(largest)
		e.within = saturation(c, largest, e.knee)
		return e
	}
	e.doubts = []string{fmt.Sprintf("the images have different aspect ratios, for which the limit sets in between %.0f and %.0f pixels: sweep one aspect ratio for one knee", least, most)}
	if below < above && !math.IsInf(above, 1) {
		e.knee, e.within = max(next, below), law.Interval{Lo: below, Hi: above}
	}
	return e
}

// saturation is the range around the contract's knee in which rounding to whole patches
// decides: from the smallest image that is already seen as large as those beyond the knee, to
// the largest that is seen larger. Rounding may also give some beyond it fewer pixels: their
// median counts.
func saturation(c *imaging.Contract, aspect imaging.Size, knee float64) law.Interval {
	const steps, slack = 200, 0.03
	within := law.Interval{Lo: knee, Hi: knee}
	at := func(pixels float64) (nominal, effective float64) {
		scale := math.Sqrt(pixels / float64(aspect.Pixels()))
		side := func(n int) int { return max(1, int(math.Round(scale*float64(n)))) }
		size := imaging.Size{Width: side(aspect.Width), Height: side(aspect.Height)}
		layout, err := c.Layout(size)
		if err != nil {
			return 0, 0
		}
		return float64(size.Pixels()), float64(layout.Pixels)
	}
	var beyond []float64
	for i := range steps {
		_, effective := at(knee * math.Pow(4, float64(i)/steps))
		beyond = append(beyond, effective)
	}
	plateau := stat.Median(beyond)
	for i := range 2 * steps { // from a quarter of the knee to four times as much
		nominal, effective := at(knee * math.Pow(4, float64(i)/steps-1))
		if effective >= (1-slack)*plateau && plateau > 0 {
			within.Lo = min(within.Lo, nominal)
		}
		if effective > (1+slack)*plateau {
			within.Hi = max(within.Hi, nominal)
		}
	}
	return within
}

// oneCurves asks for every model with several configurations whether their costs lie on one
// curve of the effective pixels.
func oneCurves(run store.Run, trials []store.Trial) []OneCurve {
	models := map[string][]store.Config{}
	for _, c := range run.Configs {
		models[c.Backend+"/"+c.Model] = append(models[c.Backend+"/"+c.Model], c)
	}
	result := []OneCurve{}
	for _, name := range slices.Sorted(maps.Keys(models)) {
		var own []store.Trial
		for _, c := range models[name] {
			own = append(own, ofConfig(trials, c.ID)...)
		}
		kind, x := predictorOf(own)
		if len(models[name]) < 2 || kind != PredictorEffective {
			continue
		}
		for _, metric := range metricNames(own, run.Channels) {
			points, owners := pointsOf(metric, own, x)
			for _, quality := range qualities {
				var groups []string
				for _, t := range owners[quality] {
					groups = append(groups, t.Config)
				}
				fit, err := law.OneCurve(points[quality], groups, law.Options{Seed: 1, Noise: noiseOf(points[quality])})
				if err == nil { // too few points for a law are noted with the laws themselves
					result = append(result, OneCurve{Model: models[name][0].Model, Metric: metric, Unit: describe(metric).unit, Quality: quality, Fit: fit})
				}
			}
		}
	}
	return result
}

// kinds compares the cost of the kinds of images at equal resolution.
func kinds(config string, trials []store.Trial) []Contrast {
	seen := map[string]bool{}
	for _, t := range trials {
		if t.Image != nil {
			seen[t.Image.Kind] = true
		}
	}
	names := slices.Sorted(maps.Keys(seen))
	if len(names) < 2 {
		return []Contrast{}
	}
	return contrasts(config, trials, names, func(i int) int {
		if trials[i].Image == nil {
			return -1
		}
		return slices.Index(names, trials[i].Image.Kind)
	})
}

// buildImage flattens what became of a trial's image. What the backend did not report is null.
func buildImage(image *store.Image) *ImageResult {
	if image == nil {
		return nil
	}
	l := image.Layout
	result := &ImageResult{
		Kind: image.Kind, Width: l.Nominal.Width, Height: l.Nominal.Height, NominalPixels: l.Nominal.Pixels(),
		Columns: l.Columns, Rows: l.Rows, Overview: l.Overview,
	}
	reported := func(n int) *int {
		if n < 1 {
			return nil
		}
		return &n
	}
	result.ResizedWidth, result.ResizedHeight = reported(l.Resized.Width), reported(l.Resized.Height)
	result.EffectivePixels, result.Patches, result.Tokens = reported(l.Pixels), reported(l.Patches), reported(l.Tokens)
	result.Sequence = reported(image.Sequence)
	return result
}
