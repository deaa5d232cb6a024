package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/store"
)

// comparingPlan sets model b against model a.
func comparingPlan() Plan {
	p := quickPlan()
	p.Model, p.Compare = DefaultPlan().Model, []string{"a", "b"}
	p.Tokens, p.Repeats = []int{16, 32}, 1
	return p
}

func TestControlsJoinTheRun(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	asked := 0
	b.deps.Controls = func(_ context.Context, run string, p Plan, say func(string)) ([]Control, []store.Finding, error) {
		asked++
		say("writing")
		if run == "" || !slices.Equal(p.Model, p.Compare) {
			t.Errorf("controls of run %q, models %v", run, p.Model)
		}
		if len(p.Controls) > 0 {
			return p.Controls, nil, nil
		}
		c := Control{Model: "a-q4.gguf", Control: store.Control{Name: "a in q4 (same bytes as b)", Of: "a", Format: "q4", For: []string{"b"}}}
		return []Control{c}, []store.Finding{Remark(true, "far off")}, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	b.deps.Progress = func(e Event) {
		if f, ok := e.(TrialFinished); ok && f.Index == 1 {
			stop()
		}
	}
	run, err := Run(ctx, comparingPlan(), b.deps)
	if !errors.Is(err, context.Canceled) || run.Planned != 6 {
		t.Fatalf("%d trials planned, %v; want 6 of three models", run.Planned, err)
	}
	b.deps.Progress = nil
	if run, err = Resume(context.Background(), run.ID, b.deps); err != nil || asked != 2 {
		t.Fatalf("resumed: %v; controls were asked for %d times", err, asked)
	}
	plan, err := ParseJSON(run.Plan)
	if err != nil {
		t.Fatal(err)
	}
	b.checkComplete(t, run.ID, plan)
	c := run.Configs[2]
	if len(run.Configs) != 3 || c.ID != "fake/a in q4 (same bytes as b)" || c.Control == nil || c.Control.Of != "a" || run.Configs[0].Control != nil {
		t.Errorf("configurations %+v", run.Configs)
	}
	if !slices.ContainsFunc(run.Findings, func(f store.Finding) bool { return f.Text == "far off" && f.Severity == severityDoubt }) {
		t.Errorf("findings %+v", run.Findings)
	}
	if plan.Key() != comparingPlan().Effective().Key() {
		t.Error("what the controls came to is part of the plan's key")
	}
}

func TestControlsAreLeftOut(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.deps.Controls = func(context.Context, string, Plan, func(string)) ([]Control, []store.Finding, error) {
		return nil, nil, errors.New("no room")
	}
	plan := comparingPlan()
	if _, err := Run(t.Context(), plan, b.deps); err == nil || !strings.Contains(err.Error(), "no room") || !strings.Contains(err.Error(), "no_controls") {
		t.Errorf("error %v", err)
	}
	plan.NoControls = true
	if run, err := Run(t.Context(), plan, b.deps); err != nil || len(run.Configs) != 2 {
		t.Errorf("without controls: %d configurations, %v", len(run.Configs), err)
	}
}

func TestValidateCompare(t *testing.T) {
	for want, change := range map[string]func(*Plan){
		"two models or more":     func(p *Plan) { p.Compare = []string{"a"} },
		"a is listed twice":      func(p *Plan) { p.Compare = []string{"a", "a"} },
		"leave model out":        func(p *Plan) { p.Compare, p.Model = []string{"a", "b"}, []string{"c"} },
		"needs 1 to 64 entries,": func(p *Plan) { p.Compare = slices.Repeat([]string{"a"}, 65) },
	} {
		p := DefaultPlan()
		change(&p)
		if err := p.Effective().Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	p, err := ParseTOML([]byte("compare = ['a', 'b']\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p = p.Effective(); p.Validate() != nil || fmt.Sprint(p.Model) != "[a b]" {
		t.Errorf("%v, models %v", p.Validate(), p.Model)
	}
}

// A model's encoder lies beside its file, unless the plan names one for all.
func TestProjectorBesideTheModel(t *testing.T) {
	dir := t.TempDir()
	beside := filepath.Join(dir, "a.mmproj.gguf")
	if err := os.WriteFile(beside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "a.gguf")
	for _, c := range []struct {
		named, model, want string
		control            *Control
	}{
		{"", model, beside, nil},
		{"p", model, "p", nil},
		{"", filepath.Join(dir, "b.gguf"), "", nil},
		{"p", "shape:tiny-qwen2vl@q8_0", "", nil},
		{"", "shape:tiny-qwen2vl@q8_0", "", nil},
		{"", filepath.Join(dir, "b.gguf"), "own", &Control{Projector: "own"}},
		{"", "builtin:gazer", "", nil},
	} {
		r := &runner{plan: Plan{MMProj: c.named}}
		if got := r.projector(&config{model: c.model, control: c.control}); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
