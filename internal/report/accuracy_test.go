package report

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// answeredImages is a sweep of images under two limits whose tasks were answered too. It has
// few trials, as their knees are tested elsewhere.
func answeredImages(measured bool) *fixture {
	few := twoClamps
	few.sizes = sidesOf(112, 448)
	return newImageFixture(few).answered(90, sidesOf(112, 224, 448), measured)
}

func TestAccuracyJoinsTheCost(t *testing.T) {
	f := answeredImages(false)
	r := mustBuild(t, f)
	for _, c := range r.Configs {
		if len(c.Accuracy) != 3 || c.Accuracy[0].Resolution != "112x112" || c.Accuracy[2].Resolution != "448x448" {
			t.Fatalf("%s: %+v", c.ID, c.Accuracy)
		}
		for _, a := range c.Accuracy {
			right, cpu := 0, 0.0
			for _, answer := range f.answers {
				if answer.Config == c.ID && answer.Box.String() == a.Resolution {
					cpu += answer.Figures[store.MetricCPUCoreSeconds].Value
					if answer.Right {
						right++
					}
				}
			}
			cost := a.cost(store.MetricCPUCoreSeconds)
			if a.N != 90 || a.Right != right || a.Value != float64(right)/90 || !(a.CI.Lo < a.Value && a.CI.Hi > a.Value) || len(a.Groups) != 2 || a.Groups[1].N != 45 {
				t.Errorf("%s at %s: %+v", c.ID, a.Resolution, a)
			}
			if cost == nil || cost.Quality != measure.Measured || math.Abs(cost.Mean-cpu/90) > 1e-9 || !cost.CI.Contains(cost.Mean) ||
				math.Abs(*cost.RightPerUnit-float64(right)/cpu) > 1e-9 || !cost.RightPerUnitCI.Contains(*cost.RightPerUnit) {
				t.Errorf("%s at %s: %+v", c.ID, a.Resolution, cost)
			}
			if e := a.energy(); e == nil || e.Quality != measure.Estimated || e.Metric != store.MetricJoules+"estimate.cpu" {
				t.Errorf("energy %+v", e)
			}
			if a.Absent[store.MetricJoules+"powercap.package-0"] != "no permission" || a.Absent[store.MetricRAMAUC] != "no baseline" {
				t.Errorf("absent %v", a.Absent)
			}
		}
	}
	// More pixels, more right, at a higher price: accuracy alone does not decide.
	first, last := r.Configs[1].Accuracy[0], r.Configs[1].Accuracy[2]
	if !(last.Value > first.CI.Hi) || !(*last.cost(store.MetricCPUCoreSeconds).RightPerUnit < *first.cost(store.MetricCPUCoreSeconds).RightPerUnit) {
		t.Errorf("112: %+v, 448: %+v", first, last)
	}
	metered := mustBuild(t, answeredImages(true)).Configs[0].Accuracy[0].energy()
	if metered.Quality != measure.Measured || metered.Metric != store.MetricJoules+"powercap.package-0" {
		t.Errorf("a meter yields to an estimate: %+v", metered)
	}
	for i := range f.answers {
		delete(f.answers[i].Figures, store.MetricJoules+"estimate.cpu")
	}
	bare := accuracyCells(mustBuild(t, f))
	if bare[0].energy() != nil || energyAbsent(bare) == "" {
		t.Errorf("energy of nothing: %+v", bare[0].energy())
	}
}

// TestEnergyOfSomeAnswers has a first configuration whose answers were too quick for the energy of the others.
func TestEnergyOfSomeAnswers(t *testing.T) {
	f := answeredImages(false)
	first := f.answers[0].Config
	for i := range f.answers {
		if f.answers[i].Config == first {
			delete(f.answers[i].Figures, store.MetricJoules+"estimate.cpu")
		}
	}
	r := mustBuild(t, f)
	if cells := accuracyCells(r); cells[0].energy() != nil || firstEnergy(cells) == nil || energyAbsent(cells) != "" {
		t.Errorf("energy of the first cell %+v, of any %+v", cells[0].energy(), firstEnergy(cells))
	}
	var text strings.Builder
	if err := WriteSummary(&text, r, SummaryOptions{}); err != nil || !strings.Contains(text.String(), "by an estimate of energy") {
		t.Errorf("%v:\n%s", err, text.String())
	}
	if html := page(t, f); !strings.Contains(html, "Accuracy against energy, estimate.cpu") {
		t.Error("the page has no picture of accuracy against energy")
	}
}

func TestAccuracyOfNothingAndOfOne(t *testing.T) {
	f := newFixture(plain).answered(1, nil, false)
	f.answers[0].Right = true
	a := mustBuild(t, f).Configs[0].Accuracy[0]
	if a.Value != 1 || a.CI.Lo > 0.25 || a.Resolution != "" || a.NominalPixels != nil || len(a.Doubts) != 1 {
		t.Errorf("%+v", a)
	}
	if c := a.cost(store.MetricCPUCoreSeconds); c.CI != nil || c.RightPerUnitCI != nil || c.RightPerUnit == nil {
		t.Errorf("%+v", c)
	}
	r := mustBuild(t, newFixture(plain))
	if len(r.Configs[0].Accuracy) != 0 || newAccuracyView(r, 0) != nil || len(r.Answers) != 0 {
		t.Errorf("a run without tasks has %+v", r.Configs[0].Accuracy)
	}
}

func TestPageShowsAccuracy(t *testing.T) {
	text := page(t, answeredImages(false))
	count, words := elements(t, text)
	for _, want := range []string{"Cost and accuracy against resolution", "Accuracy against CPU time", "Accuracy against energy, estimate.cpu", "right per core·s", "images of up to", "90 tasks of builtin:pictures", "nominal pixels of the image"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	bare := answeredImages(false)
	bare.answers = nil
	if without, _ := elements(t, page(t, bare)); count["svg"] != without["svg"]+3 {
		t.Errorf("%d charts, without answers %d", count["svg"], without["svg"])
	}
	f := newFixture(plain).answered(40, nil, false)
	for i := range f.answers {
		delete(f.answers[i].Figures, store.MetricJoules+"estimate.cpu")
	}
	if _, words := elements(t, page(t, f)); !strings.Contains(words, "– absent: ") || strings.Contains(words, "Cost and accuracy against resolution") {
		t.Error("accuracy of text without any energy")
	}
}

func TestSummaryShowsAccuracy(t *testing.T) {
	var out strings.Builder
	if err := WriteSummary(&out, mustBuild(t, answeredImages(false)), SummaryOptions{Width: 120}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Accuracy: 90 tasks of builtin:pictures", "right per core·s", "448x448", "by an estimate of energy, not a measurement: estimate.cpu"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestAnswersReadBack(t *testing.T) {
	r := mustBuild(t, answeredImages(false))
	var file bytes.Buffer
	if err := WriteJSON(&file, r); err != nil {
		t.Fatal(err)
	}
	again, err := ReadJSON(&file)
	if err != nil || !reflect.DeepEqual(again.Answers, r.Answers) || !reflect.DeepEqual(again.Configs[0].Accuracy, r.Configs[0].Accuracy) {
		t.Errorf("JSON came back otherwise: %v", err)
	}
	file.Reset()
	if err := WriteAnswersParquet(&file, r); err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.Read[AnswerRow](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil || len(rows) != len(r.Answers) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	file.Reset()
	if err := WriteAnswersCSV(&file, r); err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(&file).ReadAll()
	if err != nil || len(table) != len(rows)+1 {
		t.Fatalf("%d lines, %v", len(table), err)
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	for i, a := range r.Answers {
		row, line := rows[i], table[i+1]
		if row.Task != a.Task || row.Right != a.Right || *row.EffectivePixels != int64(*a.EffectivePixels) || row.Figures[store.MetricCPUCoreSeconds] != a.Figures[store.MetricCPUCoreSeconds] || len(row.Estimates) != 1 {
			t.Fatalf("row %d: %+v of %+v", i, row, a)
		}
		if _, absent := column[store.MetricRAMAUC]; absent || line[column["task"]] != a.Task || (line[column["right"]] == "true") != a.Right || line[column["estimated.joules.estimate.cpu"]] == "" {
			t.Fatalf("line %d: %v", i, line)
		}
	}
}

func TestFiguresOfAccuracy(t *testing.T) {
	dir := t.TempDir()
	if err := writeAccuracyFigures(dir, mustBuild(t, answeredImages(false))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"accuracy-cost", "accuracy-energy", "accuracy-resolution"} {
		for _, ext := range []string{".png", ".svg"} {
			if info, err := os.Stat(filepath.Join(dir, name+ext)); err != nil || info.Size() < 5000 {
				t.Errorf("%s%s: %v", name, ext, err)
			}
		}
	}
	none := t.TempDir()
	if err := writeAccuracyFigures(none, mustBuild(t, newFixture(plain))); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(none); err != nil || len(files) != 0 {
		t.Errorf("figures of nothing: %v, %v", files, err)
	}
}
