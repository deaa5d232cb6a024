package bench

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/store"
)

// TestModelsAreMade: a model that a plan names by how it comes about runs from the files that were
// made, under its own name; an interrupted run asks for it again and does not repeat what was found.
func TestModelsAreMade(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	started := &startedModels{Backend: b.deps.Backend}
	b.deps.Backend = started
	asked := map[string]int{}
	b.deps.Models = func(_ context.Context, model string, say func(string)) (Made, []store.Finding, error) {
		asked[model]++
		if model != "a~40%" {
			return Made{}, nil, nil
		}
		say("compressing")
		return Made{Model: "made.gguf", Projector: "made.mmproj.gguf"}, []store.Finding{Making(false, "KL 0.1")}, nil
	}
	plan := quickPlan()
	plan.Model, plan.Tokens, plan.Repeats = []string{"a", "a~40%"}, []int{16, 32}, 1
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	told := false
	b.deps.Progress = func(e Event) {
		switch e := e.(type) {
		case StageChanged:
			told = told || e.Stage == StageVariants && e.Text == "compressing"
		case TrialFinished:
			stop()
		}
	}
	run, err := Run(ctx, plan, b.deps)
	if !errors.Is(err, context.Canceled) || !told {
		t.Fatalf("%v; told %v", err, told)
	}
	b.deps.Progress = nil
	if run, err = Resume(context.Background(), run.ID, b.deps); err != nil {
		t.Fatal(err)
	}
	b.checkComplete(t, run.ID, plan)
	if asked["a"] != 2 || asked["a~40%"] != 2 {
		t.Errorf("asked %v", asked)
	}
	for _, c := range started.list {
		if c.Model != "a" && (c.Model != "made.gguf" || c.Projector != "made.mmproj.gguf") {
			t.Errorf("started %+v", c)
		}
	}
	if run.Configs[1].Model != "a~40%" {
		t.Errorf("configurations %+v", run.Configs)
	}
	found := slices.DeleteFunc(slices.Clone(run.Findings), func(f store.Finding) bool { return f.Text != "KL 0.1" })
	if len(found) != 1 || found[0].Subject != "variants" {
		t.Errorf("findings %+v", found)
	}
	b.deps.Models = func(context.Context, string, func(string)) (Made, []store.Finding, error) {
		return Made{}, nil, errors.New("disk full")
	}
	if _, err := Run(t.Context(), plan, b.deps); err == nil || !strings.Contains(err.Error(), "make a: disk full") {
		t.Errorf("error %v", err)
	}
}

// startedModels notes what a backend was asked to start.
type startedModels struct {
	backend.Backend
	list []backend.Config
}

func (s *startedModels) Start(ctx context.Context, c backend.Config) (backend.Server, error) {
	s.list = append(s.list, c)
	return s.Backend.Start(ctx, c)
}
