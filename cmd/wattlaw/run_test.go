package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/report"
	"github.com/wattlaw/wattlaw/internal/store"
)

// TestMain lets the test binary be the model server that the run command starts, and the
// run command itself where a test has to kill it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "run") {
		cmd := newServeCmd()
		if os.Args[1] == "run" {
			cmd = newRunCmd()
		}
		cmd.SetArgs(os.Args[2:])
		cmd.SilenceUsage = true
		if err := cmd.ExecuteContext(context.Background()); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// tinyRun measures a model of a few kilobytes within some seconds.
func tinyRun(dir string, more ...string) []string {
	return append([]string{
		"--model", "shape:tiny@q8_0", "--tokens", "8,16,32", "--output-tokens", "2", "--repeats", "2", "--min-window", "0.3",
		"--baseline-seconds", "0", "--warm-up-max", "1", "--cool-down-timeout", "0.3",
		"--store", filepath.Join(dir, "s.db"), "--out", filepath.Join(dir, "out"),
	}, more...)
}

func execute(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := newRunCmd()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err = cmd.ExecuteContext(context.Background())
	return out.String(), errs.String(), err
}

// TestRunCommand kills a run of the real engine and sampler after its first trial, is
// pointed to it by a second run of the same plan, and resumes it to its end and report.
func TestRunCommand(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0], append([]string{"run"}, tinyRun(dir)...)...)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(text.String(), "trial 1 of 6") {
		n, err := out.Read(buffer)
		text.Write(buffer[:n])
		if err != nil {
			t.Fatalf("the run ended early, after\n%s", text.String())
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait() // its failure is the kill

	ctx := context.Background()
	s, err := openStore(ctx, filepath.Join(dir, "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	runs, err := s.Runs(ctx)
	if err != nil || len(runs) != 1 || runs[0].Status != store.StatusRunning {
		t.Fatalf("after the kill: runs %+v, %v; want one that is running", runs, err)
	}
	stdout, _, err := execute(t, "--store", filepath.Join(dir, "s.db"), "--resume", runs[0].ID, "--out", filepath.Join(dir, "out"))
	if err != nil {
		t.Fatalf("resume: %v\n%s", err, stdout)
	}
	if !strings.Contains(stdout, "trial 6 of 6") || strings.Contains(stdout, "trial 1 of 6") || !strings.Contains(stdout, "report.html") {
		t.Errorf("the resumed run says\n%s", stdout)
	}
	trials, err := s.Trials(ctx, runs[0].ID)
	if err != nil || len(trials) != 6 {
		t.Fatalf("%d trials, %v; want 6", len(trials), err)
	}
	for i, trial := range trials {
		cpu := trial.Figures[store.MetricCPUCoreSeconds]
		if trial.Seq != i || trial.TokensIn != trial.X || trial.TokensOut != 2 || !cpu.OK() || cpu.Quality != measure.Measured || cpu.Value <= 0 {
			t.Errorf("trial %d: %d tokens in, %d out, CPU time %+v", trial.Seq, trial.TokensIn, trial.TokensOut, cpu)
		}
	}
	checkResultFile(t, filepath.Join(dir, "out"), runs[0].ID)
}

// TestRunImages shows images to the real engine, started anew for every trial.
func TestRunImages(t *testing.T) {
	dir := t.TempDir()
	stdout, _, err := execute(t, "--model", "shape:tiny-qwen2vl@q8_0", "--resolutions", "32x32,64x48,128x128", "--clamp", "tokens:16", "--reload",
		"--output-tokens", "2", "--repeats", "1", "--baseline-seconds", "0", "--warm-up-max", "1", "--cool-down-timeout", "0.3",
		"--store", filepath.Join(dir, "s.db"), "--out", filepath.Join(dir, "out"))
	if err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	file, err := os.Open(filepath.Join(dir, "out", "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	result, err := report.ReadJSON(file)
	if err != nil || len(result.Trials) != 3 || result.Sweep != report.SweepPixels {
		t.Fatalf("%v: %d trials of a sweep of %s", err, len(result.Trials), result.Sweep)
	}
	vision := result.Configs[0].Vision
	if vision == nil || vision.Clamp.MaxTokens != 16 || result.Configs[0].Clamp != "tokens:16" {
		t.Fatalf("configuration %+v", result.Configs[0])
	}
	for _, trial := range result.Trials {
		layout, err := vision.Layout(imaging.Size{Width: trial.Image.Width, Height: trial.Image.Height})
		if err != nil || *trial.Image.EffectivePixels != layout.Pixels || trial.TokensIn != 32+*trial.Image.Sequence {
			t.Errorf("image %+v with %d tokens in; the contract says %+v, %v", trial.Image, trial.TokensIn, layout, err)
		}
		var phases []string
		for _, p := range trial.Phases {
			phases = append(phases, p.Name)
		}
		cpu, rest := trial.CPUCoreS, trial.WithoutLoad[store.MetricCPUCoreSeconds]
		if fmt.Sprint(phases) != "[load encode prefill decode]" || len(trial.Doubts) != 0 && cpu == nil {
			t.Errorf("phases %v, doubts %v", phases, trial.Doubts)
		}
		if cpu == nil || rest <= 0 || rest >= *cpu {
			t.Errorf("CPU time %v, without load %v (%v)", cpu, rest, trial.Absent)
		}
	}
}

func checkResultFile(t *testing.T, dir, run string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var result report.Result
	if err := json.Unmarshal(data, &result); err != nil {
		t.Fatal(err)
	}
	if result.Run.ID != run || len(result.Trials) != 6 || len(result.Configs) != 1 || len(result.Configs[0].Laws) == 0 {
		t.Errorf("result.json: run %q, %d trials, %d configurations", result.Run.ID, len(result.Trials), len(result.Configs))
	}
	for _, name := range []string{"report.html", "trials.csv"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty: %v", name, err)
		}
	}
}

func TestRunMentionsUnfinishedRun(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	s, err := openStore(ctx, filepath.Join(dir, "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	plan := bench.DefaultPlan()
	encoded, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutRun(ctx, store.Run{ID: "old", Plan: encoded, Planned: 25}); err != nil {
		t.Fatal(err)
	}
	f := runFlags{plan: plan}
	for trials, want := range []string{"", "1 of 25 trials; to go on with it instead of beginning anew: wattlaw run --resume old"} {
		if trials > 0 {
			if err := s.AddTrial(ctx, store.Trial{Run: "old"}, store.Samples{Run: "old"}); err != nil {
				t.Fatal(err)
			}
		}
		var hints bytes.Buffer
		if err := f.mention(ctx, s, &hints); err != nil || !strings.Contains(hints.String(), want) || (want == "") != (hints.Len() == 0) {
			t.Errorf("with %d trials: %q, %v; want %q", trials, hints.String(), err, want)
		}
	}
}

func TestPrintPlan(t *testing.T) {
	stdout, _, err := execute(t, "--print-plan", "--tokens", "32,64", "--seed", "7")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := bench.ParseTOML([]byte(stdout))
	if err != nil || fmt.Sprint(plan.Tokens) != "[32 64]" || plan.Seed != 7 || plan.Repeats != bench.DefaultPlan().Repeats {
		t.Errorf("printed plan reads as %+v, %v", plan, err)
	}
}

func TestPrintNamedPlan(t *testing.T) {
	stdout, _, err := execute(t, "--print-plan", "--plan", "vlm", "--clamp", "tokens:32,longest-side:300", "--repeats", "2")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := bench.ParseTOML([]byte(stdout))
	if err != nil || fmt.Sprint(plan.Clamp) != "[tokens:32 longest-side:300]" || plan.Repeats != 2 || !plan.Images() {
		t.Errorf("printed plan reads as %+v, %v", plan, err)
	}
	stdout, _, err = execute(t, "--print-plan", "--resolutions", "auto", "--reload")
	if plan, parseErr := bench.ParseTOML([]byte(stdout)); err != nil || parseErr != nil || fmt.Sprint(plan.Tokens) != "[32]" || !plan.Reload {
		t.Errorf("%v, %v: printed\n%s", err, parseErr, stdout)
	}
}

func TestRefusedRunCommands(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "plan.toml")
	if err := os.WriteFile(file, []byte("repeats = 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	storeArg := []string{"--store", filepath.Join(dir, "s.db")}
	cases := map[string]struct {
		args []string
		say  string
	}{
		"invalid plan":     {[]string{file}, "repeats"},
		"invalid printed":  {[]string{file, "--print-plan"}, "repeats"},
		"unknown backend":  {[]string{"--backend", "cloud"}, `"cloud"`},
		"no such plan":     {[]string{filepath.Join(dir, "none.toml")}, "none.toml"},
		"resume and plan":  {[]string{file, "--resume", "x"}, "leave the plan file out"},
		"resume and flag":  {[]string{"--resume", "x", "--repeats", "9"}, "leave --repeats out"},
		"resume nothing":   {[]string{"--resume", "x"}, "not found"},
		"unknown plan":     {[]string{"--plan", "vllm"}, "default, complexity, accuracy, vlm"},
		"two plans":        {[]string{file, "--plan", "vlm"}, "leave one out"},
		"two lengths":      {[]string{"--resolutions", "8x8", "--tokens", "8,9"}, "one prompt length"},
		"no encoder":       {[]string{"--model", "m.gguf", "--resolutions", "8x8", "--mmproj", "none.gguf"}, "none.gguf"},
		"bad clamp":        {[]string{"--resolutions", "8x8", "--clamp", "pixel:9"}, "pixels:501760"},
		"unknown model":    {[]string{"--model", "shape:nothing@q8_0", "--baseline-seconds", "0"}, "nothing"},
		"unknown kernel":   {[]string{"--model", "shape:tiny@q8_0", "--kernel", "abacus", "--baseline-seconds", "0"}, "abacus"},
		"model of no file": {[]string{"--model", filepath.Join(dir, "none.gguf"), "--baseline-seconds", "0"}, "none.gguf"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := execute(t, append(c.args, storeArg...)...)
			if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("error %v does not say %q", err, c.say)
			}
		})
	}
}
