package law

import (
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// Rules that round sizes put the knee between two values; an interval that meets them agrees.
func TestPredictedRange(t *testing.T) {
	points := kneePoints(3, kneeGrid12, 350, 0.01, linearCost)
	for _, c := range []struct {
		predicted float64
		within    Interval
		agrees    bool
		text      string
	}{
		{350, Interval{}, true, "as predicted (350)"},
		{380, Interval{Lo: 345, Hi: 380}, true, "as predicted (380, within 345 … 380)"},
		{380, Interval{}, false, "not where predicted (380)"},
		{380, Interval{Lo: 500, Hi: 600}, false, "not where predicted (380, within 380 … 600)"},
		{0, Interval{}, false, "p = 0.002). Above"},
	} {
		k := mustKnee(t, points, KneeOptions{Options: proportional, Predicted: c.predicted, PredictedRange: c.within})
		if k.Agrees != c.agrees || !strings.Contains(k.Text("pixels", "cost"), c.text) {
			t.Errorf("%v in %v: %s", c.predicted, c.within, k.Text("pixels", "cost"))
		}
	}
}

// Cost that still grows a little above the knee is not called flat.
func TestNotFlatAbove(t *testing.T) {
	points := kneePoints(4, kneeGrid12, 350, 0.005, quadraticCost)
	for i := range points {
		if x := points[i].X; x > 350 {
			points[i].Y *= 1 + 0.15*(x-350)/850
		}
	}
	k := mustKnee(t, points, KneeOptions{Options: proportional})
	if k.FlatVerdict != stat.Different || !(k.FlatSlope.CI.Lo > 0.05) || k.Found && !kneeDoubted(k, "not flat") {
		t.Errorf("%s\n%+v %q", k.Text("pixels", "cost"), k.FlatSlope, k.Doubts)
	}
}

// Three sizes and few trials still end in a result, or in an error that says what lacks.
func TestSmallKnee(t *testing.T) {
	points := []Point{{100, 1, 1}, {200, 2, 1}, {400, 2.05, 1}, {400, 1.95, 1}}
	k := mustKnee(t, points, KneeOptions{})
	if k.Found || k.Shape != Linear || !kneeDoubted(k, "fewer than 5 repeats") || !kneeDoubted(k, "too few") {
		t.Errorf("%+v", k)
	}
	if _, err := FitKnee(points[:3], KneeOptions{}); err == nil || !strings.Contains(err.Error(), "add repeats") {
		t.Errorf("three trials: %v", err)
	}
}

// A knee between the two smallest x can lie anywhere between them.
func TestKneeBelowTheSecondX(t *testing.T) {
	k := mustKnee(t, kneePoints(5, kneeGrid12, 80, 0.01, linearCost), KneeOptions{Options: proportional, Predicted: 80})
	if !k.At.CI.Contains(80) || k.At.CI.Lo > 51 || !k.TooCoarse || !kneeDoubted(k, "add x of about") {
		t.Errorf("%+v", k)
	}
}
