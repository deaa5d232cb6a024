package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// file puts a header's length before it and data after it.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

// encode writes tensors one after the other.
func encode(t testing.TB, metadata map[string]string, tensors []Tensor, data [][]byte) []byte {
	t.Helper()
	header := map[string]any{}
	if metadata != nil {
		header[metadataKey] = metadata
	}
	var all []byte
	for i, ten := range tensors {
		header[ten.Name] = map[string]any{
			"dtype": ten.DType.String(), "shape": ten.Shape, "data_offsets": []int{len(all), len(all) + len(data[i])},
		}
		all = append(all, data[i]...)
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	return append(file(string(text), 0), all...)
}

func TestRoundTrip(t *testing.T) {
	types := slices.Sorted(maps.Values(dtypes))
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé"\\.0-9]{0,9}`), 0, 6, rapid.ID).Draw(rt, "names")
		metadata := rapid.MapOfN(rapid.StringMatching(`[a-z]{0,5}`), rapid.StringMatching(`[ -~é]{0,9}`), 0, 3).Draw(rt, "metadata")
		var want []Tensor
		var data [][]byte
		for i, name := range names {
			ten := Tensor{Name: name, DType: rapid.SampledFrom(types).Draw(rt, "type")}
			ten.Shape = rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(rt, "shape")
			ten.Size = int64(ten.Elements() * ten.DType.BlockBytes())
			want = append(want, ten)
			data = append(data, bytes.Repeat([]byte{byte(i + 1)}, int(ten.Size)))
		}
		f, err := Parse(encode(t, metadata, want, data), "drawn")
		if err != nil {
			rt.Fatal(err)
		}
		if !maps.Equal(f.Metadata(), metadata) || len(f.Tensors()) != len(want) {
			rt.Fatalf("metadata %v, %d tensors", f.Metadata(), len(f.Tensors()))
		}
		for i, w := range want {
			got, ok := f.Tensor(w.Name)
			if !ok || got.DType != w.DType || !slices.Equal(got.Shape, w.Shape) || !bytes.Equal(f.Data(got), data[i]) {
				rt.Fatalf("%q: got %+v, want %+v", w.Name, got, w)
			}
		}
	})
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	data := []byte{0, 0, 128, 63}
	content := encode(t, nil, []Tensor{{Name: "w", DType: tensor.F32, Shape: []int{1}}}, [][]byte{data})
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	w, ok := f.Tensor("w")
	if !ok || !bytes.Equal(f.Data(w), data) || f.Name() != path || f.Size() != int64(len(content)) {
		t.Errorf("got %+v, %v in %s of %d bytes", w, ok, f.Name(), f.Size())
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if f.Data(w) != nil || len(f.Tensors()) != 1 {
		t.Error("after Close: data is there or the list is gone")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: got %v", err)
	}
}

type bad struct {
	data   []byte
	field  string
	offset int64
}

// malformed lists files that break one rule each, with the field and byte that the error
// must name.
func malformed() map[string]bad {
	entry := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"t":{"dtype":%s,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	const ( // where the values of entry(`"F32"`, `[2]`, …) are read from
		start   = 8 + len(`{"t"`)
		dtype   = start + len(`:{"dtype"`)
		shape   = dtype + len(`:"F32","shape"`)
		offsets = shape + len(`:[2],"data_offsets"`)
	)
	two := func(a, b string) string {
		return fmt.Sprintf(`{"a":{"dtype":"I8","shape":[4],"data_offsets":%s},"b":{"dtype":"I8","shape":[4],"data_offsets":%s}}`, a, b)
	}
	second := int64(8 + len(two("[0,4]", "")) - len(":}}"))
	return map[string]bad{
		"empty":               {nil, "header length", 0},
		"7 bytes":             {make([]byte, 7), "header length", 0},
		"length past the end": {file(`{}`, 0)[:9], "header length", 0},
		"length 2^63":         {binary.LittleEndian.AppendUint64(nil, 1<<63), "header length", 0},
		"length over limit":   {append(binary.LittleEndian.AppendUint64(nil, maxHeader+1), make([]byte, 100)...), "header length", 0},
		"no header":           {make([]byte, 8), "header", 8},
		"array":               {file(`[]`, 0), "header", 8},
		"not closed":          {file(`{"t":`, 0), "tensor t", 12},
		"text after":          {file(`{} {}`, 0), "header", 10},
		"duplicate tensor":    {file(`{"t":{"dtype":"I8","shape":[0],"data_offsets":[0,0]},"t":{}}`, 0), "header", 8 + 52},
		"entry no object":     {file(`{"t":3}`, 0), "tensor t", int64(start)},
		"metadata no object":  {file(`{"__metadata__":[]}`, 0), "__metadata__", 8 + 15},
		"metadata number":     {file(`{"__metadata__":{"a":1}}`, 0), "__metadata__ a", 8 + 20},
		"metadata null":       {file(`{"__metadata__":{"a":null}}`, 0), "__metadata__ a", 8 + 20},
		"metadata twice":      {file(`{"__metadata__":{"a":"","a":""}}`, 0), "__metadata__", 8 + 23},
		"unknown member":      {file(`{"t":{"x":1}}`, 0), "tensor t", 8 + 9},
		"member twice":        {file(`{"t":{"dtype":"I8","dtype":"I8"}}`, 0), "tensor t", 8 + 18},
		"nothing in entry":    {file(`{"t":{}}`, 0), "tensor t: dtype", int64(start)},
		"dtype number":        {file(entry(`1`, `[2]`, `[0,8]`), 8), "tensor t: dtype", int64(dtype)},
		"dtype unknown":       {file(entry(`"F33"`, `[2]`, `[0,8]`), 8), "tensor t: dtype", int64(start)},
		"shape missing":       {file(`{"t":{"dtype":"F32","data_offsets":[0,4]}}`, 4), "tensor t: shape", int64(start)},
		"shape null":          {file(entry(`"F32"`, `null`, `[0,4]`), 4), "tensor t: shape", int64(start)},
		"shape negative":      {file(entry(`"F32"`, `[-1]`, `[0,8]`), 8), "tensor t: shape", int64(shape)},
		"shape fraction":      {file(entry(`"F32"`, `[1.5]`, `[0,8]`), 8), "tensor t: shape", int64(shape)},
		"shape 2^64":          {file(entry(`"F32"`, `[18446744073709551616]`, `[0,8]`), 8), "tensor t: shape", int64(shape)},
		"shape overflows":     {file(entry(`"F32"`, `[4294967296,1073741824]`, `[0,0]`), 0), "tensor t: shape", int64(shape)},
		"shape product zero":  {file(entry(`"F32"`, `[0,18446744073709551615]`, `[0,0]`), 0), "tensor t: shape", int64(shape)},
		"offsets missing":     {file(`{"t":{"dtype":"F32","shape":[]}}`, 4), "tensor t: data_offsets", int64(start)},
		"offsets of one":      {file(entry(`"F32"`, `[2]`, `[8]`), 8), "tensor t: data_offsets", int64(offsets)},
		"offsets of three":    {file(entry(`"F32"`, `[2]`, `[0,8,8]`), 8), "tensor t: data_offsets", int64(offsets)},
		"offsets reversed":    {file(entry(`"F32"`, `[2]`, `[8,0]`), 8), "tensor t: data_offsets", int64(offsets)},
		"offsets negative":    {file(entry(`"F32"`, `[2]`, `[-8,0]`), 8), "tensor t: data_offsets", int64(offsets)},
		"offsets over 2^63":   {file(entry(`"F32"`, `[2]`, `[9223372036854775808,9223372036854775816]`), 8), "tensor t: data_offsets", int64(offsets)},
		"offsets near 2^63":   {file(entry(`"F32"`, `[2]`, `[9223372036854775799,9223372036854775807]`), 8), "tensor t: data_offsets", int64(offsets)},
		"span too long":       {file(entry(`"F32"`, `[2]`, `[0,12]`), 12), "tensor t: data_offsets", int64(offsets)},
		"data truncated":      {file(entry(`"F32"`, `[2]`, `[0,8]`), 7), "tensor t: data_offsets", int64(offsets)},
		"data left over":      {file(entry(`"F32"`, `[2]`, `[0,8]`), 9), "data", int64(8 + len(entry(`"F32"`, `[2]`, `[0,8]`)) + 8)},
		"hole at the start":   {file(entry(`"F32"`, `[2]`, `[1,9]`), 9), "tensor t: data_offsets", int64(offsets)},
		"hole":                {file(two("[0,4]", "[5,9]"), 9), "tensor b: data_offsets", second},
		"overlap":             {file(two("[0,4]", "[3,7]"), 7), "tensor b: data_offsets", second},
	}
}

func TestMalformed(t *testing.T) {
	for name, c := range malformed() {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.data, "bad.safetensors")
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("got error %v, want a *FormatError", err)
			}
			if format.File != "bad.safetensors" || format.Field != c.field || format.Offset != c.offset || format.Msg == "" {
				t.Errorf("got %q at byte %d, want %q at %d\n%v", format.Field, format.Offset, c.field, c.offset, err)
			}
		})
	}
}

func TestTruncated(t *testing.T) {
	whole := encode(t, map[string]string{"format": "pt"},
		[]Tensor{{Name: "a", DType: tensor.BF16, Shape: []int{3, 2}}, {Name: "b", DType: tensor.F32, Shape: []int{}}},
		[][]byte{make([]byte, 12), make([]byte, 4)})
	for n := range whole {
		if _, err := Parse(whole[:n], "cut"); err == nil || !strings.Contains(err.Error(), "download it again") {
			t.Errorf("cut at %d of %d: got error %v", n, len(whole), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	cases := malformed()
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		f.Add(cases[name].data)
	}
	f.Add(encode(f, map[string]string{"k": "v"}, []Tensor{{Name: "w", DType: tensor.F16, Shape: []int{2}}}, [][]byte{{1, 2, 3, 4}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data, "fuzz")
		if err != nil {
			var format *FormatError
			if !errors.As(err, &format) || format.Field == "" || format.Offset < 0 || format.Offset > int64(len(data)) {
				t.Fatalf("error without a place: %#v", err)
			}
			return
		}
		var sum int64
		for _, ten := range file.Tensors() {
			b := file.Data(ten)
			if int64(len(b)) != ten.Size || int64(ten.Elements()*ten.DType.BlockBytes()) != ten.Size {
				t.Fatalf("%+v: %d bytes of data", ten, len(b))
			}
			if found, ok := file.Tensor(ten.Name); !ok || found.Offset != ten.Offset {
				t.Fatalf("%+v is not found by name", ten)
			}
			sum += ten.Size
		}
		if sum > int64(len(data)) || sum > math.MaxInt64-8 {
			t.Fatalf("tensors of %d bytes in a file of %d", sum, len(data))
		}
	})
}
