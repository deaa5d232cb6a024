package bench

import (
	"time"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/store"
)

// Progress receives what happens during a run, in order and from one goroutine at a time.
// It must return quickly: while a trial is running, every cycle it takes is measured as
// load of the machine. Nil is allowed in Deps and drops all events.
type Progress func(Event)

// Event is one of the types below.
type Event interface{ event() }

// Stage is a part of a run, in the order in which a run goes through them. The pauses
// between trials are part of StageTrials.
type Stage string

// Stages of a run.
const (
	StageVariants  Stage = "variants"
	StageControls  Stage = "controls"
	StagePreflight Stage = "pre-flight"
	StageLoad      Stage = "load"
	StageBaseline  Stage = "baseline"
	StageWarmUp    Stage = "warm-up"
	StageTrials    Stage = "trials"
	StageTasks     Stage = "tasks"
	StageClosing   Stage = "closing baseline"
	StageDone      Stage = "done"
)

// RunStarted comes first, once the run has its place in the store.
type RunStarted struct {
	Run   store.Run
	Total int // planned trials; 0 while the resolutions are undecided
	Done  int // trials that a resumed run finished before; 0 for a new one
}

// StageChanged says that a stage begins.
type StageChanged struct {
	Stage Stage
	Text  string // what is being done or waited for, e.g. "waiting for a quiet machine, at most 15 s"
}

// FindingMade carries one result of the checks, as soon as it is known.
type FindingMade struct{ Finding store.Finding }

// TrialStarted says which trial runs now.
type TrialStarted struct {
	Index, Total int // Index counts from 0 over all planned trials, finished ones included
	Seq          int
	Config       string
	X            int // prompt tokens, or nominal pixels of the image
	Size         imaging.Size
	Kind         string // of the image; "" without one
	Repeat       int
	Complexity   string
	ETA          time.Duration // until the end of the run; 0 while unknown
}

// TrialFinished carries a trial that is now in the store.
type TrialFinished struct {
	Index, Total int
	Trial        store.Trial
	ETA          time.Duration
}

// TasksAnswered says that one configuration answered some tasks, which are now in the store.
type TasksAnswered struct {
	Config      string
	Box         imaging.Size // into which images were scaled down to fit; zero: as they are
	N, Right    int          // of these
	Done, Total int          // of all answers, those of other configurations included
	ETA         time.Duration
}

// WarmUpRepeated says how one request of the warm-up went.
type WarmUpRepeated struct {
	N, Max int     // this repeat, counted from 1, and the largest number of repeats
	Wall   float64 // seconds
	CV     float64 // coefficient of variation of the last three; NaN before the third
}

// Live is the state of the machine a moment ago, a few times per second, for sparklines.
// Values that this machine does not yield are NaN.
type Live struct {
	At         int64   // measure.Now
	SystemCPU  float64 // busy cores of the whole machine
	ProcessCPU float64 // busy cores of the model server
	RAM        float64 // bytes of the machine's memory in use
	RSS        float64 // bytes of memory of the model server
	Power      float64 // watts of the widest measured channel, else of the estimate
	PowerName  string  // channel of Power
	Estimated  bool    // Power is an estimate, not a measurement
}

// RunEnded comes last, whatever the outcome. The run carries its status and reason.
type RunEnded struct{ Run store.Run }

func (RunStarted) event()     {}
func (StageChanged) event()   {}
func (FindingMade) event()    {}
func (TrialStarted) event()   {}
func (TrialFinished) event()  {}
func (TasksAnswered) event()  {}
func (WarmUpRepeated) event() {}
func (Live) event()           {}
func (RunEnded) event()       {}
