package eval

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func logits(n int) *rapid.Generator[[]float32] {
	return rapid.SliceOfN(rapid.Float32Range(-40, 40), n, n)
}

// softmax is the plain formula in float64.
func softmax(row []float32) []float64 {
	top, total := math.Inf(-1), 0.0
	for _, v := range row {
		top = max(top, float64(v))
	}
	p := make([]float64, len(row))
	for i, v := range row {
		p[i] = math.Exp(float64(v) - top)
		total += p[i]
	}
	for i := range p {
		p[i] /= total
	}
	return p
}

func TestSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := logits(rapid.IntRange(1, 50).Draw(t, "n")).Draw(t, "row")
		s, err := sum(row)
		if err != nil {
			t.Fatal(err)
		}
		p := softmax(row)
		for i, v := range row {
			if got := math.Exp(float64(v) - s.log); math.Abs(got-p[i]) > 1e-12 {
				t.Fatalf("p[%d] = %v, want %v", i, got, p[i])
			}
			if v > row[s.best] || v == row[s.best] && i < s.best {
				t.Fatalf("best is %d, but %d is likelier or first", s.best, i)
			}
		}
	})
}

// TestDivergeKnown has two tokens: p_base = (½, ½), p = (¾, ¼).
func TestDivergeKnown(t *testing.T) {
	d, err := diverge([]float32{0, 0}, []float32{float32(math.Log(3)), 0}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := 0.5*math.Log(0.5/0.75) + 0.5*math.Log(0.5/0.25)
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"KL", d.kl, want}, {"−ln p", d.nll, math.Log(4)}, {"−ln p of base", d.nllBase, math.Log(2)}, {"Δp", d.dp, -0.25}} {
		if math.Abs(c.got-c.want) > 1e-7 {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
	if !d.sameTop {
		t.Error("both put token 0 first")
	}
}

// TestDivergeProperties holds the streamed formula to the plain one.
func TestDivergeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		base, row := logits(n).Draw(t, "base"), logits(n).Draw(t, "row")
		d, err := diverge(base, row, 0)
		if err != nil {
			t.Fatal(err)
		}
		p, q, want := softmax(base), softmax(row), 0.0
		for i := range p {
			if p[i] > 0 {
				want += p[i] * math.Log(p[i]/q[i])
			}
		}
		if d.kl < 0 || math.Abs(d.kl-want) > 1e-10*(1+want) {
			t.Fatalf("KL %v, want %v", d.kl, want)
		}
		shift := rapid.Float32Range(-1, 1).Draw(t, "shift")
		moved := make([]float32, n)
		for i, v := range base {
			moved[i] = v + shift
		}
		if d, err = diverge(base, moved, 0); err != nil || d.kl > 1e-5 || math.Abs(d.dp) > 1e-5 {
			t.Fatalf("a shift of all logits by %v changes KL to %v, Δp to %v (%v)", shift, d.kl, d.dp, err)
		}
		if d, err = diverge(base, base, 0); err != nil || d.kl != 0 || d.dp != 0 || !d.sameTop {
			t.Fatalf("with itself: %+v, %v", d, err)
		}
	})
}

func TestLogitsThatAreNoNumbers(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		good, row := []float32{1, 2, 3}, []float32{1, float32(bad), 3}
		if _, err := sum(row); err == nil || !strings.Contains(err.Error(), "token 1") {
			t.Errorf("%v: %v", bad, err)
		}
		if _, err := diverge(row, good, 0); err == nil || !strings.Contains(err.Error(), "original") {
			t.Errorf("%v in the original: %v", bad, err)
		}
	}
}
