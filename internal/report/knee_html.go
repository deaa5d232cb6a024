package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

type (
	// sweptWords are what the page calls the swept quantity.
	sweptWords struct{ One, Equal, Article, Shape, Content string }
	// kneeSection is the law of a sweep over resolutions.
	kneeSection struct {
		Quality                 measure.Quality
		Legend, EffectiveLegend []legendItem
		Nominal, Effective      template.HTML
		NominalNote, Leeway     string
		EffectiveAbsent         string
		EffectiveText           template.HTML
		Knee, Coef, Rivals      tableView
		RivalNote               string
	}
	// kneeComparison sets the knees of several configurations side by side.
	kneeComparison struct {
		Legend             []legendItem
		Nominal, Effective template.HTML
		Verdict            string
	}
)

var (
	wordsOfTokens = sweptWords{"length", "prompt length", "a length", "a slope of the law", "Complexity of the prompt"}
	wordsOfPixels = sweptWords{"size", "size of the image", "a size", "a knee", "Image and prompt"}
)

// fillKnees fills in what a sweep over resolutions has: knees, and laws in effective pixels.
func (s *subjectView) fillKnees(r *Result, c *ConfigResult, sweep *sweepView) {
	s.Swept, s.Lengths = wordsOfPixels, resolutionsTable(r, c, sweep)
	s.Facts += " · images " + sweep.clampText()
	for _, text := range sweep.unfitted(c) {
		title, reason, _ := strings.Cut(text, ": ")
		s.Unfitted = append(s.Unfitted, Unfitted{title, reason})
	}
	main := sweep.main()
	if main != nil {
		s.Headline, s.Details = soft(sweep.headline(main)), soft(sweep.details(main))
		s.Knee = newKneeSection(sweep, main)
		s.Order = orderView{Drift: driftText(r, c, main.metric), Chart: kneeOrderChart(main)}
		s.Cards = kneeCards(main)
	}
	var energies []energyLaw
	for i := range sweep.knees {
		k := &sweep.knees[i]
		view := lawView{Title: describe(k.metric).title, Statement: soft(sweep.headline(k)), Quality: k.quality}
		switch {
		case isEnergy(k.metric):
			view.Chart = kneeChart(560, 350, k)
			energies = append(energies, energyLaw{k.metric, k.quality, view})
		case k != main:
			view.Chart = kneeChart(420, 270, k)
			s.Others = append(s.Others, view)
		}
	}
	s.Energy = newEnergy(r, c, energies)
}

func newKneeSection(s *sweepView, k *kneeView) *kneeSection {
	v := &kneeSection{
		Quality: k.quality, Legend: kneeLegend(k), Nominal: kneeChart(560, 390, k),
		Knee: kneeTable(k), Leeway: k.leeway("The range of the prediction is what rounding sizes to whole patches leaves open: %s … %s pixels."),
		EffectiveAbsent: k.noLine,
		NominalNote:     "The curve grows with pixels up to the knee and is flat beyond it.",
	}
	if !k.fit.Found {
		v.NominalNote = "Dashed: the best curve with a knee, which the trials do not bear out."
	}
	v.Effective, v.EffectiveLegend = effectiveChart(560, 390, k), fateLegend(k)
	if k.line == nil {
		return v
	}
	v.EffectiveText = soft(k.lineText())
	v.EffectiveLegend = append(v.EffectiveLegend, legendItem{0, 3, "line and " + percent(k.line.Level) + " band"})
	if rival, ok := k.line.betterRival(); ok {
		v.EffectiveLegend = append(v.EffectiveLegend, legendItem{3, 5, rival.Kind + ", fits better"})
	}
	v.Coef, v.Rivals, v.RivalNote = effectiveTable(k), rivalsTable(k.line), rivalNote(k.line)
	return v
}

// fateLegend names what became of the images.
func fateLegend(k *kneeView) []legendItem {
	var items []legendItem
	for fate, name := range fateNames {
		if slices.ContainsFunc(k.trials, func(t imageTrial) bool { return t.fate == fate }) {
			items = append(items, legendItem{fate, fate % 3, name})
		}
	}
	return items
}

// kneeLegend names what occurs in the figure of a knee.
func kneeLegend(k *kneeView) []legendItem {
	items := fateLegend(k)
	if k.fitted() {
		items = append(items, legendItem{0, 3, "curve and " + percent(k.fit.Level) + " band"})
	}
	if k.fit.Found {
		items = append(items, legendItem{3, 6, "interval of the knee"})
	}
	return items
}

// kneeOrderChart draws how far each trial lies from the curve in the order of the trials.
func kneeOrderChart(k *kneeView) template.HTML {
	if !k.fitted() {
		return ""
	}
	s := k.scale()
	points := make([]point, len(k.trials))
	for i, t := range k.trials {
		points[i] = point{t.nominal, t.cost * s.factor, t.fate, t.tip}
	}
	return residualChart(560, 260, k.fit.Cost, points, s.factor, true)
}

// kneeCards are the figures at the top of a configuration that was swept by resolution.
func kneeCards(k *kneeView) []card {
	flat, at := k.flat(), k.at()
	knee := card{Label: "Knee", Value: at.value, Note: at.interval}
	if k.fit.Found {
		knee.Unit = at.unit
	} else {
		knee.Value, knee.Note = "none", fmt.Sprintf("p = %.2g", k.fit.P)
	}
	predicted := card{Label: "Predicted knee", Value: predictedText(k), Note: "from the preprocessing"}
	switch {
	case k.fit.Predicted == 0:
		predicted.Note = "no limit is known"
	case k.fit.Agrees:
		predicted.Note = "agrees"
	case k.fit.Found:
		predicted.Note, predicted.Warn = "disagrees", true
	}
	if k.fit.Predicted > 0 {
		number, word, _ := strings.Cut(predicted.Value, " ")
		predicted.Value, predicted.Unit = number, strings.TrimSpace(word+" pixels")
	}
	above := card{Label: "Change above the knee", Value: "–", Note: "no knee"}
	if k.fit.Found {
		value, interval, _ := strings.Cut(k.slopeText(), " % (")
		above.Value, above.Unit, above.Note = value, "%", flatText(k)+": "+strings.TrimSuffix(interval, ")")
		above.Warn = flatText(k) == "not flat"
	}
	return []card{{Label: "At full size", Value: flat.value, Unit: flat.unit, Note: flat.interval}, knee, predicted, above}
}

func kneeTable(k *kneeView) tableView {
	flat, at := k.flat(), k.at()
	t := tableView{Head: heads("", ">value", ">"+percent(k.fit.Level)+" interval")}
	add := func(cells ...string) { t.Rows = append(t.Rows, row(cells...)) }
	value := at.value
	if k.fit.Found {
		value = at.withUnit()
	}
	add("knee", value, at.interval)
	predicted := predictedText(k)
	if k.fit.Predicted > 0 {
		predicted += " pixels"
	}
	add("predicted knee", predicted, k.leeway("%s … %s"))
	if k.fit.Predicted > 0 {
		add("agrees", agreesText(k), "")
	}
	add("cost at full size", flat.withUnit(), flat.interval)
	slope, interval, _ := strings.Cut(k.slopeText(), " (")
	add("change above the knee", slope, strings.TrimSuffix(interval, ")"))
	add("so above it, within 5 %, cost is", flatText(k), "")
	if k.fitted() {
		add("shape below", k.fit.Shape, "")
		add("no knee at all", fmt.Sprintf("p = %.2g", k.fit.P), "")
		add("R²", fixedOr(present(k.fit.R2), 4), "")
	}
	add("trials", fmt.Sprint(k.fit.N), "")
	return t
}

func effectiveTable(k *kneeView) tableView {
	t := tableView{Head: heads("", ">value", ">"+percent(k.line.Level)+" interval")}
	per, _ := k.perMegapixel()
	fixed := estimateOf(k.line, "a")
	t.Rows = append(t.Rows, row("per effective megapixel", per.withUnit(), per.interval), row("fixed cost", fixed.withUnit(), fixed.interval),
		row("R²", fixedOr(k.line.R2, 4), ""), row("trials", fmt.Sprint(k.line.N), ""),
		row("linear within 5 %", pixelBound(k.line.LinearFrom)+" … "+pixelBound(k.line.LinearTo), "pixels"))
	return t
}

func pixelBound(v *float64) string {
	if v == nil {
		return "–"
	}
	return pixelsText(*v)
}

// resolutionsTable is lengthsTable for images.
func resolutionsTable(r *Result, c *ConfigResult, s *sweepView) tableView {
	t := tableView{Head: heads(">image", ">nominal", ">effective", ">image tokens", ">trials")}
	for _, column := range lengthColumns {
		t.Head = append(t.Head, headCell{column.head, true})
	}
	for _, l := range c.Lengths {
		effective, tokens := "–", "–"
		for i := range r.Trials {
			m := r.Trials[i].Image
			if m == nil || r.Trials[i].Config != c.ID || r.Trials[i].X != l.X {
				continue
			}
			if m.EffectivePixels != nil {
				effective = pixelsText(float64(*m.EffectivePixels))
			}
			if m.Tokens != nil {
				tokens = grouped(float64(*m.Tokens))
			}
		}
		cells := row(s.sizeText(l.X), pixelsText(float64(l.X)), effective, tokens, fmt.Sprint(l.N))
		for _, column := range lengthColumns {
			cells.Cells = append(cells.Cells, medianCell(l.Figures, column.metric, column.unit))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// phaseTables adds to the charts of the phases their numbers: medians and shares.
func (s *subjectView) phaseTables(c *ConfigResult, sweep *sweepView, names []string) {
	s.PhaseNote = sweep.loadText(c)
	for i, metric := range [...]string{store.MetricCPUCoreSeconds, store.MetricWallSeconds} {
		if i >= len(s.Phases) {
			return
		}
		t := tableView{Head: heads("image")}
		for _, name := range names {
			t.Head = append(t.Head, headCell{name, true})
		}
		for _, l := range c.Lengths {
			cells := row(sweep.sizeText(l.X))
			total := stackTotal(l, metric, names)
			for _, name := range names {
				m, ok := l.Phases[name][metric]
				if !ok {
					cells.Cells = append(cells.Cells, cellView{Text: "–"})
					continue
				}
				cells.Cells = append(cells.Cells, cellView{Text: amount(describe(metric).unit, m.Value), Small: shareText(m.Value, total)})
			}
			t.Rows = append(t.Rows, cells)
		}
		s.Phases[i].Table = t
	}
}

// compareKnees sets configurations side by side that were swept by resolution: the limits of
// one model within a run, or everything when there are several runs.
func compareKnees(pages []Page) []comparisonView {
	var all []clampComparison
	if len(pages) == 1 {
		all = comparisonsOf(pages[0].Result)
	} else {
		all = acrossRuns(pages)
	}
	var views []comparisonView
	for i, c := range all {
		v := comparisonView{
			ID: fmt.Sprintf("limits-%d", i), Eyebrow: "Limits on pixels", Headline: soft(c.headline()), Table: clampTable(c.groups),
			Knees: &kneeComparison{
				Nominal: clampChart(560, 400, c.groups), Effective: clampEffectiveChart(560, 400, c.groups, c.curve),
				Verdict: unbroken(curveText(c.curve, c.groups[0].knee.metric)),
			},
			Note: describe(c.groups[0].knee.metric).title + ". Agreement means that the knee's interval holds the prediction.",
		}
		for j, g := range c.groups {
			v.Knees.Legend = append(v.Knees.Legend, legendItem{j % palette, 4, g.name})
		}
		if c.curve != nil {
			v.Knees.Legend = append(v.Knees.Legend, legendItem{0, 3, "one curve through all"})
		}
		views = append(views, v)
	}
	return views
}

func clampTable(groups []clampGroup) tableView {
	t := tableView{Head: heads("configuration", ">predicted knee", ">measured knee", ">agrees", ">at full size", ">change above", ">per effective megapixel")}
	for _, g := range groups {
		at, flat := g.knee.at(), g.knee.flat()
		cells := row(g.name, predictedText(g.knee), kneeValue(at), agreesText(g.knee), flat.withUnit(), "", "–")
		cells.Cells[1].Small, cells.Cells[2].Small, cells.Cells[4].Small = g.knee.leeway("%s … %s"), at.interval, flat.interval
		slope, interval, _ := strings.Cut(g.knee.slopeText(), " (")
		cells.Cells[5] = cellView{Text: slope, Small: strings.TrimSuffix(interval, ")")}
		if per, ok := g.knee.perMegapixel(); ok {
			cells.Cells[6] = cellView{Text: per.withUnit(), Small: per.interval}
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}
