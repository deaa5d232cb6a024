package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/store"
)

// someTasks are n questions, of which the answer "yes" is right where the number is even, about
// images of 120×90 if they are to be.
func someTasks(n int, images bool) Tasks {
	list := Tasks{Set: store.TaskSet{Name: "t.jsonl", SHA256: "12", N: n}}
	for i := range n {
		t := Task{
			ID: fmt.Sprint("t", i), Group: "g", Prompt: "is it so", MaxTokens: 3, Stop: []string{"\n"},
			Right: func(answer string) bool { return (answer == "yes") == (i%2 == 0) },
		}
		if images {
			t.Size = imaging.Size{Width: 120, Height: 90}
			t.Picture = func(box imaging.Size) (imaging.RGB, error) {
				if box == (imaging.Size{}) {
					return imaging.NewRGB(t.Size), nil
				}
				return imaging.NewRGB(t.Size.Within(box)), nil
			}
		}
		list.List = append(list.List, t)
	}
	return list
}

// withTasks is a quick plan whose configurations answer tasks, and a bed with models that know
// the answer "yes" to all of them.
func withTasks(t *testing.T, tasks Tasks) (*bed, Plan) {
	b := newBed(t)
	b.machine.exact = true
	b.backend.trained = true
	b.backend.says = func(req backend.Request) string { return " yes\n" }
	b.deps.Tasks = func(name string, most int) (Tasks, error) {
		if name != "t.jsonl" || most != 0 {
			t.Errorf("asked for %d tasks of %q", most, name)
		}
		return tasks, nil
	}
	plan := quickPlan()
	plan.Model, plan.Tasks = []string{"m", "n"}, "t.jsonl"
	plan.Tokens, plan.Repeats, plan.WarmUp.Max = []int{16}, 1, 1
	return b, plan
}

func (b *bed) answers(t *testing.T, run string) []store.Answer {
	t.Helper()
	answers, err := b.store.Answers(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func TestRunAnswersTasks(t *testing.T) {
	t.Parallel()
	tasks := someTasks(answersPerBlock+5, false)
	b, plan := withTasks(t, tasks)
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	if run.Tasks == nil || *run.Tasks != tasks.Set {
		t.Errorf("the run has the tasks %+v", run.Tasks)
	}
	answers := b.answers(t, run.ID)
	asked := map[string]int{}
	for i, a := range answers {
		asked[a.Config+" "+a.Task]++
		number := 0
		fmt.Sscanf(a.Task, "t%d", &number)
		if a.Seq != i || a.Text != "yes" || a.Right != (number%2 == 0) || a.Group != "g" || a.TokensIn != 4 || a.TokensOut != 3 || len(a.Phases) != 2 {
			t.Errorf("%+v", a)
		}
		// The fake server's cores are busy for the time that its tokens take, and no longer.
		want := fakeBusyCores * (fakeFixed + 4*fakePerToken + 3*fakePerOutput).Seconds()
		cpu, joules := a.Figures[store.MetricCPUCoreSeconds], a.Figures[store.MetricJoules+"meter.package"]
		if !cpu.OK() || math.Abs(cpu.Value-want) > 0.02*want || !joules.OK() || joules.Value < fakeCoreWatts*want {
			t.Errorf("answer %d: %v core-seconds, want %v; %v J", i, cpu.Value, want, joules.Value)
		}
	}
	if len(asked) != 2*len(tasks.List) || len(answers) != len(asked) {
		t.Errorf("%d answers to %d questions, want %d", len(answers), len(asked), 2*len(tasks.List))
	}
	// Both configurations have answered the first block before any answers the second.
	if answers[0].Config == answers[answersPerBlock].Config || answers[0].Task != answers[answersPerBlock].Task {
		t.Errorf("blocks begin with %s %s and %s %s", answers[0].Config, answers[0].Task, answers[answersPerBlock].Config, answers[answersPerBlock].Task)
	}
	last := b.events[slices.IndexFunc(b.events, func(e Event) bool { e2, ok := e.(TasksAnswered); return ok && e2.Done == e2.Total })].(TasksAnswered)
	if last.Total != len(answers) || last.N != 5 {
		t.Errorf("the last event says %+v", last)
	}
}

func TestRunAnswersTasksAtEveryResolution(t *testing.T) {
	t.Parallel()
	b, plan := withTasks(t, someTasks(2, true))
	b.backend.vision = fakeVision()
	seen := map[string]bool{}
	b.backend.says = func(req backend.Request) string {
		if req.Prompt != "" {
			header, err := png.DecodeConfig(bytes.NewReader(req.Images[0]))
			if err != nil || req.MaxTokens != 3 || req.IgnoreEOS || req.Stop[0] != "\n" {
				t.Errorf("%+v, %v", req, err)
			}
			seen[fmt.Sprintf("%dx%d", header.Width, header.Height)] = true
		}
		return "yes"
	}
	plan.Model, plan.Resolutions, plan.Clamp = []string{"m"}, []string{"60x60", "112x112", "200x200"}, []string{"model", "tokens:4"}
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]int{}
	for _, a := range b.answers(t, run.ID) {
		cells[a.Config+" "+a.Box.String()]++
		if want := (imaging.Size{Width: 120, Height: 90}).Within(a.Box); a.Image == nil || a.Image.Layout.Nominal != want || a.Image.Sequence != a.Image.Layout.Tokens+2 {
			t.Errorf("box %s: image %+v, want %s", a.Box, a.Image, want)
		}
	}
	if len(cells) != 6 || cells["fake/m 60x60"] != 2 || cells["fake/m#tokens:4 200x200"] != 2 {
		t.Errorf("cells %v", cells)
	}
	if len(seen) != 3 || !seen["60x45"] || !seen["112x84"] || !seen["120x90"] {
		t.Errorf("images of %v", seen)
	}
}

// TestResumeAnswers ends a run between two blocks.
func TestResumeAnswers(t *testing.T) {
	t.Parallel()
	tasks := someTasks(answersPerBlock+1, false)
	b, plan := withTasks(t, tasks)
	plan.Model = []string{"m"}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	view := b.deps.Progress
	b.deps.Progress = func(e Event) {
		view(e)
		if _, ok := e.(TasksAnswered); ok {
			cancel()
		}
	}
	run, err := Run(ctx, plan, b.deps)
	if err == nil || run.Status != store.StatusStopped || len(b.answers(t, run.ID)) != answersPerBlock {
		t.Fatalf("%v: %s with %d answers", err, run.Status, len(b.answers(t, run.ID)))
	}
	b.deps.Progress = view
	changed := tasks
	changed.Set.SHA256 = "other"
	b.deps.Tasks = func(string, int) (Tasks, error) { return changed, nil }
	if _, err := Resume(context.Background(), run.ID, b.deps); err == nil || !strings.Contains(err.Error(), "the tasks of t.jsonl have changed") {
		t.Errorf("other tasks: %v", err)
	}
	b.deps.Tasks = func(string, int) (Tasks, error) { return tasks, nil }
	run, err = Resume(context.Background(), run.ID, b.deps)
	if err != nil || run.Status != store.StatusComplete || len(b.answers(t, run.ID)) != len(tasks.List) || len(b.trials(t, run.ID)) != 1 {
		t.Errorf("%v: %s with %d answers", err, run.Status, len(b.answers(t, run.ID)))
	}
	asked := b.backend.asked
	if _, err := Resume(context.Background(), run.ID, b.deps); err != nil || b.backend.asked != asked {
		t.Errorf("a complete run was resumed: %v", err)
	}
}

// TestAnswersSurviveTheServer lets a server fail within a block.
func TestAnswersSurviveTheServer(t *testing.T) {
	t.Parallel()
	b, plan := withTasks(t, someTasks(3, false))
	plan.Model = []string{"m"}
	failed := false
	b.backend.fail = func(request int) error {
		if request == 3 && !failed { // after the warm-up, the trial and one task
			failed = true
			return errors.New("out of memory")
		}
		return nil
	}
	plan.MinWindow = 0
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	answers := b.answers(t, run.ID)
	if len(answers) != 3 || b.backend.starts != 2 || !failed {
		t.Errorf("%d answers of %d servers", len(answers), b.backend.starts)
	}
}

func TestTasksRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		images bool
		change func(*bed, *Plan)
		want   string
	}{
		{"random weights", false, func(b *bed, _ *Plan) { b.backend.trained = false }, "plan: tasks: m has random weights"},
		{"no sight", true, func(b *bed, _ *Plan) {}, "plan: tasks: t0 asks about an image and m takes none"},
		{"no images to sweep", false, func(b *bed, p *Plan) { b.backend.vision, p.Resolutions = fakeVision(), []string{"32x32"} }, "t0 asks about no image"},
		{"reload", false, func(_ *bed, p *Plan) { p.Reload = true }, "plan: tasks: a run that reloads"},
		{"count of nothing", false, func(_ *bed, p *Plan) { p.Tasks, p.TaskCount = "", 5 }, "plan: task_count: there are no tasks"},
		{"no reader", false, func(b *bed, _ *Plan) { b.deps.Tasks = nil }, "plan: tasks: they cannot be read here"},
		{"unreadable", false, func(b *bed, _ *Plan) {
			b.deps.Tasks = func(string, int) (Tasks, error) { return Tasks{}, errors.New("t.jsonl:3: field") }
		}, "plan: tasks: t.jsonl:3: field"},
		{"too long", false, func(b *bed, p *Plan) { b.backend.context, p.Context = 21, 21; p.Tokens = []int{4} }, ""},
		{"far too long", false, func(b *bed, p *Plan) { b.backend.context, p.Context = 5, 5; p.Tokens, p.OutputTokens = []int{2}, 1 }, "plan: tasks: t0 needs up to 7 tokens of context"},
	} {
		b, plan := withTasks(t, someTasks(1, c.images))
		plan.Model = []string{"m"}
		c.change(b, &plan)
		if _, err := Run(context.Background(), plan, b.deps); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
