package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/store"
)

// Control is a control of a comparison: where it is found, and what it is.
type Control struct {
	Model     string `json:"model"`               // file or reference, as the backend takes it
	Projector string `json:"projector,omitempty"` // file of its encoder of images; "" for the plan's, or none
	store.Control
}

// Controller makes the controls of a plan that compares models, with remarks on how near their
// bytes come; say tells what it is doing. Of a plan whose controls are recorded it makes the files
// again that are gone. run is the identifier of the run that they are for.
type Controller func(ctx context.Context, run string, plan Plan, say func(text string)) ([]Control, []store.Finding, error)

// Remark is a finding on a control, a doubt or mere information.
func Remark(doubt bool, format string, args ...any) store.Finding {
	f := store.Finding{When: whenPreflight, Severity: severityInfo, Subject: "controls", Text: fmt.Sprintf(format, args...)}
	if doubt {
		f.Severity = severityDoubt
	}
	return f
}

// checkCompare reports what is wrong with the models to compare.
func (p Plan) checkCompare(c *checker) {
	if len(p.Compare) == 0 {
		return
	}
	c.list("compare", p.Compare, maxModels)
	c.want("compare", len(p.Compare) > 1, "needs two models or more, the original first")
	c.want("compare", slices.Equal(p.Model, p.Compare) || slices.Equal(p.Model, DefaultPlan().Model),
		"it lists the models in place of model; leave model out")
}

// makeControls adds the controls of a plan that compares, once: a resumed run has those it began with.
func (r *runner) makeControls(ctx context.Context) error {
	resumed := len(r.run.Plan) > 0
	if len(r.plan.Compare) == 0 || r.plan.NoControls || r.deps.Controls == nil || resumed && len(r.plan.Controls) == 0 {
		return nil
	}
	controls, remarks, err := r.deps.Controls(ctx, r.run.ID, r.plan, func(text string) { r.emit(StageChanged{StageControls, text}) })
	if err != nil {
		return fmt.Errorf("make the controls of the comparison: %w; no_controls leaves them out", err)
	}
	if resumed {
		return nil
	}
	r.plan.Controls, r.remarks = controls, append(r.remarks, remarks...)
	for i := range controls {
		if err := r.configure(controls[i].Model, &controls[i]); err != nil {
			return err
		}
	}
	return r.arrange()
}
