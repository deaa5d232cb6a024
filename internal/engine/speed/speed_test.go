package speed

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

func TestMeasureRunsThePlan(t *testing.T) {
	e, err := engine.Load("shape:tiny@q8_0", engine.Options{Context: 128})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r, err := Measure(t.Context(), e, Plan{Prompt: []int{16, 0}, Generate: []int{4}, Repeats: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Tests) != 2 || r.Tests[0].Name != "pp16" || r.Tests[1].Name != "tg4" || r.Tests[1].Tokens != 4 {
		t.Fatalf("%+v", r.Tests)
	}
	for _, test := range r.Tests {
		if len(test.Seconds) != 3 || len(test.CPUSeconds) != 3 {
			t.Errorf("%s: %d and %d runs", test.Name, len(test.Seconds), len(test.CPUSeconds))
		}
		for _, rate := range test.Rates() {
			if !(rate > 0) || math.IsInf(rate, 0) {
				t.Errorf("%s: rates %v", test.Name, test.Rates())
			}
		}
	}
	for _, plan := range []Plan{{Prompt: []int{8}}, {Prompt: []int{129}, Repeats: 1}, {Generate: []int{-1}, Repeats: 1}} {
		if _, err := Measure(t.Context(), e, plan); err == nil {
			t.Errorf("%+v was measured", plan)
		}
	}
}

func example() Result {
	return Result{
		Model: engine.Info{Name: "my model.gguf", Quant: "Q8_0", Bytes: 1 << 20, Parameters: 1000, Kernel: "ref", Threads: 2},
		Tests: []Test{
			{Name: "pp512", Tokens: 512, Seconds: []float64{1, 2, 4}, CPUSeconds: []float64{2, 4, 8}},
			{Name: "tg64", Tokens: 64, Seconds: []float64{0.5}, CPUSeconds: []float64{math.NaN()}},
		},
	}
}

func written(t *testing.T, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := example().Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFormatsForPeople(t *testing.T) {
	want := "model          format  size      kernel  threads  test   tokens/s         median  CPU/token\n" +
		"my model.gguf  Q8_0    1.00 MiB  ref     2        pp512  298.67 ± 195.52  256.00  7.81 ms\n" +
		"my model.gguf  Q8_0    1.00 MiB  ref     2        tg64   128.00           128.00  –\n"
	if got := written(t, "table"); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	lines := strings.Split(strings.TrimSpace(written(t, "md")), "\n")
	if len(lines) != 4 || lines[2] != "| my model.gguf | Q8_0 | 1.00 MiB | ref | 2 | pp512 | 298.67 ± 195.52 | 256.00 | 7.81 ms |" {
		t.Errorf("md: %q", lines)
	}
}

func TestFormatsForPrograms(t *testing.T) {
	var rows []map[string]any
	if err := json.Unmarshal([]byte(written(t, "json")), &rows); err != nil {
		t.Fatal(err)
	}
	if rows[0]["median_tokens_per_s"] != 256.0 || rows[1]["sd_tokens_per_s"] != nil || rows[1]["cpu_s_per_token"] != nil {
		t.Errorf("json: %v", rows)
	}
	lines, err := csv.NewReader(strings.NewReader(written(t, "csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 3 || lines[1][11] != "256" || lines[2][10] != "" || lines[2][12] != "" {
		t.Errorf("csv: %q", lines)
	}
	text := written(t, "go")
	for _, want := range []string{
		"goos: ", "kernel: ref\n",
		"BenchmarkPp512/model=my_model.gguf/threads=2 1 2000000000 ns/op 256 tokens/s 0.007812 cpu-s/token\n",
		"BenchmarkTg64/model=my_model.gguf/threads=2 1 500000000 ns/op 128 tokens/s\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("go: %q lacks %q", text, want)
		}
	}
	if err := example().Write(&bytes.Buffer{}, "xml"); err == nil {
		t.Error("xml was written")
	}
}

func TestMeasureImages(t *testing.T) {
	plan := Plan{Images: []imaging.Size{{Width: 64, Height: 48}}, Repeats: 2}
	r, err := Measure(t.Context(), load(t, "shape:tiny-qwen2vl@q8_0", engine.Options{}), plan)
	if err != nil || len(r.Tests) != 1 || r.Tests[0].Name != "ie64x48" || r.Tests[0].Tokens != 12 || len(r.Tests[0].Seconds) != 2 {
		t.Errorf("%+v (%v)", r.Tests, err)
	}
	if _, err := Measure(t.Context(), load(t, "shape:tiny@q8_0", engine.Options{}), plan); err == nil || !strings.Contains(err.Error(), "takes no images") {
		t.Errorf("a model of text: %v", err)
	}
}
