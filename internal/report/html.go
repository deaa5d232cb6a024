package report

import (
	"cmp"
	_ "embed" // the page's template, style and script
	"fmt"
	"html/template"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// The page is one template with its style and script inlined; see docs/design/002-report-figures.md.
var (
	//go:embed web/report.html.tmpl
	pageTemplate string
	//go:embed web/report.css
	pageStyle string
	//go:embed web/report.js
	pageScript string
)

// Page is one run on an HTML report, with the series of its trials.
type Page struct {
	Result  *Result
	Samples SamplesFunc
}

// WriteHTML writes one self-contained page on one or several runs. It loads nothing from
// anywhere, and everything that comes from records is escaped.
func WriteHTML(w io.Writer, pages []Page) error {
	if len(pages) == 0 {
		return fmt.Errorf("report: no run to report on")
	}
	tmpl, err := template.New("report").Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("report template: %w", err)
	}
	view, err := newView(pages)
	if err != nil {
		return err
	}
	return tmpl.Execute(w, view)
}

// The types below are what the template shows: strings, and charts that are already
// escaped.
type (
	view struct {
		Title, Footer string
		CSS           template.CSS
		JS            template.JS
		Nav           []link
		Comparison    []comparisonView
		Runs          []runView
		Many          bool
		Series        []trialSeries
	}
	link       struct{ ID, Text string }
	legendItem struct {
		Colour, Shape int
		Text          string
	}
	comparisonView struct {
		ID, Eyebrow string
		Headline    template.HTML
		Legend      []legendItem
		Chart       template.HTML
		Knees       *kneeComparison // in place of Chart
		Paired      *pairedView     // models of one run; Table is then empty
		Table       tableView
		Note        string
	}
	runView struct {
		ID, Anchor, Incomplete  string
		Subjects                []subjectView
		Accuracy                *accuracyView
		Machine, Plan, Observer []pair
		Sources, Trials         tableView
		Doubts                  []Doubt
		Infos                   []Doubt
	}
	pair struct{ Key, Value string }
	card struct {
		Label, Value, Unit, Note string
		Warn                     bool
	}
	tableView struct {
		Head []headCell
		Rows []rowView
	}
	headCell struct {
		Text  string
		Right bool
	}
	rowView struct {
		Strong bool
		Cells  []cellView
	}
	cellView struct{ Text, Small string }
	lawView  struct {
		Title, RivalNote     string
		Statement            template.HTML
		Quality              measure.Quality
		Legend               []legendItem
		Chart, Residuals     template.HTML
		Coef, Rivals, Beyond tableView
	}
	orderView struct {
		Drift []string
		Chart template.HTML
	}
	phaseView struct {
		Title  string
		Legend []legendItem
		Chart  template.HTML
		Table  tableView
	}
	energyView struct {
		Measured, Estimated []lawView
		Missing             []missingView
		Basis               []string
	}
	missingView struct{ Name, Reason, Fix string }
	subjectView struct {
		ID, Name, Facts  string
		Headline         template.HTML
		Details          template.HTML
		Meaningless      bool
		Cards            []card
		Swept            sweptWords
		Law              *lawView
		Knee             *kneeSection
		Order            orderView
		Others           []lawView
		Unfitted         []Unfitted
		Complexity       template.HTML
		ComplexityAbsent string
		ComplexityText   []string
		Phases           []phaseView
		PhaseNote        string
		Lengths          tableView
		Energy           energyView
	}
)

func newView(pages []Page) (*view, error) {
	v := &view{
		CSS: template.CSS(pageStyle), JS: template.JS(pageScript), Many: len(pages) > 1, Series: []trialSeries{},
		Footer: fmt.Sprintf("Written by wattlaw %s. Schema %s.", pages[0].Result.Run.Tool, Schema),
	}
	trials, channels := 0, 1
	for _, p := range pages {
		trials += len(p.Result.Trials)
		channels = max(channels, len(p.Result.Sources))
	}
	limit := min(maxPoints, max(minPoints, pointBudget/max(1, trials*channels)))
	var names []string
	for i, p := range pages {
		run := newRunView(p.Result, i)
		names = append(names, p.Result.Run.ID)
		for _, s := range run.Subjects {
			v.Nav = append(v.Nav, link{s.ID, s.Name})
		}
		if a := run.Accuracy; a != nil {
			v.Nav = append(v.Nav, link{a.ID, "Accuracy"})
		}
		v.Runs = append(v.Runs, run)
		for j := range p.Result.Trials {
			t := &p.Result.Trials[j]
			samples, err := p.Samples(t.Seq)
			if err != nil {
				return nil, fmt.Errorf("run %s: samples of trial %d: %w", p.Result.Run.ID, t.Seq, err)
			}
			series := drawTrial(t, samples, limit)
			if len(pages) > 1 {
				series.Section = p.Result.Run.ID + " – " + series.Section
			}
			v.Series = append(v.Series, series)
		}
	}
	slices.SortStableFunc(v.Series, func(a, b trialSeries) int {
		return cmp.Or(cmp.Compare(a.Section, b.Section), cmp.Compare(a.x, b.x))
	})
	if len(v.Runs) == 1 && len(v.Runs[0].Subjects) == 1 {
		v.Nav[0].Text = "Law"
	}
	v.Comparison = append(compare(pages), compareKnees(pages)...)
	if len(pages) == 1 {
		v.Comparison = onlyPaired(v.Comparison, comparePaired(pages[0].Result))
	}
	for i, c := range v.Comparison {
		v.Nav = slices.Insert(v.Nav, i, link{c.ID, c.Eyebrow})
	}
	v.Nav = append(v.Nav, link{"trials", "Trials"}, link{v.Runs[0].Anchor, "Method"})
	v.Title = strings.Join(names, ", ") + " – wattlaw"
	return v, nil
}

func newRunView(r *Result, index int) runView {
	run := runView{
		ID: r.Run.ID, Anchor: fmt.Sprintf("method-%d", index), Machine: machinePairs(r), Plan: planPairs(r.Plan),
		Observer: observerPairs(r), Sources: sourcesTable(r), Trials: trialsTable(r), Accuracy: newAccuracyView(r, index),
	}
	for _, d := range r.Doubts {
		run.Doubts = append(run.Doubts, Doubt{Text: d.Text, Where: shortTitle(d.Where), Count: d.Count})
	}
	if r.Run.Status != store.StatusComplete {
		run.Incomplete = fmt.Sprintf("run is %s: %d of %d trials", r.Run.Status, len(r.Trials), r.Run.Planned)
	}
	for _, f := range r.Findings {
		if f.Severity == "info" {
			run.Infos = append(run.Infos, Doubt{Text: f.Text, Where: f.Subject})
		}
	}
	for i := range r.Configs {
		run.Subjects = append(run.Subjects, newSubject(r, &r.Configs[i], fmt.Sprintf("law-%d-%d", index, i)))
	}
	return run
}

func newSubject(r *Result, c *ConfigResult, id string) subjectView {
	sweep := newSweep(r, c)
	s := subjectView{
		ID: id, Name: c.ID, Facts: factsOf(r, c), Meaningless: c.Meaningless, Unfitted: []Unfitted{},
		Lengths: lengthsTable(c), Headline: "No law could be fitted.", Swept: wordsOfTokens,
	}
	if sweep != nil {
		s.fillKnees(r, c, sweep)
	} else {
		s.fillLaws(r, c)
	}
	s.Cards = append(s.Cards, qualityCards(r)...)
	contrasts, texts := slices.Concat(c.Kinds, c.Complexity), slices.Concat(kindsText(c), complexityText(c, sweep.swept()))
	if len(contrasts) > 0 {
		s.Complexity = contrastChart(620, contrasts, sweep.swept())
		for _, text := range texts {
			s.ComplexityText = append(s.ComplexityText, unbroken(text))
		}
	} else {
		s.ComplexityAbsent = "fewer than three trials in two levels of complexity, or a single trial per " + s.Swept.One + " and level"
	}
	names := phasesOf(c)
	for _, metric := range [...]string{store.MetricCPUCoreSeconds, store.MetricWallSeconds} {
		if chart := phaseChart(560, c, metric, names, sweep.swept()); chart != "" {
			s.Phases = append(s.Phases, phaseView{Title: describe(metric).title, Legend: phaseLegend(names), Chart: chart})
		}
	}
	if sweep != nil {
		s.phaseTables(c, sweep, names)
	}
	return s
}

// fillLaws fills in what a sweep over lengths has: linear laws.
func (s *subjectView) fillLaws(r *Result, c *ConfigResult) {
	for _, u := range c.Unfitted {
		if !isEnergy(u.Metric) {
			s.Unfitted = append(s.Unfitted, Unfitted{describe(u.Metric).title, "no law: " + u.Reason})
		}
	}
	var energies []energyLaw
	for i := range c.Laws {
		l := &c.Laws[i]
		switch {
		case isEnergy(l.Metric):
			energies = append(energies, energyLaw{l.Metric, l.Quality, smallLaw(560, r, c, l)})
		case s.Law == nil && l.Metric == store.MetricCPUCoreSeconds:
			s.Headline = soft(l.Statement)
			s.Law, s.Order = mainLaw(r, c, l), order(r, c, l)
		default:
			s.Others = append(s.Others, smallLaw(420, r, c, l))
		}
	}
	if s.Law == nil && len(s.Others) > 0 {
		s.Headline = s.Others[0].Statement
	}
	s.Energy, s.Cards = newEnergy(r, c, energies), cards(c)
}

func mainLaw(r *Result, c *ConfigResult, l *LawResult) *lawView {
	points := lawPoints(r, c.ID, l, byComplexity)
	factor := scaleFor(l.Unit, l.Coef["b"]*l.X.Hi).factor
	v := &lawView{
		Title: describe(l.Metric).title, Quality: l.Quality,
		Legend: append(complexityLegend(points), legendItem{0, 3, "line and " + percent(l.Level) + " band"}),
		Chart:  lawChart(680, 400, []overlay{{l, points, "main"}}), Coef: coefTable(l), Rivals: rivalsTable(l), Beyond: beyondTable(l),
		Residuals: residualChart(680, 230, l.at, points, factor, false),
		RivalNote: rivalNote(l),
	}
	if rival, ok := l.betterRival(); ok {
		v.Legend = append(v.Legend, legendItem{3, 5, rival.Kind + ", fits better"})
	}
	return v
}

// order shows the trials in their order, and whether the machine drifted.
func order(r *Result, c *ConfigResult, l *LawResult) orderView {
	factor := scaleFor(l.Unit, l.Coef["b"]*l.X.Hi).factor
	return orderView{
		Drift: driftText(r, c, l.Metric),
		Chart: residualChart(560, 260, l.at, lawPoints(r, c.ID, l, byComplexity), factor, true),
	}
}

func driftText(r *Result, c *ConfigResult, metric string) []string {
	var texts []string
	for _, d := range r.Drift {
		if d.Config == c.ID && d.Metric == metric {
			texts = append(texts, unbroken(capital(d.sentence())))
		}
	}
	return texts
}

func smallLaw(w float64, r *Result, c *ConfigResult, l *LawResult) lawView {
	return lawView{
		Title: describe(l.Metric).title, Statement: soft(l.Statement), Quality: l.Quality,
		Chart: lawChart(w, 0.62*w, []overlay{{l, lawPoints(r, c.ID, l, byComplexity), "main"}}),
	}
}

// energyLaw is the law of one energy, ready to be shown.
type energyLaw struct {
	metric  string
	quality measure.Quality
	view    lawView
}

// newEnergy keeps measured and estimated energies apart and says why others are missing.
func newEnergy(r *Result, c *ConfigResult, laws []energyLaw) energyView {
	var e energyView
	fitted := map[string]bool{}
	for _, l := range laws {
		fitted[l.metric] = true
		if l.quality == measure.Measured {
			e.Measured = append(e.Measured, l.view)
		} else {
			e.Estimated = append(e.Estimated, l.view)
		}
	}
	for _, s := range r.Sources {
		switch {
		case !s.yieldsEnergy():
		case s.Quality == measure.Unavailable:
			reason, fix, _ := strings.Cut(s.Reason, "run: ")
			e.Missing = append(e.Missing, missingView{s.Name, strings.TrimRight(reason, "; "), fix})
		case s.Quality == measure.Estimated && s.Reason != "":
			basis := s.Name + ": " + s.Reason
			if s.Uncertainty != nil {
				basis += ", standard uncertainty " + percent(*s.Uncertainty)
			}
			e.Basis = append(e.Basis, unbroken(basis))
		}
	}
	for _, u := range c.Unfitted {
		known := slices.ContainsFunc(e.Missing, func(m missingView) bool { return strings.HasSuffix(u.Metric, "."+m.Name) })
		if isEnergy(u.Metric) && !known && !fitted[u.Metric] {
			e.Missing = append(e.Missing, missingView{Name: u.Metric, Reason: u.Reason})
		}
	}
	return e
}

// compare overlays the CPU-time laws of several configurations. With one there is nothing
// to compare.
func compare(pages []Page) []comparisonView {
	var overlays []overlay
	var legend []legendItem
	var names []string
	for _, p := range pages {
		for i := range p.Result.Configs {
			c := &p.Result.Configs[i]
			for j := range c.Laws {
				l := &c.Laws[j]
				if l.Metric != store.MetricCPUCoreSeconds || l.Predictor == PredictorEffective {
					continue
				}
				k := len(overlays)
				name := c.ID
				if len(pages) > 1 {
					name += " (" + p.Result.Run.ID + ")"
				}
				points := lawPoints(p.Result, c.ID, l, func(*TrialResult) int { return k })
				overlays = append(overlays, overlay{l, points, fmt.Sprintf("c%d", k%palette)})
				legend, names = append(legend, legendItem{k % palette, k % 3, name}), append(names, name)
			}
		}
	}
	if len(overlays) < 2 {
		return nil
	}
	return []comparisonView{{
		ID: "comparison", Eyebrow: "Comparison", Headline: comparisonHeadline(overlays, names), Legend: legend,
		Chart: lawChart(1000, 460, overlays), Table: comparisonTable(overlays, names),
		Note: "Ratios are against the first line. Their intervals come from both slopes' intervals on the logarithmic scale, as if the runs were independent.",
	}}
}

// onlyPaired puts the paired comparison of a run's models first, with the chart of their laws, in
// place of the one that takes them as independent.
func onlyPaired(list []comparisonView, paired *comparisonView) []comparisonView {
	if paired == nil {
		return list
	}
	if len(list) > 0 && list[0].ID == paired.ID {
		paired.Chart, list = list[0].Chart, list[1:]
	}
	return append([]comparisonView{*paired}, list...)
}

// comparisonHeadline says how two laws compare; more are left to the table.
func comparisonHeadline(overlays []overlay, names []string) template.HTML {
	if len(overlays) == 2 {
		if ratio, ci := slopeRatio(overlays[1].law, overlays[0].law); ci != nil {
			digits := decimals((ci.Hi - ci.Lo) / 2)
			return soft(fmt.Sprintf("A prompt token costs %s times as much CPU time (%s … %s) with ",
				number(ratio, digits), number(ci.Lo, digits), number(ci.Hi, digits))) +
				template.HTML(template.HTMLEscapeString(names[1]+" as with "+names[0]+"."))
		}
	}
	return template.HTML(fmt.Sprintf("%d configurations, one law each", len(overlays)))
}

// slopeRatio is the ratio of two slopes with the interval that follows from theirs when
// the logarithms of the slopes are independent and normal.
func slopeRatio(l, base *LawResult) (ratio float64, ci *law.Interval) {
	b, b0 := l.Coef["b"], base.Coef["b"]
	c, c0 := l.CI["b"], base.CI["b"]
	if !(b > 0 && b0 > 0) || c == nil || c0 == nil || !(c.Lo > 0 && c0.Lo > 0) {
		return math.NaN(), nil
	}
	half := math.Hypot(math.Log(c.Hi/c.Lo)/2, math.Log(c0.Hi/c0.Lo)/2)
	return b / b0, &law.Interval{Lo: b / b0 * math.Exp(-half), Hi: b / b0 * math.Exp(half)}
}

// soft escapes a sentence, sets what stands in parentheses in a quieter tone and keeps
// percent signs with their numbers.
func soft(sentence string) template.HTML {
	text := template.HTMLEscapeString(unbroken(sentence))
	return template.HTML(strings.NewReplacer("(", "<span>(", ")", ")</span>").Replace(text))
}

// unbroken keeps numbers, their percent signs and the ends of an interval on one line.
func unbroken(text string) string {
	text = strings.NewReplacer(" %", "\u00a0%", " … ", "\u00a0…\u00a0").Replace(text)
	return beforeUnit.ReplaceAllString(text, "$1\u00a0$2")
}

var beforeUnit = regexp.MustCompile(`([0-9]) ([a-zA-Zµ%])`)

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
