package train

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var quick = Plan{Recipe: "test", Batch: 2, Rate: Schedule{Peak: 0.01, Floor: 0.001, WarmUp: 2, Steps: 6}, Decay: 0.1, Clip: 1}

// stream is an endless training set of random sequences.
func stream(i uint64) (Sequence, error) {
	rng := rand.New(rand.NewPCG(1, i))
	s := Sequence{Tokens: make([]int32, 3+rng.IntN(20))}
	for k := range s.Tokens {
		s.Tokens[k] = int32(rng.IntN(19))
	}
	return s, nil
}

func trainer(t testing.TB, seed uint64, threads int, plan Plan, data Data) *Trainer {
	t.Helper()
	m, err := NewRandom(small("llama"), true, seed, Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTrainer(m, plan, data)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func steps(t testing.TB, tr *Trainer, n int) (last Progress) {
	t.Helper()
	for range n {
		var err error
		if last, err = tr.Step(background); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// sameState fails unless two trainings have the same bits.
func sameState(t *testing.T, what string, got, want *Trainer) {
	t.Helper()
	for i, list := range want.state() {
		for k, v := range list {
			if math.Float32bits(got.state()[i][k]) != math.Float32bits(v) {
				t.Fatalf("%s: value %d of list %d is %v, want %v", what, k, i, got.state()[i][k], v)
			}
		}
	}
	if got.step != want.step || got.position != want.position {
		t.Fatalf("%s: step %d at %d, want %d at %d", what, got.step, got.position, want.step, want.position)
	}
}

// TestResume: three steps, a checkpoint, and three more in another process's place are six, on
// any number of threads.
func TestResume(t *testing.T) {
	whole := trainer(t, 1, 1, quick, stream)
	steps(t, whole, 6)
	if !whole.Done() || whole.Position() != 12 {
		t.Fatalf("after all steps: done %v, position %d", whole.Done(), whole.Position())
	}
	path := filepath.Join(t.TempDir(), "training.checkpoint")
	first := trainer(t, 1, 2, quick, stream)
	steps(t, first, 3)
	if err := first.Save(path); err != nil {
		t.Fatal(err)
	}
	second := trainer(t, 99, 3, quick, stream) // another start, which the checkpoint replaces
	if err := second.Resume(path); err != nil {
		t.Fatal(err)
	}
	sameState(t, "resumed", second, first)
	if p := steps(t, second, 3); p.Step != 6 {
		t.Fatalf("the last step is %d", p.Step)
	}
	sameState(t, "resumed and finished", second, whole)
	if err := second.Save(path); err != nil { // in place of the older
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Fatalf("%d files beside the checkpoint, %v", len(entries)-1, err)
	}
}

// TestResumeRefuses: whatever does not fit is an error, and leaves the training as it was.
func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	tr := trainer(t, 1, 1, quick, stream)
	steps(t, tr, 1)
	if err := tr.Save(good); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	refuses := func(what, text string, tr *Trainer, data []byte) {
		t.Helper()
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		before := tr.model.params[0].Value[0]
		err := tr.Resume(path)
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q and the path", what, err, text)
		}
		if tr.step != 0 || tr.model.params[0].Value[0] != before {
			t.Errorf("%s: the training has changed", what)
		}
	}
	fresh := func() *Trainer { return trainer(t, 2, 1, quick, stream) }
	for _, n := range []int{0, 5, 11, 30, len(data) / 2, len(data) - 1} {
		refuses(fmt.Sprintf("%d bytes", n), "", fresh(), data[:n])
	}
	refuses("more bytes", "cut or was continued", fresh(), append(bytes.Clone(data), 0))
	for _, at := range []int{len(data) - 40, len(data) - 1, len(data) - 2000} {
		flipped := bytes.Clone(data)
		flipped[at] ^= 1
		refuses(fmt.Sprintf("bit flipped at %d", at), "damaged", fresh(), flipped)
	}
	huge := bytes.Clone(data)
	copy(huge[len(magic):], "\xff\xff\xff\xff")
	refuses("huge head", "its head claims", fresh(), huge)

	other := quick
	other.Recipe = "another"
	refuses("recipe", `recipe "test"`, trainer(t, 1, 1, other, stream), data)
	other = quick
	other.Batch = 3
	refuses("plan", "another plan", trainer(t, 1, 1, other, stream), data)
	m, err := NewRandom(small("llama"), false, 1, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	untied, err := NewTrainer(m, quick, stream)
	if err != nil {
		t.Fatal(err)
	}
	refuses("shape", "another shape", untied, data)
	if err := fresh().Save(filepath.Join(dir, "missing", "x")); err == nil {
		t.Error("a checkpoint was saved into a folder that does not exist")
	}
}

// TestResumeByTime: the time that steps took is not lost with a process, and ends the training.
func TestResumeByTime(t *testing.T) {
	plan := quick
	plan.Rate = Schedule{Peak: 0.01, Time: time.Hour}
	first, second := trainer(t, 1, 1, plan, stream), trainer(t, 2, 1, plan, stream)
	steps(t, first, 2)
	path := filepath.Join(t.TempDir(), "training.checkpoint")
	first.spent += 40 * time.Minute
	if err := first.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := second.Resume(path); err != nil {
		t.Fatal(err)
	}
	if second.Spent() != first.spent || first.spent <= 40*time.Minute || !second.Done() { // a third step would take 20 minutes
		t.Errorf("%v spent, %v before; done: %v", second.Spent(), first.spent, second.Done())
	}
}

// TestRound: a step computes with rounded values and improves those that were not.
func TestRound(t *testing.T) {
	rounding := quick
	rounding.Round = func(p *Param) ([]float32, error) {
		half := make([]float32, len(p.Value))
		for i, v := range p.Value {
			half[i] = v / 2
		}
		return half, nil
	}
	tr, halved := trainer(t, 1, 1, rounding, stream), trainer(t, 1, 1, quick, stream)
	before := slices.Clone(tr.model.params[1].Value) // all of it 1
	for _, p := range halved.model.params {
		copy(p.Value, must(rounding.Round(p)))
	}
	got, want := steps(t, tr, 1), steps(t, halved, 1)
	if got.Loss != want.Loss || got.Norm != want.Norm {
		t.Errorf("loss %v and gradient %v, want those at the rounded values, %v and %v", got.Loss, got.Norm, want.Loss, want.Norm)
	}
	for i, v := range tr.model.params[1].Value {
		if move := halved.model.params[1].Value[i] - before[i]/2; math.Abs(float64(v-before[i]-move)) > 1e-6 {
			t.Fatalf("value %d moved by %v, want %v", i, v-before[i], move)
		}
	}
	tr.plan.Round = func(*Param) ([]float32, error) { return nil, os.ErrInvalid }
	if _, err := tr.Step(background); err == nil || !strings.Contains(err.Error(), "round token_embd.weight") || tr.model.params[0].Value == nil {
		t.Errorf("error %v, want one that names the parameter", err)
	}
}

func must(x []float32, err error) []float32 {
	if err != nil {
		panic(err)
	}
	return x
}

// TestOverfits: one sequence is known by heart after some steps, and the learned half of another.
func TestOverfits(t *testing.T) {
	plan := Plan{Recipe: "overfit", Batch: 2, Rate: Schedule{Peak: 0.02, WarmUp: 5, Steps: 80}, Clip: 1}
	masked := Sequence{Tokens: []int32{2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4}, Weights: make([]float32, 11)}
	for i := 5; i < 11; i++ {
		masked.Weights[i] = 1
	}
	tr := trainer(t, 5, 2, plan, func(i uint64) (Sequence, error) {
		if i%2 == 0 {
			return Sequence{Tokens: []int32{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}}, nil
		}
		return masked, nil
	})
	start := steps(t, tr, 1)
	if want := math.Log(19); math.Abs(start.Loss-want) > 0.3 || start.Tokens != 16 {
		t.Errorf("at the start a loss of %v over %d tokens, want about %v over 16", start.Loss, start.Tokens, want)
	}
	end := steps(t, tr, 79)
	if !(end.Loss < 0.05) {
		t.Errorf("loss %v after %d steps, want less than 0.05", end.Loss, end.Step)
	}
	t.Logf("loss %.3f → %.5f", start.Loss, end.Loss)
}

// TestUpdate holds AdamW against its formula in float64 on known gradients.
func TestUpdate(t *testing.T) {
	plan, err := Plan{Batch: 1, Rate: Schedule{Peak: 0.1, Floor: 0.01, Steps: 10}, Decay: 0.5}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	m := lively(t, small("llama"), true, Options{Threads: 2})
	matrix, vector := m.params[0], m.params[1]
	w, v := float64(matrix.Value[3]), float64(vector.Value[3])
	a := newAdam(m.params)
	m.clearGradients()
	var first, second float64
	for step := 1; step <= 5; step++ {
		g := 0.3 * float64(step%3-1)
		matrix.Grad[3], vector.Grad[3] = float32(2*g), float32(2*g)
		m.update(a, plan, step, plan.Rate.Rate(step-1), 0.5)
		first, second = 0.9*first+0.1*g, 0.95*second+0.05*g*g
		lr := plan.Rate.Rate(step - 1)
		move := first / (1 - math.Pow(0.9, float64(step))) / (math.Sqrt(second/(1-math.Pow(0.95, float64(step)))) + 1e-8)
		w, v = w-lr*(move+0.5*w), v-lr*move
	}
	if math.Abs(w-float64(matrix.Value[3])) > 1e-6 || math.Abs(v-float64(vector.Value[3])) > 1e-6 {
		t.Errorf("updated to %v and %v, want %v and %v", matrix.Value[3], vector.Value[3], w, v)
	}
}

func TestClip(t *testing.T) {
	free, clipped := quick, quick
	free.Clip, clipped.Clip = 0, 1e-3
	a, b := trainer(t, 1, 1, free, stream), trainer(t, 1, 1, clipped, stream)
	pa, pb := steps(t, a, 1), steps(t, b, 1)
	if pa.Norm != pb.Norm || !(pa.Norm > 1e-3) {
		t.Fatalf("norms %v and %v before clipping", pa.Norm, pb.Norm)
	}
	var squares float64
	for _, list := range b.moments.first {
		for _, v := range list {
			squares += float64(v) * float64(v) / 0.01 // (1−β₁)²
		}
	}
	if got := math.Sqrt(squares); math.Abs(got-1e-3) > 1e-6 {
		t.Errorf("the clipped gradient is %v long, want 1e-3", got)
	}
}

func TestSchedule(t *testing.T) {
	s := Schedule{Peak: 1, Floor: 0.1, WarmUp: 4, Steps: 14}
	for step, want := range map[int]float64{0: 0.25, 3: 1, 4: 1, 9: 0.55, 14: 0.1, 100: 0.1} {
		if got := s.Rate(step); math.Abs(got-want) > 1e-12 {
			t.Errorf("rate of step %d is %v, want %v", step, got, want)
		}
	}
	timed := Schedule{Peak: 1, Floor: 0.1, WarmUp: 4, Time: time.Minute}
	for _, c := range []struct {
		step   int
		spent  time.Duration
		want   float64
		isDone bool
	}{{0, 0, 0.25, false}, {3, 50 * time.Second, 1, true}, {4, 0, 1, false}, {9, 30 * time.Second, 0.55, false}, {99, 60 * time.Second, 0.1, true}, {9, time.Hour, 0.1, true}} {
		if got, done := timed.after(c.step, c.spent), timed.done(c.step, c.spent); math.Abs(got-c.want) > 1e-12 || done != c.isDone {
			t.Errorf("rate of step %d after %v is %v, want %v; done: %v", c.step, c.spent, got, c.want, done)
		}
	}
	for i, s := range []Schedule{{}, {Peak: 1}, {Peak: 1, Floor: 2, Steps: 1}, {Peak: math.NaN(), Steps: 1}, {Peak: 1, WarmUp: 2, Steps: 1},
		{Peak: 1, Time: -1}, {Peak: 1, Time: 1, Steps: 1}, {Peak: 1, Time: 1, WarmUp: -1}} {
		plan := quick
		plan.Rate = s
		if _, err := NewTrainer(nil, plan, stream); err == nil {
			t.Errorf("schedule %d was accepted", i)
		}
	}
	for i, change := range []func(p *Plan){
		func(p *Plan) { p.Batch = 0 }, func(p *Plan) { p.Beta1 = 1 }, func(p *Plan) { p.Decay = -1 }, func(p *Plan) { p.Clip = math.NaN() },
	} {
		plan := quick
		change(&plan)
		if _, err := NewTrainer(nil, plan, stream); err == nil {
			t.Errorf("plan %d was accepted", i)
		}
	}
}

// TestStepFails: a weight that is no number, bad data and the end of a context are errors that
// change nothing.
func TestStepFails(t *testing.T) {
	tr := trainer(t, 1, 2, quick, stream)
	steps(t, tr, 1)
	bad := tr.model.blocks[1].down.weight
	was := bad.Value[7]
	bad.Value[7] = float32(math.NaN())
	before := tr.model.params[0].Value[0]
	if _, err := tr.Step(background); err == nil || !strings.Contains(err.Error(), "step 2") || !strings.Contains(err.Error(), "blk.1.ffn_down.weight holds NaN at 7") {
		t.Errorf("error %v, want one that names the step and the weight", err)
	}
	bad.Value[7] = was
	ctx, cancel := context.WithCancel(background)
	cancel()
	if _, err := tr.Step(ctx); err == nil {
		t.Error("a step after the end of its context")
	}
	tr.data = func(uint64) (Sequence, error) { return Sequence{}, os.ErrNotExist }
	if _, err := tr.Step(background); err == nil || !strings.Contains(err.Error(), "sequence 2 of the data") {
		t.Errorf("error %v, want one that names the sequence", err)
	}
	if tr.Steps() != 1 || tr.Position() != 2 || tr.model.params[0].Value[0] != before {
		t.Error("a step that failed has changed the training")
	}
}
