package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/law"
)

// clampComparison holds configurations of one model that differ in how many pixels they
// admit.
type clampComparison struct {
	model  string
	groups []clampGroup
	curve  *law.Curve // through the trials of all, in effective pixels; nil when it could not be fitted
}

// comparisonsOf groups the configurations of a run by model.
func comparisonsOf(r *Result) []clampComparison {
	var all []clampComparison
	at := map[string]int{}
	for i := range r.Configs {
		c := &r.Configs[i]
		sweep := newSweep(r, c)
		if sweep == nil || sweep.main() == nil {
			continue
		}
		key := c.Backend + "/" + c.Model
		j, seen := at[key]
		if !seen {
			j = len(all)
			at[key] = j
			all = append(all, clampComparison{model: c.Model})
		}
		all[j].groups = append(all[j].groups, clampGroup{sweep, sweep.main(), sweep.clampText()})
	}
	all = slices.DeleteFunc(all, func(c clampComparison) bool { return len(c.groups) < 2 })
	for i := range all {
		main := all[i].groups[0].knee
		for j := range r.OneCurves {
			if o := &r.OneCurves[j]; o.Model == all[i].model && o.Metric == main.metric && o.Quality == main.quality {
				all[i].curve = &o.Fit
			}
		}
	}
	return all
}

func (c clampComparison) title() string {
	return fmt.Sprintf("%s under %d limits on pixels", c.model, len(c.groups))
}

// verdict says whether the limits act as predicted and whether effective pixels explain them.
func (c clampComparison) verdict() string {
	agree, predicted, missed := 0, 0, 0
	for _, g := range c.groups {
		switch fit := g.knee.fit; {
		case fit.Predicted == 0:
			continue
		case fit.Agrees:
			agree++
		case !fit.Found:
			missed++
		}
		predicted++
	}
	var text []string
	switch {
	case predicted == 0:
	case agree == predicted:
		text = append(text, fmt.Sprintf("Every knee lies where its limit puts it (%d of %d).", agree, predicted))
	case missed == predicted:
		text = append(text, "No knee was found under any limit.")
	default:
		t := fmt.Sprintf("%d of %d knees lie where their limits put them", agree, predicted)
		if missed > 0 {
			t += fmt.Sprintf("; %d not found", missed)
		}
		text = append(text, t+".")
	}
	if t := curveText(c.curve, c.groups[0].knee.metric); t != "" {
		text = append(text, t)
	}
	return strings.Join(text, " ")
}

// headline is the verdict, or what is compared where there is none.
func (c clampComparison) headline() string {
	if text := c.verdict(); text != "" {
		return text
	}
	return c.title()
}

// acrossRuns puts everything that was swept by resolution into one comparison.
func acrossRuns(pages []Page) []clampComparison {
	all := clampComparison{model: "Images"}
	for _, p := range pages {
		for i := range p.Result.Configs {
			sweep := newSweep(p.Result, &p.Result.Configs[i])
			if sweep == nil || sweep.main() == nil {
				continue
			}
			all.groups = append(all.groups, clampGroup{sweep, sweep.main(), sweep.name + " (" + p.Result.Run.ID + ")"})
		}
	}
	if len(all.groups) < 2 {
		return nil
	}
	return []clampComparison{all}
}
