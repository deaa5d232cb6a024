package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

// Accuracy is how many tasks a configuration answered rightly, with images of one resolution,
// and what an answer cost.
type Accuracy struct {
	// Resolution is the size into which images were scaled down to fit; "" for images as they
	// are, and for tasks of text.
	Resolution      string          `json:"resolution"`
	NominalPixels   *int            `json:"nominal_px"`   // median of the images as they were sent; null for tasks of text
	EffectivePixels *int            `json:"effective_px"` // median of those that the model works on
	N               int             `json:"n"`            // tasks
	Right           int             `json:"right"`
	Value           float64         `json:"value"` // right / n
	CI              law.Interval    `json:"ci"`    // Wilson's interval
	Groups          []GroupAccuracy `json:"groups"`
	TokensIn        float64         `json:"tokens_in"`  // mean of an answer
	TokensOut       float64         `json:"tokens_out"` // mean of an answer
	Costs           []AnswerCost    `json:"costs"`
	// Absent says of metrics that no answer has why.
	Absent map[string]string `json:"absent"`
	Doubts []string          `json:"doubts"`
}

// GroupAccuracy is that of the tasks of one group.
type GroupAccuracy struct {
	Group string       `json:"group"`
	N     int          `json:"n"`
	Right int          `json:"right"`
	Value float64      `json:"value"`
	CI    law.Interval `json:"ci"`
}

// AnswerCost joins accuracy with one cost. Measurements and estimates never share one.
type AnswerCost struct {
	Metric  string          `json:"metric"`
	Unit    string          `json:"unit"`
	Quality measure.Quality `json:"quality"`
	N       int             `json:"n"`    // answers that have the metric
	Mean    float64         `json:"mean"` // of an answer
	CI      *law.Interval   `json:"ci"`   // by bootstrap over answers; null with fewer than two
	// RightPerUnit is right answers per unit of cost: accuracy over the mean. Its interval joins
	// those of both, as if their errors were independent; null where the cost may be zero.
	RightPerUnit   *float64      `json:"right_per_unit"`
	RightPerUnitCI *law.Interval `json:"right_per_unit_ci"`
}

// AnswerResult is one answer. A figure that is absent has its reason under absent.
type AnswerResult struct {
	Seq        int                `json:"seq"`
	Config     string             `json:"config"`
	Task       string             `json:"task"`
	Group      string             `json:"group"`
	Resolution string             `json:"resolution"`
	Text       string             `json:"text"`
	Right      bool               `json:"right"`
	TokensIn   int                `json:"tokens_in"`
	TokensOut  int                `json:"tokens_out"`
	Started    time.Time          `json:"started"`
	Figures    map[string]float64 `json:"figures"`   // measured costs by metric
	Estimates  map[string]float64 `json:"estimates"` // estimated ones
	Absent     map[string]string  `json:"absent"`    // metric → why it has no value
	// Of the image; null for a task of text, and where the backend did not report it.
	NominalPixels   *int     `json:"nominal_px"`
	EffectivePixels *int     `json:"effective_px"`
	ImageTokens     *int     `json:"image_tokens"`
	Doubts          []string `json:"doubts"`
}

// fewAnswers is below how many tasks an accuracy says little.
const fewAnswers = 30

// resolutionOf names a box for images.
func resolutionOf(box imaging.Size) string {
	if box == (imaging.Size{}) {
		return ""
	}
	return box.String()
}

func buildAnswers(answers []store.Answer) []AnswerResult {
	out := []AnswerResult{}
	for _, a := range slices.SortedFunc(slices.Values(answers), func(a, b store.Answer) int { return cmp.Compare(a.Seq, b.Seq) }) {
		r := AnswerResult{
			Seq: a.Seq, Config: a.Config, Task: a.Task, Group: a.Group, Resolution: resolutionOf(a.Box), Text: a.Text, Right: a.Right,
			TokensIn: a.TokensIn, TokensOut: a.TokensOut, Started: a.Wall, Doubts: append([]string{}, a.Doubts...),
			Figures: map[string]float64{}, Estimates: map[string]float64{}, Absent: map[string]string{},
		}
		if image := buildImage(a.Image); image != nil {
			r.NominalPixels, r.EffectivePixels, r.ImageTokens = &image.NominalPixels, image.EffectivePixels, image.Tokens
		}
		for name, f := range a.Figures {
			v := value(a.Figures, name)
			switch {
			case v == nil:
				r.Absent[name] = cmp.Or(f.Reason, "no finite value")
			case f.Quality == measure.Estimated:
				r.Estimates[name] = *v
			default:
				r.Figures[name] = *v
			}
		}
		out = append(out, r)
	}
	return out
}

// accuracies are those of one configuration, in order of the images' pixels.
func accuracies(config string, answers []store.Answer, channels []measure.Channel) []Accuracy {
	byBox := map[imaging.Size][]store.Answer{}
	for _, a := range answers {
		if a.Config == config {
			byBox[a.Box] = append(byBox[a.Box], a)
		}
	}
	boxes := slices.SortedFunc(maps.Keys(byBox), func(a, b imaging.Size) int {
		return cmp.Or(cmp.Compare(a.Pixels(), b.Pixels()), cmp.Compare(a.Width, b.Width))
	})
	out := []Accuracy{}
	for _, box := range boxes {
		out = append(out, accuracyOf(box, byBox[box], channels))
	}
	return out
}

func accuracyOf(box imaging.Size, answers []store.Answer, channels []measure.Channel) Accuracy {
	a := Accuracy{Resolution: resolutionOf(box), Groups: []GroupAccuracy{}, Costs: []AnswerCost{}, Absent: map[string]string{}, Doubts: []string{}}
	var nominal, effective []float64
	groups := map[string]*GroupAccuracy{}
	for _, answer := range answers {
		if answer.Image != nil {
			nominal = append(nominal, float64(answer.Image.Layout.Nominal.Pixels()))
			effective = append(effective, float64(answer.Image.Layout.Pixels))
		}
		a.TokensIn += float64(answer.TokensIn) / float64(len(answers))
		a.TokensOut += float64(answer.TokensOut) / float64(len(answers))
		g := groups[answer.Group]
		if g == nil {
			g = &GroupAccuracy{Group: answer.Group}
			groups[answer.Group] = g
		}
		g.N++
		a.N++
		if answer.Right {
			g.Right++
			a.Right++
		}
	}
	a.NominalPixels, a.EffectivePixels = medianPixels(nominal), medianPixels(effective)
	a.Value, a.CI = shareOf(a.Right, a.N)
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		g := *groups[name]
		g.Value, g.CI = shareOf(g.Right, g.N)
		if len(groups) > 1 || name != "" {
			a.Groups = append(a.Groups, g)
		}
	}
	for _, metric := range metricNames(nil, channels) {
		a.addCosts(metric, answers, reasonOf(metric, channels))
	}
	if a.N < fewAnswers {
		a.Doubts = append(a.Doubts, fmt.Sprintf("%d tasks are few for an accuracy: its interval says how little they tell", a.N))
	}
	return a
}

func medianPixels(pixels []float64) *int {
	if len(pixels) == 0 {
		return nil
	}
	m := int(math.Round(stat.Median(pixels)))
	return &m
}

func shareOf(right, n int) (float64, law.Interval) {
	return float64(right) / float64(n), stat.Wilson(float64(right), float64(n), stat.DefaultLevel)
}

// reasonOf says why a metric of energy has no value where not even an answer says it.
func reasonOf(metric string, channels []measure.Channel) string {
	for _, c := range channels {
		if c.Reason != "" && (metric == store.MetricJoules+c.Name || metric == store.MetricJoulesAdjusted+c.Name) {
			return c.Reason
		}
	}
	return "this machine has no such source"
}

// addCosts joins the accuracy with one metric, in each quality that its figures have.
func (a *Accuracy) addCosts(metric string, answers []store.Answer, reason string) {
	values := map[measure.Quality][]float64{}
	for _, answer := range answers {
		f, known := answer.Figures[metric]
		if v := value(answer.Figures, metric); v != nil {
			values[f.Quality] = append(values[f.Quality], *v)
		} else if known {
			reason = cmp.Or(f.Reason, reason)
		}
	}
	if len(values) == 0 {
		a.Absent[metric] = reason
		return
	}
	for _, quality := range qualities {
		if len(values[quality]) == 0 {
			continue
		}
		c := AnswerCost{Metric: metric, Unit: describe(metric).unit, Quality: quality, N: len(values[quality]), Mean: stat.Mean(values[quality])}
		if c.N > 1 {
			if e, err := stat.Bootstrap(values[quality], stat.Mean, stat.Percentile, stat.Options{}); err == nil {
				c.CI = &e.CI
			}
		}
		if c.Mean > 0 {
			c.RightPerUnit = present(a.Value / c.Mean)
		}
		if c.CI != nil {
			if ci, ok := stat.Quotient(a.Value, a.CI, c.Mean, *c.CI); ok {
				c.RightPerUnitCI = &ci
			}
		}
		a.Costs = append(a.Costs, c)
	}
}

// cost is the cost of a metric, measured rather than estimated; nil for none.
func (a *Accuracy) cost(metric string) *AnswerCost {
	for i := range a.Costs { // of two qualities, the measured one comes first
		if a.Costs[i].Metric == metric {
			return &a.Costs[i]
		}
	}
	return nil
}

// energy is the gross energy of an answer: the first that was measured, else the first
// estimate; nil for none.
func (a *Accuracy) energy() *AnswerCost {
	var found *AnswerCost
	for i := range a.Costs {
		c := &a.Costs[i]
		if !strings.HasPrefix(c.Metric, store.MetricJoules) {
			continue
		}
		if c.Quality == measure.Measured {
			return c
		}
		if found == nil {
			found = c
		}
	}
	return found
}
