package bench

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// imagePlan is quick and lies across the knee of fakeVision.
func imagePlan() Plan {
	p := quickPlan()
	p.Tokens, p.OutputTokens, p.Repeats, p.MinWindow = []int{8}, 2, 2, 0
	p.Resolutions = []string{"56x56", "112x112", "168x168"}
	return p
}

// newImageBed is a bed whose models see.
func newImageBed(t *testing.T) *bed {
	b := newBed(t)
	b.backend.vision = fakeVision()
	return b
}

// TestKneeOfImages runs two clamps on a machine whose cost follows the effective pixels, and
// finds each knee where the contract puts it.
func TestKneeOfImages(t *testing.T) {
	t.Parallel()
	b := newImageBed(t)
	b.machine.exact, b.machine.jitter = true, 0.02
	plan := imagePlan()
	plan.Clamp = []string{"model", "pixels:28224"}
	plan.Resolutions = nil
	for _, side := range []int{28, 56, 84, 112, 126, 140, 154, 168, 196, 224, 280} {
		plan.Resolutions = append(plan.Resolutions, fmt.Sprintf("%dx%d", side, side))
	}
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	trials := b.checkComplete(t, run.ID, plan)
	for i, want := range []float64{112 * 112, 168 * 168} {
		c := run.Configs[i]
		if c.Vision == nil || c.ID != []string{"fake/m", "fake/m#pixels:28224"}[i] || c.Clamp != []string{"", "pixels:28224"}[i] {
			t.Fatalf("configuration %+v", c)
		}
		predicted, ok := c.Vision.Knee(imaging.Size{Width: 1, Height: 1})
		if !ok || predicted != want {
			t.Fatalf("%s: predicted knee %v, want %v", c.ID, predicted, want)
		}
		var points []law.Point
		for _, trial := range trials {
			if f := trial.Figures[store.MetricCPUCoreSeconds]; trial.Config == c.ID && f.OK() {
				points = append(points, law.Point{X: float64(trial.X), Y: f.Value, Weight: 1})
			}
		}
		knee, err := law.FitKnee(points, law.KneeOptions{Options: law.Options{Seed: 1, Resamples: 200}, Predicted: predicted})
		if err != nil {
			t.Fatal(err)
		}
		// Rounding to whole tokens moves a knee by up to half a token's side.
		if !knee.Found || math.Abs(knee.At.Value-want) > 0.2*want {
			t.Errorf("%s: knee at %v of %d trials, found: %v; want %v", c.ID, knee.At, len(points), knee.Found, want)
		}
	}
}

func TestImageTrials(t *testing.T) {
	t.Parallel()
	b := newImageBed(t)
	plan := imagePlan()
	plan.Clamp = []string{"model", "tokens:4"}
	plan.Model = []string{"m", "n"}
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]map[string]bool{}
	for _, trial := range b.checkComplete(t, run.ID, plan) {
		size := trial.Image.Layout.Nominal
		if trial.X != size.Pixels() || len(trial.Doubts) != 0 {
			t.Errorf("trial %d: x is %d at %s, doubts %v", trial.Seq, trial.X, size, trial.Doubts)
		}
		most := 16
		if strings.HasSuffix(trial.Config, "#tokens:4") {
			most = 4
		}
		tokens := min(size.Pixels()/784, most)
		if l := trial.Image.Layout; l.Tokens != tokens || trial.Image.Sequence != tokens+2 || trial.TokensIn != 8+tokens+2 {
			t.Errorf("trial %d: %s became %+v, %d tokens in; want %d image tokens", trial.Seq, size, trial.Image, trial.TokensIn, tokens)
		}
		encode := trial.PhaseFigures[measure.PhaseEncode][store.MetricWallSeconds]
		if want := float64(trial.Image.Layout.Pixels) * fakePerPixel.Seconds(); !encode.OK() || encode.Value < want || encode.Value > want+0.05 {
			t.Errorf("trial %d: encoding took %v, want %v s", trial.Seq, encode, want)
		}
		if trial.Phases[0].Name != measure.PhaseEncode || len(trial.Phases) != 3 {
			t.Errorf("trial %d: phases %v", trial.Seq, trial.Phases)
		}
		at := fmt.Sprint(trial.X, trial.Repeat, trial.Image.Kind)
		if images[at] == nil {
			images[at] = map[string]bool{}
		}
		images[at][trial.PromptHash] = true
	}
	if len(images) != 6 {
		t.Errorf("%d different images, want one for each size and repeat", len(images))
	}
	for at, hashes := range images {
		if len(hashes) != 1 {
			t.Errorf("%s: %d different prompts and images over the configurations, want the same", at, len(hashes))
		}
	}
	for _, n := range b.backend.images {
		if n > 4 {
			t.Errorf("an image was sent %d times, want once per configuration", n)
		}
	}
}

func TestImageDoubts(t *testing.T) {
	t.Parallel()
	b := newImageBed(t)
	b.backend.misread = true
	plan := imagePlan()
	plan.Repeats, plan.Resolutions = 1, []string{"56x56"}
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range b.trials(t, run.ID) {
		if !mentions(trial.Doubts, "56x56 and 5 tokens of an image of 56x56; its contract says 56x56 and 4") {
			t.Errorf("doubts %v", trial.Doubts)
		}
	}
}

// A run with "auto" that is stopped goes on with the sizes that it came to.
func TestAutoResolutionsResume(t *testing.T) {
	t.Parallel()
	b := newImageBed(t)
	plan := imagePlan()
	plan.Resolutions, plan.Repeats = []string{"auto"}, 1
	plan.Clamp = []string{"model", "tokens:32"}
	ctx, cancel := context.WithCancel(context.Background())
	collect := b.deps.Progress
	b.deps.Progress = func(e Event) {
		if s, ok := e.(TrialStarted); ok && s.Index == 3 {
			cancel()
		}
		collect(e)
	}
	run, err := Run(ctx, plan, b.deps)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	recorded, err := ParseJSON(run.Plan)
	if err != nil || len(recorded.Resolved) < 5 || run.Planned != recorded.Trials() || recorded.Key() != plan.Key() {
		t.Fatalf("recorded plan %+v, %d trials planned, %v", recorded, run.Planned, err)
	}
	if found, n, ok, err := Unfinished(context.Background(), b.store, plan); err != nil || !ok || n != 3 || found.ID != run.ID {
		t.Errorf("the run is not found again: %v, %d trials, %v", ok, n, err)
	}
	b.backend.vision.Clamp.MaxTokens = 8 // another version of the model must not change the sizes
	if _, err := Resume(context.Background(), run.ID, b.deps); err != nil {
		t.Fatal(err)
	}
	b.checkComplete(t, run.ID, recorded)
	again, err := b.store.Run(context.Background(), run.ID)
	if err != nil || string(again.Plan) != string(run.Plan) {
		t.Errorf("the plan became %s, %v", again.Plan, err)
	}
}

func TestContextGrowsWithImages(t *testing.T) {
	t.Parallel()
	b := newImageBed(t)
	b.backend.context = 20
	plan := imagePlan()
	plan.Repeats = 1
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	b.checkComplete(t, run.ID, plan)
	if w := b.backend.wanted; len(w) != 2 || w[0] != 0 || w[1] < 16+2+8+2 {
		t.Errorf("servers were started with contexts of %v; want the second to hold the image", w)
	}
}

func TestRefusedImageRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("no image"), 0o600); err != nil {
		t.Fatal(err)
	}
	huge := t.TempDir()
	if file, err := os.Create(filepath.Join(huge, "film.mkv")); err != nil || errors.Join(file.Truncate(1<<40), file.Close()) != nil {
		t.Skip("this file system has no sparse files")
	}
	cases := map[string]struct {
		change func(*bed, *Plan)
		say    []string
	}{
		"huge file":     {func(_ *bed, p *Plan) { p.ImageDir = huge }, []string{"image_dir", "film.mkv", "MiB"}},
		"text model":    {func(b *bed, _ *Plan) { b.backend.vision = nil }, []string{"m takes no images", "mmproj"}},
		"no such file":  {func(_ *bed, p *Plan) { p.MMProj = filepath.Join(dir, "none.gguf") }, []string{"mmproj", "none.gguf"}},
		"a folder":      {func(_ *bed, p *Plan) { p.MMProj = dir }, []string{"mmproj", "no file"}},
		"no folder":     {func(_ *bed, p *Plan) { p.ImageDir = filepath.Join(dir, "none") }, []string{"image_dir", "none"}},
		"empty folder":  {func(_ *bed, p *Plan) { p.ImageDir = t.TempDir() }, []string{"image_dir", "no images"}},
		"no image":      {func(_ *bed, p *Plan) { p.ImageDir = dir }, []string{"image_dir", "notes.txt", "take it out"}},
		"small context": {func(b *bed, p *Plan) { b.backend.context, p.Context = 20, 20 }, []string{"resolutions", "context", "m has 20"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newImageBed(t)
			plan := imagePlan()
			c.change(b, &plan)
			_, err := Run(context.Background(), plan, b.deps)
			for _, want := range c.say {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not say %q", err, want)
				}
			}
			if len(b.machine.resting) != 0 {
				t.Errorf("%d servers still run", len(b.machine.resting))
			}
		})
	}
}

func TestImagesOfFolder(t *testing.T) {
	t.Parallel()
	b := newImageBed(t)
	dir := t.TempDir()
	for name, size := range map[string][2]int{"a.png": {300, 200}, "b.png": {10, 40}} {
		m := image.NewGray(image.Rect(0, 0, size[0], size[1]))
		for i := range m.Pix {
			m.Pix[i] = uint8(i * 7)
		}
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(png.Encode(file, m), file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	plan := imagePlan()
	plan.ImageDir, plan.Resolutions = dir, []string{"56x56", "90x40"}
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	kinds, hashes := map[string]int{}, map[string]bool{}
	for _, trial := range b.checkComplete(t, run.ID, plan) {
		kinds[fmt.Sprint(trial.X, trial.Image.Kind)]++
		hashes[trial.PromptHash] = true
	}
	if len(kinds) != 4 || len(hashes) != 4 {
		t.Errorf("files by size %v, %d different images; want each file once at each size", kinds, len(hashes))
	}
}

func TestCuttingKeepsTheAspect(t *testing.T) {
	picture := imaging.NewRGB(imaging.Size{Width: 400, Height: 300})
	for seed := range uint64(50) {
		for _, to := range []imaging.Size{{Width: 1000, Height: 500}, {Width: 3, Height: 70}, {Width: 1, Height: 5000}} {
			got := cutting(picture, to, seed).Size()
			want := float64(to.Width) / float64(to.Height)
			scale := float64(got.Height)
			if got.Width < 1 || got.Height < 1 || math.Abs(float64(got.Width)-want*scale) > 1+want {
				t.Fatalf("%s was cut for %s", got, to)
			}
		}
	}
}

// TestReload starts the server anew for each trial and tells loading from the rest.
func TestReload(t *testing.T) {
	t.Parallel()
	b := newImageBed(t)
	b.backend.loading = 100e6
	plan := imagePlan()
	plan.Reload, plan.Baseline.Seconds, plan.MinWindow = true, 2, 5
	plan.Resolutions = []string{"56x56", "168x168"}
	plan.Clamp = []string{"model", "tokens:4"}
	failed := false
	b.backend.fail = func(request int) error {
		if request == 4 && !failed {
			failed = true
			return errors.New("connection reset")
		}
		return nil
	}
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	if want := plan.Trials() + 2 + 1; b.backend.starts != want || len(b.machine.resting) != 0 {
		t.Errorf("%d starts, want %d: one per trial, one per configuration before, one again; %d servers run", b.backend.starts, want, len(b.machine.resting))
	}
	retried := 0
	for _, trial := range b.checkComplete(t, run.ID, plan) {
		checkReload(t, trial)
		if mentions(trial.Doubts, "connection reset") {
			retried++
		}
	}
	if retried != 1 {
		t.Errorf("%d trials say that they were tried again, want one", retried)
	}
	if len(run.Channels) != 7 || len(run.Configs[1].Closing) == 0 || len(run.Configs[1].Baselines) == 0 {
		t.Errorf("%d channels, configuration %+v", len(run.Channels), run.Configs[1])
	}
	for _, level := range run.Configs[0].Baselines {
		if level.Channel == "system.memory" && math.Abs(level.Level-fakeIdleMemory) > 1 {
			t.Errorf("the idle memory is %v, want that without a model", level.Level)
		}
	}
}

func checkReload(t *testing.T, trial store.Trial) {
	t.Helper()
	if trial.Requests != 1 || len(trial.Phases) != 4 || trial.Phases[0].Name != measure.PhaseLoad {
		t.Fatalf("trial %d: %d requests, phases %v", trial.Seq, trial.Requests, trial.Phases)
	}
	var answer float64 // busy seconds
	for _, p := range trial.Phases[1:] {
		answer += p.Window().Seconds()
	}
	near := func(what string, f store.Figure, want float64) {
		if starved(f) {
			return
		}
		if !f.OK() || math.Abs(f.Value-want) > 0.05*want+f.Uncertainty {
			t.Errorf("trial %d: %s is %v (%s), want %v", trial.Seq, what, f.Value, f.Reason, want)
		}
	}
	load := trial.PhaseFigures[measure.PhaseLoad][store.MetricCPUCoreSeconds]
	if !load.OK() || load.Value < fakeBusyCores*0.1 {
		t.Errorf("trial %d: loading took %v core-seconds (%s)", trial.Seq, load.Value, load.Reason)
	}
	near("the load's CPU time", load, load.Value)
	near("CPU time", trial.Figures[store.MetricCPUCoreSeconds], load.Value+fakeBusyCores*answer)
	near("CPU time without load", trial.WithoutLoad[store.MetricCPUCoreSeconds], fakeBusyCores*answer)
	near("CPU above idle", trial.Figures[store.MetricCPUAUCCore], load.Value+fakeBusyCores*answer)
	wall := float64(trial.End-trial.Start) / 1e9
	near("wall", trial.Figures[store.MetricWallSeconds], wall)
	near("wall without load", trial.WithoutLoad[store.MetricWallSeconds], wall-trial.Phases[0].Window().Seconds())
}

// A run that reloads sweeps prompt lengths too.
func TestReloadOfText(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	plan := quickPlan()
	plan.Reload, plan.Repeats = true, 1
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range b.checkComplete(t, run.ID, plan) {
		if trial.Image != nil || trial.TokensIn != trial.X || trial.Phases[0].Name != measure.PhaseLoad {
			t.Errorf("trial %+v", trial)
		}
	}
}

func TestETAOfImages(t *testing.T) {
	r := &runner{plan: imagePlan(), done: map[int]bool{}, configs: []*config{{}}}
	r.items = []workload.Item{{Seq: 0, Config: "a", X: 100}, {Seq: 1, Config: "b", X: 300}}
	r.eta.request("a", 200, 2)
	r.eta.request("a", 400, 2)
	r.eta.overhead(0)
	// Configuration a: half of the smallest known. b has no request yet: like the others.
	if got := r.remaining().Seconds(); got != 1+2 {
		t.Errorf("%v s, want 3 s", got)
	}
	r.eta.request("b", 400, 6)
	if got := r.remaining().Seconds(); got != 1+4.5 && got != 1+5 { // rounded to seconds
		t.Errorf("%v s, want 5.5 s", got)
	}
}
