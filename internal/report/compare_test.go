package report

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

// compared is a run of an original, of a smaller model and of the original in fewer bits, on the
// same prompts. The smaller one has half the fixed cost and a quarter of the slope.
func compared(measured bool) *fixture {
	few := plain
	few.model, few.repeats, few.measured = "a.gguf", 1, measured
	f := newFixture(few)
	f.run.Configs[0].Meaningless = false
	small, bits := few, few
	small.model, small.fixed, small.slope = "b.gguf", few.fixed/2, few.slope/4
	bits.model, bits.slope = "a in q4_k (same bytes as b)", 0.7*few.slope
	rng := stat.Rand(3)
	for _, t := range []truth{small, bits} {
		other := newFixture(t)
		for i, trial := range other.trials {
			trial.Seq = len(f.trials)
			for name, figure := range trial.Figures { // what a trial has for itself
				figure.Value *= 1 + 0.002*rng.NormFloat64()
				trial.Figures[name] = figure
			}
			f.samples[trial.Seq] = other.samples[i]
			f.trials = append(f.trials, trial)
		}
		c := other.run.Configs[0]
		c.Bytes, c.Meaningless = c.Bytes*4/10, false
		f.run.Configs = append(f.run.Configs, c)
	}
	f.run.Planned = len(f.trials)
	f.run.Configs[2].Bytes += 1000
	f.run.Configs[2].Control = &store.Control{Name: bits.model, Of: "a.gguf", Format: "q4_k", For: []string{"b.gguf"}}
	return f
}

// answeredBy has each configuration answer 100 tasks, of which so many rightly.
func (f *fixture) answeredBy(right, changed []int) *fixture {
	f.answered(100, nil, false)
	for i := range f.answers {
		a := &f.answers[i]
		side := i / 100
		a.Right = i%100 < right[side]
		if side > 0 && i%100 < changed[side] { // others are right than before
			a.Right = !a.Right
		}
		if side > 0 {
			cost := a.Figures[store.MetricCPUCoreSeconds]
			cost.Value *= []float64{1, 0.4, 0.7}[side]
			a.Figures[store.MetricCPUCoreSeconds] = cost
		}
	}
	return f
}

func TestComparisonsPairTheTrials(t *testing.T) {
	r := mustBuild(t, compared(true).answeredBy([]int{90, 90, 70}, []int{0, 2, 0}))
	if len(r.Comparisons) != 3 || r.Comparisons[0].Control || r.Comparisons[0].Against != "native/a.gguf" || r.Comparisons[0].Config != "native/b.gguf" ||
		!r.Comparisons[2].Control || r.Comparisons[2].Config != "native/b.gguf" || r.Comparisons[2].Against != r.Configs[2].ID {
		t.Fatalf("comparisons %+v", r.Comparisons)
	}
	c := &r.Comparisons[0]
	cpu := store.MetricCPUCoreSeconds
	joules := store.MetricJoules + "powercap.package-0"
	for _, want := range []struct {
		about, metric string
		ratio, width  float64
	}{
		{AboutFixed, cpu, 0.5, 0.05}, {AboutSlope, cpu, 0.25, 0.01},
		{AboutMean, cpu, (0.26 + 0.001025*396.8) / (0.52 + 0.0041*396.8), 0.01},
		{AboutAnswer, cpu, 0.4, 0.005},
	} {
		e := c.effect(want.about, want.metric, "")
		if e == nil || e.Ratio == nil || math.Abs(*e.Ratio-want.ratio) > 0.02*want.ratio || e.RatioCI == nil || !e.RatioCI.Contains(*e.Ratio) || e.RatioCI.Width() > want.width || e.Quality != measure.Measured {
			t.Errorf("%s of %s: %+v, want about %.3f", want.about, want.metric, e, want.ratio)
		}
	}
	if e := c.effect(AboutFixed, cpu, ""); e.Difference == nil || math.Abs(*e.Difference+0.26) > 0.02 || e.DifferenceCI == nil {
		t.Errorf("difference of the fixed cost: %+v", e)
	}
	if e := c.effect(AboutBytes, "", ""); e == nil || math.Abs(*e.Ratio-0.4) > 1e-6 {
		t.Errorf("bytes %+v", e)
	}
	for _, metric := range []string{store.MetricCPUAUCPercent, store.MetricRAMAUC, store.MetricWallSeconds, store.MetricDecodeRate, joules} {
		if e := c.effect(AboutMean, metric, ""); e == nil || e.RatioCI == nil || e.N != 15 {
			t.Errorf("%s: %+v", metric, e)
		}
	}
	if e := c.effect(AboutMean, store.MetricJoules+"estimate.cpu", ""); e == nil || e.Quality != measure.Estimated || !strings.Contains(e.title(), "(estimate)") {
		t.Errorf("estimate %+v", e)
	}
	if e := c.effect(AboutAccuracy, "", ""); e == nil || math.Abs(*e.Difference+0.02) > 1e-9 || !e.DifferenceCI.Contains(-0.02) || e.better() != 0 || e.Ratio != nil {
		t.Errorf("accuracy %+v", e)
	}
	against := &r.Comparisons[2]
	if e := against.effect(AboutAccuracy, "", ""); e == nil || e.better() != 1 {
		t.Errorf("accuracy against the control: %+v", e)
	}
	if text := against.controlSentence(r); !strings.Contains(text, "better than just fewer bits") || !strings.Contains(text, "a in q4_k (same bytes as b)") {
		t.Errorf("sentence %q", text)
	}
}

// What is absent has no ratio, and why.
func TestComparisonWithoutFigures(t *testing.T) {
	f := compared(false)
	for i := range f.trials {
		if f.trials[i].Config == "native/b.gguf" {
			f.trials[i].Figures[store.MetricRAMAUC] = store.Unavailable("no baseline")
		}
		v := f.trials[i].Figures[store.MetricCPUAUCPercent]
		v.Value = float64(i%7 - 3)
		f.trials[i].Figures[store.MetricCPUAUCPercent] = v
	}
	c := &mustBuild(t, f).Comparisons[0]
	if e := c.effect(AboutMean, store.MetricRAMAUC, ""); e == nil || e.Ratio != nil || e.Base != nil || e.Absent != "no baseline" {
		t.Errorf("an absent figure: %+v", e)
	}
	if e := c.effect(AboutMean, store.MetricCPUAUCPercent, ""); e == nil || e.Ratio != nil || e.Absent == "" {
		t.Errorf("ratio to what is not told from zero: %+v", e)
	}
	if e := c.effect(AboutFixed, store.MetricCPUAUCPercent, ""); e == nil || e.Ratio != nil || e.Difference == nil || e.Absent == "" {
		t.Errorf("fixed cost that is not told from zero: %+v", e)
	}
}

func TestFrontier(t *testing.T) {
	p := Pareto{X: AxisBytes, Y: AxisAccuracy, Points: []ParetoPoint{{X: 4, Y: 0.9}, {X: 1, Y: 0.5}, {X: 2, Y: 0.4}, {X: 2, Y: 0.7}, {X: 4, Y: 0.9}, {X: 5, Y: 0.8}}}
	p.mark()
	for i, want := range []bool{true, true, false, true, true, false} {
		if p.Points[i].Frontier != want {
			t.Errorf("point %d on the frontier: %v", i, p.Points[i].Frontier)
		}
	}
	p = Pareto{X: AxisBytes, Y: store.MetricCPUCoreSeconds, Points: []ParetoPoint{{X: 4, Y: 0.9}, {X: 1, Y: 0.5}, {X: 0.5, Y: 0.6}}}
	p.mark()
	if p.Points[0].Frontier || !p.Points[1].Frontier || !p.Points[2].Frontier {
		t.Errorf("costs: %+v", p.Points)
	}
}

// axesOf names the pictures of a result.
func axesOf(r *Result) (text string) {
	for _, p := range r.Pareto {
		text += p.Y + "/" + p.X + " "
	}
	return text
}

// Without tasks there is no accuracy, but cost against bytes.
func TestComparisonWithoutTasks(t *testing.T) {
	r := mustBuild(t, compared(false))
	if got := axesOf(r); got != "cpu_core_s/bytes " || r.Pareto[0].Points[1].YCI == nil || !r.Pareto[0].Points[1].Frontier || r.Pareto[0].Points[0].Frontier {
		t.Errorf("%s, %+v", got, r.Pareto[0].Points)
	}
	if text := r.Comparisons[2].controlSentence(r); !strings.Contains(text, "nothing is said of quality") {
		t.Errorf("sentence %q", text)
	}
	if chart := paretoChart(560, 380, r, &r.Pareto[0]); !strings.Contains(string(chart), `class="frontier"`) {
		t.Error("no frontier")
	}
}

func TestComparisonIsShown(t *testing.T) {
	f := compared(false).answeredBy([]int{90, 88, 70}, []int{0, 0, 0})
	html := page(t, f)
	_, words := elements(t, html)
	for _, want := range []string{
		"With b.gguf in place of a.gguf an answer costs × 0.40", "−2.0 points", "Accuracy against CPU time of an answer",
		"Accuracy against the bytes of the weights", "Against a.gguf", "this or just fewer bits?", "CPU time, slope", "decode, tokens/s",
		"better than just fewer bits", "Energy was not measured; powercap.package-0", "energy, estimate.cpu (estimate)",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Count(html, `class="frontier"`) != 2 || strings.Contains(words, "as if the runs were independent") {
		t.Error("no frontier, or laws of one run taken as independent")
	}
	r := mustBuild(t, f)
	if p := r.Pareto[0]; axesOf(r) != "accuracy/cpu_core_s accuracy/bytes " || len(p.Points) != 3 || !p.Points[0].Frontier || !p.Points[1].Frontier || p.Points[2].Frontier || p.Points[0].XCI == nil {
		t.Errorf("pictures %s, points %+v", axesOf(r), p.Points)
	}
	var out strings.Builder
	if err := WriteSummary(&out, r, SummaryOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"b.gguf in place of a.gguf", "CPU time, fixed", "fewer bits?", "frontier", "tasks answered rightly", "−2.0 points"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	dir := t.TempDir()
	if *keep != "" {
		dir = filepath.Join(*keep, "compared")
	}
	if err := WriteAll(dir, r, f.of); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"figures/pareto-accuracy-cpu_core_s.svg", "figures/pareto-accuracy-bytes.png", "comparisons.csv", "pareto.csv"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() < 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
	lines := 1
	for _, c := range r.Comparisons {
		lines += len(c.Effects)
	}
	for name, want := range map[string]int{"comparisons.csv": lines, "pareto.csv": 7} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if table, err := csv.NewReader(bytes.NewReader(data)).ReadAll(); err != nil || len(table) != want {
			t.Errorf("%s: %d lines, %v; want %d", name, len(table), err, want)
		}
	}
}
