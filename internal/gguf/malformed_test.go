package gguf

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// raw builds files by hand, right or wrong.
type raw []byte

func (b raw) u32(v uint32) raw            { return binary.LittleEndian.AppendUint32(b, v) }
func (b raw) u64(v uint64) raw            { return binary.LittleEndian.AppendUint64(b, v) }
func (b raw) text(s string) raw           { return append(b.u64(uint64(len(s))), s...) }
func (b raw) zeros(n int) raw             { return append(b, make([]byte, n)...) }
func (b raw) pair(k string, t uint32) raw { return b.text(k).u32(t) }

// head is the preamble: 24 bytes.
func head(tensors, pairs uint64) raw { return raw(magic).u32(3).u64(tensors).u64(pairs) }

// info describes a tensor "t" without metadata before it: name at byte 24, dimension count
// at 33, first dimension at 37, and for one dimension type at 45, offset at 49, end at 57.
func info(t tensor.DType, offset uint64, shape ...uint64) raw {
	return head(1, 0).describe("t", t, offset, shape...)
}

func (b raw) describe(name string, t tensor.DType, offset uint64, shape ...uint64) raw {
	b = b.text(name).u32(uint32(len(shape)))
	for _, d := range shape {
		b = b.u64(d)
	}
	return b.u32(uint32(t)).u64(offset)
}

// malformed lists files that break one rule each, with the field and byte that the error
// must name.
func malformed() map[string]struct {
	data   []byte
	field  string
	offset int64
} {
	type bad = struct {
		data   []byte
		field  string
		offset int64
	}
	nested := head(0, 1).pair("k", uint32(Array))
	for range maxNesting {
		nested = nested.u32(uint32(Array)).u64(1)
	}
	two := head(2, 0).describe("a", tensor.F32, 0, 16).describe("b", tensor.F32, 32, 16)
	return map[string]bad{
		"empty":                {nil, "magic", 0},
		"wrong magic":          {raw("GGML").zeros(20), "magic", 0},
		"version 0":            {raw(magic).u32(0).zeros(16), "version", 4},
		"version 1":            {raw(magic).u32(1).zeros(16), "version", 4},
		"version 4":            {raw(magic).u32(4).zeros(16), "version", 4},
		"big-endian":           {append(raw(magic), 0, 0, 0, 3).zeros(16), "version", 4},
		"lying tensor count":   {head(math.MaxUint64, 0), "tensor count", 8},
		"lying pair count":     {head(0, 1<<62), "metadata count", 16},
		"too many pairs":       {head(0, maxPairs+1).zeros(minPair * (maxPairs + 1)), "metadata count", 16},
		"empty key":            {head(0, 1).text("").u32(0).zeros(16), "metadata 0: key", 24},
		"key of 2^63 bytes":    {head(0, 1).u64(1 << 63).zeros(16), "metadata 0: key", 24},
		"key of 64 KiB":        {head(0, 1).u64(1 << 16).zeros(1 << 17), "metadata 0: key", 24},
		"key past the end":     {head(0, 1).u64(99).zeros(16), "metadata 0: key", 24},
		"duplicate key":        {head(0, 2).pair("k", 0).zeros(1).pair("k", 0).zeros(1), "metadata 1: key", 38},
		"unknown value type":   {head(0, 1).pair("k", 13).zeros(8), "metadata k: type", 33},
		"value past the end":   {head(0, 1).pair("kk", uint32(Float64)).zeros(7), "metadata kk: value", 38},
		"string of 2^63−1":     {head(0, 1).pair("k", uint32(String)).u64(math.MaxInt64), "metadata k: value", 37},
		"string of 2^64−1":     {head(0, 1).pair("k", uint32(String)).u64(math.MaxUint64), "metadata k: value", 37},
		"bool of 2":            {append(head(0, 1).pair("k", uint32(Bool)), 2), "metadata k: value", 37},
		"bool of 2 in array":   {append(head(0, 1).pair("k", uint32(Array)).u32(uint32(Bool)).u64(2), 1, 2), "metadata k: value", 50},
		"unknown element type": {head(0, 1).pair("k", uint32(Array)).u32(77).zeros(8), "metadata k: value: element type", 37},
		"lying array length":   {head(0, 1).pair("k", uint32(Array)).u32(uint32(Uint64)).u64(2).zeros(15), "metadata k: value: length", 41},
		"array bytes overflow": {head(0, 1).pair("k", uint32(Array)).u32(uint32(Uint64)).u64(1 << 61), "metadata k: value: length", 41},
		"strings past the end": {head(0, 1).pair("k", uint32(Array)).u32(uint32(String)).u64(2).text("ab").u64(1), "metadata k: value", 59},
		"arrays nested deep":   {nested.u32(0).u64(0), "metadata k: value", 37 + 12*maxNesting},
		"alignment 0":          {head(0, 1).pair(alignmentKey, uint32(Uint32)).u32(0), "metadata general.alignment: value", 53},
		"alignment 24":         {head(0, 1).pair(alignmentKey, uint32(Uint32)).u32(24), "metadata general.alignment: value", 53},
		"alignment 2^31":       {head(0, 1).pair(alignmentKey, uint32(Uint32)).u32(1 << 31), "metadata general.alignment: value", 53},
		"alignment a string":   {head(0, 1).pair(alignmentKey, uint32(String)).text("32"), "metadata general.alignment: value", 53},
		"empty tensor name":    {head(1, 0).describe("", tensor.F32, 0, 8).zeros(64), "tensor 0: name", 24},
		"duplicate tensor":     {head(2, 0).describe("t", tensor.F32, 0, 8).describe("t", tensor.F32, 32, 8).zeros(128), "tensor 1: name", 57},
		"5 dimensions":         {info(tensor.F32, 0, 1, 1, 1, 1, 1).zeros(64), "tensor t: dimension count", 33},
		"dimension 0":          {info(tensor.F32, 0, 0).zeros(64), "tensor t: shape", 37},
		"dimension 2^64−1":     {info(tensor.F32, 0, math.MaxUint64).zeros(64), "tensor t: shape", 37},
		"elements overflow":    {info(tensor.F32, 0, 1<<32, 1<<32).zeros(64), "tensor t: shape", 45},
		"bytes overflow":       {info(tensor.F32, 0, 1<<62).zeros(64), "tensor t: shape", 33},
		"part of a block":      {info(tensor.Q8_0, 0, 33, 32).zeros(2000), "tensor t: shape", 33},
		"unknown element":      {info(tensor.DType(99), 0, 8).zeros(64), "tensor t: type", 45},
		"offset unaligned":     {info(tensor.F32, 16, 8).zeros(128), "tensor t: offset", 49},
		"offset 2^63":          {info(tensor.F32, 1<<63, 8).zeros(128), "tensor t: offset", 49},
		"offset near 2^63":     {info(tensor.F32, 1<<63-32, 8).zeros(128), "tensor t: offset", 49},
		"offset past the end":  {info(tensor.F32, 64, 8).zeros(7 + 32), "tensor t: offset", 49},
		"data truncated":       {info(tensor.F32, 0, 8).zeros(7 + 31), "tensor t: offset", 49},
		"no data section":      {info(tensor.F32, 0, 8), "tensor t: offset", 49},
		"overlap":              {two.zeros(256), "tensor b: offset", 82},
		"same place":           {head(2, 0).describe("a", tensor.F32, 0, 8).describe("b", tensor.F32, 0, 8).zeros(128), "tensor b: offset", 82},
	}
}

func TestMalformed(t *testing.T) {
	for name, c := range malformed() {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.data, "bad.gguf")
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("got error %v, want a *FormatError", err)
			}
			if format.File != "bad.gguf" || format.Field != c.field || format.Offset != c.offset {
				t.Errorf("got %q at byte %d, want %q at %d\n%v", format.Field, format.Offset, c.field, c.offset, err)
			}
			if !strings.HasPrefix(err.Error(), "bad.gguf: "+c.field+" at byte ") || format.Msg == "" {
				t.Errorf("message: %v", err)
			}
		})
	}
}

// sample is a sound file with every section.
func sample(t testing.TB) []byte {
	w := NewWriter()
	set(t, w, "general.architecture", ValueOf("llama"))
	set(t, w, alignmentKey, ValueOf[uint32](64))
	set(t, w, "tokens", ArrayOf([]string{"<s>", "a", ""}))
	set(t, w, "flags", ArrayOf([]bool{true}))
	nested, err := ArrayOfArrays([]Value{ArrayOf([]int16{1, 2}), ArrayOf([]string{"x"})})
	if err != nil {
		t.Fatal(err)
	}
	set(t, w, "nested", nested)
	add(t, w, "norm", tensor.F32, make([]byte, 4*7), 7)
	add(t, w, "weight", tensor.Q8_0, make([]byte, 34*6), 64, 3)
	return encode(t, w)
}

// A file cut anywhere is refused, until only padding after the last tensor is missing.
func TestTruncated(t *testing.T) {
	whole := sample(t)
	tensors := parse(t, whole).Tensors()
	last := tensors[len(tensors)-1]
	for n := range whole {
		_, err := Parse(whole[:n], "cut.gguf")
		var format *FormatError
		if complete := int64(n) >= last.Offset+last.Size; complete && err != nil {
			t.Fatalf("cut in the padding at %d: %v", n, err)
		} else if !complete && !errors.As(err, &format) {
			t.Fatalf("cut at %d of %d: got error %v", n, len(whole), err)
		} else if !complete && !strings.Contains(err.Error(), "download it again") {
			t.Errorf("cut at %d: no advice in %q", n, err)
		}
	}
}

func TestVersion2(t *testing.T) {
	data := sample(t)
	data[4] = 2
	if f := parse(t, data); f.Version != 2 || len(f.Tensors()) != 2 {
		t.Errorf("version %d with %d tensors", f.Version, len(f.Tensors()))
	}
}

// Tensors in any order and with gaps are sound, and so is a scalar.
func TestLoosePlacement(t *testing.T) {
	data := head(2, 0).describe("last", tensor.F32, 96, 8).describe("scalar", tensor.F32, 32).zeros(300)
	f := parse(t, data)
	if s, _ := f.Tensor("scalar"); s.Size != 4 || s.Elements() != 1 || len(f.Data(s)) != 4 {
		t.Errorf("scalar: %+v", s)
	}
	for _, foreign := range []Tensor{{Offset: -1, Size: 1}, {Offset: 0, Size: -1}, {Offset: 1 << 40, Size: 1}, {Offset: 1, Size: math.MaxInt64}} {
		if f.Data(foreign) != nil {
			t.Errorf("%+v: data outside of the file", foreign)
		}
	}
}

func FuzzParse(f *testing.F) {
	bad := malformed()
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		if len(bad[name].data) < 1<<14 {
			f.Add(bad[name].data)
		}
	}
	f.Add(sample(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data, "fuzz")
		if err != nil {
			var format *FormatError
			if !errors.As(err, &format) || format.Field == "" || format.Offset < 0 || format.Offset > int64(len(data)) {
				t.Fatalf("error without a place: %#v", err)
			}
			return
		}
		for _, key := range file.Keys() {
			v, ok := file.Value(key)
			if !ok || v.String() == "" {
				t.Fatalf("key %q has no value", key)
			}
			file.Strings(key)
			file.Floats32(key)
			file.Ints32(key)
		}
		for _, ten := range file.Tensors() {
			b := file.Data(ten)
			if int64(len(b)) != ten.Size || ten.Offset%file.Alignment != 0 {
				t.Fatalf("%+v: %d bytes of data", ten, len(b))
			}
			x := make([]float32, ten.Elements())
			if err := tensor.Dequantize(x, ten.DType, b); err != nil && !isInteger(ten.DType) {
				t.Fatal(err)
			}
		}
	})
}

func isInteger(dt tensor.DType) bool {
	return dt == tensor.I8 || dt == tensor.I16 || dt == tensor.I32 || dt == tensor.I64
}
