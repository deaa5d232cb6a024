package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

// TestComplexityPlanIsBalanced counts what is compared: every complexity as often at either
// length, in every block of repeats, and never in a row.
func TestComplexityPlanIsBalanced(t *testing.T) {
	plan := complexityPlan()
	plan.Backend = "fake"
	r, err := newRunner(plan, newBed(t).deps)
	if err != nil {
		t.Fatal(err)
	}
	cells, row := map[string]int{}, 0
	for i, item := range r.items {
		cells[fmt.Sprint(item.X, item.Complexity)]++
		if i > 0 && item.Complexity == r.items[i-1].Complexity {
			row++
		}
	}
	if len(cells) != 6 || row > len(r.items)/2 {
		t.Errorf("cells %v, %d of %d follow their like", cells, row, len(r.items))
	}
	for cell, n := range cells {
		if n != 4 {
			t.Errorf("%s: %d trials, want 4", cell, n)
		}
	}
}

func TestNamedPlans(t *testing.T) {
	for _, p := range NamedPlans() {
		found, err := FindPlan(p.Name)
		if err != nil || !reflect.DeepEqual(found, p.Plan) || p.About == "" {
			t.Errorf("plan %q: %v", p.Name, err)
		}
		if err := p.Plan.Validate(); err != nil {
			t.Errorf("plan %q: %v", p.Name, err)
		}
		if !reflect.DeepEqual(p.Plan, p.Plan.Effective()) {
			t.Errorf("plan %q is not the one that is carried out", p.Name)
		}
	}
	if _, err := FindPlan("vlmm"); err == nil || !strings.Contains(err.Error(), "default, complexity, accuracy, vlm") {
		t.Errorf("error %v does not list the names", err)
	}
}

// arbitraryPlan draws plans that differ from the default in every field.
func arbitraryPlan(t *rapid.T) Plan {
	number := rapid.Float64Range(0, 1e6)
	text := rapid.SliceOfN(rapid.StringMatching(`[a-z:@"'\\# é/.-]{0,12}`), 1, 4)
	return Plan{
		Model: text.Draw(t, "model"), Backend: rapid.String().Draw(t, "backend"), Kernel: rapid.String().Draw(t, "kernel"),
		Compare: text.Draw(t, "compare"), NoControls: rapid.Bool().Draw(t, "controls"),
		Threads: rapid.Int().Draw(t, "threads"), Context: rapid.Int().Draw(t, "context"),
		Tokens:       rapid.SliceOfN(rapid.Int(), 1, 6).Draw(t, "tokens"),
		OutputTokens: rapid.Int().Draw(t, "output"), Repeats: rapid.Int().Draw(t, "repeats"),
		Resolutions: text.Draw(t, "resolutions"), MMProj: rapid.String().Draw(t, "mmproj"), Clamp: text.Draw(t, "clamp"),
		ImageKinds: text.Draw(t, "kinds"), ImageDir: rapid.String().Draw(t, "dir"), Reload: rapid.Bool().Draw(t, "reload"),
		Complexity: text.Draw(t, "complexity"), Seed: uint64(rapid.Int64Range(0, math.MaxInt64).Draw(t, "seed")),
		Rate: number.Draw(t, "rate"), MinWindow: number.Draw(t, "window"), MaxSteal: number.Draw(t, "steal"),
		Strict: rapid.Bool().Draw(t, "strict"), Out: rapid.String().Draw(t, "out"),
		Baseline: BaselinePlan{number.Draw(t, "b1"), number.Draw(t, "b2"), number.Draw(t, "b3")},
		WarmUp:   WarmUpPlan{rapid.Int().Draw(t, "w1"), number.Draw(t, "w2")},
		CoolDown: CoolDownPlan{number.Draw(t, "c1"), number.Draw(t, "c2"), number.Draw(t, "c3")},
	}
}

func TestPlanRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := arbitraryPlan(t)
		text, err := want.TOML()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseTOML(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("TOML\n%s\nreads as %+v, %v\nwant     %+v", text, got, err, want)
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseJSON(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("JSON %s reads as %+v, %v\nwant %+v", data, got, err, want)
		}
	})
}

func TestParsePlan(t *testing.T) {
	plan, err := ParseTOML([]byte("tokens = [32]\n[warm_up]\nmax = 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultPlan()
	want.Tokens, want.WarmUp.Max = []int{32}, 2
	if !reflect.DeepEqual(plan, want) {
		t.Errorf("got %+v, want the defaults but for two keys", plan)
	}
	bad := map[string][]string{
		"rate = 20\ntoken = [1]\n":        {"line 2", `"token"`, "--print-plan"},
		"[cool_down]\n\nseconds_ = 1\n":   {"line 3", `"cool_down.seconds_"`},
		"rate = \n":                       {"line 1"},
		"rate = 'fast'\n":                 {"line 1"},
		"a = 1\nb = 2\n":                  {"line 1", "line 2"},
		"seed = -1\n":                     {"line 1"},
		"tokens = [99999999999999999999]": {"line 1"},
	}
	for text, wants := range bad {
		_, err := ParseTOML([]byte(text))
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v does not say %s", text, err, want)
			}
		}
	}
}

func TestReadPlan(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"p.toml": "seed = 7", "p.json": `{"seed": 7}`, "P.JSON": `{"seed": 7}`}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if plan, err := ReadPlan(path); err != nil || plan.Seed != 7 {
			t.Errorf("%s: seed %d, %v; want 7", name, plan.Seed, err)
		}
	}
	path := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(path, []byte(`{"sed": 7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPlan(path); err == nil || !strings.Contains(err.Error(), "sed") || !strings.Contains(err.Error(), path) {
		t.Errorf("unknown JSON key: %v; want an error that names file and key", err)
	}
	if _, err := ReadPlan(filepath.Join(dir, "none.toml")); err == nil {
		t.Error("a plan that does not exist was read")
	}
}

func TestValidate(t *testing.T) {
	cases := map[string]struct {
		change func(*Plan)
		say    []string
	}{
		"no model":         {func(p *Plan) { p.Model = nil }, []string{"model:"}},
		"blank model":      {func(p *Plan) { p.Model = []string{" "} }, []string{"model:", "empty"}},
		"model twice":      {func(p *Plan) { p.Model = []string{"a", "b", "a"} }, []string{"model:", "a is listed twice"}},
		"length twice":     {func(p *Plan) { p.Tokens = []int{64, 8, 64} }, []string{"tokens:", "64 is listed twice"}},
		"no length":        {func(p *Plan) { p.Tokens = nil }, []string{"tokens:"}},
		"zero length":      {func(p *Plan) { p.Tokens = []int{0} }, []string{"tokens:", "0 is not between"}},
		"huge length":      {func(p *Plan) { p.Tokens = []int{math.MaxInt} }, []string{"tokens:"}},
		"no output":        {func(p *Plan) { p.OutputTokens = 0 }, []string{"output_tokens:"}},
		"no repeats":       {func(p *Plan) { p.Repeats = 0 }, []string{"repeats:"}},
		"too many trials":  {func(p *Plan) { p.Repeats, p.Tokens = 1000, sequence(101) }, []string{"101000 trials"}},
		"complexity":       {func(p *Plan) { p.Complexity = []string{"deep"} }, []string{"complexity:", `"deep"`, "medium"}},
		"short context":    {func(p *Plan) { p.Context = 1000 }, []string{"context:", "1040"}},
		"negative threads": {func(p *Plan) { p.Threads = -1 }, []string{"threads:"}},
		"rate":             {func(p *Plan) { p.Rate = math.NaN() }, []string{"rate:"}},
		"rate 0":           {func(p *Plan) { p.Rate = 0 }, []string{"rate:"}},
		"timeout":          {func(p *Plan) { p.Baseline.Timeout = 1 }, []string{"baseline.timeout:"}},
		"cool-down":        {func(p *Plan) { p.CoolDown.Seconds = math.Inf(1) }, []string{"cool_down.seconds:"}},
		"seed":             {func(p *Plan) { p.Seed = math.MaxUint64 }, []string{"seed:"}},
		"clamp of text":    {func(p *Plan) { p.Clamp = []string{"tokens:64"} }, []string{"clamp:", "resolutions"}},
		"encoder of text":  {func(p *Plan) { p.MMProj = "p.gguf" }, []string{"mmproj:", "resolutions"}},
		"folder of text":   {func(p *Plan) { p.ImageDir = "d" }, []string{"image_dir:", "resolutions"}},
		"two problems":     {func(p *Plan) { p.Repeats, p.Backend = -1, "" }, []string{"repeats:", "backend:"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			plan := DefaultPlan()
			c.change(&plan)
			err := plan.Validate()
			for _, want := range c.say {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not say %q", err, want)
				}
			}
		})
	}
}

func TestValidateImages(t *testing.T) {
	cases := map[string]struct {
		change func(*Plan)
		say    []string
	}{
		"no size":            {func(p *Plan) { p.Resolutions = []string{"big"} }, []string{"resolutions:", `"big"`, "448x336"}},
		"no width":           {func(p *Plan) { p.Resolutions = []string{"0x5"} }, []string{"resolutions:", "0x5"}},
		"bomb":               {func(p *Plan) { p.Resolutions = []string{"10000x10000"} }, []string{"resolutions:", "10000x10000", "64 megapixels"}},
		"listed twice":       {func(p *Plan) { p.Resolutions = []string{"8x8", "8x8"} }, []string{"resolutions:", "twice"}},
		"equal pixels":       {func(p *Plan) { p.Resolutions = []string{"8x2", "4x4"} }, []string{"resolutions:", "8x2 and 4x4", "16 pixels"}},
		"auto and more":      {func(p *Plan) { p.Resolutions = []string{"auto", "4x4"} }, []string{"resolutions:", "alone"}},
		"several lengths":    {func(p *Plan) { p.Tokens = []int{8, 16} }, []string{"tokens:", "one prompt length"}},
		"no clamp":           {func(p *Plan) { p.Clamp = nil }, []string{"clamp:"}},
		"clamp twice":        {func(p *Plan) { p.Clamp = []string{"tokens:8", "tokens:8"} }, []string{"clamp:", "twice"}},
		"clamp of nothing":   {func(p *Plan) { p.Clamp = []string{"tokens:0"} }, []string{"clamp:", "tokens:0", "longest-side:1024"}},
		"clamp upside down":  {func(p *Plan) { p.Clamp = []string{"tokens:9-8"} }, []string{"clamp:", "tokens:9-8"}},
		"clamp without unit": {func(p *Plan) { p.Clamp = []string{"256"} }, []string{"clamp:", `"256"`}},
		"kind":               {func(p *Plan) { p.ImageKinds = []string{"cat"} }, []string{"image_kinds:", `"cat"`, "gradient"}},
		"encoder of a shape": {func(p *Plan) { p.MMProj = "p.gguf" }, []string{"mmproj:", "shape models"}},
		"too many trials":    {func(p *Plan) { p.Repeats, p.Clamp = 1000, clamps(16) }, []string{"176000 trials"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			plan := vlmPlan()
			c.change(&plan)
			err := plan.Validate()
			for _, want := range c.say {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not say %q", err, want)
				}
			}
		})
	}
}

func clamps(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("tokens:%d", i+1))
	}
	return out
}

func TestParseClamp(t *testing.T) {
	for text, want := range map[string]clampSpec{
		"model":             {},
		"tokens:256":        {clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MaxTokens: 256}},
		"tokens:16-256":     {clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MinTokens: 16, MaxTokens: 256}},
		"longest-side:1024": {clamp: imaging.Clamp{Policy: imaging.PolicyLongestSide, LongestSide: 1024}},
		"pixels:501760":     {pixels: 501760},
	} {
		want.text = text
		if got, err := parseClamp(text); err != nil || got != want {
			t.Errorf("%s reads as %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// A sweep over resolutions that says nothing of tokens takes one short prompt, and what
// "auto" came to is part of the record but not of what identifies a plan.
func TestEffectiveImagePlan(t *testing.T) {
	plan := DefaultPlan()
	plan.Resolutions = []string{"auto"}
	plan = plan.Effective()
	if err := plan.Validate(); err != nil || fmt.Sprint(plan.Tokens) != "[32]" || plan.Trials() != 0 {
		t.Errorf("tokens %v, %d trials, %v", plan.Tokens, plan.Trials(), err)
	}
	resolved := plan
	resolved.Resolved = []string{"28x28", "56x56"}
	data, err := json.Marshal(resolved)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseJSON(data)
	if err != nil || !reflect.DeepEqual(back, resolved) || back.Key() != plan.Key() || back.Trials() != 2*plan.Repeats {
		t.Errorf("read back as %+v, %v", back, err)
	}
}

func sequence(n int) (out []int) {
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

func TestPlanFitsModel(t *testing.T) {
	plan := DefaultPlan()
	if err := plan.fits(backend.ModelInfo{Context: 1040}); err != nil {
		t.Errorf("1024 + 16 tokens in 1040: %v", err)
	}
	err := plan.fits(backend.ModelInfo{Name: "m", Context: 500})
	for _, want := range []string{"512, 1024", "500 tokens", "m"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestPlanKey(t *testing.T) {
	a, b := DefaultPlan(), DefaultPlan()
	b.Out, b.Strict = "elsewhere", true
	if a.Key() != b.Key() || a.Key() == "" {
		t.Errorf("keys %q and %q: where the report goes must not matter", a.Key(), b.Key())
	}
	b.Seed = 2
	if a.Key() == b.Key() {
		t.Error("plans with different seeds have the same key")
	}
}

// Whatever a plan file holds, reading and judging it must not panic, and a plan that is
// found valid must be small enough to carry out.
func FuzzPlan(f *testing.F) {
	text, err := DefaultPlan().TOML()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("tokens = [1, 1]\nrate = nan\n[baseline]\nseconds = inf\n"))
	f.Add([]byte("repeats = 9223372036854775807\ntokens = [9223372036854775807]\n"))
	f.Add([]byte("tokens = [8]\nresolutions = ['auto']\nclamp = ['tokens:1-2', 'pixels:99999999999999999999']\n"))
	f.Add([]byte(`{"tokens": [8], "resolutions": ["9x9", "1x81"], "resolved_resolutions": ["1x1"]}`))
	f.Add([]byte(`{"seed": 18446744073709551615, "model": [""]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, parse := range []func([]byte) (Plan, error){ParseTOML, ParseJSON} {
			plan, err := parse(data)
			if err != nil || plan.Validate() != nil {
				continue
			}
			if plan.Trials() < 1 && !plan.undecided() || plan.Trials() > maxTrials || plan.Key() == "" {
				t.Errorf("a plan of %d trials with key %q is valid", plan.Trials(), plan.Key())
			}
			text, err := plan.TOML()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := ParseTOML(text); err != nil || again.Key() != plan.Key() {
				t.Errorf("a valid plan does not survive being printed: %v\n%s", err, text)
			}
		}
	})
}
