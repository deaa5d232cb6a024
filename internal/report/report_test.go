package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

var (
	// keep is where to leave the report of the synthetic run, to look at it:
	// go test ./internal/report -run TestWriteAll -keep /tmp/report
	keep   = flag.String("keep", "", "folder in which TestWriteAll leaves its report")
	update = flag.Bool("update", false, "write the golden files anew")
)

func TestWriteAll(t *testing.T) {
	dir := t.TempDir()
	if *keep != "" {
		dir = *keep
	}
	f := newFixture(plain)
	if err := WriteAll(dir, mustBuild(t, f), f.of); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"result.json", "trials.csv", "trials.parquet", "samples.parquet", "report.html", "figures/law-cpu_core_s.png",
		"figures/law-cpu_core_s.svg", "figures/residuals-cpu_core_s.svg", "figures/phases.png", "figures/complexity.png", "figures/order-cpu_core_s.svg", "figures/timeseries-longest.svg",
		"figures/law-joules.estimate.cpu-estimated.svg",
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
		if name == "report.html" && info.Size() > 1_500_000 {
			t.Errorf("report.html has %d bytes, at most 1.5 MB", info.Size())
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files stay behind: %v, %v", left, err)
	}
}

func TestSummaryGolden(t *testing.T) {
	f := newFixture(plain)
	r := mustBuild(t, f)
	var out bytes.Buffer
	for _, width := range []int{110, 60} {
		if err := WriteSummary(&out, r, SummaryOptions{Width: width, Report: "out/report.html"}); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n")
	}
	golden(t, "summary.golden", out.String())

	out.Reset()
	if err := WriteSummary(&out, r, SummaryOptions{Width: 110, Color: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "\x1b[1m") || strings.Count(out.String(), "\x1b[0m") < 5 {
		t.Error("no colours where they were asked for")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; if that is meant, run go test with -update (-want +got):\n%s", path, diff)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	f := newFixture(plain)
	f.trials[0].Figures[store.MetricRAMAUC] = store.Unavailable("gone")
	r := mustBuild(t, f)
	var out bytes.Buffer
	if err := WriteJSON(&out, r); err != nil {
		t.Fatal(err)
	}
	var raw struct {
		Trials []map[string]any `json:"trials"`
	}
	if err := json.Unmarshal(out.Bytes(), &raw); err != nil {
		t.Fatal(err)
	}
	if v, ok := raw.Trials[0]["ram_auc_gib_s"]; !ok || v != nil {
		t.Errorf("an absent figure is %v (present: %v), want null", v, ok)
	}
	back, err := ReadJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	back.Plan, r.Plan = compactJSON(t, back.Plan), compactJSON(t, r.Plan)
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("read back (-wrote +read):\n%s", diff)
	}
	if _, err := ReadJSON(strings.NewReader(`{"schema":"wattlaw/result/9"}`)); err == nil || !strings.Contains(err.Error(), "result/9") {
		t.Errorf("another schema: %v", err)
	}
}

func compactJSON(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Every field of result.json stands in the documentation, and nothing else does.
func TestSchemaIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/result-schema.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.\\[\\]{}]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = true
	}
	fields := map[string]bool{}
	collect(reflect.TypeFor[Result](), "", fields)
	for name := range fields {
		if !documented[name] {
			t.Errorf("docs/result-schema.md lacks `%s`", name)
		}
	}
	for name := range documented {
		if !fields[name] {
			t.Errorf("docs/result-schema.md has `%s`, which result.json has not", name)
		}
	}
	if !strings.Contains(string(text), Schema) {
		t.Errorf("docs/result-schema.md does not name %s", Schema)
	}
}

// collect lists the paths of all JSON fields: a[] for lists, a{} for maps.
func collect(t reflect.Type, path string, fields map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer:
		collect(t.Elem(), path, fields)
	case reflect.Map:
		collect(t.Elem(), path+"{}", fields)
	case reflect.Slice:
		if t != reflect.TypeFor[json.RawMessage]() {
			collect(t.Elem(), path+"[]", fields)
			return
		}
		fields[path] = true
	case reflect.Struct:
		if t.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()) {
			fields[path] = true
			return
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous {
				collect(f.Type, path, fields)
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || name == "-" {
				continue
			}
			if path != "" {
				name = path + "." + name
			}
			collect(f.Type, name, fields)
		}
	default:
		fields[path] = true
	}
}

func TestCSVReadBack(t *testing.T) {
	f := newFixture(plain)
	f.trials[1].Figures[store.MetricWallSeconds] = store.Unavailable("gone")
	r := mustBuild(t, f)
	var out bytes.Buffer
	if err := WriteTrialsCSV(&out, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 76 {
		t.Fatalf("%d rows, want a head and 75 trials", len(rows))
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for i, trial := range r.Trials {
		for name, want := range map[string]*float64{
			"cpu_core_s": trial.CPUCoreS, "wall_s": trial.WallS, "joules.powercap.package-0": nil,
			"joules_estimated.estimate.cpu": trial.JoulesEst["estimate.cpu"],
			"prefill_s":                     present(trial.Phases[0].EndS - trial.Phases[0].StartS),
		} {
			column, ok := at[name]
			if !ok {
				t.Fatalf("no column %q among %v", name, rows[0])
			}
			if got := rows[i+1][column]; want == nil && got != "" || want != nil && !sameNumber(got, *want) {
				t.Errorf("trial %d: %s is %q, want %v", i, name, got, want)
			}
		}
	}
}

func sameNumber(text string, want float64) bool {
	got, err := strconv.ParseFloat(text, 64)
	return err == nil && got == want
}

func TestParquetReadBack(t *testing.T) {
	f := newFixture(plain)
	f.trials[1].Figures[store.MetricWallSeconds] = store.Unavailable("gone")
	r := mustBuild(t, f)
	var out bytes.Buffer
	if err := WriteTrialsParquet(&out, r); err != nil {
		t.Fatal(err)
	}
	trials, err := parquet.Read[TrialRow](bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(trials) != 75 || *trials[0].CPUCoreS != *r.Trials[0].CPUCoreS || trials[1].WallS != nil ||
		trials[0].JoulesEst["estimate.cpu"] != *r.Trials[0].JoulesEst["estimate.cpu"] || len(trials[0].Joules) != 0 {
		t.Errorf("%d trials, first %+v", len(trials), trials[0])
	}
	out.Reset()
	if err := WriteSamplesParquet(&out, r, f.of); err != nil {
		t.Fatal(err)
	}
	samples, err := parquet.Read[SampleRow](bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var want, absent, got int
	for seq := range f.trials {
		for _, s := range f.samples[seq].Series {
			want += len(s.V)
			for _, v := range s.V {
				if math.IsNaN(v) {
					absent++
				}
			}
		}
	}
	for _, s := range samples {
		if s.Value == nil {
			got++
		}
	}
	first := f.samples[0].Series[0]
	if len(samples) != want || got != absent || absent == 0 || samples[0].TimeNS != first.T[0] || samples[0].Channel != "process.cpu" {
		t.Errorf("%d samples with %d absent, want %d with %d; first %+v", len(samples), got, want, absent, samples[0])
	}
}

func TestWriteFileLeavesNoHalfFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "report.html")
	if err := WriteFile(path, func(w io.Writer) error { _, err := io.WriteString(w, "old"); return err }); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return syscall.ENOSPC
	})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "wattlaw report") {
		t.Errorf("a full disk: %v", err)
	}
	entries, readErr := os.ReadDir(filepath.Dir(path))
	if readErr != nil || len(entries) != 1 {
		t.Errorf("%d files, %v", len(entries), readErr)
	}
	if content, _ := os.ReadFile(path); string(content) != "old" {
		t.Error("the old file is gone")
	}
}

func TestThinKeepsEveryPeak(t *testing.T) {
	n := 5000
	at, v := make([]int64, n), make([]float64, n)
	for i := range n {
		at[i], v[i] = int64(i), math.Sin(float64(i)/50)
	}
	v[1234], v[4321], v[100] = 9, -9, math.NaN()
	gotT, gotV, thinned := thin(at, v, 200)
	if !thinned || len(gotT) > 200 || len(gotT) != len(gotV) {
		t.Fatalf("%d of %d points, thinned %v", len(gotT), n, thinned)
	}
	peaks := 0
	for i := range gotV {
		if i > 0 && gotT[i] <= gotT[i-1] {
			t.Fatal("time does not rise")
		}
		if gotV[i] == 9 || gotV[i] == -9 {
			peaks++
		}
	}
	if peaks != 2 {
		t.Errorf("%d of 2 peaks left", peaks)
	}
	if _, same, thinned := thin(at, v, n); thinned || len(same) != n {
		t.Error("thinned without need")
	}
}

func TestRateSpansGaps(t *testing.T) {
	s := rate(measure.Series{T: []int64{0, 1e9, 2e9, 4e9}, V: []float64{0, 2, math.NaN(), 8}})
	if diff := cmp.Diff([]float64{2, 2}, s.V); diff != "" || s.T[1] != 4e9 {
		t.Errorf("rates %v at %v", s.V, s.T)
	}
}
