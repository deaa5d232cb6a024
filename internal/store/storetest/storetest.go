// Package storetest is the suite that every store passes: an implementer of a new one
// calls Run from a test and gets the contract of store.Store checked.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// Run holds the stores that open yields to the contract. Each call of open must return a
// fresh and empty store; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	cases := []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"empty", testEmpty},
		{"run round trip", testRunRoundTrip},
		{"run by prefix", testRunByPrefix},
		{"runs newest first", testRunsNewestFirst},
		{"trial round trip", testTrialRoundTrip},
		{"trials in order", testTrialsInOrder},
		{"trial twice", testTrialTwice},
		{"trial of no run", testTrialOfNoRun},
		{"samples of another trial", testSamplesOfAnotherTrial},
		{"uneven samples leave no trace", testUnevenSamples},
		{"answers", testAnswers},
		{"ended context", testEndedContext},
		{"readers beside a writer", testReadersBesideWriter},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			c.test(t, s)
		})
	}
}

// SampleRun returns a run with every field set.
func SampleRun(id string, created time.Time) store.Run {
	return store.Run{
		ID: id, Created: created.UTC().Round(0), Tool: "test", Plan: json.RawMessage(`{"tokens":[64]}`),
		Machine: store.Machine{Hostname: "h", CPU: "cpu", Cores: 2, Features: []string{"avx2"}, RAM: 1 << 33},
		Status:  store.StatusRunning, Reason: "none", Planned: 3, Tasks: &store.TaskSet{Name: "t.jsonl", SHA256: "12", N: 7},
		Channels: []measure.Channel{{Name: "process.cpu", Kind: measure.KindCPUTime, Quality: measure.Measured}},
		Findings: []store.Finding{{When: "preflight", Severity: "doubt", Subject: "governor", Text: "powersave"}},
		Configs: []store.Config{{
			ID: "fake/m", Model: "m", Load: measure.Phase{Name: measure.PhaseLoad, Start: 1, End: 2},
			Projector: "p.gguf", Clamp: "tokens:64", Vision: &imaging.Contract{
				Family: imaging.FamilyDynamic, Patch: 14, Merge: 2, Clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MaxTokens: 64},
				Filter: imaging.FilterBilinear, Pad: true, Mean: [3]float32{0.1, 0.2, 0.3}, Std: [3]float32{0.4, 0.5, 0.6},
			},
		}},
		Observer: store.Observer{CoreFraction: 0.001, Ticks: 10, LateTicks: 1, RateHz: 20},
	}
}

// SampleTrial returns a trial and its samples with every field set, an absent figure and
// an absent reading among them.
func SampleTrial(run string, seq int) (store.Trial, store.Samples) {
	trial := store.Trial{
		Run: run, Seq: seq, Config: "fake/m", X: 64, Repeat: seq, Complexity: "low", PromptHash: "abc",
		TokensIn: 64, TokensOut: 16, Requests: 2, Start: 5, End: 9, Wall: time.Unix(1e9, 5).UTC(),
		Phases:     []measure.Phase{{Name: measure.PhasePrefill, Start: 5, End: 7}},
		Detected:   &measure.Phase{Start: 5, End: 9},
		TokenTimes: []int64{6, 7},
		Baselines:  []store.Baseline{{Channel: "system.cpu", Level: 0.1, Sigma: 0.01, Seconds: 3, Stable: true}},
		Figures: map[string]store.Figure{
			store.MetricCPUCoreSeconds: {Value: 1.5 + float64(seq), Quality: measure.Measured, Source: "process.cpu", N: 40},
			store.MetricPeakRSS:        store.Unavailable("no hardware"),
		},
		PhaseFigures: map[string]map[string]store.Figure{"prefill": {store.MetricWallSeconds: {Value: 2, Quality: measure.Measured}}},
		WithoutLoad:  map[string]store.Figure{store.MetricWallSeconds: {Value: 1, Quality: measure.Measured}},
		Image: &store.Image{Kind: "shapes", Sequence: 66, Layout: imaging.Layout{
			Nominal: imaging.Size{Width: 300, Height: 200}, Resized: imaging.Size{Width: 308, Height: 196}, Tokens: 64,
		}},
		Doubts: []string{"steal"},
	}
	return trial, store.Samples{Run: run, Seq: seq, Series: []measure.Series{
		{Channel: measure.Channel{Name: "process.cpu", Kind: measure.KindCPUTime}, T: []int64{4, 6, 10}, V: []float64{1, math.NaN(), 3}},
		{Channel: measure.Channel{Name: "none"}},
	}}
}

// SampleAnswer returns an answer with every field set.
func SampleAnswer(run string, seq int) store.Answer {
	return store.Answer{
		Run: run, Seq: seq, Config: "fake/m", Task: "a-1", Group: "number", Box: imaging.Size{Width: 64, Height: 48},
		Image: &store.Image{Sequence: 66, Layout: imaging.Layout{Nominal: imaging.Size{Width: 60, Height: 48}, Tokens: 64}},
		Text:  "42", Right: true, TokensIn: 70, TokensOut: 2, Start: 5, End: 9, Wall: time.Unix(1e9, 5).UTC(),
		Phases: []measure.Phase{{Name: measure.PhasePrefill, Start: 5, End: 7}},
		Figures: map[string]store.Figure{
			store.MetricCPUCoreSeconds: {Value: 1.5 + float64(seq), Quality: measure.Measured, Source: "process.cpu", N: 40},
		},
		Doubts: []string{"steal"},
	}
}

// testAnswers adds answers in blocks, of which one that repeats a number leaves no trace.
func testAnswers(t *testing.T, s store.Store) {
	ctx := context.Background()
	if answers, err := s.Answers(ctx, "r"); err != nil || len(answers) != 0 {
		t.Errorf("answers of an unknown run: %v, %v; want none", answers, err)
	}
	put(t, s, SampleRun("r", time.Now()))
	one, two, three := SampleAnswer("r", 1), SampleAnswer("r", 2), SampleAnswer("r", 3)
	if err := s.AddAnswers(ctx, []store.Answer{three, one}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddAnswers(ctx, []store.Answer{two, one}); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("an answer twice: %v, want ErrDuplicate", err)
	}
	if got, err := s.Answers(ctx, "r"); err != nil || !reflect.DeepEqual(got, []store.Answer{one, three}) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, []store.Answer{one, three})
	}
	if err := s.AddAnswers(ctx, []store.Answer{SampleAnswer("nosuch", 1)}); err == nil {
		t.Error("an answer of no run was stored")
	}
}

func testEmpty(t *testing.T, s store.Store) {
	ctx := context.Background()
	if runs, err := s.Runs(ctx); err != nil || len(runs) != 0 {
		t.Errorf("Runs: %v, %v; want none", runs, err)
	}
	if counts, err := s.TrialCounts(ctx); err != nil || len(counts) != 0 {
		t.Errorf("TrialCounts: %v, %v; want none", counts, err)
	}
	if trials, err := s.Trials(ctx, "x"); err != nil || len(trials) != 0 {
		t.Errorf("Trials of an unknown run: %v, %v; want none", trials, err)
	}
	for _, id := range []string{"x", ""} {
		if _, err := s.Run(ctx, id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Run(%q): %v; want ErrNotFound", id, err)
		}
	}
	if _, err := s.Samples(ctx, "x", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Samples: %v; want ErrNotFound", err)
	}
}

func testRunRoundTrip(t *testing.T, s store.Store) {
	ctx := context.Background()
	want := SampleRun("r1", time.Now())
	put(t, s, want)
	if got, err := s.Run(ctx, "r1"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	trial, samples := SampleTrial("r1", 0)
	if err := s.AddTrial(ctx, trial, samples); err != nil {
		t.Fatal(err)
	}
	want.Status, want.Reason, want.Configs = store.StatusComplete, "", nil
	put(t, s, want)
	if got, err := s.Run(ctx, "r1"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("replaced: got %+v, %v\nwant %+v", got, err, want)
	}
	if trials, err := s.Trials(ctx, "r1"); err != nil || len(trials) != 1 {
		t.Errorf("after replacing the header: %d trials, %v; want 1", len(trials), err)
	}
	if err := s.PutRun(ctx, store.Run{}); err == nil {
		t.Error("a run without an id was stored")
	}
}

func testRunByPrefix(t *testing.T, s store.Store) {
	ctx := context.Background()
	for i, id := range []string{"ab", "abc", "b_d", "bxd"} {
		put(t, s, SampleRun(id, time.Unix(int64(i), 0)))
	}
	for prefix, want := range map[string]string{"ab": "ab", "abc": "abc", "bx": "bxd", "b_": "b_d"} {
		if got, err := s.Run(ctx, prefix); err != nil || got.ID != want {
			t.Errorf("Run(%q) = %q, %v; want %q", prefix, got.ID, err, want)
		}
	}
	if _, err := s.Run(ctx, "a"); err == nil || !strings.Contains(err.Error(), "abc") {
		t.Errorf("Run of an ambiguous prefix: %v; want an error that names the candidates", err)
	}
	for _, id := range []string{"%", "_", "c"} {
		if _, err := s.Run(ctx, id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Run(%q): %v; want ErrNotFound", id, err)
		}
	}
}

func testRunsNewestFirst(t *testing.T, s store.Store) {
	for id, sec := range map[string]int64{"old": 1, "new": 3, "middle": 2} {
		put(t, s, SampleRun(id, time.Unix(sec, 0)))
	}
	runs, err := s.Runs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, run := range runs {
		ids = append(ids, run.ID)
	}
	if got := strings.Join(ids, " "); got != "new middle old" {
		t.Errorf("order %q, want newest first", got)
	}
}

func testTrialRoundTrip(t *testing.T, s store.Store) {
	ctx := context.Background()
	put(t, s, SampleRun("r", time.Now()))
	trial, samples := SampleTrial("r", 7)
	if err := s.AddTrial(ctx, trial, samples); err != nil {
		t.Fatal(err)
	}
	trials, err := s.Trials(ctx, "r")
	if err != nil || len(trials) != 1 {
		t.Fatalf("%d trials, %v; want 1", len(trials), err)
	}
	sameTrial(t, trials[0], trial)
	got, err := s.Samples(ctx, "r", 7)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Series) != len(samples.Series) {
		t.Fatalf("%d series, want %d", len(got.Series), len(samples.Series))
	}
	for i, want := range samples.Series {
		have := got.Series[i]
		if have.Channel != want.Channel || fmt.Sprint(have.T, have.V) != fmt.Sprint(want.T, want.V) {
			t.Errorf("series %d: got %v, want %v", i, have, want)
		}
	}
	if _, err := s.Samples(ctx, "r", 8); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("samples of an unknown trial: %v; want ErrNotFound", err)
	}
}

func testTrialsInOrder(t *testing.T, s store.Store) {
	put(t, s, SampleRun("r", time.Now()))
	put(t, s, SampleRun("other", time.Now()))
	for _, seq := range []int{10, 2, 0, 9} {
		add(t, s, "r", seq)
	}
	add(t, s, "other", 1)
	if got := fmt.Sprint(seqs(t, s, "r")); got != "[0 2 9 10]" {
		t.Errorf("order %s, want that of the sequence numbers", got)
	}
	counts, err := s.TrialCounts(context.Background())
	if err != nil || !reflect.DeepEqual(counts, map[string]int{"r": 4, "other": 1}) {
		t.Errorf("TrialCounts: %v, %v", counts, err)
	}
}

func testTrialTwice(t *testing.T, s store.Store) {
	ctx := context.Background()
	put(t, s, SampleRun("r", time.Now()))
	add(t, s, "r", 0)
	first, samples := SampleTrial("r", 0)
	second := first
	second.X = 999
	if err := s.AddTrial(ctx, second, samples); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("adding a trial twice: %v; want ErrDuplicate", err)
	}
	trials, err := s.Trials(ctx, "r")
	if err != nil || len(trials) != 1 {
		t.Fatalf("%d trials, %v; want 1", len(trials), err)
	}
	sameTrial(t, trials[0], first)
}

func testTrialOfNoRun(t *testing.T, s store.Store) {
	trial, samples := SampleTrial("nobody", 0)
	if err := s.AddTrial(context.Background(), trial, samples); err == nil {
		t.Error("a trial of a run that does not exist was stored")
	}
}

func testSamplesOfAnotherTrial(t *testing.T, s store.Store) {
	put(t, s, SampleRun("r", time.Now()))
	trial, _ := SampleTrial("r", 0)
	_, samples := SampleTrial("r", 1)
	if err := s.AddTrial(context.Background(), trial, samples); err == nil {
		t.Error("a trial was stored with the samples of another")
	}
}

func testUnevenSamples(t *testing.T, s store.Store) {
	put(t, s, SampleRun("r", time.Now()))
	trial, samples := SampleTrial("r", 0)
	samples.Series[1].T = []int64{1, 2}
	if err := s.AddTrial(context.Background(), trial, samples); err == nil {
		t.Error("a series with two time stamps and no value was stored")
	}
	if got := seqs(t, s, "r"); len(got) != 0 {
		t.Errorf("the failed write left trials %v", got)
	}
}

func testEndedContext(t *testing.T, s store.Store) {
	put(t, s, SampleRun("r", time.Now()))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	trial, samples := SampleTrial("r", 0)
	if err := s.AddTrial(ctx, trial, samples); err == nil {
		t.Error("a write succeeded after its context had ended")
	}
	if got := seqs(t, s, "r"); len(got) != 0 {
		t.Errorf("the failed write left trials %v", got)
	}
}

func testReadersBesideWriter(t *testing.T, s store.Store) {
	const trials, readers = 20, 3
	ctx := context.Background()
	put(t, s, SampleRun("r", time.Now()))
	done := make(chan struct{})
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			last := 0
			for {
				list, err := s.Trials(ctx, "r")
				if err != nil || len(list) < last {
					t.Errorf("reader: %d trials after %d, %v", len(list), last, err)
					return
				}
				last = len(list)
				for _, trial := range list {
					if samples, err := s.Samples(ctx, "r", trial.Seq); err != nil || len(samples.Series) == 0 {
						t.Errorf("reader: trial %d without its samples: %v", trial.Seq, err)
						return
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for seq := range trials {
		add(t, s, "r", seq)
	}
	close(done)
	group.Wait()
}

func put(t *testing.T, s store.Store, run store.Run) {
	t.Helper()
	if err := s.PutRun(context.Background(), run); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, s store.Store, run string, seq int) {
	t.Helper()
	trial, samples := SampleTrial(run, seq)
	if err := s.AddTrial(context.Background(), trial, samples); err != nil {
		t.Fatal(err)
	}
}

func seqs(t *testing.T, s store.Store, run string) []int {
	t.Helper()
	trials, err := s.Trials(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, trial := range trials {
		out = append(out, trial.Seq)
	}
	return out
}

// sameTrial compares by JSON, in which absent figures are equal although NaN is not.
func sameTrial(t *testing.T, got, want store.Trial) {
	t.Helper()
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(want)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("got %s, %v\nwant %s, %v", a, errA, b, errB)
	}
}
