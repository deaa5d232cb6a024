package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/store/sqlite"
)

// childEnv names the store in which a child process of the test binary runs the quick
// plan, resuming what it finds there.
const childEnv = "WATTLAW_TEST_BENCH"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := runChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runChild(path string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	machine := newFakeMachine()
	deps := Deps{
		Backend: &fakeBackend{m: machine}, Store: s, Sources: machine.sources, Root: filepath.Dir(path),
		pace: pace{settle: 0.05, margin: 0.05, look: 0.02},
		Progress: func(e Event) {
			if f, ok := e.(TrialFinished); ok {
				fmt.Println("finished", f.Trial.Seq)
			}
		},
	}
	earlier, _, ok, err := Unfinished(ctx, s, quickPlan())
	if err != nil {
		return err
	}
	if ok {
		_, err = Resume(ctx, earlier.ID, deps)
	} else {
		_, err = Run(ctx, quickPlan(), deps)
	}
	return errors.Join(err, s.Close())
}

// TestKilledRun ends runs at random moments with no chance to clean up and resumes them
// until one is complete: every trial must be there once, and none that was reported as
// finished may have been measured again.
func TestKilledRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	random := rand.New(rand.NewPCG(3, 4))
	finished, kills := map[int]bool{}, 0
	for round := range 20 {
		child := exec.Command(os.Args[0])
		child.Env, child.Stderr = append(os.Environ(), childEnv+"="+path), os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, left := bufio.NewScanner(out), 1+random.IntN(3)
		for lines.Scan() {
			var seq int
			if _, err := fmt.Sscanf(lines.Text(), "finished %d", &seq); err != nil {
				t.Fatalf("round %d: the child says %q", round, lines.Text())
			}
			if finished[seq] {
				t.Errorf("round %d: trial %d was measured twice", round, seq)
			}
			finished[seq] = true
			if left--; left == 0 {
				time.AfterFunc(time.Duration(random.IntN(200))*time.Millisecond, func() { child.Process.Kill() })
			}
		}
		if child.Wait() == nil {
			break
		}
		kills++
	}
	if kills == 0 {
		t.Fatal("no child was killed")
	}
	b := &bed{}
	var err error
	if b.store, err = sqlite.Open(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	defer b.store.Close()
	runs, err := b.store.Runs(context.Background())
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs, %v; want one that was resumed %d times", len(runs), err, kills)
	}
	b.checkComplete(t, runs[0].ID, quickPlan())
	if f := find(runs[0].Findings, "resumed"); f == nil {
		t.Error("no finding says that the run was resumed")
	}
}

func TestStoppedRun(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	plan := quickPlan()
	ctx, cancel := context.WithCancel(context.Background())
	collect := b.deps.Progress
	b.deps.Progress = func(e Event) {
		if s, ok := e.(TrialStarted); ok && s.Index == 4 {
			cancel()
		}
		collect(e)
	}
	run, err := Run(ctx, plan, b.deps)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "--resume "+run.ID) || !strings.Contains(err.Error(), "4 of 9") {
		t.Errorf("error %v; want one that wraps the cancellation and says how to go on", err)
	}
	stored, err := b.store.Run(context.Background(), run.ID)
	if err != nil || stored.Status != store.StatusStopped {
		t.Errorf("status %q, %v; want stopped", stored.Status, err)
	}
	before := b.trials(t, run.ID)
	if len(before) != 4 {
		t.Errorf("%d trials, want the 4 finished ones", len(before))
	}
	other := plan
	other.Seed = 99
	if _, _, ok, err := Unfinished(context.Background(), b.store, other); ok || err != nil {
		t.Errorf("another plan is said to be unfinished: %v", err)
	}
	unfinished, trials, ok, err := Unfinished(context.Background(), b.store, plan)
	if err != nil || !ok || unfinished.ID != run.ID || trials != 4 {
		t.Errorf("Unfinished: %q with %d trials, %v, %v", unfinished.ID, trials, ok, err)
	}
	b.deps.Progress = collect
	stored.Machine.Hostname = "elsewhere"
	if err := b.store.PutRun(context.Background(), stored); err != nil {
		t.Fatal(err)
	}
	resumed, err := Resume(context.Background(), run.ID[:len(run.ID)-2], b.deps)
	if err != nil {
		t.Fatal(err)
	}
	if f := find(resumed.Findings, "machine"); f == nil || f.Severity != severityDoubt || !strings.Contains(f.Text, "elsewhere") {
		t.Errorf("finding %+v, want a doubt that names the other machine", f)
	}
	after := b.checkComplete(t, run.ID, plan)
	for i, trial := range before {
		if after[i].Wall != trial.Wall {
			t.Errorf("trial %d was measured again", i)
		}
	}
	if _, _, ok, err := Unfinished(context.Background(), b.store, plan); ok || err != nil {
		t.Errorf("a complete run is said to be unfinished: %v", err)
	}
	starts := b.backend.starts
	if _, err := Resume(context.Background(), run.ID, b.deps); err != nil || b.backend.starts != starts {
		t.Errorf("resuming a complete run: %v, %d servers started; want nothing to happen", err, b.backend.starts-starts)
	}
	resumed.Status = store.StatusStopped // as if it had been interrupted after its last trial
	if err := b.store.PutRun(context.Background(), resumed); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(context.Background(), run.ID, b.deps); err != nil || b.backend.starts != starts {
		t.Errorf("resuming a run that lacks nothing but its end: %v, %d servers started; want none", err, b.backend.starts-starts)
	}
	b.checkComplete(t, run.ID, plan)
}

func TestServerDies(t *testing.T) {
	t.Parallel()
	plan := quickPlan()
	plan.MinWindow = 0 // one request per trial
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.backend.fail = func(request int) error {
			if request == 10 {
				return errors.New("connection reset")
			}
			return nil
		}
		run, err := Run(context.Background(), plan, b.deps)
		if err != nil {
			t.Fatal(err)
		}
		doubted := 0
		for _, trial := range b.checkComplete(t, run.ID, plan) {
			if mentions(trial.Doubts, "restarted") {
				doubted++
			}
		}
		if f := find(run.Findings, "model server"); f == nil || f.Severity != severityDoubt || !strings.Contains(f.Text, "connection reset") || doubted != 1 || b.backend.starts != 2 {
			t.Errorf("finding %+v, %d doubted trials, %d starts; want a doubt with the reason, 1 and 2", f, doubted, b.backend.starts)
		}
	})
	t.Run("for good", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.backend.fail = func(request int) error {
			if request >= 10 && len(b.trialsSoFar()) > 3 {
				return errors.New("connection reset")
			}
			return nil
		}
		run, err := Run(context.Background(), plan, b.deps)
		if err == nil || !strings.Contains(err.Error(), "connection reset") || !strings.Contains(err.Error(), "--resume") {
			t.Fatalf("error %v; want the reason and how to go on", err)
		}
		stored, err := b.store.Run(context.Background(), run.ID)
		if err != nil || stored.Status != store.StatusFailed || !strings.Contains(stored.Reason, "connection reset") {
			t.Errorf("stored status %q (%s), %v", stored.Status, stored.Reason, err)
		}
		b.backend.fail = nil
		if _, err := Resume(context.Background(), run.ID, b.deps); err != nil {
			t.Fatal(err)
		}
		b.checkComplete(t, run.ID, plan)
	})
}

// trialsSoFar lists the trials that were reported as finished.
func (b *bed) trialsSoFar() (out []store.Trial) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if f, ok := e.(TrialFinished); ok {
			out = append(out, f.Trial)
		}
	}
	return out
}

// fullStore is a store whose disk is full after some trials.
type fullStore struct {
	store.Store
	left int
}

func (s *fullStore) AddTrial(ctx context.Context, trial store.Trial, samples store.Samples) error {
	if s.left == 0 {
		return fmt.Errorf("store: %w: free some space and resume", store.ErrFull)
	}
	s.left--
	return s.Store.AddTrial(ctx, trial, samples)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	plan := quickPlan()
	deps := b.deps
	deps.Store = &fullStore{b.store, 3}
	run, err := Run(context.Background(), plan, deps)
	if !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "3 of 9 trials are finished and safe") || !strings.Contains(err.Error(), "free some space") {
		t.Fatalf("error %v; want ErrFull that says what is safe and what to do", err)
	}
	if b.backend.starts != 1 {
		t.Errorf("the full disk led to %d starts of the model server, want 1", b.backend.starts)
	}
	if trials := b.trials(t, run.ID); len(trials) != 3 {
		t.Errorf("%d trials readable, want 3", len(trials))
	}
	if _, err := Resume(context.Background(), run.ID, b.deps); err != nil {
		t.Fatal(err)
	}
	b.checkComplete(t, run.ID, plan)
}

func TestResumeErrors(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	if _, err := Resume(ctx, "nothing", b.deps); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("resuming an unknown run: %v; want ErrNotFound", err)
	}
	for name, plan := range map[string]string{"mistyped": `{"tokens": 1}`, "unknown": `{"token": [1]}`, "invalid": `{"repeats": 0}`} {
		if err := b.store.PutRun(ctx, store.Run{ID: name, Plan: []byte(plan)}); err != nil {
			t.Fatal(err)
		}
		if _, err := Resume(ctx, name, b.deps); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v; want one that names the run", name, err)
		}
	}
}

func TestNewID(t *testing.T) {
	created := time.Date(2026, 11, 23, 23, 15, 0, 0, time.UTC)
	for model, want := range map[string]string{
		"shape:smollm2-135m@q8_0":            "20261123T231500-smollm2-135m-",
		"/models/Llama 3.1 8B-Q4_K_M.gguf":   "20261123T231500-llama-3.1-8b-q4-k-m-",
		"ünï":                                "20261123T231500-n-",
		"../../etc":                          "20261123T231500-etc-",
		strings.Repeat("long", 20) + ".gguf": "20261123T231500-" + strings.Repeat("long", 8) + "-",
	} {
		got := newID(created, model)
		if !strings.HasPrefix(got, want) || len(got) != len(want)+4 {
			t.Errorf("id of %q is %q, want %qXXXX", model, got, want)
		}
	}
}
