package report

import (
	"cmp"
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

// Comparison sets one configuration against another over the trials and tasks that both have: the
// same prompts, in one interleaved order.
type Comparison struct {
	Config  string   `json:"config"`
	Against string   `json:"against"` // of the first model, or a control
	Control bool     `json:"control"` // against the first model in fewer bits, of about the same bytes
	Effects []Effect `json:"effects"`
}

// What an effect is about.
const (
	AboutBytes    = "bytes"    // the weights
	AboutFixed    = "fixed"    // the law's fixed cost
	AboutSlope    = "slope"    // the law's cost per unit of x
	AboutMean     = "mean"     // the mean of a metric over the trials
	AboutAnswer   = "answer"   // the mean cost of an answer
	AboutAccuracy = "accuracy" // the share of tasks answered rightly
)

// Effect is what differs between two configurations in one respect.
type Effect struct {
	About      string          `json:"about"`
	Metric     string          `json:"metric"`
	Unit       string          `json:"unit"`
	Quality    measure.Quality `json:"quality"`
	Resolution string          `json:"resolution"` // of the tasks' images; "" where they have none
	Base       *float64        `json:"base"`       // of the one compared against
	Value      *float64        `json:"value"`
	Ratio      *float64        `json:"ratio"` // value over base; null for accuracy
	RatioCI    *law.Interval   `json:"ratio_ci"`
	// Difference is value − base: of laws, where a ratio may have no bound, and of accuracy.
	Difference   *float64      `json:"difference"`
	DifferenceCI *law.Interval `json:"difference_ci"`
	N            int           `json:"n"`      // pairs of trials or of answers
	Absent       string        `json:"absent"` // why there is no ratio, or no difference of accuracy
}

// rates are what is compared besides costs: the metrics that are better the larger they are.
var rates = [...]string{store.MetricPrefillRate, store.MetricDecodeRate}

// comparisons sets every configuration against that of the first model under the same limit on
// images, and those that have a control against that.
func comparisons(run store.Run, trials []store.Trial, answers []store.Answer) []Comparison {
	out := []Comparison{}
	if len(run.Configs) == 0 {
		return out
	}
	first := run.Configs[0].Model
	var controlled []Comparison
	for _, c := range run.Configs {
		for _, base := range run.Configs {
			control := base.Control != nil && slices.Contains(base.Control.For, c.Model)
			if base.Clamp != c.Clamp || base.Backend != c.Backend || c.Model == first || base.Model != first && !control {
				continue
			}
			built := Comparison{Config: c.ID, Against: base.ID, Control: control, Effects: effects(run, base, c, trials, answers)}
			if control {
				controlled = append(controlled, built)
			} else {
				out = append(out, built)
			}
		}
	}
	return append(out, controlled...)
}

// pairsOf lists the trials of two configurations that are of the same prompt, in order of x and repeat.
func pairsOf(trials []store.Trial, base, other string) (a, b []store.Trial) {
	type cell struct {
		x, repeat  int
		complexity string
	}
	of := map[cell]store.Trial{}
	for _, t := range trials {
		if t.Config == base {
			of[cell{t.X, t.Repeat, t.Complexity}] = t
		}
	}
	for _, t := range trials {
		if own, ok := of[cell{t.X, t.Repeat, t.Complexity}]; ok && t.Config == other {
			a, b = append(a, own), append(b, t)
		}
	}
	order := make([]int, len(a))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(a[i].X, a[j].X), cmp.Compare(a[i].Repeat, a[j].Repeat)) })
	sorted := func(list []store.Trial) (out []store.Trial) {
		for _, i := range order {
			out = append(out, list[i])
		}
		return out
	}
	return sorted(a), sorted(b)
}

// effects lists all in which two configurations can differ.
func effects(run store.Run, base, other store.Config, trials []store.Trial, answers []store.Answer) []Effect {
	a, b := pairsOf(trials, base.ID, other.ID)
	out := []Effect{bytesEffect(base, other)}
	for _, m := range metricNames(slices.Concat(a, b), run.Channels) {
		found := false
		for _, quality := range qualities {
			out = append(out, lawEffects(m, quality, a, b)...)
			if e, ok := meanEffect(m, quality, a, b); ok {
				out, found = append(out, e), true
			}
		}
		if !found && !isEnergy(m) && len(a) > 0 {
			out = append(out, Effect{About: AboutMean, Metric: m, Unit: describe(m).unit, Absent: absentReason(m, slices.Concat(a, b))})
		}
	}
	for _, m := range append(rates[:], store.MetricPeakRSS) {
		if e, ok := meanEffect(m, measure.Measured, a, b); ok {
			out = append(out, e)
		}
	}
	return append(out, answerEffects(run, base.ID, other.ID, answers)...)
}

func bytesEffect(base, other store.Config) Effect {
	e := Effect{About: AboutBytes, Unit: "B", Quality: measure.Measured, Base: positive(float64(base.Bytes)), Value: positive(float64(other.Bytes))}
	if e.Base == nil || e.Value == nil {
		e.Absent = "the backend does not tell the bytes of the weights"
		return e
	}
	e.Ratio = present(*e.Value / *e.Base)
	return e
}

// bothHave returns a metric of two sides, if both have it in one quality.
func bothHave(metric string, quality measure.Quality, a, b map[string]store.Figure) (v, w float64, ok bool) {
	x, y := value(a, metric), value(b, metric)
	if x == nil || y == nil || a[metric].Quality != quality || b[metric].Quality != quality {
		return 0, 0, false
	}
	return *x, *y, true
}

// figuresOf lists a metric of pairs of trials in which both have it in one quality.
func figuresOf(metric string, quality measure.Quality, a, b []store.Trial) (base, other []float64, pairs [][2]store.Trial) {
	for i := range a {
		if v, w, ok := bothHave(metric, quality, a[i].Figures, b[i].Figures); ok {
			base, other = append(base, v), append(other, w)
			pairs = append(pairs, [2]store.Trial{a[i], b[i]})
		}
	}
	return base, other, pairs
}

// lawEffects compares the laws through the trials that both have.
func lawEffects(metric string, quality measure.Quality, a, b []store.Trial) []Effect {
	base, other, pairs := figuresOf(metric, quality, a, b)
	if len(pairs) < 3 {
		return nil
	}
	var laws [2]law.Law
	var err error
	for side, costs := range [][]float64{base, other} {
		var own []store.Trial
		for _, p := range pairs {
			own = append(own, p[side])
		}
		_, x := predictorOf(own)
		var points []law.Point
		for i, t := range own {
			if at, ok := x(t); ok {
				points = append(points, law.Point{X: at, Y: costs[i], Weight: 1})
			}
		}
		if err == nil {
			laws[side], err = law.Fit(points, law.Options{Seed: 1, Noise: noiseOf(points)})
		}
	}
	var out []Effect
	for _, c := range [...]struct{ about, name string }{{AboutFixed, "a"}, {AboutSlope, "b"}} {
		e := Effect{About: c.about, Metric: metric, Unit: describe(metric).unit, Quality: quality, N: len(pairs)}
		if err != nil {
			e.Absent = strings.TrimPrefix(err.Error(), law.ErrPoints.Error()+": ")
		} else {
			e.ofLaws(laws[0], laws[1], c.name)
		}
		out = append(out, e)
	}
	return out
}

// ofLaws compares one coefficient.
func (e *Effect) ofLaws(base, other law.Law, name string) {
	of := law.Law.A
	if name == "b" {
		of = law.Law.B
	}
	e.Base, e.Value = present(of(base).Value), present(of(other).Value)
	if d, err := law.PairedDifference(base, other, name); err == nil {
		e.Difference, e.DifferenceCI = present(d.Value), finite(d.CI)
	}
	r, err := law.PairedRatio(base, other, name)
	if err != nil {
		e.Absent = strings.TrimPrefix(err.Error(), law.ErrRatio.Error()+": ")
		return
	}
	e.Ratio, e.RatioCI = present(r.Value), finite(r.CI)
}

// meanEffect compares the mean of a metric over the trials that both have it in; false for none.
func meanEffect(metric string, quality measure.Quality, a, b []store.Trial) (e Effect, ok bool) {
	base, other, pairs := figuresOf(metric, quality, a, b)
	if len(pairs) == 0 {
		return e, false
	}
	var block []int
	for _, p := range pairs {
		block = append(block, p[0].X)
	}
	e = Effect{About: AboutMean, Metric: metric, Unit: describe(metric).unit, Quality: quality}
	e.ofMeans(base, other, block)
	return e, true
}

// ofMeans compares means of pairs.
func (e *Effect) ofMeans(base, other []float64, block []int) {
	e.Base, e.Value, e.N = present(stat.Mean(base)), present(stat.Mean(other)), len(base)
	r, err := stat.RatioOfSums(base, other, block, stat.Options{})
	if err != nil {
		e.Absent = strings.TrimPrefix(strings.TrimPrefix(err.Error(), stat.ErrNoRatio.Error()+": "), "stat: ")
		return
	}
	e.Ratio, e.RatioCI = present(r.Value), finite(r.CI)
}

// answerEffects compares what answers to the same tasks cost, and how many are right, at each
// resolution of their images.
func answerEffects(run store.Run, base, other string, answers []store.Answer) (out []Effect) {
	type key struct {
		task string
		box  imaging.Size
	}
	of := map[key]store.Answer{}
	for _, a := range answers {
		if a.Config == base {
			of[key{a.Task, a.Box}] = a
		}
	}
	pairs := map[imaging.Size][][2]store.Answer{}
	var boxes []imaging.Size
	for _, a := range answers {
		own, ok := of[key{a.Task, a.Box}]
		if !ok || a.Config != other {
			continue
		}
		if pairs[a.Box] == nil {
			boxes = append(boxes, a.Box)
		}
		pairs[a.Box] = append(pairs[a.Box], [2]store.Answer{own, a})
	}
	slices.SortFunc(boxes, func(a, b imaging.Size) int {
		return cmp.Or(cmp.Compare(a.Pixels(), b.Pixels()), cmp.Compare(a.Width, b.Width))
	})
	for _, box := range boxes {
		for _, metric := range metricNames(nil, run.Channels) {
			for _, quality := range qualities {
				if e, ok := answerCostEffect(metric, quality, pairs[box]); ok {
					e.Resolution = resolutionOf(box)
					out = append(out, e)
				}
			}
		}
		e := accuracyEffect(pairs[box])
		e.Resolution = resolutionOf(box)
		out = append(out, e)
	}
	return out
}

func answerCostEffect(metric string, quality measure.Quality, pairs [][2]store.Answer) (e Effect, ok bool) {
	var sides [2][]float64
	for _, p := range pairs {
		if v, w, ok := bothHave(metric, quality, p[0].Figures, p[1].Figures); ok {
			sides[0], sides[1] = append(sides[0], v), append(sides[1], w)
		}
	}
	e = Effect{About: AboutAnswer, Metric: metric, Unit: describe(metric).unit, Quality: quality}
	if len(sides[0]) == 0 {
		return e, false
	}
	e.ofMeans(sides[0], sides[1], nil)
	return e, true
}

func accuracyEffect(pairs [][2]store.Answer) Effect {
	var right [2][]bool
	var share [2]float64
	for _, p := range pairs {
		for side, a := range p {
			right[side] = append(right[side], a.Right)
			if a.Right {
				share[side] += 1 / float64(len(pairs))
			}
		}
	}
	e := Effect{About: AboutAccuracy, Quality: measure.Measured, Base: &share[0], Value: &share[1], N: len(pairs)}
	c, err := stat.ComparePaired(right[0], right[1])
	if err != nil {
		e.Absent = err.Error()
		return e
	}
	e.Difference, e.DifferenceCI = &c.Difference, &c.CI
	return e
}

// title names what an effect is about.
func (e *Effect) title() string {
	what := cmp.Or(effectTitles[e.Metric], shortTitle(e.Metric))
	text := map[string]string{
		AboutBytes: "bytes of the weights", AboutFixed: what + ", fixed", AboutSlope: what + ", slope", AboutMean: what,
		AboutAnswer: what + " per answer", AboutAccuracy: "tasks answered rightly",
	}[e.About]
	if e.Resolution != "" {
		text += ", " + e.Resolution
	}
	if e.Quality == measure.Estimated {
		text += " (estimate)"
	}
	return text
}

// effectTitles are those that shortTitle lacks.
var effectTitles = map[string]string{
	store.MetricPrefillRate: "prefill, tokens/s", store.MetricDecodeRate: "decode, tokens/s", store.MetricPeakRSS: "peak memory of the process",
}

// unitOf is the unit in which an effect's values are shown.
func (e *Effect) unitOf() string {
	if e.Metric == store.MetricPeakRSS {
		return "B"
	}
	return e.Unit
}

// amounts writes base and value.
func (e *Effect) amounts() (base, value string) {
	show := func(v *float64) string {
		switch {
		case v == nil:
			return "–"
		case e.About == AboutAccuracy:
			return accuracyText(*v, e.N)
		}
		return amount(e.unitOf(), *v)
	}
	return show(e.Base), show(e.Value)
}

// change writes the ratio, or the difference of accuracy, and its interval.
func (e *Effect) change() (text, interval string) {
	v, ci, sign := e.Ratio, e.RatioCI, "×\u00a0"
	if e.About == AboutAccuracy {
		if e.Difference == nil {
			return "–", e.Absent
		}
		points := 100 * *e.Difference
		return signed(points) + " points", signed(100*e.DifferenceCI.Lo) + " … " + signed(100*e.DifferenceCI.Hi)
	}
	switch {
	case v == nil:
		return "–", ""
	case ci == nil || !(ci.Hi > ci.Lo):
		return sign + significant(*v), ""
	}
	digits := min(decimals((ci.Hi-ci.Lo)/2), 4)
	return sign + number(*v, digits), number(ci.Lo, digits) + " … " + number(ci.Hi, digits)
}

// effect finds one of a comparison; nil for none. A measurement goes before an estimate.
func (c *Comparison) effect(about, metric, resolution string) *Effect {
	for i := range c.Effects {
		if e := &c.Effects[i]; e.About == about && e.Metric == metric && e.Resolution == resolution {
			return e
		}
	}
	return nil
}

// better reports whether an interval tells which is better: +1 for value, −1 for base, 0 for neither.
func (e *Effect) better() int {
	if e == nil {
		return 0
	}
	ci, even := e.RatioCI, 1.0
	if e.About == AboutAccuracy {
		ci, even = e.DifferenceCI, 0
	}
	if ci == nil || math.IsNaN(ci.Lo) {
		return 0
	}
	side := 0
	switch {
	case ci.Lo > even:
		side = 1
	case ci.Hi < even:
		side = -1
	}
	if e.About != AboutAccuracy && !slices.Contains(rates[:], e.Metric) {
		side = -side
	}
	return side
}

// configTitle names a configuration of a result without its backend.
func configTitle(r *Result, id string) string {
	for i, name := range configNames(r) {
		if r.Configs[i].ID == id {
			return name
		}
	}
	return id
}

// controlSentence answers "this or just fewer bits?".
func (c *Comparison) controlSentence(r *Result) string {
	name, control := configTitle(r, c.Config), configTitle(r, c.Against)
	var parts []string
	settled := 0
	for i := range c.Effects {
		e := &c.Effects[i]
		switch {
		case e.About == AboutAccuracy, e.About == AboutAnswer && e.Metric == store.MetricCPUCoreSeconds && e.Quality == measure.Measured,
			e.About == AboutMean && e.Metric == store.MetricCPUCoreSeconds && len(r.Answers) == 0 && e.Quality == measure.Measured:
		default:
			continue
		}
		text, interval := e.change()
		if interval != "" {
			text += " (" + interval + ")"
		}
		parts = append(parts, text+" "+e.title())
		if e.About == AboutAccuracy {
			settled = e.better()
		}
	}
	lead := fmt.Sprintf("%s against %s: ", name, control)
	if len(r.Answers) == 0 {
		return lead + strings.Join(parts, ", ") + "; nothing is said of quality without tasks."
	}
	verdict := "the tasks do not tell which of the two answers better"
	switch settled {
	case 1:
		verdict = "better than just fewer bits"
	case -1:
		verdict = "just fewer bits would answer better"
	}
	return lead + strings.Join(parts, ", ") + ": " + verdict + "."
}
