package speed

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

func load(t *testing.T, ref string, opt engine.Options) *engine.Engine {
	t.Helper()
	e, err := engine.Load(ref, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// pictures are two images of different sizes.
func pictures() []Picture {
	var list []Picture
	for _, size := range []imaging.Size{{Width: 320, Height: 240}, {Width: 160, Height: 160}} {
		img := imaging.NewRGB(size)
		for i := range img.Pix {
			img.Pix[i] = uint8(i % 251)
		}
		list = append(list, Picture{Name: size.String(), Image: img})
	}
	return list
}

func TestSweepClamp(t *testing.T) {
	for _, ref := range []string{"shape:tiny-qwen2vl@q8_0", "shape:tiny-smolvlm@q8_0"} {
		e := load(t, ref, engine.Options{})
		told := 0
		plan := ClampPlan{
			Clamps: []imaging.Clamp{{MaxTokens: 40}, {MaxTokens: 90}}, Pictures: pictures(), Prompt: "What is it?",
			OutputTokens: 3, Repeats: 2, Progress: func(done, all int) {
				if done != told || all != 12 {
					t.Errorf("told %d of %d after %d", done, all, told)
				}
				told++
			},
		}
		r, err := SweepClamp(t.Context(), e, plan)
		if err != nil {
			t.Fatal(err)
		}
		if told != 12 || len(r.Tests) != 3 || !r.Tests[0].Own || r.Tests[1].Own || e.Vision().Clamp != r.Tests[0].Clamp {
			t.Errorf("%s: told %d times, tests %+v, clamp afterwards %v", ref, told, r.Tests, e.Vision().Clamp)
		}
		for _, test := range r.Tests {
			if len(test.Rounds) != 2 || len(test.Layouts) != 2 || !math.IsNaN(test.Kept) {
				t.Fatalf("%s: %+v", ref, test)
			}
			for _, c := range test.Rounds {
				if !(c.Encode > 0 && c.Prefill > 0 && c.Total >= c.Encode+c.Prefill) {
					t.Errorf("%s: cost %+v", ref, c)
				}
			}
		}
		if a, b := r.Tests[0].Layouts[0].Tokens, r.Tests[1].Layouts[0].Tokens; b >= a {
			t.Errorf("%s: a limit of 40 gives %d tokens, none %d", ref, b, a)
		}
	}
}

func TestSweepClampChoosesLimits(t *testing.T) {
	r, err := SweepClamp(t.Context(), load(t, "shape:tiny-qwen2vl@q8_0", engine.Options{}), ClampPlan{Pictures: pictures(), OutputTokens: 1, Repeats: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, test := range r.Tests[1:] {
		got = append(got, test.Clamp.MaxTokens)
	}
	if len(got) != 3 || got[0] != 64 || got[2] != 256 { // of 300 tokens
		t.Errorf("limits %v", got)
	}
}

func TestSweepClampRefuses(t *testing.T) {
	good := ClampPlan{Pictures: pictures(), OutputTokens: 1, Repeats: 1}
	cases := []struct {
		name, ref string
		opt       engine.Options
		change    func(*ClampPlan)
		want      string
	}{
		{"a model of text", "shape:tiny@q8_0", engine.Options{}, func(*ClampPlan) {}, "takes no images"},
		{"no images", "shape:tiny-qwen2vl@q8_0", engine.Options{}, func(p *ClampPlan) { p.Pictures = nil }, "no images"},
		{"no repeats", "shape:tiny-qwen2vl@q8_0", engine.Options{}, func(p *ClampPlan) { p.Repeats = 0 }, "0 repeats"},
		{"no answer", "shape:tiny-qwen2vl@q8_0", engine.Options{}, func(p *ClampPlan) { p.OutputTokens = 0 }, "0 tokens"},
		{"no limit", "shape:tiny-qwen2vl@q8_0", engine.Options{}, func(p *ClampPlan) { p.Clamps = make([]imaging.Clamp, 1) }, "limit of 0"},
		{"a negative limit", "shape:tiny-qwen2vl@q8_0", engine.Options{}, func(p *ClampPlan) { p.Clamps = []imaging.Clamp{{MaxTokens: -5}} }, "-5"},
		{"a short context", "shape:tiny-qwen2vl@q8_0", engine.Options{Context: 100}, func(*ClampPlan) {}, "raise the context"},
	}
	for _, c := range cases {
		plan := good
		c.change(&plan)
		if _, err := SweepClamp(t.Context(), load(t, c.ref, c.opt), plan); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// clampExample has costs whose ratio is known.
func clampExample() ClampResult {
	layout := imaging.Layout{Nominal: imaging.Size{Width: 640, Height: 480}, Resized: imaging.Size{Width: 640, Height: 480}, Pixels: 307200, Tokens: 1200}
	small := imaging.Layout{Nominal: layout.Nominal, Resized: imaging.Size{Width: 320, Height: 240}, Pixels: 76800, Tokens: 300}
	rounds := func(factors ...float64) (list []Cost) {
		for _, f := range factors {
			list = append(list, Cost{Encode: f, Prefill: f, Total: 3 * f, Cores: 4 * f})
		}
		return list
	}
	return ClampResult{
		Model: engine.Info{Name: "m.gguf", Quant: "Q8_0", Kernel: "ref", Threads: 2}, OutputTokens: 8,
		Pictures: []Picture{{Name: "a.png", Image: imaging.RGB{Width: 640, Height: 480}}},
		Tests: []ClampTest{
			{Clamp: imaging.Clamp{MinTokens: 8, MaxTokens: 4096}, Own: true, Layouts: []imaging.Layout{layout}, Rounds: rounds(1, 2, 4), Kept: 1},
			{Clamp: imaging.Clamp{MinTokens: 8, MaxTokens: 300}, Layouts: []imaging.Layout{small}, Rounds: rounds(0.5, 0.5, 1), Kept: 0.75},
			{Clamp: imaging.Clamp{MinTokens: 8, MaxTokens: 2000}, Layouts: []imaging.Layout{layout}, Rounds: rounds(1, 2, 4), Kept: 1},
		},
	}
}

func TestWriteClampTable(t *testing.T) {
	var b bytes.Buffer
	if err := clampExample().Write(&b, "table"); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"a.png of 640x480; answers of 8 tokens; medians of 3 rounds",
		"own (tokens:8-4096) 640x480 307200 1200 2.00 s 2.00 s 6.00 s 8.00 s 1 100 %",
		"tokens:8-300 320x240 76800 300 500 ms 500 ms 1.50 s 2.00 s 0.250 [0.250, 0.500] 75 %",
		"Doubt: 3 values reach only 75 %", "Limit tokens:8-2000 changes no image", "It is no accuracy",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestWriteClampWithoutAccuracyOrCores(t *testing.T) {
	r := clampExample()
	r.Model.Meaningless = true
	for i := range r.Tests {
		r.Tests[i].Kept = math.NaN()
		for j := range r.Tests[i].Rounds {
			r.Tests[i].Rounds[j].Cores = math.NaN()
		}
	}
	var b bytes.Buffer
	if err := r.Write(&b, "json"); err != nil {
		t.Fatal(err)
	}
	var out struct {
		RatioOf string `json:"ratio_of"`
		Limits  []struct {
			Total  *float64 `json:"total_s"`
			Cores  *float64 `json:"core_s"`
			Kept   *float64 `json:"answer_kept"`
			Tokens float64  `json:"tokens_per_image"`
			Ratio  *struct {
				Median   float64
				Warnings []string
			}
		}
		Remarks []string
	}
	if err := json.Unmarshal(b.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	own, small := out.Limits[0], out.Limits[1]
	if out.RatioOf != "seconds" || own.Ratio != nil || own.Cores != nil || own.Kept != nil || *own.Total != 6 ||
		small.Ratio.Median != 0.25 || len(small.Ratio.Warnings) != 1 || small.Tokens != 300 {
		t.Errorf("%s", b.String())
	}
	if last := out.Remarks[len(out.Remarks)-1]; !strings.Contains(last, "random") {
		t.Errorf("the last remark is %q", last)
	}
	if err := r.Write(&b, "xml"); err == nil {
		t.Error("xml was written")
	}
}
