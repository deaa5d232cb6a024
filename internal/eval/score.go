package eval

import (
	"fmt"
	"maps"
	"slices"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// Metric names what a score is.
type Metric string

// Metrics, each between 0 and 1 but for Cosine, which may reach −1.
const (
	MetricChoice    Metric = "choice_accuracy"     // the right choice is the likeliest per byte
	MetricChoiceRaw Metric = "choice_accuracy_raw" // the right choice is the likeliest
	MetricExact     Metric = "exact_match"
	MetricF1        Metric = "f1"
	MetricChrF      Metric = "chrf2" // lexical similarity
	MetricCosine    Metric = "cosine"
)

// binary reports whether an item has the metric or has it not.
func (m Metric) binary() bool {
	return m == MetricChoice || m == MetricChoiceRaw || m == MetricExact
}

// Score is a metric's mean over items.
type Score struct {
	Metric Metric `json:"metric"`
	Group  string `json:"group,omitempty"` // "" for all items
	// Trim is the share of items dropped at each end, lowest and highest alike; 0 for the plain
	// mean, which every trimmed one stands beside.
	Trim  float64 `json:"trim,omitempty"`
	Model Figure  `json:"model"`
	// Base and Difference, model − original item by item, are nil without an original.
	Base       *Figure `json:"base,omitempty"`
	Difference *Figure `json:"difference,omitempty"`
	// Chance is what guessing would reach; nil where guessing is not defined.
	Chance *float64 `json:"chance,omitempty"`
}

// table holds the values of one metric: by model, then by item.
type table struct {
	metric Metric
	values [][]float64
	groups []string
	chance []float64 // by item; nil: not defined
	trim   float64
	doubts []string // of every score
}

func newTable(metric Metric, models int) *table {
	return &table{metric: metric, values: make([][]float64, models)}
}

// add adds an item's value; items come in the same order for each model.
func (t *table) add(model int, group string, value float64) {
	if model == 0 {
		t.groups = append(t.groups, group)
	}
	t.values[model] = append(t.values[model], value)
}

// scoresOf lists the scores of the tables that have items.
func scoresOf(tables ...*table) (list []Score, err error) {
	for _, t := range tables {
		if len(t.groups) == 0 {
			continue
		}
		names := map[string]bool{}
		for _, g := range t.groups {
			names[g] = true
		}
		which := []string{""}
		if len(names) > 1 || !names[""] {
			delete(names, "")
			which = append(which, slices.Sorted(maps.Keys(names))...)
		}
		for _, g := range which {
			s, err := t.score(g)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.metric, err)
			}
			list = append(list, s)
		}
	}
	return list, nil
}

// score is of one group, or of all for "".
func (t *table) score(group string) (s Score, err error) {
	s = Score{Metric: t.metric, Group: group, Trim: t.trim}
	if s.Model, err = t.figure(t.pick(t.values[0], group)); err != nil {
		return s, err
	}
	if t.chance != nil {
		s.Chance = ptr(stat.Mean(t.pick(t.chance, group)))
	}
	if len(t.values) < 2 {
		return s, nil
	}
	base, err := t.figure(t.pick(t.values[1], group))
	if err != nil {
		return s, err
	}
	differences := make([]float64, len(t.values[0]))
	for i := range differences {
		differences[i] = t.values[0][i] - t.values[1][i]
	}
	d, err := itemStatistic(t.pick(differences, group), t.mean, methodPaired)
	if err != nil {
		return s, err
	}
	d.Doubts = append(d.Doubts, t.doubts...)
	s.Base, s.Difference = &base, &d
	return s, nil
}

func (t *table) figure(values []float64) (f Figure, err error) {
	if t.metric.binary() && t.trim == 0 {
		f = share(values)
	} else if f, err = itemStatistic(values, t.mean, methodItems); err != nil {
		return f, err
	}
	f.Doubts = append(f.Doubts, t.doubts...)
	if t.trim > 0 && int(t.trim*float64(len(values))) == 0 {
		f.Doubts = append(f.Doubts, "too few items for one to be trimmed: this is the plain mean")
	}
	return f, nil
}

func (t *table) mean(values []float64) float64 {
	if t.trim == 0 {
		return stat.Mean(values)
	}
	return trimmedMean(values, t.trim)
}

// pick returns the values of a group.
func (t *table) pick(values []float64, group string) []float64 {
	if group == "" {
		return values
	}
	var list []float64
	for i, v := range values {
		if t.groups[i] == group {
			list = append(list, v)
		}
	}
	return list
}
