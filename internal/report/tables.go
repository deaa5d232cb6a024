package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// heads makes the heading of a table; a name that begins with ">" is aligned right.
func heads(names ...string) []headCell {
	cells := make([]headCell, len(names))
	for i, name := range names {
		text, right := strings.CutPrefix(name, ">")
		cells[i] = headCell{text, right}
	}
	return cells
}

func row(texts ...string) rowView {
	r := rowView{Cells: make([]cellView, len(texts))}
	for i, text := range texts {
		r.Cells[i].Text = text
	}
	return r
}

func coefTable(l *LawResult) tableView {
	t := tableView{Head: heads("", ">value", ">"+percent(l.Level)+" interval")}
	add := func(name string, e estimated) {
		t.Rows = append(t.Rows, row(name, e.withUnit(), e.interval))
	}
	add("slope b, per token", estimateOf(l, "b"))
	add("fixed cost a", estimateOf(l, "a"))
	robust := *l
	robust.Coef, robust.CI = map[string]float64{}, map[string]*law.Interval{"b": l.TheilSen.CI}
	if l.TheilSen.Value != nil {
		robust.Coef["b"] = *l.TheilSen.Value
		add("Theil–Sen slope", estimateOf(&robust, "b"))
	}
	t.Rows = append(t.Rows, row("R²", fixedOr(l.R2, 4), ""), row("trials", fmt.Sprint(l.N), ""),
		row("linear within 5 %", fmt.Sprintf("%s … %s", fixedOr(l.LinearFrom, 0), fixedOr(l.LinearTo, 0)), "tokens"))
	return t
}

func rivalsTable(l *LawResult) tableView {
	t := tableView{Head: heads("model", ">ΔAICc", ">R²", ">held-out error")}
	best := -1.0
	for _, r := range l.Rivals {
		if r.Kind == l.Best && r.AICc != nil {
			best = *r.AICc
		}
	}
	for _, r := range l.Rivals {
		delta, held := "–", "–"
		if r.AICc != nil {
			delta = number(*r.AICc-best, 1)
		}
		if r.HeldOutError != nil {
			held = percent(*r.HeldOutError)
		}
		cells := row(r.Kind, delta, fixedOr(r.R2, 4), held)
		cells.Strong = r.Kind == l.Best
		t.Rows = append(t.Rows, cells)
	}
	return t
}

func rivalNote(l *LawResult) string {
	note := "Lowest AICc is best; the held-out error is that of predicting the longest length from the shorter ones."
	if l.Predictor == PredictorEffective {
		note = "Lowest AICc is best; the held-out error is that of predicting the most pixels from the fewer ones."
	}
	if rival, ok := l.betterRival(); ok {
		note = "The " + rival.Kind + " curve fits better than the line (dashed). " + note
	}
	return note
}

func beyondTable(l *LawResult) tableView {
	var s scale
	for _, p := range l.Beyond {
		if p.Y != nil {
			s = scaleFor(l.Unit, *p.Y)
		}
	}
	t := tableView{Head: heads(">tokens", ">line, "+s.unit, ">interval")}
	if l.Best != l.Kind {
		t.Head = append(t.Head, headCell{l.Best, true})
	}
	for _, p := range l.Beyond {
		line, best, interval := "–", "–", "–"
		digits := 2
		if p.CI != nil {
			digits = decimals((p.CI.Hi - p.CI.Lo) * s.factor / 2)
			interval = number(p.CI.Lo*s.factor, digits) + " … " + number(p.CI.Hi*s.factor, digits)
		}
		if p.Y != nil {
			line = number(*p.Y*s.factor, digits)
		}
		if p.Best != nil {
			best = number(*p.Best*s.factor, digits)
		}
		cells := row(number(p.X, 0), line, interval)
		if l.Best != l.Kind {
			cells.Cells = append(cells.Cells, cellView{Text: best})
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

func comparisonTable(overlays []overlay, names []string) tableView {
	t := tableView{Head: heads("configuration", ">per token", ">interval", ">fixed", ">interval", ">R²", ">slope ratio")}
	for i, o := range overlays {
		b, a := estimateOf(o.law, "b"), estimateOf(o.law, "a")
		ratio := "1"
		if i > 0 {
			ratio = "–"
			if v, ci := slopeRatio(o.law, overlays[0].law); ci != nil {
				digits := decimals((ci.Hi - ci.Lo) / 2)
				ratio = fmt.Sprintf("%s (%s … %s)", number(v, digits), number(ci.Lo, digits), number(ci.Hi, digits))
			}
		}
		t.Rows = append(t.Rows, row(names[i], b.withUnit(), b.interval, a.withUnit(), a.interval, fixedOr(o.law.R2, 4), ratio))
	}
	return t
}

// lengthColumns are the medians shown per prompt length.
var lengthColumns = [...]struct{ metric, head, unit string }{
	{store.MetricCPUCoreSeconds, "CPU time", "core·s"},
	{store.MetricWallSeconds, "wall time", "s"},
	{store.MetricPrefillRate, "prefill, tok/s", ""},
	{store.MetricDecodeRate, "decode, tok/s", ""},
	{store.MetricRAMAUC, "memory", "GiB·s"},
	{store.MetricPeakRSS, "peak RSS", "B"},
}

func lengthsTable(c *ConfigResult) tableView {
	t := tableView{Head: heads(">tokens", ">trials")}
	for _, column := range lengthColumns {
		t.Head = append(t.Head, headCell{column.head, true})
	}
	for _, l := range c.Lengths {
		r := row(fmt.Sprint(l.X), fmt.Sprint(l.N))
		for _, column := range lengthColumns {
			r.Cells = append(r.Cells, medianCell(l.Figures, column.metric, column.unit))
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

func medianCell(figures map[string]Median, metric, of string) cellView {
	m, ok := figures[metric]
	if !ok {
		return cellView{Text: "–"}
	}
	cell := cellView{Text: amount(of, m.Value)}
	if m.CI != nil {
		s := scaleFor(of, m.Value)
		cell.Small = significant(m.CI.Lo*s.factor) + " … " + significant(m.CI.Hi*s.factor)
	}
	return cell
}

func sourcesTable(r *Result) tableView {
	t := tableView{Head: heads("channel", "quantity", "scope", "quality", ">rate", ">readings", "reason")}
	for _, s := range r.Sources {
		rate := "–"
		if s.RateHz != nil {
			rate = significant(*s.RateHz) + " Hz"
		}
		readings := fmt.Sprint(s.Readings)
		if s.Absent > 0 {
			readings += fmt.Sprintf(" (+%d failed)", s.Absent)
		}
		quantity := strings.ReplaceAll(string(s.Kind), "_", " ")
		if s.Unit != "" {
			quantity += ", " + s.Unit
		}
		t.Rows = append(t.Rows, row(s.Name, quantity, string(s.Scope), s.Quality.String(), rate, readings, s.Reason))
	}
	return t
}

func trialsTable(r *Result) tableView {
	t := tableView{Head: heads(">#", "configuration", ">tokens", "complexity", ">out", ">CPU time", ">wall", ">prefill, tok/s", ">decode, tok/s", ">closure", "doubts")}
	images := r.Sweep == SweepPixels
	if images {
		t.Head = slices.Insert(t.Head, 2, headCell{"image", false})
	}
	show := func(of string, v *float64) string {
		if v == nil {
			return "–"
		}
		return amount(of, *v)
	}
	for i := range r.Trials {
		x := &r.Trials[i]
		closure := "–"
		if x.Closure != nil {
			closure = percent(*x.Closure)
		}
		cells := row(fmt.Sprint(x.Seq), x.Config, fmt.Sprint(x.TokensIn), x.Complexity, fmt.Sprint(x.TokensOut),
			show("core·s", x.CPUCoreS), show("s", x.WallS), show("", x.PrefillTokS), show("", x.DecodeTokS), closure, strings.Join(x.Doubts, "; "))
		if images {
			cells.Cells = slices.Insert(cells.Cells, 2, cellView{Text: x.imageText()})
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// imageText names the image of a trial.
func (t *TrialResult) imageText() string {
	if t.Image == nil {
		return "–"
	}
	return fmt.Sprintf("%d×%d, %s", t.Image.Width, t.Image.Height, t.Image.Kind)
}

func machinePairs(r *Result) []pair {
	m := r.Machine
	pairs := []pair{{"host", m.Hostname}, {"processor", m.CPU}, {"logical cores", fmt.Sprint(m.Cores)}, {"memory", unit.Bytes(m.RAM).String()},
		{"system", m.OS + ", " + m.Kernel + ", " + m.Arch}, {"features", strings.Join(m.Features, " ")},
		{"board", m.Board}, {"governor", m.Governor}, {"hypervisor", m.Virtual}}
	return slices.DeleteFunc(pairs, func(p pair) bool { return strings.Trim(p.Value, ", ") == "" })
}

func observerPairs(r *Result) []pair {
	o := r.Observer
	pairs := []pair{{"cost of sampling", "–  the sampler did not run"}, {"late ticks", "–"}, {"median closure", "–  no trial has both the samples and the counter"}}
	if o.CoreFraction != nil {
		pairs[0].Value = percent(*o.CoreFraction) + " of one core"
	}
	if o.Ticks > 0 {
		pairs[1].Value = fmt.Sprintf("%d of %d (%s)", o.LateTicks, o.Ticks, percent(float64(o.LateTicks)/float64(o.Ticks)))
	}
	if o.RateHz != nil {
		pairs = append(pairs, pair{"rate", significant(*o.RateHz) + " Hz"})
	}
	if c := r.Closure; c != nil {
		pairs[2].Value = fmt.Sprintf("%s (largest %s, %d trials)", percent(c.Median), percent(c.Max), c.N)
	}
	return pairs
}

// planPairs flattens the plan, whatever its keys, in the order in which they stand.
func planPairs(plan json.RawMessage) []pair {
	decoder := json.NewDecoder(bytes.NewReader(plan))
	decoder.UseNumber()
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return []pair{{"plan", "–  not recorded"}}
	}
	var pairs []pair
	for decoder.More() {
		key, err := decoder.Token()
		var raw json.RawMessage
		if err != nil || decoder.Decode(&raw) != nil {
			break
		}
		name := strings.ReplaceAll(fmt.Sprint(key), "_", " ")
		if raw[0] == '{' {
			for _, p := range planPairs(raw) {
				pairs = append(pairs, pair{name + ", " + p.Key, p.Value})
			}
			continue
		}
		if text := planValue(raw); text != "" {
			pairs = append(pairs, pair{name, text})
		}
	}
	return pairs
}

// planValue writes a list without its brackets and a text without its quotes.
func planValue(raw json.RawMessage) string {
	var list []json.RawMessage
	var text string
	switch {
	case json.Unmarshal(raw, &text) == nil:
		return text
	case json.Unmarshal(raw, &list) == nil:
		texts := make([]string, len(list))
		for i, item := range list {
			texts[i] = planValue(item)
		}
		return strings.Join(texts, ", ")
	}
	return string(raw)
}

// fixedOr writes a number with fixed decimals, "–" when it is absent.
func fixedOr(v *float64, digits int) string {
	if v == nil {
		return "–"
	}
	return number(*v, digits)
}
