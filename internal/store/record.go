// Package store holds the append-only records of runs, trials and samples, and the
// contract of the databases that keep them (one folder each below this one).
package store

import (
	"encoding/json"
	"time"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// Run is one experiment: a plan carried out on a machine.
type Run struct {
	ID      string          `json:"id"` // sortable by time, e.g. "20261123T231500-smollm2-135m-7f3a"
	Created time.Time       `json:"created"`
	Tool    string          `json:"tool"` // version of wattlaw
	Plan    json.RawMessage `json:"plan"` // the effective plan (bench.Plan as JSON)
	Machine Machine         `json:"machine"`
	Status  Status          `json:"status"`
	// Reason says why the run is not complete; empty while it runs and when it is.
	Reason string `json:"reason,omitempty"`
	// Planned is the number of trials of a complete run.
	Planned int `json:"planned_trials"`
	// Tasks says what every configuration is asked besides; nil for nothing.
	Tasks *TaskSet `json:"tasks,omitempty"`
	// Channels describes every stream that was sampled, the unavailable ones included.
	Channels []measure.Channel `json:"channels"`
	Findings []Finding         `json:"findings"`
	Configs  []Config          `json:"configs"`
	Observer Observer          `json:"observer"`
}

// Status of a run.
type Status string

// A run is running until it ends; one that is still "running" without a process was
// killed and can be resumed.
const (
	StatusRunning  Status = "running"
	StatusComplete Status = "complete"
	StatusStopped  Status = "stopped" // interrupted by the user
	StatusFailed   Status = "failed"
)

// Machine is the inventory of the machine that ran.
type Machine struct {
	Hostname string   `json:"hostname"`
	OS       string   `json:"os"`
	Kernel   string   `json:"kernel"`
	Arch     string   `json:"arch"`
	CPU      string   `json:"cpu"`
	Cores    int      `json:"cores"` // logical processors available to the process
	Features []string `json:"features"`
	RAM      int64    `json:"ram_bytes"`
	Board    string   `json:"board,omitempty"`
	Virtual  string   `json:"virtual,omitempty"` // hypervisor, when one is seen
	Governor string   `json:"governor,omitempty"`
}

// Finding is one result of the checks before, during and after a run.
type Finding struct {
	When     string `json:"when"`     // "preflight", "baseline", "trial" or "drift"
	Severity string `json:"severity"` // "info", "doubt" or "blocker" (refused under --strict)
	Subject  string `json:"subject"`  // e.g. "governor"
	Text     string `json:"text"`     // what was found and what to do about it
}

// Config is one configuration under test: a model on a backend.
type Config struct {
	ID           string        `json:"id"` // e.g. "native/shape:smollm2-135m@q8_0"
	Backend      string        `json:"backend"`
	Model        string        `json:"model"`
	Architecture string        `json:"architecture"`
	Quant        string        `json:"quant"`
	Parameters   int64         `json:"parameters"`
	Bytes        int64         `json:"bytes"`
	Threads      int           `json:"threads"`
	Kernel       string        `json:"kernel,omitempty"`
	Meaningless  bool          `json:"meaningless"` // random weights: text and accuracy mean nothing
	Load         measure.Phase `json:"load"`
	// Projector is the file of the vision encoder, Clamp the limit on pixels as the plan
	// spells it ("" for the model's own), Vision the preprocessing with that limit in it;
	// all empty for a model of text only.
	Projector string            `json:"projector,omitempty"`
	Clamp     string            `json:"clamp,omitempty"`
	Vision    *imaging.Contract `json:"vision,omitempty"`
	// Control says that this is no model of the plan's own; nil for one that is.
	Control *Control `json:"control,omitempty"`
	// Baselines and Closing are the idle levels before and after the trials of the latest
	// session; each trial carries the baselines that it was held against.
	Baselines []Baseline `json:"baselines,omitempty"`
	Closing   []Baseline `json:"closing,omitempty"`
}

// Control is a copy of a model in fewer bits that is measured beside others of about its bytes, so
// that it can be told whether they are better than fewer bits.
type Control struct {
	Name   string   `json:"name"`   // e.g. "scribe in q4_k (same bytes as small)"
	Of     string   `json:"of"`     // the model that was copied, as the plan spells it
	Format string   `json:"format"` // of the copy
	For    []string `json:"for"`    // the models of about its bytes, as the plan spells them
}

// Observer is what the measuring itself cost and how punctual it was.
type Observer struct {
	CoreFraction float64 `json:"core_fraction"` // CPU time of sampling over wall time
	Ticks        int64   `json:"ticks"`
	LateTicks    int64   `json:"late_ticks"` // ticks that came more than half a period late
	RateHz       float64 `json:"rate_hz"`
}

// Figure is one number with its provenance. A figure without a value has quality
// Unavailable and a reason; its Value is then meaningless and must not be shown: it is
// NaN after reading, and null in JSON.
type Figure struct {
	Value   float64         `json:"value"`
	Quality measure.Quality `json:"quality"`
	Reason  string          `json:"reason,omitempty"`
	Source  string          `json:"source,omitempty"` // channel name
	Scope   measure.Scope   `json:"scope,omitempty"`
	N       int             `json:"n,omitempty"` // samples in the window
	// Uncertainty bounds the error of Value that comes from sampling (interpolated edges of
	// the window) and, above idle, from the scatter of the baseline; 0 when there is none.
	Uncertainty float64 `json:"uncertainty,omitempty"`
}

// OK reports whether the figure has a value.
func (f Figure) OK() bool { return f.Quality != measure.Unavailable }

// Baseline is the idle level of one channel before (and after) a block of trials.
type Baseline struct {
	Channel string  `json:"channel"`
	Level   float64 `json:"level"` // mean rate for cumulative kinds (cores, watts), mean value otherwise
	Sigma   float64 `json:"sigma"` // standard deviation of the same
	Seconds float64 `json:"seconds"`
	Stable  bool    `json:"stable"`
}

// Trial is one finished measurement: one request, or several identical ones back to back
// where one is too short to measure well. Trials are written once and never changed.
type Trial struct {
	Run        string `json:"run"`
	Seq        int    `json:"seq"` // place in the planned order; unique within the run
	Config     string `json:"config"`
	X          int    `json:"x"` // the planned swept value: prompt tokens, or nominal pixels of the image
	Repeat     int    `json:"repeat"`
	Complexity string `json:"complexity"` // "low", "medium" or "high"
	PromptHash string `json:"prompt_hash"`
	// TokensIn and TokensOut count the tokens of one request.
	TokensIn  int `json:"tokens_in"`
	TokensOut int `json:"tokens_out"`
	// Requests is how many times the request was made between Start and End. Figures that
	// are amounts (core-seconds, joules, seconds, GiB·s) are per request: the window's
	// amount divided by Requests. Phases lists every request's phases in order, and
	// TokenTimes the tokens of all requests.
	Requests int `json:"requests"`

	Start      int64           `json:"start_ns"` // monotonic; only differences within a session mean anything
	End        int64           `json:"end_ns"`
	Wall       time.Time       `json:"wall"`
	Phases     []measure.Phase `json:"phases"`
	Detected   *measure.Phase  `json:"detected,omitempty"` // window found by the gradient detector
	TokenTimes []int64         `json:"token_times_ns,omitempty"`
	Baselines  []Baseline      `json:"baselines"`

	// Figures by name: see the Metric constants. Energies are one figure per channel,
	// named "joules.<channel>" (gross) and "joules_idle_adjusted.<channel>".
	Figures map[string]Figure `json:"figures"`
	// PhaseFigures holds the same metrics per phase, "prefill" → "cpu_core_s" → figure.
	PhaseFigures map[string]map[string]Figure `json:"phase_figures"`
	// WithoutLoad holds the metrics of Figures that are amounts, from the end of the load
	// phase on; only where the server was started within the trial.
	WithoutLoad map[string]Figure `json:"without_load,omitempty"`
	// Image is the image of the prompt; nil for a prompt of text only.
	Image  *Image   `json:"image,omitempty"`
	Doubts []string `json:"doubts,omitempty"`
}

// Image says what image went with a trial's prompt and what the model made of it.
type Image struct {
	Kind string `json:"kind"` // kind of scene, or the name of the user's file
	// Layout is what the backend reported; when it reported none, only Layout.Nominal is set.
	Layout   imaging.Layout `json:"layout"`
	Sequence int            `json:"sequence"` // tokens of the image in the prompt, markers included
}

// Names of a trial's figures.
const (
	MetricCPUCoreSeconds = "cpu_core_s"     // process CPU time in the window, core-seconds (counter difference)
	MetricCPUAUCCore     = "cpu_auc_core_s" // system CPU above baseline, core-seconds
	MetricCPUAUCPercent  = "cpu_auc_pct_s"  // system CPU above baseline, percent of the machine × seconds
	MetricRAMAUC         = "ram_auc_gib_s"  // system memory in use above baseline, GiB·s
	MetricRAMAUCPercent  = "ram_auc_pct_s"  // the same in percent of the machine's memory × seconds
	MetricWallSeconds    = "wall_s"
	MetricPrefillRate    = "prefill_tok_s"
	MetricDecodeRate     = "decode_tok_s"
	MetricClosure        = "closure" // |AUC of process CPU − counter difference| / counter difference
	MetricPeakRSS        = "peak_rss_bytes"
	MetricDetectorError  = "detector_iou" // overlap of detected and marked window, intersection over union
	MetricJoules         = "joules."      // prefix, + channel name: gross
	MetricJoulesAdjusted = "joules_idle_adjusted."
	MetricMean           = "mean." // prefix, + channel name: mean temperature (°C) or frequency (Hz) in the window
)

// Samples are the series recorded around one trial (from just before to just after it).
type Samples struct {
	Run    string
	Seq    int
	Series []measure.Series
}
