package bench

import (
	"context"
	"fmt"

	"github.com/wattlaw/wattlaw/internal/store"
)

// Made is where a model was made that a plan names by how it comes about.
type Made struct {
	Model     string // file, as the backend takes it
	Projector string // file of its encoder of images; "" for none
}

// Maker makes a model that a plan names by how it comes about, such as "builtin:scribe~40%", and says
// with findings what was done; say tells what it is doing. It returns the zero value for other models.
type Maker func(ctx context.Context, model string, say func(text string)) (Made, []store.Finding, error)

// Making is a finding on a model that was made for a run, a doubt or mere information.
func Making(doubt bool, format string, args ...any) store.Finding {
	f := Remark(doubt, format, args...)
	f.Subject = "variants"
	return f
}

// makeModels makes the models of a plan that have to be made. A resumed run has their findings already.
func (r *runner) makeModels(ctx context.Context) error {
	if r.deps.Models == nil {
		return nil
	}
	resumed := len(r.run.Plan) > 0
	known := map[string]Made{}
	for _, c := range r.configs {
		if c.control != nil {
			continue
		}
		if made, ok := known[c.model]; ok { // under another clamp
			c.made = made
			continue
		}
		made, remarks, err := r.deps.Models(ctx, c.model, func(text string) { r.emit(StageChanged{StageVariants, text}) })
		if err != nil {
			return fmt.Errorf("make %s: %w", c.model, err)
		}
		c.made, known[c.model] = made, made
		if !resumed {
			r.remarks = append(r.remarks, remarks...)
		}
	}
	return nil
}
