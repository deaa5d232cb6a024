package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// cards are the figures of the law at the top of a configuration.
func cards(c *ConfigResult) []card {
	var all []card
	for i := range c.Laws {
		if l := &c.Laws[i]; l.Metric == store.MetricCPUCoreSeconds {
			b, a := estimateOf(l, "b"), estimateOf(l, "a")
			all = append(all,
				card{Label: "Per prompt token", Value: b.value, Unit: b.unit, Note: b.interval},
				card{Label: "Fixed per request", Value: a.value, Unit: a.unit, Note: a.interval},
				card{Label: "R²", Value: fixedOr(l.R2, 4), Note: fmt.Sprintf("%d trials", l.N)},
				card{Label: "Linear up to", Value: fixedOr(l.LinearTo, 0), Unit: "tokens", Note: fmt.Sprintf("within 5 %%, of %.0f fitted", l.X.Hi)})
		}
	}
	return all
}

// qualityCards say how far the measuring may be trusted.
func qualityCards(r *Result) []card {
	closure := card{Label: "Closure error", Value: "–", Note: "no trial has it"}
	if r.Closure != nil {
		closure.Value, closure.Note, closure.Warn = percent(r.Closure.Median), fmt.Sprintf("median, largest %s", percent(r.Closure.Max)), r.Closure.Median > maxClosure
	}
	observer := card{Label: "Observer, of a core", Value: "–", Note: "the sampler did not run"}
	if o := r.Observer; o.CoreFraction != nil {
		observer = card{"Observer, of a core", percent(*o.CoreFraction), "", fmt.Sprintf("%d of %d ticks late", o.LateTicks, o.Ticks), o.costly()}
	}
	return []card{closure, observer}
}

func factsOf(r *Result, c *ConfigResult) string {
	var facts []string
	add := func(ok bool, format string, args ...any) {
		if ok {
			facts = append(facts, fmt.Sprintf(format, args...))
		}
	}
	add(c.Architecture != "", "%s architecture", c.Architecture)
	add(c.Parameters > 0, "%s parameters", strings.TrimSpace(unit.Format(float64(c.Parameters), "")))
	add(c.Quant != "", "%s", c.Quant)
	add(c.Bytes > 0, "%s", unit.Bytes(c.Bytes))
	add(c.Backend != "", "backend %s", c.Backend)
	add(c.Kernel != "", "%s kernels", c.Kernel)
	add(c.Threads > 0, "%d threads", c.Threads)
	add(c.LoadS != nil, "loaded in %s", amount("s", deref(c.LoadS)))
	add(!r.Run.Created.IsZero(), "measured %s", r.Run.Created.UTC().Format("2 January 2006, 15:04 UTC"))
	return strings.Join(facts, " · ")
}

// complexityLegend names the groups that occur among points.
func complexityLegend(points []point) []legendItem {
	var items []legendItem
	for i, name := range groupNames {
		if slices.ContainsFunc(points, func(p point) bool { return p.group == i }) {
			items = append(items, legendItem{i, i % 3, name})
		}
	}
	return items
}

// phasesOf lists a configuration's phases, the known ones in the order of a request.
func phasesOf(c *ConfigResult) []string {
	var names []string
	for _, known := range [...]string{"load", "encode", "prefill", "decode"} {
		if slices.ContainsFunc(c.Lengths, func(l Length) bool { return len(l.Phases[known]) > 0 }) {
			names = append(names, known)
		}
	}
	for _, l := range c.Lengths {
		for _, name := range slices.Sorted(maps.Keys(l.Phases)) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func phaseLegend(names []string) []legendItem {
	var items []legendItem
	for i, name := range names {
		items = append(items, legendItem{phaseColour(name, i), 2, name})
	}
	return items
}

// complexityText says what the contrasts of the CPU time show.
func complexityText(c *ConfigResult, swept sweptBy) []string {
	return contrastText(c.Complexity, [...]string{
		fmt.Sprintf("%s the cost: prompts of different semantic complexity cost the same at equal %s.", swept.sets, swept.equal),
		fmt.Sprintf("Complexity matters here: prompts of equal %s differ in cost.", swept.equal),
		"Not settled: the trials are too few or too noisy to say that complexity leaves the cost alone within 5 %.",
	})
}

// kindsText says what the contrasts between kinds of images show.
func kindsText(c *ConfigResult) []string {
	return contrastText(c.Kinds, [...]string{
		"What is in the image does not matter: all kinds cost the same at equal size.",
		"What is in the image matters here: kinds of equal size differ in cost.",
		"Not settled: the trials are too few or too noisy to say that what is in the image leaves the cost alone within 5 %.",
	})
}

// contrastText puts one of three leads before the contrasts of the CPU time: for all the same,
// some different, and undecided.
func contrastText(contrasts []Contrast, leads [3]string) []string {
	var texts []string
	worst := VerdictSame
	for _, k := range contrasts {
		if k.Metric != store.MetricCPUCoreSeconds {
			continue
		}
		texts = append(texts, "CPU time: "+k.sentence())
		if k.Verdict == VerdictDifferent || worst == VerdictSame {
			worst = k.Verdict
		}
	}
	if len(texts) == 0 {
		return nil
	}
	lead := leads[0]
	switch worst {
	case VerdictDifferent:
		lead = leads[1]
	case VerdictUndecided:
		lead = leads[2]
	}
	return append([]string{lead}, texts...)
}
