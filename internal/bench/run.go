package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/sampler"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// Deps is what a run works with.
type Deps struct {
	Backend backend.Backend
	Store   store.Store
	// Sources returns new, unopened sources that read the process pid and the machine; for
	// pid 0 only the machine.
	Sources func(pid int) []source.Source
	// Tasks reads the tasks that a plan names, at most so many unless that is 0.
	Tasks    func(name string, most int) (Tasks, error)
	Models   Maker      // nil takes every model as the plan names it
	Controls Controller // nil leaves the controls of a comparison out
	Progress Progress   // nil drops all events
	Tool     string     // version of this program, for the record
	Root     string     // where /proc and /sys are, "/" when empty

	pace pace // zero but in tests
}

// pace holds the waits of a run that do not belong to its plan, in seconds.
type pace struct {
	settle float64 // after attaching the sampler, before samples are relied on
	margin float64 // of samples that are kept before and after a trial, at least
	look   float64 // over which the load is judged before a trial
}

// usualPace suits sampling at 20 Hz and system counters with ticks of 10 ms.
func usualPace() pace { return pace{settle: 0.6, margin: 0.5, look: 0.3} }

// Run carries out a plan as a new run and returns its header. Every finished trial is in
// the store when its TrialFinished event comes. When ctx ends, the trial that is under way
// is given up and the run ends as stopped; that and every other early end comes with an
// error that says how to go on.
func Run(ctx context.Context, plan Plan, deps Deps) (store.Run, error) {
	plan = plan.Effective()
	r, err := newRunner(plan, deps)
	if err != nil {
		return store.Run{}, err
	}
	created := time.Now().UTC()
	r.run = store.Run{ID: newID(created, plan.Model[0]), Created: created, Tool: deps.Tool, Planned: len(r.items)}
	if err := r.makeModels(ctx); err != nil {
		return store.Run{}, err
	}
	if err := r.makeControls(ctx); err != nil {
		return store.Run{}, err
	}
	if r.run.Plan, err = json.Marshal(r.plan); err != nil {
		return store.Run{}, fmt.Errorf("plan: %w", err)
	}
	if plan.Tasks != "" {
		r.run.Tasks = &r.tasks.Set
	}
	return r.carryOut(ctx)
}

// Resume goes on with a run that ended early: trials that the store has are kept, the
// others are made up for, by the plan that the run began with.
func Resume(ctx context.Context, id string, deps Deps) (store.Run, error) {
	run, err := deps.Store.Run(ctx, id)
	if err != nil {
		return store.Run{}, err
	}
	plan, err := ParseJSON(run.Plan)
	if err != nil {
		return run, fmt.Errorf("run %s: its plan cannot be read: %w", run.ID, err)
	}
	r, err := newRunner(plan, deps)
	if err != nil {
		return run, fmt.Errorf("run %s: %w", run.ID, err)
	}
	if r.trials, err = deps.Store.Trials(ctx, run.ID); err != nil {
		return run, err
	}
	for _, trial := range r.trials {
		if trial.Seq < 0 || trial.Seq >= len(r.items) {
			return run, fmt.Errorf("run %s: trial %d is not in its plan of %d trials; start a new run", run.ID, trial.Seq, len(r.items))
		}
		r.done[trial.Seq] = true
	}
	if err := r.resumeAnswers(ctx, run); err != nil {
		return run, err
	}
	r.run = run
	if r.complete() && run.Status == store.StatusComplete {
		return run, nil
	}
	if err := r.makeModels(ctx); err != nil {
		return run, err
	}
	if err := r.makeControls(ctx); err != nil {
		return run, err
	}
	return r.carryOut(ctx)
}

// resumeAnswers keeps the answers of earlier sessions, if they are to the same tasks.
func (r *runner) resumeAnswers(ctx context.Context, run store.Run) error {
	if run.Tasks == nil {
		return nil
	}
	if was, is := *run.Tasks, r.tasks.Set; was != is {
		return fmt.Errorf("run %s: the tasks of %s have changed since it began: put them back as they were, or start a new run", run.ID, was.Name)
	}
	answers, err := r.deps.Store.Answers(ctx, run.ID)
	for _, a := range answers {
		r.answered[a.Seq] = true
	}
	return err
}

// Unfinished returns the newest run with the same plan if it is not complete, and the
// number of its trials. It is false when there is none.
func Unfinished(ctx context.Context, s store.Store, plan Plan) (run store.Run, trials int, ok bool, err error) {
	runs, err := s.Runs(ctx)
	if err != nil {
		return store.Run{}, 0, false, err
	}
	plan = plan.Effective()
	for _, run := range runs {
		earlier, err := ParseJSON(run.Plan)
		if err != nil || earlier.Key() != plan.Key() {
			continue // a plan of another version is not the same plan
		}
		if run.Status == store.StatusComplete {
			return store.Run{}, 0, false, nil
		}
		counts, err := s.TrialCounts(ctx)
		return run, counts[run.ID], err == nil && counts[run.ID] > 0, err
	}
	return store.Run{}, 0, false, nil
}

// newID is sortable by time and says what was run: "20261123T231500-smollm2-135m-7f3a".
func newID(created time.Time, model string) string {
	var random [2]byte
	_, _ = rand.Read(random[:]) // never fails, says crypto/rand
	return created.Format("20060102T150405") + "-" + slug(model) + "-" + hex.EncodeToString(random[:])
}

var notInSlug = regexp.MustCompile(`[^a-z0-9.]+`)

// slug shortens "shape:smollm2-135m@q8_0" to "smollm2-135m" and a path to its file's name.
func slug(model string) string {
	name := strings.TrimSuffix(filepath.Base(filepath.ToSlash(model)), ".gguf")
	name = strings.TrimPrefix(name, "shape:")
	name, _, _ = strings.Cut(name, "@")
	name = strings.Trim(notInSlug.ReplaceAllString(strings.ToLower(name), "-"), "-.")
	return name[:min(len(name), 32)]
}

// runner is one session of a run: from its start, or from its resumption, to its end.
type runner struct {
	plan    Plan
	deps    Deps
	gallery gallery
	items   []workload.Item // none while the resolutions are undecided
	configs []*config
	run     store.Run
	remarks []store.Finding // on models that were made, and controls
	trials  []store.Trial   // finished ones, those of earlier sessions first
	done    map[int]bool    // by sequence number

	tasks     Tasks
	blocks    []block      // of tasks, in order; none while the resolutions are undecided
	answered  map[int]bool // by sequence number
	answers   int          // of this session
	answering float64      // seconds that they took

	perProcess map[string]bool // names of the sources that watch a process
	restarted  bool            // the model server has been restarted once
	eta        eta
	throttles  int64 // count of throttling when the session began

	mu       sync.Mutex // guards what the live view reads, and the order of events
	sampler  *sampler.Sampler
	attached *config
}

func newRunner(plan Plan, deps Deps) (*runner, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	if deps.Root == "" {
		deps.Root = "/"
	}
	if deps.pace == (pace{}) {
		deps.pace = usualPace()
	}
	if deps.Backend.Name() != plan.Backend {
		return nil, fmt.Errorf("plan: backend: %q is not available here; use %q", plan.Backend, deps.Backend.Name())
	}
	r := &runner{plan: plan, deps: deps, done: map[int]bool{}, answered: map[int]bool{}}
	for _, model := range plan.Model {
		if err := r.configure(model, nil); err != nil {
			return nil, err
		}
	}
	for i := range plan.Controls {
		if err := r.configure(plan.Controls[i].Model, &plan.Controls[i]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(r.openFiles(), r.openTasks()); err != nil {
		return nil, err
	}
	return r, r.arrange()
}

// configure adds a model's configurations, one per clamp.
func (r *runner) configure(model string, control *Control) error {
	for _, text := range r.plan.Clamp {
		spec, err := parseClamp(text)
		if err != nil {
			return err // Validate has seen to it
		}
		c := &config{model: model, clamp: spec, control: control}
		c.id = r.plan.Backend + "/" + c.name()
		r.configs = append(r.configs, c)
	}
	return nil
}

// openFiles refuses a plan whose files for images are not there.
func (r *runner) openFiles() (err error) {
	if r.plan.MMProj != "" {
		if info, err := os.Stat(r.plan.MMProj); err != nil {
			return fmt.Errorf("plan: mmproj: %w", err)
		} else if !info.Mode().IsRegular() {
			return fmt.Errorf("plan: mmproj: %s is no file", r.plan.MMProj)
		}
	}
	if r.plan.Images() {
		r.gallery, err = newGallery(r.plan)
	}
	return err
}

// complete reports whether every trial of the plan is finished and every task answered.
func (r *runner) complete() bool {
	return len(r.items) > 0 && len(r.done) == len(r.items) && len(r.answered) == r.answersPlanned()
}

// carryOut runs one session and closes the books on it, however it ends.
func (r *runner) carryOut(ctx context.Context) (store.Run, error) {
	if err := r.begin(ctx); err != nil {
		return r.run, err
	}
	stopLive := r.startLive()
	err := r.session(ctx)
	stopLive()
	err = errors.Join(err, r.detach())
	for _, c := range r.configs {
		if c.server != nil {
			err = errors.Join(err, c.server.Stop())
		}
	}
	return r.finish(ctx, err)
}

// begin checks the machine and gives the run its place in the store.
func (r *runner) begin(ctx context.Context) error {
	r.emit(StageChanged{StagePreflight, "looking at the machine"})
	before := r.run.Machine
	r.run.Machine = inventory(ctx, r.deps.Root)
	findings, err := preflight(ctx, r.deps.Root, r.run.Machine)
	if err != nil {
		return err
	}
	if err := refusal(findings); err != nil && r.plan.Strict {
		return err
	}
	r.run.Status, r.run.Reason = store.StatusRunning, ""
	earlier := len(r.run.Findings)
	if r.plan.Baseline.Seconds == 0 {
		r.find(whenPreflight, severityDoubt, "baseline", "none is measured, as baseline.seconds is 0: nothing can be said about load and energy above idle")
	}
	if len(r.done) > 0 {
		r.find(whenPreflight, severityInfo, "resumed", "%d of %d trials were finished in an earlier session", len(r.done), len(r.items))
		if now := r.run.Machine; before.CPU != now.CPU || before.Cores != now.Cores || before.Hostname != now.Hostname {
			r.find(whenPreflight, severityDoubt, "machine", "the earlier trials ran on %s (%s, %d cores) and these run on %s (%s, %d cores): they do not belong in one law",
				before.Hostname, before.CPU, before.Cores, now.Hostname, now.CPU, now.Cores)
		}
	}
	r.run.Findings = append(append(r.run.Findings, findings...), r.remarks...)
	if err := r.deps.Store.PutRun(ctx, r.run); err != nil {
		return err
	}
	r.emit(RunStarted{Run: r.run, Total: len(r.items), Done: len(r.done)})
	for _, f := range r.run.Findings[earlier:] {
		r.emit(FindingMade{f})
	}
	r.throttles = throttleCount(r.deps.Root)
	return nil
}

// session goes through the stages of a run.
func (r *runner) session(ctx context.Context) error {
	if r.complete() { // the run ended between its last trial and its end
		r.find(whenBaseline, severityDoubt, "closing baseline", "the idle machine was not measured again after the last trial")
		r.judgeDrift()
		return nil
	}
	for _, c := range r.configs {
		if err := r.load(ctx, c); err != nil {
			return err
		}
	}
	if err := r.resolve(ctx); err != nil {
		return err
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	r.emit(StageChanged{StageTrials, fmt.Sprintf("%d trials", len(r.items)-len(r.done))})
	for _, item := range r.items {
		if r.done[item.Seq] {
			continue
		}
		if err := r.trial(ctx, item); err != nil {
			return err
		}
	}
	if err := r.answerAll(ctx); err != nil {
		return err
	}
	if r.plan.Baseline.Seconds > 0 {
		if err := r.close(ctx); err != nil {
			return err
		}
	}
	r.judgeDrift()
	return nil
}

// prepare stores what the models say of themselves and warms their servers up, or tries out
// what a run that reloads will do.
func (r *runner) prepare(ctx context.Context) error {
	if err := r.deps.Store.PutRun(ctx, r.run); err != nil {
		return err
	}
	if r.plan.Reload {
		return r.rehearse(ctx)
	}
	for _, c := range r.configs {
		if err := r.warmUp(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// close measures the idle machine again.
func (r *runner) close(ctx context.Context) error {
	if r.plan.Reload {
		return r.closingBaseline(ctx, nil, r.configs)
	}
	for _, c := range r.configs {
		if err := r.closingBaseline(ctx, c, []*config{c}); err != nil {
			return err
		}
	}
	return nil
}

// finish records how the run ended. It does so even when ctx has ended.
func (r *runner) finish(ctx context.Context, err error) (store.Run, error) {
	resume := "no trial was finished: begin anew once that is mended"
	if len(r.done) > 0 {
		resume = fmt.Sprintf("%d of %d trials are finished and safe; continue with: wattlaw run --resume %s", len(r.done), len(r.items), r.run.ID)
	}
	switch {
	case err == nil:
		r.run.Status = store.StatusComplete
	case ctx.Err() != nil:
		r.run.Status, r.run.Reason = store.StatusStopped, "interrupted"
		err = fmt.Errorf("run %s was stopped: %s: %w", r.run.ID, resume, ctx.Err())
	default:
		r.run.Status, r.run.Reason = store.StatusFailed, err.Error()
		err = fmt.Errorf("run %s failed: %w\n%s", r.run.ID, err, resume)
	}
	if putErr := r.deps.Store.PutRun(context.WithoutCancel(ctx), r.run); putErr != nil {
		// A full disk has been reported already when it is what ended the run.
		if !errors.Is(err, store.ErrFull) {
			err = errors.Join(err, putErr)
		}
	}
	r.emit(StageChanged{StageDone, string(r.run.Status)})
	r.emit(RunEnded{r.run})
	return r.run, err
}

// emit hands an event to the progress view.
func (r *runner) emit(e Event) {
	if r.deps.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deps.Progress(e)
}

// find records and shows a finding.
func (r *runner) find(when, severity, subject, format string, args ...any) {
	f := store.Finding{When: when, Severity: severity, Subject: subject, Text: fmt.Sprintf(format, args...)}
	r.run.Findings = append(r.run.Findings, f)
	if when != whenPreflight { // those are shown when the run begins
		r.emit(FindingMade{f})
	}
}

// wait sleeps, or returns early with the context's error.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// seconds makes a duration of a number of seconds.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// ago is the stretch of so many seconds that ends now.
func ago(seconds float64) measure.Window {
	now := measure.Now()
	return measure.Window{Start: now - int64(seconds*1e9), End: now}
}
