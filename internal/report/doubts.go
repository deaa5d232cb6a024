package report

import (
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/store"
)

// Limits beyond which the measuring itself becomes a doubt, and what the method asks for.
const (
	maxObserverCore = 0.001 // of one core at 20 Hz or below; in proportion to the rate above
	maxLateTicks    = 0.01  // of all ticks
	maxClosure      = 0.005
)

// collectDoubts gathers what the checks, the observer, the trials and the laws doubt, in
// this order, each text once.
func collectDoubts(r *Result) []Doubt {
	doubts := []Doubt{}
	at := map[string]int{}
	add := func(where, text string) {
		key := text
		if !isMetric(where) {
			key = where + "\x00" + text
		}
		if i, seen := at[key]; seen {
			doubts[i].Count++
			if doubts[i].Where != where {
				doubts[i].Where = "laws"
			}
			return
		}
		at[key] = len(doubts)
		doubts = append(doubts, Doubt{Text: text, Where: where, Count: 1})
	}
	for _, f := range r.Findings {
		if f.Severity != "info" {
			add(f.Subject, f.Text)
		}
	}
	for _, c := range r.Drift {
		if c.Verdict == VerdictDifferent && !testedForDrift(r, c.Metric) {
			add("drift", fmt.Sprintf("%s: the %s", describe(c.Metric).title, c.sentence()))
		}
	}
	for _, text := range observerDoubts(r) {
		add("observer", text)
	}
	if len(r.Trials) == 0 {
		add("trials", "no trial was finished, so there is nothing to fit")
	}
	for _, t := range r.Trials {
		for _, text := range t.Doubts {
			add("trials", text)
		}
	}
	for _, a := range r.Answers {
		for _, text := range a.Doubts {
			add("tasks", text)
		}
	}
	for _, c := range r.Configs {
		for _, a := range c.Accuracy {
			for _, text := range a.Doubts {
				add("accuracy", text)
			}
		}
		for _, l := range c.Laws {
			for _, text := range l.Doubts {
				add(l.Metric, text)
			}
		}
		for _, k := range c.Knees {
			for _, text := range k.Doubts {
				add(k.Metric, text)
			}
		}
	}
	for _, c := range r.OneCurves {
		for _, text := range c.Fit.Doubts {
			add(c.Metric, text)
		}
	}
	return doubts
}

// testedForDrift reports whether the run itself has judged a metric's drift.
func testedForDrift(r *Result, metric string) bool {
	return slices.ContainsFunc(r.Findings, func(f store.Finding) bool { return f.When == "drift" && f.Subject == metric })
}

// limit is the cost of sampling, in cores, beyond which it counts as a disturbance.
func (o Observer) limit() float64 { return maxObserverCore * max(1, deref(o.RateHz)/20) }

func (o Observer) costly() bool { return o.CoreFraction != nil && *o.CoreFraction > o.limit() }

func observerDoubts(r *Result) []string {
	var texts []string
	if o := r.Observer; o.costly() {
		texts = append(texts, fmt.Sprintf("sampling took %s of one core, more than %s; lower --rate", percent(*o.CoreFraction), percent(o.limit())))
	}
	if o := r.Observer; o.Ticks > 0 && float64(o.LateTicks) > maxLateTicks*float64(o.Ticks) {
		texts = append(texts, fmt.Sprintf("%s of the sampling ticks came late, more than %s", percent(float64(o.LateTicks)/float64(o.Ticks)), percent(maxLateTicks)))
	}
	if c := r.Closure; c != nil && c.Median > maxClosure {
		texts = append(texts, fmt.Sprintf("the area under the CPU samples misses the counter by %s in the median, more than %s; raise --rate", percent(c.Median), percent(maxClosure)))
	}
	return texts
}
