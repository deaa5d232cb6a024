// Package report turns the records of a run into what a person or a program reads: the
// result with its laws and tests, and its renderings as JSON, CSV, Parquet, figures, one
// HTML file, and a summary for the terminal.
package report

import (
	"encoding/json"
	"time"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// Schema names the version of result.json. Fields may be added under the same name; it
// changes when a field is removed or changes its meaning.
const Schema = "wattlaw/result/1"

// Result is the content of result.json: one run, evaluated. docs/result-schema.md
// describes every field.
type Result struct {
	Schema   string          `json:"schema"`   // "wattlaw/result/1"
	Run      RunInfo         `json:"run"`      // which run this is
	Machine  store.Machine   `json:"machine"`  // the machine that ran
	Plan     json.RawMessage `json:"plan"`     // the effective plan, as it was carried out
	Sources  []Source        `json:"sources"`  // every channel, those that could not be read included
	Observer Observer        `json:"observer"` // what measuring cost and how punctual it was
	Closure  *Closure        `json:"closure"`  // CPU time: area under the samples against the counter
	Sweep    string          `json:"sweep"`    // "tokens" or "pixels": what x is
	Configs  []ConfigResult  `json:"configs"`  // one per model and backend
	// OneCurves answers, for models with several clamps, whether cost in effective pixels is one curve.
	OneCurves []OneCurve `json:"one_curves"`
	// Comparisons sets each model of several against the first, and against the first in fewer bits.
	Comparisons []Comparison    `json:"comparisons"`
	Pareto      []Pareto        `json:"pareto"`   // what models are worth against what they cost; empty with one model
	Drift       []Contrast      `json:"drift"`    // last third of the trials against the first
	Findings    []store.Finding `json:"findings"` // what the checks before, during and after the run found
	Doubts      []Doubt         `json:"doubts"`   // every doubt once
	Trials      []TrialResult   `json:"trials"`   // in the order in which they ran
	Tasks       *store.TaskSet  `json:"tasks"`    // what every configuration was asked besides; null for nothing
	Answers     []AnswerResult  `json:"answers"`  // in the order in which they were given
}

// RunInfo identifies a run.
type RunInfo struct {
	ID      string       `json:"id"`
	Created time.Time    `json:"created"`
	Tool    string       `json:"tool"`   // version of wattlaw that measured
	Status  store.Status `json:"status"` // running, complete, stopped or failed
	Reason  string       `json:"reason"` // why the run is not complete
	Planned int          `json:"planned_trials"`
}

// Source is one channel: where it comes from and how far it may be trusted.
type Source struct {
	Name        string          `json:"name"`   // channel, e.g. "process.cpu"
	Source      string          `json:"source"` // the source that yields it, e.g. "proc"
	Scope       measure.Scope   `json:"scope"`
	Kind        measure.Kind    `json:"kind"`
	Unit        string          `json:"unit"`
	Quality     measure.Quality `json:"quality"`
	Reason      string          `json:"reason"`      // why it is unavailable or only estimated
	RateHz      *float64        `json:"rate_hz"`     // rate of new values; null when the channel could not be read
	Uncertainty *float64        `json:"uncertainty"` // relative standard uncertainty of an estimate; null when unknown
	Readings    int64           `json:"readings"`    // values recorded in all trials
	Absent      int64           `json:"absent"`      // single readings that failed
}

// Observer is what the measuring itself cost.
type Observer struct {
	CoreFraction *float64 `json:"core_fraction"` // CPU time of sampling over wall time; 0.001 is 0.1 % of one core
	LateTicks    int64    `json:"late_ticks"`    // ticks more than half a period late
	Ticks        int64    `json:"ticks"`
	RateHz       *float64 `json:"rate_hz"`
}

// Closure summarises how well the area under the sampled process CPU agrees with the
// CPU-time counter: |area − counter| / counter over the same window.
type Closure struct {
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
	N      int     `json:"n"` // trials that have the figure
}

// ConfigResult is one configuration with its laws.
type ConfigResult struct {
	ID           string            `json:"id"`
	Backend      string            `json:"backend"`
	Model        string            `json:"model"`
	Architecture string            `json:"architecture"`
	Quant        string            `json:"quant"`
	Parameters   int64             `json:"parameters"`
	Bytes        int64             `json:"bytes"`
	Threads      int               `json:"threads"`
	Kernel       string            `json:"kernel"`      // instruction set of the kernels; "" when the backend does not say
	Meaningless  bool              `json:"meaningless"` // random weights: cost is real, text is not
	Projector    string            `json:"projector"`   // file of the vision encoder; "" for none or a shape model's own
	Clamp        string            `json:"clamp"`       // limit on pixels as the plan spells it; "" for the model's own
	Vision       *imaging.Contract `json:"vision"`      // preprocessing of images, limit included; null for a model of text
	Control      *store.Control    `json:"control"`     // what this is a copy of in fewer bits; null for a model of the plan's own
	LoadS        *float64          `json:"load_s"`
	Laws         []LawResult       `json:"laws"`
	Knees        []KneeResult      `json:"knees"`      // over nominal pixels; empty in a sweep of prompt lengths
	Unfitted     []Unfitted        `json:"unfitted"`   // metrics without a law, and why
	Lengths      []Length          `json:"lengths"`    // medians at each prompt length or resolution
	Complexity   []Contrast        `json:"complexity"` // cost by complexity at equal length
	Kinds        []Contrast        `json:"kinds"`      // cost by kind of image at equal resolution
	Accuracy     []Accuracy        `json:"accuracy"`   // at each resolution of the tasks' images, smallest first; empty without tasks
}

// KneeResult is the knee of one metric over nominal pixels.
type KneeResult struct {
	Metric    string          `json:"metric"`
	Unit      string          `json:"unit"`
	Quality   measure.Quality `json:"quality"`
	Fit       law.Knee        `json:"fit"`  // what was found, next to what the contract predicts
	Band      []BandPoint     `json:"band"` // pointwise interval of the curve
	Statement string          `json:"statement"`
	Doubts    []string        `json:"doubts"` // those of the fit, and whether one knee can be expected at all
}

// OneCurve is one curve of cost over effective pixels through all clamps of a model.
type OneCurve struct {
	Model   string          `json:"model"`
	Metric  string          `json:"metric"`
	Unit    string          `json:"unit"`
	Quality measure.Quality `json:"quality"`
	Fit     law.Curve       `json:"fit"` // groups are configurations
}

// LawResult is the linear law cost = a + b·x of one metric, next to its rivals.
type LawResult struct {
	Metric     string                   `json:"metric"`    // e.g. "cpu_core_s" or "joules.powercap.package-0"
	Predictor  string                   `json:"predictor"` // what x is: "tokens" or "effective_pixels"
	Unit       string                   `json:"unit"`      // of the cost
	Quality    measure.Quality          `json:"quality"`
	Kind       string                   `json:"kind"` // "linear"
	Coef       map[string]float64       `json:"coef"` // a: fixed cost; b: cost per prompt token or effective pixel
	CI         map[string]*law.Interval `json:"ci"`   // of a and b; null where it is unbounded
	Level      float64                  `json:"level"`
	R2         *float64                 `json:"r2"`
	N          int                      `json:"n"`
	X          law.Interval             `json:"x"`           // fitted range of the predictor
	LinearFrom *float64                 `json:"linear_from"` // smallest x of the stretch in which the best curve is within 5 % of the line
	LinearTo   *float64                 `json:"linear_to"`   // largest x of that stretch
	TheilSen   Slope                    `json:"theil_sen"`   // robust slope
	Best       string                   `json:"best"`        // rival with the lowest AICc
	Rivals     []RivalResult            `json:"rivals"`
	Band       []BandPoint              `json:"band"`   // pointwise interval of the line
	Beyond     []Prediction             `json:"beyond"` // what extrapolating to twice and four times the range gives
	Noise      string                   `json:"noise"`  // "proportional": scatter assumed to grow with cost; "": alike everywhere
	Statement  string                   `json:"statement"`
	Doubts     []string                 `json:"doubts"`
}

// Slope is a slope with its interval.
type Slope struct {
	Value *float64      `json:"value"`
	CI    *law.Interval `json:"ci"`
}

// RivalResult is one candidate model on the same points; null stands for what could not
// be computed.
type RivalResult struct {
	Kind         string              `json:"kind"` // "linear", "quadratic" or "power"
	Coef         map[string]*float64 `json:"coef"` // a, b; also c for quadratic; k and p for the power law k·x^p
	AICc         *float64            `json:"aicc"`
	R2           *float64            `json:"r2"`
	HeldOutError *float64            `json:"held_out_error"` // relative error on the longest length, fitted without it
}

// Prediction is the law's cost beyond the fitted range, next to the best rival's.
type Prediction struct {
	X    float64       `json:"x"`
	Y    *float64      `json:"y"`    // the line
	CI   *law.Interval `json:"ci"`   // of the line, if the law stays linear
	Best *float64      `json:"best"` // the rival with the lowest AICc
}

// BandPoint is the interval of the fitted line at one x.
type BandPoint struct {
	X  float64 `json:"x"`
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Unfitted is a metric for which no law could be fitted.
type Unfitted struct {
	Metric string `json:"metric"`
	Reason string `json:"reason"`
}

// Length holds medians over the trials of one planned prompt length.
type Length struct {
	X       int                          `json:"x"`
	N       int                          `json:"n"`
	Figures map[string]Median            `json:"figures"` // by metric; absent metrics are left out
	Phases  map[string]map[string]Median `json:"phases"`  // by phase, then metric
	// WithoutLoad has the figures from the end of loading on, where each trial loads.
	WithoutLoad map[string]Median `json:"without_load"`
}

// Median of several trials with its bootstrap interval.
type Median struct {
	Value   float64         `json:"value"`
	CI      *law.Interval   `json:"ci"` // null with fewer than three trials
	N       int             `json:"n"`
	Quality measure.Quality `json:"quality"`
}

// Contrast is the cost of one group of trials over that of another at equal length.
type Contrast struct {
	Config  string       `json:"config"`
	Metric  string       `json:"metric"`
	Group   string       `json:"group"`   // e.g. "high", or "last third"
	Against string       `json:"against"` // e.g. "low", or "first third"
	Ratio   float64      `json:"ratio"`   // geometric mean of the cost ratio
	CI      law.Interval `json:"ci"`
	N       int          `json:"n"`       // trials in both groups
	Verdict string       `json:"verdict"` // "same", "different" or "undecided"; see docs
}

// Doubt is one reason for caution, however often it came up.
type Doubt struct {
	Text  string `json:"text"`
	Where string `json:"where"` // a finding's subject, "trials", "observer", "drift", a metric, or "laws" for several
	Count int    `json:"count"`
}

// TrialResult is one request, or several back to back. A figure that is absent is null, never 0, and has its
// reason under absent.
type TrialResult struct {
	Seq          int                           `json:"seq"`
	Config       string                        `json:"config"`
	X            int                           `json:"x"` // planned prompt tokens, or nominal pixels
	Repeat       int                           `json:"repeat"`
	Complexity   string                        `json:"complexity"`
	PromptHash   string                        `json:"prompt_hash"`
	TokensIn     int                           `json:"tokens_in"`
	TokensOut    int                           `json:"tokens_out"`
	Requests     int                           `json:"requests"` // identical requests back to back; all costs are per request
	Started      time.Time                     `json:"started"`
	StartNS      int64                         `json:"start_ns"` // monotonic clock, the one of samples.parquet
	EndNS        int64                         `json:"end_ns"`
	Phases       []PhaseResult                 `json:"phases"`
	Baselines    []store.Baseline              `json:"baselines"`     // idle levels before the block of trials
	PhaseFigures map[string]map[string]float64 `json:"phase_figures"` // by phase, then metric, per request; absent ones are left out
	WallS        *float64                      `json:"wall_s"`
	CPUCoreS     *float64                      `json:"cpu_core_s"`
	CPUAUCCoreS  *float64                      `json:"cpu_auc_core_s"`
	CPUAUCPctS   *float64                      `json:"cpu_auc_pct_s"`
	RAMAUCGiBS   *float64                      `json:"ram_auc_gib_s"`
	RAMAUCPctS   *float64                      `json:"ram_auc_pct_s"`
	PeakRSSBytes *float64                      `json:"peak_rss_bytes"`
	PrefillTokS  *float64                      `json:"prefill_tok_s"`
	DecodeTokS   *float64                      `json:"decode_tok_s"`
	Closure      *float64                      `json:"closure"`
	DetectorIoU  *float64                      `json:"detector_iou"`
	Joules       map[string]*float64           `json:"joules"`                         // measured, gross, by channel
	JoulesIdle   map[string]*float64           `json:"joules_idle_adjusted"`           // measured, above idle
	JoulesEst    map[string]*float64           `json:"joules_estimated"`               // estimates, gross
	JoulesEstIdl map[string]*float64           `json:"joules_estimated_idle_adjusted"` // estimates, above idle
	Means        map[string]*float64           `json:"means"`                          // mean temperature (°C) or frequency (Hz) by channel
	Absent       map[string]string             `json:"absent"`                         // metric → why it has no value
	Image        *ImageResult                  `json:"image"`                          // null for a prompt of text only
	WithoutLoad  map[string]float64            `json:"without_load"`                   // by metric, from the end of loading on; empty unless the trial loads
	Doubts       []string                      `json:"doubts"`
}

// ImageResult is the image of a trial and what the model made of it; null stands for what
// the backend did not report.
type ImageResult struct {
	Kind            string `json:"kind"` // kind of scene, or name of the user's file
	Width           int    `json:"width"`
	Height          int    `json:"height"`
	NominalPixels   int    `json:"nominal_px"`
	EffectivePixels *int   `json:"effective_px"` // that the model works on, tiles and overview together
	ResizedWidth    *int   `json:"resized_width"`
	ResizedHeight   *int   `json:"resized_height"`
	Columns         int    `json:"columns"` // of tiles; 0 when the image is not tiled
	Rows            int    `json:"rows"`
	Overview        bool   `json:"overview"` // the whole image is seen besides its tiles
	Patches         *int   `json:"patches"`
	Tokens          *int   `json:"tokens"`   // image embeddings handed to the language model
	Sequence        *int   `json:"sequence"` // tokens of the image in the prompt, markers included
}

// PhaseResult is one phase of a request, in seconds from the start of the trial.
type PhaseResult struct {
	Name   string  `json:"name"`
	StartS float64 `json:"start_s"`
	EndS   float64 `json:"end_s"`
}
