package gguf

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

func encode(t testing.TB, w *Writer) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := w.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func set(t testing.TB, w *Writer, key string, v Value) {
	t.Helper()
	if err := w.Set(key, v); err != nil {
		t.Fatal(err)
	}
}

func add(t testing.TB, w *Writer, name string, dt tensor.DType, data []byte, shape ...int) {
	t.Helper()
	if err := w.Add(name, dt, shape, Bytes(data)); err != nil {
		t.Fatal(err)
	}
}

func parse(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Parse(data, "test.gguf")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGetters(t *testing.T) {
	w := NewWriter()
	set(t, w, "string", ValueOf("grüß"))
	set(t, w, "u8", ValueOf[uint8](200))
	set(t, w, "i8", ValueOf[int8](-3))
	set(t, w, "u16", ValueOf[uint16](60000))
	set(t, w, "i16", ValueOf[int16](-300))
	set(t, w, "u32", ValueOf[uint32](4e9))
	set(t, w, "i32", ValueOf[int32](-4))
	set(t, w, "u64", ValueOf[uint64](math.MaxUint64))
	set(t, w, "i64", ValueOf[int64](math.MinInt64))
	set(t, w, "f32", ValueOf[float32](1.5))
	set(t, w, "f64", ValueOf(-2.25))
	set(t, w, "yes", ValueOf(true))
	set(t, w, "strings", ArrayOf([]string{"a", "", "c"}))
	set(t, w, "ints", ArrayOf([]int32{1, -2}))
	set(t, w, "wide", ArrayOf([]int64{1, 1 << 40}))
	set(t, w, "floats", ArrayOf([]float32{0.5, -1}))
	set(t, w, "bools", ArrayOf([]bool{true, false}))
	f := parse(t, encode(t, w))

	check := func(name string, got, want any, ok bool) {
		t.Helper()
		if !ok || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, %v; want %v", name, got, ok, want)
		}
	}
	s, ok := f.String("string")
	check("string", s, "grüß", ok)
	for key, want := range map[string]int64{"u8": 200, "i8": -3, "u16": 60000, "i16": -300, "u32": 4e9, "i32": -4, "i64": math.MinInt64} {
		i, ok := f.Int(key)
		check(key, i, want, ok)
		u, ok := f.Uint(key)
		if ok != (want >= 0) || ok && u != uint64(want) {
			t.Errorf("%s as Uint: got %v, %v", key, u, ok)
		}
		x, ok := f.Float(key)
		check(key+" as Float", x, float64(want), ok)
	}
	u, ok := f.Uint("u64")
	check("u64", u, uint64(math.MaxUint64), ok)
	if i, ok := f.Int("u64"); ok {
		t.Errorf("2^64−1 as Int: got %v", i)
	}
	x, ok := f.Float("f32")
	check("f32", x, 1.5, ok)
	x, ok = f.Float("f64")
	check("f64", x, -2.25, ok)
	b, ok := f.Bool("yes")
	check("yes", b, true, ok)
	ss, ok := f.Strings("strings")
	check("strings", ss, []string{"a", "", "c"}, ok)
	is, ok := f.Ints32("ints")
	check("ints", is, []int32{1, -2}, ok)
	fs, ok := f.Floats32("floats")
	check("floats", fs, []float32{0.5, -1}, ok)
	bs, ok := f.Bools("bools")
	check("bools", bs, []bool{true, false}, ok)

	if got, ok := f.Ints32("wide"); ok {
		t.Errorf("2^40 as int32: got %v", got)
	}
	if _, ok := f.Ints32("ints32"); ok {
		t.Error("an absent key has a value")
	}
	if _, ok := f.String("u8"); ok {
		t.Error("a number is a string")
	}
	if _, ok := f.Strings("ints"); ok {
		t.Error("integers are strings")
	}
}

func TestValueString(t *testing.T) {
	nested, err := ArrayOfArrays([]Value{ArrayOf([]uint8{1, 2}), ArrayOf([]string{})})
	if err != nil {
		t.Fatal(err)
	}
	for want, v := range map[string]Value{
		`"a\n"`:                                ValueOf("a\n"),
		"-7":                                   ValueOf[int8](-7),
		"18446744073709551615":                 ValueOf[uint64](math.MaxUint64),
		"0.1":                                  ValueOf[float32](0.1),
		"true":                                 ValueOf(true),
		"[[1, 2], []]":                         nested,
		"[0, 1, 2, 3, 4, 5, 6, 7, … 9 in all]": ArrayOf([]int16{0, 1, 2, 3, 4, 5, 6, 7, 8}),
		"nothing":                              {},
	} {
		if got := v.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestOpen(t *testing.T) {
	w := NewWriter()
	set(t, w, "general.name", ValueOf("tiny"))
	data := []byte{0, 0, 128, 63, 0, 0, 0, 64}
	add(t, w, "weight", tensor.F32, data, 2)
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := w.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	weight, ok := f.Tensor("weight")
	if !ok || !bytes.Equal(f.Data(weight), data) || f.Version != 3 || f.Name() != path {
		t.Errorf("got %+v, %v, version %d, name %s", weight, ok, f.Version, f.Name())
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if f.Data(weight) != nil {
		t.Error("data is there after Close")
	}
	if name, _ := f.String("general.name"); name != "tiny" || f.Tensors()[0].Name != "weight" {
		t.Error("metadata or tensors are gone after Close")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
}

// drawValue draws a value and what it must be equal to when read back.
func drawValue(t *rapid.T, depth int) Value {
	switch rapid.IntRange(0, 12).Draw(t, "type") {
	case 0:
		return either(t, rapid.Uint8())
	case 1:
		return either(t, rapid.Int8())
	case 2:
		return either(t, rapid.Uint16())
	case 3:
		return either(t, rapid.Int16())
	case 4:
		return either(t, rapid.Uint32())
	case 5:
		return either(t, rapid.Int32())
	case 6:
		return either(t, rapid.Float32())
	case 7:
		return either(t, rapid.Bool())
	case 8:
		return either(t, rapid.String())
	case 9:
		return either(t, rapid.Uint64())
	case 10:
		return either(t, rapid.Int64())
	case 11:
		return either(t, rapid.Float64())
	}
	if depth == maxNesting {
		return ArrayOf([]string{})
	}
	arrays := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Value { return drawArray(t, depth+1) }), 0, 3).Draw(t, "arrays")
	v, err := ArrayOfArrays(arrays)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func drawArray(t *rapid.T, depth int) Value {
	for {
		if v := drawValue(t, depth); v.Type() == Array {
			return v
		}
	}
}

// either makes a scalar or an array, and checks that its elements come back.
func either[T Scalar](t *rapid.T, g *rapid.Generator[T]) Value {
	if rapid.Bool().Draw(t, "scalar") {
		return ValueOf(g.Draw(t, "value"))
	}
	want := rapid.SliceOfN(g, 0, 5).Draw(t, "values")
	v := ArrayOf(want)
	i := 0
	for e := range v.All() {
		if ref := ValueOf(want[i]); e.typ != ref.typ || !bytes.Equal(e.raw, ref.raw) {
			t.Fatalf("element %d: got %v, want %v", i, e, want[i])
		}
		i++
	}
	if i != len(want) || v.Len() != len(want) {
		t.Fatalf("got %d elements, Len %d, want %d", i, v.Len(), len(want))
	}
	return v
}

var anyType = []tensor.DType{tensor.F32, tensor.F16, tensor.I8, tensor.F64, tensor.Q8_0, tensor.Q4_K, tensor.Q6_K, tensor.IQ4XS}

// Whatever is written is read back, in order and byte for byte.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := NewWriter()
		align := int64(DefaultAlignment)
		if rapid.Bool().Draw(t, "aligned") {
			align = int64(8) << rapid.IntRange(0, 6).Draw(t, "alignment")
			if err := w.Set(alignmentKey, ValueOf(uint32(align))); err != nil {
				t.Fatal(err)
			}
		}
		values := rapid.MapOfN(rapid.StringMatching(`[a-z_.]{1,12}`), rapid.Custom(func(t *rapid.T) Value { return drawValue(t, 1) }), 0, 8).Draw(t, "metadata")
		for key, v := range values {
			if err := w.Set(key, v); err != nil {
				t.Fatal(err)
			}
		}
		type want struct {
			dt    tensor.DType
			shape []int
			data  []byte
		}
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9.]{1,20}`), 0, 5, rapid.ID).Draw(t, "names")
		tensors := map[string]want{}
		for _, name := range names {
			dt := rapid.SampledFrom(anyType).Draw(t, "type")
			shape := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 4).Draw(t, "shape")
			shape[0] *= dt.BlockValues()
			n := shape[0] / dt.BlockValues() * dt.BlockBytes()
			for _, d := range shape[1:] {
				n *= d
			}
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(i*31 + len(name))
			}
			if err := w.Add(name, dt, shape, Stream(bytes.NewReader(data))); err != nil {
				t.Fatal(err)
			}
			tensors[name] = want{dt, shape, data}
		}
		var b bytes.Buffer
		if err := w.Write(&b); err != nil {
			t.Fatal(err)
		}
		f, err := Parse(b.Bytes(), "drawn")
		if err != nil {
			t.Fatal(err)
		}
		if f.Version != 3 || f.Alignment != align || !slices.Equal(f.Keys(), w.keys) {
			t.Fatalf("version %d, alignment %d, keys %q", f.Version, f.Alignment, f.Keys())
		}
		for key, v := range values {
			if got, ok := f.Value(key); !ok || got.typ != v.typ || !bytes.Equal(got.raw, v.raw) {
				t.Fatalf("%s: got %v, want %v", key, got, v)
			}
		}
		var order []string
		for _, got := range f.Tensors() {
			order = append(order, got.Name)
			w := tensors[got.Name]
			if got.DType != w.dt || !slices.Equal(got.Shape, w.shape) || got.Offset%align != 0 || !bytes.Equal(f.Data(got), w.data) {
				t.Fatalf("%s: got %+v, want %v %v", got.Name, got, w.dt, w.shape)
			}
		}
		if !slices.Equal(order, names) {
			t.Fatalf("tensor order: got %q, want %q", order, names)
		}
	})
}

func TestWriterRefuses(t *testing.T) {
	w := NewWriter()
	add(t, w, "there", tensor.F32, make([]byte, 4), 1)
	sets := map[string]struct {
		key string
		v   Value
	}{
		"empty key":        {"", ValueOf(true)},
		"long key":         {strings.Repeat("k", maxName+1), ValueOf(true)},
		"no value":         {"key", Value{}},
		"odd alignment":    {alignmentKey, ValueOf[uint32](24)},
		"alignment type":   {alignmentKey, ValueOf[uint64](32)},
		"alignment string": {alignmentKey, ValueOf("32")},
	}
	for name, c := range sets {
		if err := w.Set(c.key, c.v); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	adds := map[string]struct {
		name  string
		dt    tensor.DType
		shape []int
	}{
		"empty name":    {"", tensor.F32, []int{1}},
		"long name":     {strings.Repeat("n", nameLimit+1), tensor.F32, []int{1}},
		"twice":         {"there", tensor.F32, []int{1}},
		"no dimension":  {"n", tensor.F32, nil},
		"5 dimensions":  {"n", tensor.F32, []int{1, 1, 1, 1, 1}},
		"zero":          {"n", tensor.F32, []int{4, 0}},
		"negative":      {"n", tensor.F32, []int{-4}},
		"part of block": {"n", tensor.Q8_0, []int{33}},
		"unknown type":  {"n", tensor.DType(99), []int{32}},
		"overflow":      {"n", tensor.F32, []int{1 << 30, 1 << 30, 1 << 30}},
	}
	for name, c := range adds {
		if err := w.Add(c.name, c.dt, c.shape, Bytes(nil)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := ArrayOfArrays([]Value{ValueOf("x")}); err == nil {
		t.Error("array of arrays with a string: no error")
	}
	deep := ArrayOf([]bool{true})
	for range maxNesting - 1 {
		var err error
		if deep, err = ArrayOfArrays([]Value{deep}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ArrayOfArrays([]Value{deep}); err == nil {
		t.Error("arrays nested deeper than can be read: no error")
	}
	for name, n := range map[string]int{"short source": 3, "long source": 5} {
		w := NewWriter()
		add(t, w, "x", tensor.F32, make([]byte, n), 1)
		path := filepath.Join(t.TempDir(), "out.gguf")
		if err := w.WriteFile(path); err == nil || !strings.Contains(err.Error(), "tensor x") {
			t.Errorf("%s: got error %v", name, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
			t.Errorf("%s: left %v behind", name, left)
		}
	}
	if err := w.Write(io.Discard); err != nil {
		t.Errorf("the refusals changed the writer: %v", err)
	}
}
