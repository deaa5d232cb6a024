package tensor

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const peerCols, peerRows = 512, 24

// peerTensors are seeded tensors of the kinds that quantizers find easy and hard.
func peerTensors() map[string][]float32 {
	column := make([]float64, peerCols)
	r := rand.New(rand.NewPCG(11, 1))
	for i := range column {
		column[i] = math.Exp(r.NormFloat64())
	}
	kinds := map[string]func(r *rand.Rand, i int) float64{
		"normal":  func(r *rand.Rand, _ int) float64 { return 0.02 * r.NormFloat64() },
		"uniform": func(r *rand.Rand, _ int) float64 { return r.Float64() - 0.5 },
		"student": func(r *rand.Rand, _ int) float64 { // three degrees of freedom
			a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
			return 0.02 * r.NormFloat64() / math.Sqrt((a*a+b*b+c*c)/3)
		},
		"outliers": func(r *rand.Rand, _ int) float64 {
			v := 0.02 * r.NormFloat64()
			if r.IntN(500) == 0 {
				v *= 30
			}
			return v
		},
		"near-constant": func(r *rand.Rand, _ int) float64 { return 1 + 1e-3*r.NormFloat64() },
		"sparse": func(r *rand.Rand, _ int) float64 {
			if r.IntN(10) > 0 {
				return 0
			}
			return r.NormFloat64()
		},
		"skewed":  func(r *rand.Rand, _ int) float64 { return 0.1 * (r.ExpFloat64() - 0.5) },
		"columns": func(r *rand.Rand, i int) float64 { return 0.02 * column[i%peerCols] * r.NormFloat64() },
		"tiny":    func(r *rand.Rand, _ int) float64 { return 1e-5 * r.NormFloat64() },
	}
	tensors := map[string][]float32{}
	for name, draw := range kinds {
		r := rand.New(rand.NewPCG(7, uint64(len(name))))
		x := make([]float32, peerRows*peerCols)
		for i := range x {
			x[i] = float32(draw(r, i))
		}
		tensors[name] = x
	}
	return tensors
}

// peerImportance spreads over several decades, as mean squares of activations do.
func peerImportance() []float32 {
	r := rand.New(rand.NewPCG(12, 1))
	w := make([]float32, peerCols)
	for i := range w {
		w[i] = float32(math.Exp(1.5 * r.NormFloat64()))
	}
	return w
}

// weightedRMS is the root of the mean squared error; w may be nil.
func weightedRMS(x, y, w []float32) float64 {
	var sum, total float64
	for i := range x {
		d, weight := float64(x[i])-float64(y[i]), 1.0
		if w != nil {
			weight = float64(w[i%len(w)])
		}
		sum += weight * d * d
		total += weight
	}
	return math.Sqrt(sum / total)
}

func quantizeRows(t testing.TB, dt DType, x, w []float32) []float32 {
	t.Helper()
	size, err := dt.RowBytes(len(x))
	if err != nil {
		t.Fatal(err)
	}
	b, y := make([]byte, size), make([]float32, len(x))
	if err := QuantizeRows(b, dt, x, w); err != nil {
		t.Fatal(err)
	}
	if err := Dequantize(y, dt, b); err != nil {
		t.Fatal(err)
	}
	return y
}

// peerFigure is the error of llama.cpp's quantizer on one tensor (testdata/README.md).
type peerFigure struct {
	Tensor, Format  string
	Plain, Weighted float64
}

// No tensor loses more than 2 % more than under llama.cpp's quantizer, with and without
// importance. QUANTIZE_KEEP names a folder to write the tensors to, for other tools.
func TestQuantizeRowsAgainstPeer(t *testing.T) {
	tensors, importance := peerTensors(), peerImportance()
	if dir := os.Getenv("QUANTIZE_KEEP"); dir != "" {
		tensors["importance"] = importance
		for name, x := range tensors {
			b := make([]byte, 4*len(x))
			encodeF32(b, x)
			if err := os.WriteFile(filepath.Join(dir, name+".f32"), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	var figures []peerFigure
	if err := json.Unmarshal(fixture(t, "peer.json"), &figures); err != nil || len(figures) != 9*11 {
		t.Fatalf("%d figures, %v", len(figures), err)
	}
	types := map[string]DType{}
	for _, dt := range blockTypes {
		types[dt.String()] = dt
	}
	for _, f := range figures {
		x := tensors[f.Tensor]
		plain := weightedRMS(x, quantizeRows(t, types[f.Format], x, nil), nil)
		weighted := weightedRMS(x, quantizeRows(t, types[f.Format], x, importance), importance)
		t.Logf("| %s | %s | %.3f | %.3f |", f.Tensor, f.Format, plain/f.Plain, weighted/f.Weighted)
		if plain > 1.02*f.Plain || weighted > 1.02*f.Weighted {
			t.Errorf("%s as %s: RMS %.4g (weighted %.4g), llama.cpp's %.4g (%.4g)", f.Tensor, f.Format, plain, weighted, f.Plain, f.Weighted)
		}
	}
}

// Importance moves error to where it costs less, columns without any stay close to their
// values, and a common factor changes no bit.
func TestQuantizeRowsImportance(t *testing.T) {
	x := normal(3, 4*512, 1)
	w := make([]float32, 512)
	doubled := make([]float32, 512)
	for i := range w {
		if i%4 == 0 {
			w[i], doubled[i] = 1, 2
		}
	}
	for _, dt := range blockTypes {
		plain, weighted := quantizeRows(t, dt, x, nil), quantizeRows(t, dt, x, w)
		if a, b := weightedRMS(x, weighted, w), weightedRMS(x, plain, w); a > b || dt != Q8_0 && a == b {
			t.Errorf("%v: weighted error %.4g with importance, %.4g without", dt, a, b)
		}
		if got := weightedRMS(x, weighted, nil); got > 0.6 {
			t.Errorf("%v: error %.4g where columns without importance count", dt, got)
		}
		if !slices.Equal(weighted, quantizeRows(t, dt, x, doubled)) {
			t.Errorf("%v: the unit of importance matters", dt)
		}
		if !slices.Equal(plain, quantizeRows(t, dt, x, make([]float32, 512))) {
			t.Errorf("%v: importance of zeros is not the same as none", dt)
		}
		row := quantizeRows(t, dt, x[512:1024], w)
		if !slices.Equal(weighted[512:1024], row) {
			t.Errorf("%v: a row depends on others", dt)
		}
	}
}

func TestQuantizeRowsRefuses(t *testing.T) {
	x, b := normal(1, 1024, 1), make([]byte, 4*144)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, importance := range map[string][]float32{
		"empty": {}, "not divided": make([]float32, 768), "no blocks": make([]float32, 128),
		"longer": make([]float32, 2048), "nan": append(make([]float32, 511), nan),
		"infinite": append(make([]float32, 511), inf), "negative": append(make([]float32, 511), -1),
	} {
		if err := QuantizeRows(b, Q4_K, x, importance); err == nil {
			t.Errorf("importance %s: no error", name)
		}
	}
	if err := QuantizeRows(b, I32, x, nil); err == nil {
		t.Error("integers: no error")
	}
}
