package report

import (
	"bytes"
	"encoding/csv"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// visionOf is the preprocessing of a Qwen-VL with a limit on image tokens.
func visionOf(tokens int) *imaging.Contract {
	return &imaging.Contract{
		Family: imaging.FamilyDynamic, Patch: 14, Merge: 2, Clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MaxTokens: tokens},
		Filter: imaging.FilterBilinear, Pad: true, Std: [3]float32{1, 1, 1},
	}
}

// squares are sizes on both sides of the knees of 64 and 144 tokens.
func squares() (sizes []imaging.Size) {
	for _, side := range []int{56, 84, 112, 140, 168, 196, 210, 224, 238, 252, 280, 308, 336, 364, 392, 448, 560, 672} {
		sizes = append(sizes, imaging.Size{Width: side, Height: side})
	}
	return sizes
}

// Cost of the synthetic images: core-seconds fixed and per effective pixel.
const imageFixed, imagePerPixel = 0.4, 2e-5

// imageFixture is a run over resolutions whose cost follows the effective pixels.
func imageFixture(t *testing.T, sizes []imaging.Size, reload bool) *fixture {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 5))
	f := newFixture(plain)
	f.run.Plan, f.trials, f.run.Configs = []byte(`{"resolutions":["56x56"]}`), nil, nil
	clock := int64(1e12)
	for _, tokens := range []int{64, 144} {
		clamp := "tokens:" + strconv.Itoa(tokens)
		c := store.Config{ID: "native/m#" + clamp, Backend: "native", Model: "m", Clamp: clamp, Vision: visionOf(tokens), Projector: "p.gguf"}
		f.run.Configs = append(f.run.Configs, c)
		for _, size := range sizes {
			layout, err := c.Vision.Layout(size)
			if err != nil {
				t.Fatal(err)
			}
			for repeat := range 4 {
				encode := imagePerPixel * float64(layout.Pixels) * (1 + 0.01*random.NormFloat64())
				trial := plain.trial(f.run, c.ID, clock, imageFixed+encode, 32, random)
				trial.Seq, trial.X, trial.Repeat, trial.Complexity = len(f.trials), size.Pixels(), repeat, "low"
				trial.TokensIn = 32 + layout.Tokens + 2
				trial.Image = &store.Image{Kind: []string{"shapes", "text"}[repeat%2], Layout: layout, Sequence: layout.Tokens + 2}
				trial.PhaseFigures[measure.PhaseEncode] = map[string]store.Figure{store.MetricCPUCoreSeconds: {Value: encode, Quality: measure.Measured}}
				if reload {
					trial.WithoutLoad = map[string]store.Figure{
						store.MetricCPUCoreSeconds: {Value: encode, Quality: measure.Measured}, store.MetricRAMAUC: store.Unavailable("no memory"),
					}
				}
				f.trials, clock = append(f.trials, trial), trial.End+1e9
				f.samples[trial.Seq] = store.Samples{}
			}
		}
	}
	return f
}

func kneeOf(t *testing.T, c *ConfigResult) *KneeResult {
	t.Helper()
	for i := range c.Knees {
		if c.Knees[i].Metric == store.MetricCPUCoreSeconds {
			return &c.Knees[i]
		}
	}
	t.Fatalf("%s has no knee of the CPU time", c.ID)
	return nil
}

func TestKneesOfTheFixture(t *testing.T) {
	r := mustBuild(t, imageFixture(t, squares(), false))
	if r.Sweep != SweepPixels {
		t.Errorf("sweep %q", r.Sweep)
	}
	for i, want := range []float64{64 * 784, 144 * 784} {
		c := &r.Configs[i]
		k := kneeOf(t, c)
		if !k.Fit.Found || !k.Fit.Agrees || k.Fit.Predicted != want || math.Abs(k.Fit.At.Value-want) > 0.1*want {
			t.Errorf("%s: knee %+v, want %v; %s", c.ID, k.Fit.At, want, k.Statement)
		}
		if k.Unit != "core·s" || k.Quality != measure.Measured || len(k.Band) != bandPoints || k.Statement == "" {
			t.Errorf("knee %+v", k)
		}
		var line *LawResult
		for j := range c.Laws {
			if l := &c.Laws[j]; l.Metric == store.MetricCPUCoreSeconds {
				line = l
			}
		}
		if line == nil || line.Predictor != PredictorEffective || line.X.Hi > want*1.05 || !line.CI["b"].Contains(imagePerPixel) {
			t.Fatalf("law in effective pixels %+v", line)
		}
		if !strings.HasPrefix(line.Statement, "Each million effective pixels costs ") || !strings.HasSuffix(line.Statement, " effective pixels.") {
			t.Errorf("statement %q", line.Statement)
		}
		if len(c.Kinds) == 0 || c.Kinds[0].Verdict != VerdictSame {
			t.Errorf("kinds %+v", c.Kinds)
		}
		if c.Vision == nil || c.Clamp == "" || c.Projector != "p.gguf" {
			t.Errorf("configuration %+v", c)
		}
	}
	found := false
	for _, o := range r.OneCurves {
		if o.Metric == store.MetricCPUCoreSeconds {
			found = true
			if !o.Fit.One || o.Model != "m" || len(o.Fit.Groups) != 2 {
				t.Errorf("one curve %+v", o)
			}
		}
	}
	if !found {
		t.Error("nothing is said of one curve of the CPU time")
	}
	first := r.Trials[0]
	if m := first.Image; m == nil || m.Width != 56 || m.NominalPixels != 3136 || *m.EffectivePixels != 3136 || *m.Tokens != 4 || *m.Sequence != 6 || m.Kind != "shapes" {
		t.Errorf("image %+v", first.Image)
	}
	if len(first.WithoutLoad) != 0 || len(r.Configs[0].Lengths[0].WithoutLoad) != 0 {
		t.Errorf("costs without load in a run that does not reload: %v", first.WithoutLoad)
	}
	if r.Configs[0].Lengths[0].Phases[measure.PhaseEncode][store.MetricCPUCoreSeconds].N != 4 {
		t.Errorf("phases %v", r.Configs[0].Lengths[0].Phases)
	}
}

func TestImageResultRoundTrip(t *testing.T) {
	r := mustBuild(t, imageFixture(t, squares()[:8], true))
	var out bytes.Buffer
	if err := WriteJSON(&out, r); err != nil {
		t.Fatal(err)
	}
	back, err := ReadJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	back.Plan, r.Plan = compactJSON(t, back.Plan), compactJSON(t, r.Plan)
	if diff := cmp.Diff(r, back, cmpopts.IgnoreUnexported(law.Knee{}), cmpopts.IgnoreFields(law.Knee{}, "Bootstrap"), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("read back (-wrote +read):\n%s", diff)
	}
}

func TestImageColumns(t *testing.T) {
	f := imageFixture(t, squares()[:4], true)
	f.trials[1].Image.Layout = imaging.Layout{Nominal: f.trials[1].Image.Layout.Nominal} // the backend did not tell
	f.trials[1].Image.Sequence = 0
	r := mustBuild(t, f)
	if m := r.Trials[1].Image; m.EffectivePixels != nil || m.Tokens != nil || m.Sequence != nil || m.NominalPixels != 3136 {
		t.Errorf("an image that the backend did not report on: %+v", m)
	}
	var out bytes.Buffer
	if err := WriteTrialsCSV(&out, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for name, want := range map[string]string{"image_kind": "shapes", "width": "56", "height": "56", "effective_px": "3136", "image_tokens": "4", "image_sequence": "6"} {
		if i, ok := at[name]; !ok || rows[1][i] != want {
			t.Errorf("column %q is %q, want %q", name, rows[1][i], want)
		}
	}
	if rows[2][at["effective_px"]] != "" || rows[2][at["without_load.cpu_core_s"]] == "" {
		t.Errorf("row %v", rows[2])
	}
	if _, ok := at["without_load.ram_auc_gib_s"]; ok {
		t.Error("there is a column for what no trial has")
	}
	out.Reset()
	if err := WriteTrialsParquet(&out, r); err != nil {
		t.Fatal(err)
	}
	table, err := parquet.Read[TrialRow](bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if row := table[0]; *row.ImageKind != "shapes" || *row.Width != 56 || *row.EffectivePx != 3136 || len(row.WithoutLoad) != 1 || table[1].EffectivePx != nil {
		t.Errorf("row %+v", row)
	}
}

func TestExpectedKnee(t *testing.T) {
	size := func(w, h int) imaging.Size { return imaging.Size{Width: w, Height: h} }
	longest := visionOf(0)
	longest.Clamp = imaging.Clamp{Policy: imaging.PolicyLongestSide, LongestSide: 1024}
	cases := map[string]struct {
		contract *imaging.Contract
		sizes    []imaging.Size
		knee     [2]float64 // bounds
		doubt    bool
	}{
		"no contract":            {nil, squares(), [2]float64{}, false},
		"no limit":               {visionOf(0), squares(), [2]float64{}, false},
		"squares":                {visionOf(64), squares(), [2]float64{50176, 50176}, false},
		"longest side":           {longest, []imaging.Size{size(512, 256), size(2048, 1024)}, [2]float64{1024 * 512, 1024 * 512}, false},
		"aspects beside a knee":  {longest, []imaging.Size{size(448, 448), size(1000, 1000), size(1920, 1080)}, [2]float64{1e6, 1920 * 1080}, true},
		"aspects across a knee":  {longest, []imaging.Size{size(1100, 300), size(1000, 1000), size(1920, 1080)}, [2]float64{}, true},
		"aspects below any knee": {longest, []imaging.Size{size(100, 100), size(200, 100)}, [2]float64{}, true},
	}
	for name, c := range cases {
		e := expectedKnee(c.contract, c.sizes)
		if e.knee < c.knee[0] || e.knee > c.knee[1] || (len(e.doubts) > 0) != c.doubt {
			t.Errorf("%s: %+v, want a knee in %v, doubts: %v", name, e, c.knee, c.doubt)
		}
		if e.knee > 0 && (e.within.Lo > e.knee || e.within.Hi < e.knee) {
			t.Errorf("%s: %v lies outside of %v", name, e.knee, e.within)
		}
	}
	// 60 tokens hold 7×7 of a square image, 196 pixels wide: every one beyond 182 becomes that.
	e := expectedKnee(visionOf(60), squares())
	if e.knee != 196*196 || e.within.Lo < 178*178 || e.within.Lo > 186*186 || e.within.Hi != e.knee {
		t.Errorf("60 tokens: %+v, want a range from 182² to 196²", e)
	}
}

func TestSweepOfAnUnfinishedRun(t *testing.T) {
	f := imageFixture(t, squares()[:3], false)
	r, err := Build(f.run, nil, nil, f.of)
	if err != nil || r.Sweep != SweepPixels || len(r.OneCurves) != 0 || len(r.Configs[0].Knees) != 0 {
		t.Errorf("%v: %+v", err, r)
	}
	if text := mustBuild(t, newFixture(plain)); text.Sweep != SweepTokens || text.Configs[0].Laws[0].Predictor != PredictorTokens || text.Trials[0].Image != nil {
		t.Errorf("a sweep of prompt lengths is %q", text.Sweep)
	}
}
