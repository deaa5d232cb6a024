package report

import (
	"cmp"
	"fmt"
	"slices"
)

// Limits beyond which the measuring itself becomes a doubt, and what the method asks for.
const (
	maxObserverCore = 0.005 // of one core
	maxLateTicks    = 0.01  // of all ticks
	maxClosure      = 0.005
)

// collectDoubts gathers what the checks, the trials, the laws and the observer doubt, each
// text once, the most frequent first.
func collectDoubts(r *Result) []Doubt {
	doubts := []Doubt{}
	at := map[string]int{}
	add := func(where, text string) {
		key := where + "\x00" + text
		if i, seen := at[key]; seen {
			doubts[i].Count++
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
	if len(r.Trials) == 0 {
		add("trials", "no trial was finished, so there is nothing to fit")
	}
	for _, t := range r.Trials {
		for _, text := range t.Doubts {
			add("trials", text)
		}
	}
	for _, c := range r.Configs {
		for _, l := range c.Laws {
			for _, text := range l.Doubts {
				add(l.Metric, text)
			}
		}
	}
	for _, text := range observerDoubts(r) {
		add("observer", text)
	}
	for _, c := range r.Drift {
		if c.Verdict == VerdictDifferent {
			add("drift", fmt.Sprintf("%s: the %s", describe(c.Metric).title, c.sentence()))
		}
	}
	slices.SortStableFunc(doubts, func(a, b Doubt) int { return cmp.Compare(b.Count, a.Count) })
	return doubts
}

func observerDoubts(r *Result) []string {
	var texts []string
	if o := r.Observer; o.CoreFraction != nil && *o.CoreFraction > maxObserverCore {
		texts = append(texts, fmt.Sprintf("sampling took %s of one core, more than %s; lower --rate", percent(*o.CoreFraction), percent(maxObserverCore)))
	}
	if o := r.Observer; o.Ticks > 0 && float64(o.LateTicks) > maxLateTicks*float64(o.Ticks) {
		texts = append(texts, fmt.Sprintf("%s of the sampling ticks came late, more than %s", percent(float64(o.LateTicks)/float64(o.Ticks)), percent(maxLateTicks)))
	}
	if c := r.Closure; c != nil && c.Median > maxClosure {
		texts = append(texts, fmt.Sprintf("the area under the CPU samples misses the counter by %s in the median, more than %s; raise --rate", percent(c.Median), percent(maxClosure)))
	}
	return texts
}
