package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/workload"
)

const (
	resolutionsAuto = "auto"
	clampModel      = "model"
	shapePrefix     = "shape:"

	imagePromptTokens = 32 // prompt beside an image, where the plan does not say
	maxResolutions    = 256
	maxClamps         = 16
	maxImagePixels    = imaging.DefaultMaxPixels
)

// Images reports whether the plan sweeps the resolution of images.
func (p Plan) Images() bool { return len(p.Resolutions) > 0 }

// undecided reports whether the resolutions wait for the models' preprocessing.
func (p Plan) undecided() bool {
	return len(p.Resolved) == 0 && slices.Equal(p.Resolutions, []string{resolutionsAuto})
}

// resolutions returns those to sweep; none while they are undecided.
func (p Plan) resolutions() []string {
	switch {
	case len(p.Resolved) > 0:
		return p.Resolved
	case p.undecided():
		return nil
	}
	return p.Resolutions
}

// sizes reads the resolutions.
func (p Plan) sizes() (sizes []imaging.Size, err error) {
	for _, text := range p.resolutions() {
		size, err := imaging.ParseSize(text)
		if err != nil {
			return nil, err
		}
		if size.Pixels() > maxImagePixels {
			return nil, fmt.Errorf("%s is more than %d megapixels", size, maxImagePixels>>20)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// checkImages reports what is wrong with the keys about images.
func (p Plan) checkImages(c *checker) {
	c.list("clamp", p.Clamp, maxClamps)
	for _, text := range p.Clamp {
		_, err := parseClamp(text)
		c.want("clamp", err == nil, "%w", err)
	}
	if !p.Images() {
		c.want("clamp", p.Tasks != "" || slices.Equal(p.Clamp, []string{clampModel}), "a limit on images needs resolutions to sweep, or tasks about images")
		c.want("mmproj", p.Tasks != "" || p.MMProj == "", "a vision encoder needs resolutions to sweep, or tasks about images")
		c.want("image_dir", p.ImageDir == "", "images need resolutions to sweep")
		return
	}
	c.list("resolutions", p.Resolutions, maxResolutions)
	c.want("resolutions", len(p.Resolutions) == 1 || !slices.Contains(p.Resolutions, resolutionsAuto), "%q stands alone", resolutionsAuto)
	sizes, err := p.sizes()
	c.want("resolutions", err == nil, "%w", err)
	seen := map[int]imaging.Size{}
	for _, size := range sizes {
		other, twice := seen[size.Pixels()]
		c.want("resolutions", !twice, "%s and %s have %d pixels both, and trials are told apart by pixels; leave one out", other, size, size.Pixels())
		seen[size.Pixels()] = size
	}
	c.list("image_kinds", p.ImageKinds, len(imageKinds()))
	for _, kind := range p.ImageKinds {
		c.want("image_kinds", slices.Contains(imageKinds(), kind), "%q is unknown; use %s", kind, strings.Join(imageKinds(), ", "))
	}
	shape := func(model string) bool { return strings.HasPrefix(model, shapePrefix) }
	c.want("mmproj", p.MMProj == "" || len(p.Model) == 0 || !shape(p.Model[0]) || slices.ContainsFunc(p.Model, func(m string) bool { return !shape(m) }),
		"shape models bring their own vision encoder; leave it out")
}

// clampSpec is one entry of the plan's list of clamps.
type clampSpec struct {
	text   string
	clamp  imaging.Clamp
	pixels int
}

// parseClamp reads "model" or what imaging.ParseClamp does.
func parseClamp(text string) (spec clampSpec, err error) {
	spec.text = text
	if text != clampModel {
		spec.clamp, spec.pixels, err = imaging.ParseClamp(text)
	}
	return spec, err
}

// see takes in what the model does to images, and errs when it takes none but should.
func (r *runner) see(c *config) error {
	c.vision = c.server.Model().Vision
	if r.plan.Images() && c.vision == nil {
		return fmt.Errorf("plan: resolutions: %s takes no images: name its vision encoder with mmproj, or take a vision model", c.model)
	}
	for _, t := range r.tasks.List {
		if t.Picture != nil && c.vision == nil {
			return fmt.Errorf("plan: tasks: %s asks about an image and %s takes none: name its vision encoder with mmproj, or take a vision model", t.ID, c.model)
		}
	}
	if len(r.tasks.List) > 0 && c.server.Model().Meaningless {
		return fmt.Errorf("plan: tasks: %s has random weights: its answers say nothing; leave tasks out, or name a trained model", c.model)
	}
	return nil
}

// markerTokens bounds the tokens that mark the borders of an image and of its tiles, also
// where a small vocabulary spells a marker in several tokens.
func markerTokens(l imaging.Layout) int { return 16 * (2 + l.Rows*(l.Columns+1)) }

// need is the context in tokens that the longest trial takes, and the size of its image.
func (p Plan) need(vision *imaging.Contract) (tokens int, largest imaging.Size, err error) {
	sizes, err := p.sizes()
	if err != nil {
		return 0, largest, err
	}
	for _, size := range sizes {
		layout, err := vision.Layout(size)
		if err != nil {
			return 0, largest, fmt.Errorf("plan: resolutions: %w", err)
		}
		if n := layout.Tokens + markerTokens(layout); n > tokens {
			tokens, largest = n, size
		}
	}
	return tokens + p.longest(), largest, nil
}

// arrange orders the trials and the answers, unless the resolutions are undecided.
func (r *runner) arrange() (err error) {
	if r.plan.undecided() {
		return nil
	}
	if r.items, err = r.order(); err != nil {
		return err
	}
	r.run.Planned = len(r.items)
	return r.orderAnswers()
}

// order returns the trials of the plan in their order.
func (r *runner) order() ([]workload.Item, error) {
	sweep := workload.Sweep{X: r.plan.Tokens, Repeats: r.plan.Repeats, Seed: r.plan.Seed}
	for _, c := range r.configs {
		sweep.Configs = append(sweep.Configs, c.id)
	}
	for _, c := range r.plan.Complexity {
		sweep.Complexities = append(sweep.Complexities, workload.Complexity(c))
	}
	if r.plan.Images() {
		var err error
		if sweep.Sizes, err = r.plan.sizes(); err != nil {
			return nil, err
		}
		sweep.X, sweep.Kinds = nil, r.gallery.kinds
	}
	return workload.Order(sweep)
}

// resolve makes a list of sizes of "auto" once all models are loaded, enters it into the
// plan that is recorded, and orders the trials.
func (r *runner) resolve(ctx context.Context) error {
	if !r.plan.undecided() {
		return nil
	}
	sizes, err := autoSizes(r.configs)
	if err != nil {
		return fmt.Errorf("plan: resolutions: %w", err)
	}
	for _, size := range sizes {
		r.plan.Resolved = append(r.plan.Resolved, size.String())
	}
	if err := r.plan.Validate(); err != nil {
		return err
	}
	if err := r.arrange(); err != nil {
		return err
	}
	if r.run.Plan, err = json.Marshal(r.plan); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	r.find(whenPreflight, severityInfo, "resolutions", "%q came to %s", resolutionsAuto, strings.Join(r.plan.Resolved, ", "))
	for _, c := range r.configs {
		if err := r.makeRoom(ctx, c); err != nil {
			return err
		}
		r.describe(c)
	}
	return nil
}

// autoSizes returns square sizes around the knees of all configurations, smallest first.
func autoSizes(configs []*config) ([]imaging.Size, error) {
	byPixels := map[int]imaging.Size{}
	for _, c := range configs {
		for _, size := range workload.AutoResolutions(*c.vision, imaging.Size{Width: 1, Height: 1}, workload.DefaultResolutions) {
			byPixels[size.Pixels()] = size
		}
	}
	if len(byPixels) == 0 {
		return nil, errors.New("none follow from the models' preprocessing; list them")
	}
	var out []imaging.Size
	for _, size := range byPixels {
		out = append(out, size)
	}
	slices.SortFunc(out, func(a, b imaging.Size) int { return a.Pixels() - b.Pixels() })
	return out, nil
}

// projector is the file of a configuration's encoder of images: the plan's, or else the one that
// lies beside the model's file; "" for none, and where the model brings its own.
func (r *runner) projector(c *config) string {
	switch {
	case strings.HasPrefix(c.model, shapePrefix):
		return ""
	case c.control != nil && c.control.Projector != "":
		return c.control.Projector
	case c.made.Model != "":
		return c.made.Projector
	case r.plan.MMProj != "":
		return r.plan.MMProj
	}
	return model.EncoderBeside(c.model)
}

// backendConfig says how a configuration's server is started.
func (r *runner) backendConfig(c *config) backend.Config {
	cfg := backend.Config{
		Model: cmp.Or(c.made.Model, c.model), Threads: r.plan.Threads, Seed: r.plan.Seed, Clamp: c.clamp.clamp, MaxPixels: c.clamp.pixels,
	}
	cfg.Projector = r.projector(c)
	switch {
	case r.plan.Context != 0:
		cfg.Context = r.plan.Context
	case c.context != 0:
		cfg.Context = c.context
	case !r.plan.Images(): // what images take is known once the model is loaded
		cfg.Context = r.plan.longest()
	}
	return cfg
}
