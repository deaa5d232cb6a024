package eval

import (
	"context"
	"errors"
	"fmt"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

// Schema names the form of a Result in JSON. Fields may be added under the same name.
const Schema = "wattlaw/eval/1"

// Plan says what to evaluate. What is empty is left out.
type Plan struct {
	Texts  []Text
	Window int    // tokens of a window of perplexity; default DefaultWindow
	Tasks  []Task // see ReadTasks
	// Resolution is a box into which images of tasks are scaled down to fit; zero: as they are.
	Resolution imaging.Size
	References []Reference // see ReadReferences
	Embedder   Embedder    // of semantic similarity; nil: only lexical similarity
	Trim       float64     // share of items to drop at each end for a trimmed mean beside the plain one; 0: none
	// Progress, when not nil, is told of each step before it is done, and once at the end.
	Progress func(what string, done, all int)
}

// Result is what an evaluation found.
type Result struct {
	Schema     string            `json:"schema"`
	Model      engine.Info       `json:"model"`
	Base       *engine.Info      `json:"base,omitempty"`
	Texts      []TextResult      `json:"texts,omitempty"`
	Tasks      *TaskResult       `json:"tasks,omitempty"`
	References *ReferencesResult `json:"references,omitempty"`
	Doubts     []string          `json:"doubts,omitempty"`
}

// runner is an evaluation under way.
type runner struct {
	model, base Model // base may be nil
	plan        Plan
	rows        []float32 // of the original, waiting for the model's
}

// Run evaluates a model and, when base is not nil, the original that it is compared with.
func Run(ctx context.Context, model, base Model, plan Plan) (Result, error) {
	if plan.Window == 0 {
		plan.Window = DefaultWindow
	}
	r := &runner{model: model, base: base, plan: plan}
	out := Result{Schema: Schema, Model: model.Info()}
	if base != nil {
		out.Base = ptr(base.Info())
	}
	if err := r.check(); err != nil {
		return out, err
	}
	out.Doubts = r.doubts()
	return out, blame(r.evaluate(ctx, &out), r.models()...)
}

func (r *runner) evaluate(ctx context.Context, out *Result) (err error) {
	for _, text := range r.plan.Texts {
		t, err := r.evalText(ctx, text)
		if err != nil {
			return err
		}
		out.Texts = append(out.Texts, t)
	}
	if len(r.plan.Tasks) > 0 {
		if out.Tasks, err = r.evalTasks(ctx); err != nil {
			return err
		}
	}
	if len(r.plan.References) > 0 {
		out.References, err = r.evalReferences(ctx)
	}
	return err
}

// check refuses what cannot be evaluated before anything is computed.
func (r *runner) check() error {
	p := r.plan
	if len(p.Texts)+len(p.Tasks)+len(p.References) == 0 {
		return errors.New("nothing to evaluate: name a text, tasks or references")
	}
	if !(p.Trim >= 0 && p.Trim < 0.5) {
		return fmt.Errorf("a share of %v to trim at each end: want 0 to less than 0.5", p.Trim)
	}
	if len(p.Tasks)+len(p.References) > 0 {
		if err := CheckTrained(r.model, r.base); err != nil {
			return err
		}
	}
	if err := r.checkSight(); err != nil {
		return err
	}
	if len(p.Texts) == 0 {
		return nil
	}
	if err := checkWindow(r.model, p.Window); err != nil || r.base == nil {
		return err
	}
	if a, b := r.model.Info(), r.base.Info(); a.Vocabulary != b.Vocabulary {
		return fmt.Errorf("%s has a vocabulary of %d tokens and the original %s one of %d: their divergence is not defined; compare models of one vocabulary",
			a.Name, a.Vocabulary, b.Name, b.Vocabulary)
	}
	return checkWindow(r.base, p.Window)
}

func (r *runner) doubts() (list []string) {
	for _, m := range []Model{r.model, r.base} {
		if m != nil && m.Info().Meaningless {
			list = append(list, fmt.Sprintf("%s has random weights: its figures test the machinery and say nothing of a trained model", m.Info().Name))
		}
	}
	return list
}

func (r *runner) tell(what string, done, all int) {
	if r.plan.Progress != nil {
		r.plan.Progress(what, done, all)
	}
}

// models are the model and, where there is one, the original.
func (r *runner) models() []Model {
	if r.base == nil {
		return []Model{r.model}
	}
	return []Model{r.model, r.base}
}
