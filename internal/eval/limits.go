package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/stat"
)

// Limited is a model whose limit on images can be set, as that of a loaded *engine.Engine with an
// encoder; the zero limit is the model's own.
type Limited interface {
	Seer
	SetClamp(k imaging.Clamp, maxPixels int) error
}

// LimitMargin is how much accuracy may fall for a limit to count as safe: one point.
const LimitMargin = 0.01

// LimitsResult is how well a model answers under several limits on images.
type LimitsResult struct {
	Tasks int `json:"tasks"`
	// Limits are in the order asked for, the model's own first.
	Limits []LimitAccuracy `json:"limits"`
	// Smallest is the index of the lowest limit under which accuracy falls by at most the margin,
	// as under all limits above it; 0 where only the model's own is left.
	Smallest int     `json:"smallest"`
	Margin   float64 `json:"margin"`
	// Settled says that the whole interval of the difference lies within the margin; Needed is
	// about how many tasks that would take, where it does not.
	Settled bool `json:"settled"`
	Needed  int  `json:"tasks_needed,omitempty"`
}

// LimitAccuracy is that of one limit.
type LimitAccuracy struct {
	Clamp    imaging.Clamp `json:"clamp"`
	Own      bool          `json:"own"`
	Tokens   float64       `json:"tokens_per_image"` // mean over the tasks with images
	Accuracy Figure        `json:"accuracy"`
	// Difference from the model's own limit, over the same tasks; nil for that itself.
	Difference *stat.PairedShares `json:"difference,omitempty"`

	right []bool
}

// Limits answers the tasks under the model's own limit and under each of the others. The model
// has its own limit again afterwards.
func Limits(ctx context.Context, m Limited, tasks []Task, clamps []imaging.Clamp, progress func(what string, done, all int)) (out LimitsResult, err error) {
	if !slices.ContainsFunc(tasks, func(t Task) bool { return t.Image != "" }) {
		return out, errors.New("none of the tasks asks about an image: a limit on images changes nothing")
	}
	defer func() { err = errors.Join(err, m.SetClamp(imaging.Clamp{}, 0)) }()
	out = LimitsResult{Tasks: len(tasks), Margin: LimitMargin}
	for i, clamp := range append([]imaging.Clamp{{}}, clamps...) {
		if err := m.SetClamp(clamp, 0); err != nil {
			return out, err
		}
		l := LimitAccuracy{Clamp: m.Info().Vision.Clamp, Own: i == 0}
		if l.Tokens, err = imageTokens(m.Info().Vision, tasks); err != nil {
			return out, err
		}
		result, err := Run(ctx, m, nil, Plan{Tasks: tasks, Progress: progress})
		if err != nil {
			return out, fmt.Errorf("limit %v: %w", l.Clamp, err)
		}
		l.right = result.Tasks.right()
		values := make([]float64, len(l.right))
		for k, right := range l.right {
			values[k] = truth(right)
		}
		l.Accuracy = share(values)
		if i > 0 {
			difference, err := stat.ComparePaired(out.Limits[0].right, l.right)
			if err != nil {
				return out, err
			}
			l.Difference = &difference
		}
		out.Limits = append(out.Limits, l)
	}
	out.choose()
	return out, nil
}

// right lists what the model has right: choices per byte, and then exact matches of answers.
func (out *TaskResult) right() (list []bool) {
	for _, c := range out.Choices {
		list = append(list, c.Picked[0].PerByte == c.Right)
	}
	for _, a := range out.Answers {
		list = append(list, a.Exact[0])
	}
	return list
}

// imageTokens is the mean number of tokens of the tasks' images.
func imageTokens(vision *imaging.Contract, tasks []Task) (mean float64, err error) {
	known := map[string]float64{}
	var all []float64
	for _, t := range tasks {
		if t.Image == "" {
			continue
		}
		if _, ok := known[t.Image]; !ok {
			data, err := t.ImageFile()
			if err != nil {
				return 0, err
			}
			size, err := imaging.DecodeSize(data)
			if err != nil {
				return 0, fmt.Errorf("image %s: %w", t.Image, err)
			}
			layout, err := vision.Layout(size)
			if err != nil {
				return 0, fmt.Errorf("image %s: %w", t.Image, err)
			}
			known[t.Image] = float64(layout.Tokens)
		}
		all = append(all, known[t.Image])
	}
	return stat.Mean(all), nil
}

// choose goes down from the most tokens for as long as accuracy holds.
func (out *LimitsResult) choose() {
	order := make([]int, len(out.Limits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch ta, tb := out.Limits[a].Tokens, out.Limits[b].Tokens; {
		case ta > tb:
			return -1
		case ta < tb:
			return 1
		}
		return 0
	})
	for _, i := range order {
		if d := out.Limits[i].Difference; d != nil && d.Difference < -out.Margin {
			break
		}
		out.Smallest = i
	}
	d := out.Limits[out.Smallest].Difference
	if out.Settled = d == nil || d.CI.Lo >= -out.Margin; !out.Settled {
		// The margin that the difference itself leaves; a hair's breadth would take forever.
		out.Needed = d.Needed(max(out.Margin/4, out.Margin+min(0, d.Difference)))
	}
}

// Lines is the result for a terminal.
func (out LimitsResult) Lines() []string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "limit\timage tokens\tright\t95 % interval\tdifference, 95 % interval")
	for _, l := range out.Limits {
		name, difference := l.Clamp.String(), ""
		if l.Own {
			name = "own (" + name + ")"
		}
		if d := l.Difference; d != nil {
			difference = points(d.Difference) + " [" + points(d.CI.Lo) + ", " + points(d.CI.Hi) + "] points"
		}
		fmt.Fprintf(table, "%s\t%.0f\t%.1f %%\t[%.1f, %.1f %%]\t%s\n", name, l.Tokens, 100*l.Accuracy.Value, 100*l.Accuracy.CI.Lo, 100*l.Accuracy.CI.Hi, difference)
	}
	_ = table.Flush() // a strings.Builder takes everything
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	return append(append(lines, ""), out.verdict()...)
}

func points(v float64) string { return fmt.Sprintf("%+.1f", 100*v) }

// verdict names the limit to choose, and how far the tasks can tell.
func (out LimitsResult) verdict() []string {
	l := out.Limits[out.Smallest]
	if l.Own {
		return []string{fmt.Sprintf("No limit below the model's own keeps accuracy within %g point.", 100*out.Margin)}
	}
	lines := []string{fmt.Sprintf("The smallest resolution within %g point of full accuracy is %v, %.0f tokens an image: %.1f %% right, %s points (%s … %s) against %.1f %%.",
		100*out.Margin, l.Clamp, l.Tokens, 100*l.Accuracy.Value, points(l.Difference.Difference), points(l.Difference.CI.Lo), points(l.Difference.CI.Hi), 100*out.Limits[0].Accuracy.Value)}
	if !out.Settled {
		lines = append(lines, fmt.Sprintf("Doubt: %d tasks cannot tell %g point: the loss could be %.1f points (McNemar: p = %.2g). It would take about %d tasks.",
			out.Tasks, 100*out.Margin, -100*l.Difference.CI.Lo, l.Difference.P, out.Needed))
	}
	return lines
}
