package bench

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Plan says what to measure and how. Its keys are the same in TOML and JSON; the flags of
// "wattlaw run" have the names of the keys, with dashes. DefaultPlan holds the defaults.
type Plan struct {
	// Model lists GGUF files and shape models to compare, each a configuration of its own.
	Model []string `toml:"model" json:"model"`
	// Compare lists the models in place of Model where the first is the original of the others: for
	// each that is smaller, a control of about its bytes joins, the original in fewer bits.
	Compare []string `toml:"compare" json:"compare"`
	// NoControls leaves the controls of a comparison out.
	NoControls bool `toml:"no_controls" json:"no_controls"`
	// Controls is what the controls came to. It is recorded with a run and no key of a plan file.
	Controls []Control `toml:"-" json:"resolved_controls,omitempty"`
	// Backend is the runtime that answers: "native".
	Backend string `toml:"backend" json:"backend"`
	// Kernel is the instruction set to force, e.g. "avx2"; empty takes the best there is.
	Kernel string `toml:"kernel" json:"kernel"`
	// Threads is the number of compute threads; 0 takes all cores of the machine.
	Threads int `toml:"threads" json:"threads"`
	// Context is the size of the context in tokens; 0 takes what the longest trial needs.
	Context int `toml:"context" json:"context"`

	// Tokens lists the prompt lengths of the sweep.
	Tokens []int `toml:"tokens" json:"tokens"`
	// OutputTokens is the number of tokens generated per request, whatever the model says.
	OutputTokens int `toml:"output_tokens" json:"output_tokens"`
	// Repeats is the number of trials per model and prompt length.
	Repeats int `toml:"repeats" json:"repeats"`
	// Complexity lists the semantic complexities of the prompts (low, medium, high). They
	// are dealt in turn to the repeats, so that comparing them takes no further trials.
	Complexity []string `toml:"complexity" json:"complexity"`

	// Resolutions, where there are any, sweeps the size of an image ("448x336") in place of
	// the length of the prompt, which then is one. "auto" alone takes sizes around the knees
	// that the models' preprocessing predicts.
	Resolutions []string `toml:"resolutions" json:"resolutions"`
	// MMProj is the file of the vision encoder; shape models bring their own.
	MMProj string `toml:"mmproj" json:"mmproj"`
	// Clamp lists limits on what a model sees of an image, each a configuration of its own:
	// "model" for its own limit, "tokens:256", "tokens:16-256", "longest-side:1024",
	// "pixels:501760".
	Clamp []string `toml:"clamp" json:"clamp"`
	// ImageKinds lists the scenes to draw, dealt in turn to the repeats like complexities.
	ImageKinds []string `toml:"image_kinds" json:"image_kinds"`
	// ImageDir is a folder of images to take in place of drawn ones, scaled to each size.
	ImageDir string `toml:"image_dir" json:"image_dir"`
	// Tasks, unless empty, is what every configuration is asked besides, so that accuracy stands
	// beside cost: a file of tasks in JSON Lines, or "builtin:stories" and "builtin:pictures" of
	// the small world. In a sweep over resolutions the images of tasks are scaled down to each.
	Tasks string `toml:"tasks" json:"tasks"`
	// TaskCount is the most tasks to take; 0 takes all of a file, and 200 of the built-in ones.
	TaskCount int `toml:"task_count" json:"task_count"`
	// Reload starts the model server anew for every trial and measures loading with it.
	Reload bool `toml:"reload" json:"reload"`
	// Resolved is what "auto" came to. It is recorded with a run and no key of a plan file.
	Resolved []string `toml:"-" json:"resolved_resolutions,omitempty"`

	// Seed decides the prompts, the images, the order of the trials and the weights of shape models.
	Seed uint64 `toml:"seed" json:"seed"`

	// Rate is the sampling rate in Hz.
	Rate float64 `toml:"rate" json:"rate"`
	// MinWindow is the shortest window of a trial in seconds. A request that is quicker is
	// repeated back to back until the window is that long, and the figures are per request.
	MinWindow float64 `toml:"min_window" json:"min_window"`
	// MaxSteal is the part of the machine that a hypervisor may take away during a trial
	// before the trial carries a doubt.
	MaxSteal float64 `toml:"max_steal" json:"max_steal"`

	// Strict refuses to run when a pre-flight check ends in a blocker.
	Strict bool `toml:"strict" json:"strict"`
	// Out is the folder of the report; empty takes wattlaw-out/<run>.
	Out string `toml:"out" json:"out"`

	Baseline BaselinePlan `toml:"baseline" json:"baseline"`
	WarmUp   WarmUpPlan   `toml:"warm_up" json:"warm_up"`
	CoolDown CoolDownPlan `toml:"cool_down" json:"cool_down"`
}

// BaselinePlan says when the idle machine is quiet enough to be a baseline.
type BaselinePlan struct {
	// Seconds is the length of the stretch that must be quiet, at least 2; 0 measures no
	// baseline, and with it nothing above idle.
	Seconds float64 `toml:"seconds" json:"seconds"`
	// Timeout ends the wait for such a stretch, in seconds; the run then goes on with a doubt.
	Timeout float64 `toml:"timeout" json:"timeout"`
	// Threshold is the largest standard deviation of the system's CPU load over one-second
	// means, as a part of the whole machine.
	Threshold float64 `toml:"threshold" json:"threshold"`
}

// WarmUpPlan says when the model server is warm.
type WarmUpPlan struct {
	// Max is the largest number of requests; 0 skips the warm-up.
	Max int `toml:"max" json:"max"`
	// CV is the largest coefficient of variation of the wall times of the last three.
	CV float64 `toml:"cv" json:"cv"`
}

// CoolDownPlan says how long to wait between trials.
type CoolDownPlan struct {
	// Seconds is the shortest pause.
	Seconds float64 `toml:"seconds" json:"seconds"`
	// Timeout is the longest pause; a trial that starts after it carries a doubt.
	Timeout float64 `toml:"timeout" json:"timeout"`
	// Sigmas is the width of the baseline band to return to, in standard deviations.
	Sigmas float64 `toml:"sigmas" json:"sigmas"`
}

// DefaultPlan returns the plan of "wattlaw run" without arguments: on two cores it takes
// less than three minutes.
func DefaultPlan() Plan {
	return Plan{
		Model:        []string{"shape:smollm2-135m@q8_0"},
		Compare:      []string{},
		Backend:      "native",
		Tokens:       []int{64, 128, 256, 512, 1024},
		OutputTokens: 16,
		Repeats:      5,
		Complexity:   []string{"low", "medium", "high"},
		Resolutions:  []string{},
		Clamp:        []string{clampModel},
		ImageKinds:   imageKinds(),
		Seed:         1,
		Rate:         20,
		MinWindow:    2,
		MaxSteal:     0.02,
		Baseline:     BaselinePlan{Seconds: 3, Timeout: 10, Threshold: 0.03},
		WarmUp:       WarmUpPlan{Max: 6, CV: 0.05},
		CoolDown:     CoolDownPlan{Seconds: 0.3, Timeout: 1.5, Sigmas: 3},
	}
}

// ReadPlan reads a plan from a TOML or JSON file (by its extension) over the defaults:
// a key that is absent keeps its default, an unknown key is an error that names its line.
func ReadPlan(path string) (Plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Plan{}, fmt.Errorf("plan: %w", err)
	}
	parse := ParseTOML
	if strings.EqualFold(filepath.Ext(path), ".json") {
		parse = ParseJSON
	}
	plan, err := parse(data)
	if err != nil {
		return Plan{}, fmt.Errorf("plan %s: %w", path, err)
	}
	return plan, nil
}

// ParseTOML reads a plan in TOML over the defaults. It does not validate.
func ParseTOML(data []byte) (Plan, error) {
	plan := DefaultPlan()
	decoder := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	err := decoder.Decode(&plan)
	var unknown *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return plan, nil
	case errors.As(err, &unknown):
		var problems []error
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			problems = append(problems, fmt.Errorf("line %d: unknown key %q; \"wattlaw run --print-plan\" shows all keys", line, strings.Join(e.Key(), ".")))
		}
		return Plan{}, errors.Join(problems...)
	case errors.As(err, &bad):
		line, column := bad.Position()
		return Plan{}, fmt.Errorf("line %d, column %d: %w", line, column, err)
	default:
		return Plan{}, err
	}
}

// ParseJSON reads a plan in JSON over the defaults. It does not validate.
func ParseJSON(data []byte) (Plan, error) {
	plan := DefaultPlan()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plan); err != nil {
		return Plan{}, fmt.Errorf("%w; \"wattlaw run --print-plan\" shows all keys", err)
	}
	return plan, nil
}

// TOML returns the plan as a file that ParseTOML reads back to the same plan.
func (p Plan) TOML() ([]byte, error) {
	var out bytes.Buffer
	encoder := toml.NewEncoder(&out)
	if err := encoder.Encode(p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return out.Bytes(), nil
}

// Key identifies what is measured: plans with the same key make interchangeable trials.
// Where the report goes, how strict the pre-flight is and what "auto" and the controls came to do
// not enter it.
func (p Plan) Key() string {
	p.Out, p.Strict, p.Resolved, p.Controls = "", false, nil, nil
	if len(p.Compare) == 0 {
		p.Compare = []string{}
	}
	if len(p.Resolutions) == 0 {
		p.Resolutions = []string{}
	}
	data, err := json.Marshal(p)
	if err != nil { // only NaN or an infinity can do this; Validate refuses both
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Trials is the number of trials that the plan asks for; 0 while "auto" has not come to a
// list of resolutions.
func (p Plan) Trials() int {
	return (len(p.Model) + len(p.Controls)) * len(p.Clamp) * p.points() * p.Repeats
}

// points is the number of values of the swept quantity.
func (p Plan) points() int {
	switch {
	case p.undecided():
		return 0
	case p.Images():
		return len(p.resolutions())
	}
	return len(p.Tokens)
}

// Effective returns the plan as it will be carried out: a sweep over resolutions that was
// left the default prompt lengths takes one short prompt, and the models to compare are the models.
func (p Plan) Effective() Plan {
	if len(p.Compare) > 0 && slices.Equal(p.Model, DefaultPlan().Model) {
		p.Model = slices.Clone(p.Compare)
	}
	if p.Images() && slices.Equal(p.Tokens, DefaultPlan().Tokens) {
		p.Tokens = []int{imagePromptTokens}
	}
	return p
}

// longest returns the tokens of prompt and answer of the longest trial, images aside.
func (p Plan) longest() int {
	longest := 0
	for _, n := range p.Tokens {
		longest = max(longest, n)
	}
	return longest + p.OutputTokens
}
