package bench

import (
	"math"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// TestStudyPlans: the plans of the study compare an original with a shape of it that has the
// parameters of the study's compressed model.
func TestStudyPlans(t *testing.T) {
	for name, want := range map[string]float64{"paper-llm": 3.2e9, "paper-vlm": 1.1e9} {
		p, err := FindPlan(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Compare) != 2 || !strings.HasPrefix(p.Compare[1], p.Compare[0]) {
			t.Fatalf("%s compares %q", name, p.Compare)
		}
		s, f, err := shape.Parse(p.Compare[1])
		if err != nil {
			t.Fatal(err)
		}
		got := s.Plan(f).Parameters()
		if s.Vision != nil {
			got += s.PlanVision(shape.VisionFormat(f)).Parameters()
		}
		if math.Abs(float64(got)/want-1) > 0.01 || (s.Vision != nil) != p.Images() || p.Reload != p.Images() {
			t.Errorf("%s: %d parameters, want %.0f; %+v", name, got, want, p)
		}
	}
}
