package report

import (
	"cmp"
	"fmt"
	"html/template"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// accuracyCell is one configuration at one resolution.
type accuracyCell struct {
	*Accuracy
	id    string // of the configuration
	name  string // the same without what all have in common
	group int    // colour and shape: that of the configuration
	bytes int64  // of its weights
}

// accuracyCells lists all that a run has, one configuration after the other.
func accuracyCells(r *Result) (cells []accuracyCell) {
	names := configNames(r)
	group := 0
	for i := range r.Configs {
		c := &r.Configs[i]
		for j := range c.Accuracy {
			cells = append(cells, accuracyCell{&c.Accuracy[j], c.ID, names[i], group, c.Bytes})
		}
		if len(c.Accuracy) > 0 {
			group++
		}
	}
	return cells
}

// configNames tells a run's configurations apart as shortly as it can: by their limits on images
// where these are all that differs.
func configNames(r *Result) (names []string) {
	oneModel := len(r.Configs) > 1
	for _, c := range r.Configs {
		oneModel = oneModel && c.Backend == r.Configs[0].Backend && c.Model == r.Configs[0].Model
	}
	for _, c := range r.Configs {
		name := strings.TrimPrefix(c.ID, c.Backend+"/")
		if oneModel {
			name = cmp.Or(c.Clamp, "the model's own limit")
		}
		if file := path.Base(filepath.ToSlash(name)); strings.Contains(file, ".gguf") && !sharesFile(r, c.ID, file) {
			name = file
		}
		names = append(names, name)
	}
	return names
}

// sharesFile reports whether another configuration's model lies in a file of the same name.
func sharesFile(r *Result, id, file string) bool {
	return slices.ContainsFunc(r.Configs, func(c ConfigResult) bool { return c.ID != id && path.Base(filepath.ToSlash(c.ID)) == file })
}

// byResolution reports whether some configuration answered with images of several resolutions.
func byResolution(cells []accuracyCell) bool {
	return slices.ContainsFunc(cells, func(c accuracyCell) bool { return c.Resolution != "" && c.NominalPixels != nil })
}

// shortResolution names a resolution: one number for a square.
func shortResolution(text string) string {
	if w, h, ok := strings.Cut(text, "x"); ok && w == h {
		return w
	}
	return text
}

// accuracyText writes an accuracy with as many digits as its number of tasks supports.
func accuracyText(v float64, n int) string {
	digits := 1
	if n < 100 {
		digits = 0
	}
	return number(100*v, digits) + " %"
}

func (a *Accuracy) text() string { return accuracyText(a.Value, a.N) }

func (a *Accuracy) interval() string {
	return fmt.Sprintf("%s … %s", strings.TrimSuffix(accuracyText(a.CI.Lo, a.N), " %"), accuracyText(a.CI.Hi, a.N))
}

// costText is what an answer costs, and perText how many right ones a unit of that buys.
func costText(c *AnswerCost) string {
	if c == nil {
		return "–"
	}
	return withInterval(c.Unit, c.Mean, c.CI).withUnit()
}

func perText(c *AnswerCost) string {
	if c == nil || c.RightPerUnit == nil {
		return "–"
	}
	return withInterval("", *c.RightPerUnit, c.RightPerUnitCI).value
}

func perInterval(c *AnswerCost) string {
	if c == nil || c.RightPerUnit == nil {
		return "–"
	}
	return withInterval("", *c.RightPerUnit, c.RightPerUnitCI).interval
}

// withInterval writes a value with as many digits as its interval supports.
func withInterval(unit string, v float64, ci *law.Interval) estimated {
	return estimateOf(&LawResult{Unit: unit, Coef: map[string]float64{"": v}, CI: map[string]*law.Interval{"": ci}}, "")
}

// accuracySentence says what the best of several resolutions or configurations reached, and what
// the cheapest of those that the tasks cannot tell from it costs.
func accuracySentence(cells []accuracyCell) string {
	best := slices.MaxFunc(cells, func(a, b accuracyCell) int { return cmp.Compare(a.Value, b.Value) })
	text := fmt.Sprintf("%s of %d tasks are answered rightly (%s)", best.text(), best.N, best.interval())
	if best.Resolution != "" {
		text += " with images of up to " + best.Resolution
	}
	if len(cells) > 1 {
		text += " by " + best.name
	}
	cost := best.cost(store.MetricCPUCoreSeconds)
	if cost == nil {
		return text + "."
	}
	return text + fmt.Sprintf("; an answer costs %s of CPU time.", withInterval(cost.Unit, cost.Mean, cost.CI).inWords())
}

// firstCost is the first cost of any cell, as answers that were too quick have none; nil where none has.
func firstCost(cells []accuracyCell, of func(*Accuracy) *AnswerCost) *AnswerCost {
	for _, c := range cells {
		if cost := of(c.Accuracy); cost != nil {
			return cost
		}
	}
	return nil
}

func firstEnergy(cells []accuracyCell) *AnswerCost { return firstCost(cells, (*Accuracy).energy) }

// energyAbsent says why there is no energy beside accuracy; "" where there is.
func energyAbsent(cells []accuracyCell) string {
	why := "this machine has no meter, and nothing estimates its energy"
	if firstEnergy(cells) != nil {
		return ""
	}
	for _, c := range cells {
		for metric, reason := range c.Absent {
			if strings.HasPrefix(metric, store.MetricJoules) {
				why = strings.TrimPrefix(metric, store.MetricJoules) + ": " + reason
			}
		}
	}
	return why
}

// accuracy writes how well the tasks were answered, and what that cost.
func (s *summary) accuracy(r *Result) {
	cells := accuracyCells(r)
	if len(cells) == 0 {
		return
	}
	s.line(strong, fmt.Sprintf("Accuracy: %d tasks of %s", cells[0].N, tasksName(r)))
	s.line("", "")
	columns := slices.Clone(accuracyColumns[:])
	if !byResolution(cells) {
		columns = slices.DeleteFunc(columns, func(c textColumn[accuracyCell]) bool { return c.head == "image" })
	}
	if !slices.ContainsFunc(cells, func(c accuracyCell) bool { return c.group > 0 }) {
		columns = slices.DeleteFunc(columns, func(c textColumn[accuracyCell]) bool { return c.head == "configuration" })
	}
	textTable(s, columns, cells)
	s.line("", "")
	if why := energyAbsent(cells); why != "" {
		s.pair("per joule", "–  absent: "+why)
	} else if c := firstEnergy(cells); c.Quality == measure.Estimated {
		s.pair("per joule", "by an estimate of energy, not a measurement: "+strings.TrimPrefix(c.Metric, store.MetricJoules))
	}
}

var accuracyColumns = [...]textColumn[accuracyCell]{
	{"configuration", 0, func(c accuracyCell) string { return printable(c.name) }},
	{"image", 0, func(c accuracyCell) string { return c.Resolution }},
	{"right", 0, func(c accuracyCell) string { return c.text() }},
	{"95 % interval", 1, func(c accuracyCell) string { return c.interval() }},
	{"CPU per answer", 3, func(c accuracyCell) string { return costText(c.cost(store.MetricCPUCoreSeconds)) }},
	{"right per core·s", 2, func(c accuracyCell) string { return perText(c.cost(store.MetricCPUCoreSeconds)) }},
	{"right per J", 4, func(c accuracyCell) string { return perText(c.energy()) }},
}

// tasksName is what the plan called the tasks.
func tasksName(r *Result) string {
	if r.Tasks == nil {
		return "unknown origin"
	}
	return r.Tasks.Name
}

// accuracyView is the section on accuracy of one run.
type accuracyView struct {
	ID, Tasks              string
	Headline               template.HTML
	Legend                 []legendItem
	CostChart, EnergyChart template.HTML
	EnergyTitle, EnergyWhy string
	EnergyQuality          measure.Quality
	Panels                 template.HTML
	Table, Groups          tableView
}

func newAccuracyView(r *Result, index int) *accuracyView {
	cells := accuracyCells(r)
	if len(cells) == 0 {
		return nil
	}
	v := &accuracyView{
		ID: fmt.Sprintf("accuracy-%d", index), Headline: soft(accuracySentence(cells)),
		Tasks: fmt.Sprintf("%d tasks of %s, answered by every configuration through the server that was measured.", cells[0].N, tasksName(r)),
		Table: accuracyTable(cells), Groups: accuracyGroups(cells), EnergyWhy: energyAbsent(cells),
	}
	for i, c := range cells {
		if i == 0 || cells[i-1].group != c.group {
			v.Legend = append(v.Legend, legendItem{c.group % palette, c.group % 3, c.name})
		}
	}
	if len(r.Pareto) == 0 || byResolution(cells) { // else the comparison has it, with the frontier
		v.CostChart = accuracyCostChart(560, 380, cells, func(a *Accuracy) *AnswerCost { return a.cost(store.MetricCPUCoreSeconds) })
	}
	if c := firstEnergy(cells); c != nil {
		v.EnergyTitle, v.EnergyQuality = "Accuracy against energy, "+strings.TrimPrefix(c.Metric, store.MetricJoules), c.Quality
		v.EnergyChart = accuracyCostChart(560, 380, cells, (*Accuracy).energy)
	}
	if byResolution(cells) {
		v.Panels = accuracyPanels(1100, 520, cells)
	}
	return v
}

func accuracyTable(cells []accuracyCell) tableView {
	sized, energy := byResolution(cells), firstEnergy(cells)
	names := []string{"configuration"}
	if sized {
		names = append(names, ">images up to", ">effective pixels")
	}
	names = append(names, ">tasks", ">right", ">CPU time per answer", ">right per core·s")
	if energy != nil {
		name := ">energy per answer"
		if energy.Quality == measure.Estimated {
			name += ", estimate"
		}
		names = append(names, name, ">right per J")
	}
	t := tableView{Head: heads(append(names, ">tokens in, out")...)}
	for _, c := range cells {
		var row rowView
		add := func(text, small string) { row.Cells = append(row.Cells, cellView{text, small}) }
		addCost := func(cost *AnswerCost) {
			if cost == nil {
				add("–", "absent")
				add("–", "absent")
				return
			}
			e := withInterval(cost.Unit, cost.Mean, cost.CI)
			add(e.withUnit(), e.interval)
			add(perText(cost), perInterval(cost))
		}
		add(c.name, "")
		if sized {
			effective := "–"
			if c.EffectivePixels != nil {
				effective = grouped(float64(*c.EffectivePixels))
			}
			add(c.Resolution, "")
			add(effective, "")
		}
		add(strconv.Itoa(c.N), "")
		add(c.text(), c.interval())
		addCost(c.cost(store.MetricCPUCoreSeconds))
		if energy != nil {
			addCost(c.energy())
		}
		add(number(c.TokensIn, 0)+", "+number(c.TokensOut, 1), "")
		t.Rows = append(t.Rows, row)
	}
	return t
}

// accuracyGroups shows the groups of tasks side by side.
func accuracyGroups(cells []accuracyCell) tableView {
	var groups []string
	for _, c := range cells {
		for _, g := range c.Groups {
			if !slices.Contains(groups, g.Group) {
				groups = append(groups, g.Group)
			}
		}
	}
	if len(groups) == 0 {
		return tableView{}
	}
	slices.Sort(groups)
	names := []string{"configuration", ">images up to"}
	for _, g := range groups {
		names = append(names, ">"+g)
	}
	t := tableView{Head: heads(names...)}
	for _, c := range cells {
		row := row(c.name, c.Resolution)
		for _, name := range groups {
			i := slices.IndexFunc(c.Groups, func(g GroupAccuracy) bool { return g.Group == name })
			if i < 0 {
				row.Cells = append(row.Cells, cellView{"–", ""})
				continue
			}
			g := c.Groups[i]
			row.Cells = append(row.Cells, cellView{accuracyText(g.Value, g.N), fmt.Sprintf("%d of %d", g.Right, g.N)})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
