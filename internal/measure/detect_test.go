package measure

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// Boxes of load in noise must be found, with edges within two periods.
func TestDetectorFindsBoxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 9))
		var truth []Window
		at := 2.0
		for range rapid.IntRange(1, 4).Draw(t, "boxes") {
			length := rapid.Float64Range(1.5, 6).Draw(t, "length")
			truth = append(truth, Window{int64(at * 1e9), int64((at + length) * 1e9)})
			at += length + rapid.Float64Range(1.5, 4).Draw(t, "pause")
		}
		height := rapid.Float64Range(1, 8).Draw(t, "height")
		s := sampled(KindLoad, ticks(at+1, 20, 0.2, rng), func(x float64) float64 {
			v := 0.1 + 0.03*height*rng.NormFloat64()
			for _, w := range truth {
				v += height * box(float64(w.Start)/1e9, float64(w.End)/1e9)(x)
			}
			return v
		})
		found, err := Detector{}.Detect(s, Window{s.T[0], s.T[len(s.T)-1]})
		if err != nil || len(found) != len(truth) {
			t.Fatalf("found %v, want %v (%v)", found, truth, err)
		}
		for i, w := range found {
			if start, end := math.Abs(float64(w.Start-truth[i].Start)), math.Abs(float64(w.End-truth[i].End)); start > 100e6 || end > 100e6 {
				t.Fatalf("window %v, want %v", w, truth[i])
			}
		}
		if iou := IoU(found, truth); iou < 0.9 {
			t.Fatalf("IoU %.3f", iou)
		}
	})
}

func TestDetectorEdgeCases(t *testing.T) {
	all := Window{0, 10 * second}
	times := ticks(10, 20, 0, nil)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, tc := range []struct {
		name string
		load func(float64) float64
		want []Window
	}{
		{"noise only", func(float64) float64 { return 0.05 * rng.Float64() }, nil},
		{"busy at the start", box(-1, 4), []Window{{0, 4 * second}}},
		{"busy to the end", box(6, 99), []Window{{6 * second, 10 * second}}},
		{"a dip inside does not split", func(x float64) float64 { return box(2, 8)(x) - 0.4*box(4, 5)(x) }, []Window{{2 * second, 8 * second}}},
		{"a gentle slope", func(x float64) float64 { return max(0, 1-math.Abs(x-5)/4) }, []Window{{3 * second, 8 * second}}},
	} {
		got, err := Detector{}.Detect(sampled(KindLoad, times, tc.load), all)
		if err != nil || len(got) != len(tc.want) {
			t.Errorf("%s: found %v (%v), want %v", tc.name, got, err, tc.want)
			continue
		}
		for i := range got {
			near(t, tc.name+": start", float64(got[i].Start), float64(tc.want[i].Start), 150e6)
			near(t, tc.name+": end", float64(got[i].End), float64(tc.want[i].End), 150e6)
		}
	}
	if _, err := (Detector{}).Detect(Series{}, all); err == nil {
		t.Error("no samples, no error")
	}
}

func TestIoU(t *testing.T) {
	for _, tc := range []struct {
		a, b []Window
		want float64
	}{
		{[]Window{{0, 10}}, []Window{{0, 10}}, 1},
		{[]Window{{0, 10}}, []Window{{5, 15}}, 1.0 / 3},
		{[]Window{{0, 6}, {4, 10}}, []Window{{0, 10}}, 1},
		{[]Window{{0, 10}}, []Window{{20, 30}}, 0},
		{[]Window{{0, 2}, {8, 10}}, []Window{{1, 9}}, 0.2},
		{nil, nil, 0},
		{[]Window{{5, 5}}, []Window{{0, 10}}, 0},
	} {
		near(t, "IoU", IoU(tc.a, tc.b), tc.want, 1e-12)
		near(t, "IoU swapped", IoU(tc.b, tc.a), tc.want, 1e-12)
	}
}

// A meter that logs power at 10 Hz on its own clock, against CPU load at 20 Hz: the offset is
// found to a period of the log.
func TestAlignRecoversOffset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 9))
		offset := int64(rapid.Float64Range(-20, 20).Draw(t, "offset") * 1e9)
		event := func(x float64) float64 { return box(10, 12)(x) + box(15, 16)(x) + 0.5*box(30, 40)(x) }
		ref := sampled(KindLoad, ticks(60, 20, 0.1, rng), func(x float64) float64 { return 2 * event(x) })
		log := sampled(KindPower, ticks(60, 10, 0.1, rng), func(x float64) float64 {
			return 3 + 4*event(x) + 0.1*rng.NormFloat64()
		})
		for i := range log.T {
			log.T[i] -= offset
		}
		got, err := Align(ref, log, 25)
		if err != nil || math.Abs(float64(got.Offset-offset)) > 100e6 || got.Correlation < 0.9 {
			t.Fatalf("alignment %+v (%v), want offset %d", got, err, offset)
		}
	})
}

func TestAlignRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	noise := func(float64) float64 { return rng.NormFloat64() }
	a, b := sampled(KindLoad, ticks(60, 20, 0, nil), noise), sampled(KindPower, ticks(60, 20, 0, nil), noise)
	if got, err := Align(a, b, 5); err == nil {
		t.Errorf("noise aligned with noise: %+v", got)
	}
	if _, err := Align(a, b, 1e9); err == nil {
		t.Error("an endless search was accepted")
	}
	if _, err := Align(a, Series{}, 5); err == nil {
		t.Error("an empty log was accepted")
	}
}
