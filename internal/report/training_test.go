package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/recipe"
)

func TestWriteTraining(t *testing.T) {
	points := []recipe.Point{
		{Phase: "first steps", Seen: 100, Loss: 5}, {Phase: "first steps", Seen: 200, Loss: 3, Right: 0.2, ByKind: map[string]float64{"where": 0.2}},
		{Phase: "longer and longer texts", Seen: 4000, Loss: 1, Right: 0.7, ByKind: map[string]float64{"where": 0.7}},
	}
	dir := t.TempDir()
	if err := WriteTraining(dir, "scribe", points); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"scribe-loss", "scribe-right"} {
		svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(svg), "longer and longer texts") {
			t.Errorf("%s names no phase", name)
		}
		if _, err := os.Stat(filepath.Join(dir, name+".png")); err != nil {
			t.Error(err)
		}
	}
	if err := WriteTraining(dir, "scribe", nil); err == nil || !strings.Contains(err.Error(), "no points") {
		t.Errorf("an empty curve: error %v", err)
	}
}

func TestPhaseEnds(t *testing.T) {
	got := phaseEnds([]recipe.Point{{Phase: "a", Seen: 1}, {Phase: "a", Seen: 2}, {Phase: "b", Seen: 5}})
	if len(got) != 2 || got[0] != (phaseEnd{"a", 2}) || got[1] != (phaseEnd{"b", 5}) {
		t.Errorf("phases end at %v", got)
	}
}
