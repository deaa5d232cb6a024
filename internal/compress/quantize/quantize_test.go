package quantize

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// modelFile writes a shape's language model.
func modelFile(t testing.TB, ref string) string {
	t.Helper()
	s, f, err := shape.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	return writeModel(t, src)
}

func writeModel(t testing.TB, src *model.Source) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.gguf")
	if err := src.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t testing.TB, in string, o Options) (out string, changes []Change) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "out.gguf")
	changes, err := File(context.Background(), in, out, o)
	if err != nil {
		t.Fatal(err)
	}
	return out, changes
}

func open(t testing.TB, path string) *gguf.File {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// decoded returns a tensor's values.
func decoded(t testing.TB, f *gguf.File, name string) []float32 {
	t.Helper()
	g, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %q", name)
	}
	values := make([]float32, g.Elements())
	if err := tensor.Dequantize(values, g.DType, f.Data(g)); err != nil {
		t.Fatal(err)
	}
	return values
}

// A file keeps metadata and vectors, and its values have the error that is stated.
func TestFile(t *testing.T) {
	in := modelFile(t, "shape:tiny-qwen2@f32")
	before := open(t, in)
	for _, format := range []model.Format{model.F16, model.Q8_0, model.Q5_1, model.IQ4_NL, model.Q4_K_S, model.Q5_K_M, model.Q2_K} {
		out, changes := run(t, in, Options{Format: format})
		after := open(t, out)
		if n, _ := after.Uint("general.file_type"); n != uint64(format.FileType()) {
			t.Errorf("%v: general.file_type is %d", format, n)
		}
		for _, key := range before.Keys() {
			a, _ := before.Value(key)
			b, ok := after.Value(key)
			if key != "general.file_type" && (!ok || a.String() != b.String()) {
				t.Errorf("%v: %s is %v, was %v", format, key, b, a)
			}
		}
		for i, g := range after.Tensors() {
			c := changes[i]
			if c.Name != g.Name || c.To != g.DType || c.After != g.Size {
				t.Fatalf("%v: %+v is said of %+v", format, c, g)
			}
			x, y := decoded(t, before, g.Name), decoded(t, after, g.Name)
			var sum float64
			for j := range x {
				sum += (float64(x[j]) - float64(y[j])) * (float64(x[j]) - float64(y[j]))
			}
			if math.Abs(sum-c.Error) > 1e-9*sum {
				t.Errorf("%v: error of %s is %g, stated %g", format, g.Name, sum, c.Error)
			}
			if c.Kept != "" && c.Error != 0 || c.RMS() > 0.31 {
				t.Errorf("%v: %s has an error of %g", format, g.Name, c.RMS())
			}
		}
	}
}

func TestFileIsDeterministic(t *testing.T) {
	in := modelFile(t, "shape:tiny@bf16")
	var first []byte
	for _, cores := range []int{1, 3} {
		previous := runtime.GOMAXPROCS(cores)
		out, _ := run(t, in, Options{Format: model.Q4_K_M})
		runtime.GOMAXPROCS(previous)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(first, data) {
			t.Error("the number of cores changes the file")
		}
	}
}

// An encoder of images keeps its table of positions; its convolution becomes float16.
func TestFileOfEncoder(t *testing.T) {
	s, f, err := shape.Parse("shape:tiny-smolvlm@f32")
	if err != nil {
		t.Fatal(err)
	}
	in := writeModel(t, s.BuildVision(f, 1))
	for format, want := range map[model.Format]map[string]tensor.DType{
		model.Q4_0: {"v.patch_embd.weight": tensor.F16, "v.position_embd.weight": tensor.F32, "v.blk.0.attn_q.weight": tensor.Q4_0, "v.blk.0.ln1.weight": tensor.F32},
		model.F32:  {"v.patch_embd.weight": tensor.F32},
		model.Q4_K: {"v.blk.0.attn_q.weight": tensor.F16}, // of 64 columns
	} {
		out, _ := run(t, in, Options{Format: format})
		for name, dt := range want {
			if got, _ := open(t, out).Tensor(name); got.DType != dt {
				t.Errorf("%v: %s is %v, want %v", format, name, got.DType, dt)
			}
		}
	}
}

func TestFallbackAndSecondRounding(t *testing.T) {
	s, f, err := shape.Parse("shape:tiny@q8_0")
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	narrow := src.Tensor("blk.0.attn_q.weight")
	narrow.Shape = []int{32, int(narrow.Values()) / 32}
	_, changes := run(t, writeModel(t, src), Options{Format: model.Q4_K_M})
	for _, c := range changes {
		if c.Name == narrow.Name && (c.To != tensor.Q5_0 || c.Wanted != tensor.Q4_K) {
			t.Errorf("rows of 32 became %v, wanted %v", c.To, c.Wanted)
		}
		if c.Twice() != (c.Kept == "") {
			t.Errorf("%s of %v to %v: rounded twice: %v", c.Name, c.From, c.To, c.Twice())
		}
	}
	if _, changes := run(t, writeModel(t, src), Options{Format: model.Q8_0}); changes[0].Twice() || changes[0].Error != 0 {
		t.Error("what has the type already was rounded again")
	}
}

// What cannot be quantized is refused by name, and nothing is left behind.
func TestFileRefuses(t *testing.T) {
	good := modelFile(t, "shape:tiny@f32")
	damaged := func(value float32, format model.Format, name string) func(t *testing.T) (string, string, Options) {
		return func(t *testing.T) (string, string, Options) {
			s, f, err := shape.Parse("shape:tiny@f32")
			if err != nil {
				t.Fatal(err)
			}
			src, err := s.Build(f, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := tensor.Quantize(src.Tensor(name).Data[40:44], tensor.F32, []float32{value}); err != nil {
				t.Fatal(err)
			}
			return writeModel(t, src), filepath.Join(t.TempDir(), "out"), Options{Format: format}
		}
	}
	inf := float32(math.Inf(1))
	for name, c := range map[string]struct {
		args func(t *testing.T) (in, out string, o Options)
		want string
	}{
		"nan":       {damaged(inf-inf, model.Q4_K, "blk.1.attn_k.weight"), "blk.1.attn_k.weight: value 10 is NaN"},
		"infinite":  {damaged(inf, model.Q8_0, "output.weight"), "output.weight: value 10 is +Inf"},
		"in a norm": {damaged(inf, model.Q8_0, "output_norm.weight"), "output_norm.weight: value 10 is +Inf"},
		"large":     {damaged(1e10, model.Q6_K, "output.weight"), "output.weight: rows from value 0: quantize to Q6_K"},
		"for f16":   {damaged(1e10, model.F16, "output.weight"), "too large for F16; choose bf16"},
		"same file": {func(*testing.T) (string, string, Options) { return good, good, Options{} }, "input and output"},
		"other":     {func(*testing.T) (string, string, Options) { return "m.safetensors", "x", Options{} }, "name the folder that has config.json"},
		"no file":   {func(*testing.T) (string, string, Options) { return "nosuch.gguf", "x", Options{} }, "nosuch.gguf"},
	} {
		in, out, o := c.args(t)
		if _, err := File(context.Background(), in, out, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if left, _ := os.ReadDir(filepath.Dir(out)); name != "same file" && filepath.IsAbs(out) && len(left) > 0 {
			t.Errorf("%s: %v is left", name, left)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	if _, err := File(ctx, good, filepath.Join(dir, "out"), Options{Format: model.Q4_K}); err == nil {
		t.Error("cancelled: no error")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("cancelled: %v is left", left)
	}
}
