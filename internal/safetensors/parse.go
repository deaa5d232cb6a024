package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

const (
	maxHeader   = 100_000_000 // bytes, the limit of the reference implementation
	lengthBytes = 8           // of the header's length, before the header
	metadataKey = "__metadata__"

	downloadAgain = "the file is truncated or damaged: download it again"
)

// Parse reads a file from memory; name stands for the file in errors. data is kept for
// Data and must not change. Every error is a *FormatError; within the header its offset is
// that of the text right before the offending value.
func Parse(data []byte, name string) (*File, error) {
	p := &parser{file: &File{name: name, data: data, metadata: map[string]string{}, index: map[string]int{}}}
	if err := p.parse(data); err != nil {
		return nil, err
	}
	return p.file, nil
}

type parser struct {
	file  *File
	json  *json.Decoder // over the header
	spots []int64       // where the offsets of each tensor stand
}

func (p *parser) fail(field string, offset int64, format string, args ...any) error {
	return &FormatError{File: p.file.name, Field: field, Offset: offset, Msg: fmt.Sprintf(format, args...)}
}

// at is the position in the file that the header has been read to.
func (p *parser) at() int64 { return lengthBytes + p.json.InputOffset() }

func (p *parser) parse(data []byte) error {
	header, err := p.header(data)
	if err != nil {
		return err
	}
	p.json = json.NewDecoder(bytes.NewReader(header))
	err = p.object("header", func(key string) error {
		if key == metadataKey {
			return p.metadata()
		}
		return p.tensor(key)
	})
	if err != nil {
		return err
	}
	if rest := bytes.Trim(header[p.json.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return p.fail("header", p.at(), "has text after the object: %s", downloadAgain)
	}
	return p.place(int64(lengthBytes+len(header)), int64(len(data)))
}

// header cuts the header out of the file.
func (p *parser) header(data []byte) ([]byte, error) {
	if len(data) < lengthBytes {
		return nil, p.fail("header length", 0, "needs %d bytes, the file has %d: %s", lengthBytes, len(data), downloadAgain)
	}
	n, left := binary.LittleEndian.Uint64(data), uint64(len(data)-lengthBytes)
	switch {
	case n > maxHeader:
		return nil, p.fail("header length", 0, "is %d, at most %d are allowed: not a safetensors file", n, maxHeader)
	case n > left:
		return nil, p.fail("header length", 0, "is %d, but the file has only %d bytes more: %s", n, left, downloadAgain)
	case n == 0 || data[lengthBytes] != '{':
		return nil, p.fail("header", lengthBytes, "does not start with {: not a safetensors file")
	}
	return data[lengthBytes : lengthBytes+n], nil
}

// object reads a JSON object and calls member after each key, which reads the value.
func (p *parser) object(field string, member func(key string) error) error {
	start := p.at()
	if t, err := p.json.Token(); err != nil || t != json.Delim('{') {
		return p.fail(field, start, "is no JSON object")
	}
	seen := map[string]bool{}
	for p.json.More() {
		start = p.at()
		t, err := p.json.Token()
		if err != nil {
			return p.fail(field, start, "%v", err)
		}
		key, _ := t.(string) // the decoder accepts no other keys
		if seen[key] {
			return p.fail(field, start, "%q appears twice", key)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	start = p.at()
	if _, err := p.json.Token(); err != nil {
		return p.fail(field, start, "%v", err)
	}
	return nil
}

// value reads a JSON value of the type that into points to.
func (p *parser) value(field string, into any) error {
	start := p.at()
	if err := p.json.Decode(into); err != nil {
		return p.fail(field, start, "%v", err)
	}
	return nil
}

func (p *parser) metadata() error {
	return p.object(metadataKey, func(key string) error {
		var s *string
		start := p.at()
		if err := p.value(metadataKey+" "+key, &s); err != nil {
			return err
		}
		if s == nil {
			return p.fail(metadataKey+" "+key, start, "is null, not a string")
		}
		p.file.metadata[key] = *s
		return nil
	})
}

// tensor reads one entry; offsets are still relative to the data.
func (p *parser) tensor(name string) error {
	field := "tensor " + name
	var (
		dtype   string
		shape   []uint64
		offsets []uint64
		shapeAt int64
		spot    int64
	)
	start := p.at()
	err := p.object(field, func(key string) error {
		switch key {
		case "dtype":
			return p.value(field+": dtype", &dtype)
		case "shape":
			shapeAt = p.at()
			return p.value(field+": shape", &shape)
		case "data_offsets":
			spot = p.at()
			return p.value(field+": data_offsets", &offsets)
		}
		return p.fail(field, p.at(), "has an unknown member %q", key)
	})
	if err != nil {
		return err
	}
	dt, ok := dtypes[dtype]
	switch {
	case !ok:
		return p.fail(field+": dtype", start, "element type %q is not supported", dtype)
	case shape == nil:
		return p.fail(field+": shape", start, "is missing")
	case len(offsets) != 2 || offsets[0] > offsets[1] || offsets[1] > math.MaxInt64:
		return p.fail(field+": data_offsets", max(spot, start), "%d is no pair of begin and end", offsets)
	}
	t := Tensor{Name: name, DType: dt, Offset: int64(offsets[0]), Size: int64(offsets[1] - offsets[0])}
	size := uint64(dt.BlockBytes())
	for _, d := range shape {
		hi, product := bits.Mul64(size, d)
		if hi != 0 || product > math.MaxInt || d > math.MaxInt {
			return p.fail(field+": shape", shapeAt, "%d leaves no possible number of bytes", shape)
		}
		size = product
		t.Shape = append(t.Shape, int(d))
	}
	if int64(size) != t.Size {
		return p.fail(field+": data_offsets", spot, "span %d bytes, the shape %d of %s needs %d", t.Size, shape, dtype, size)
	}
	p.file.tensors = append(p.file.tensors, t)
	p.spots = append(p.spots, spot)
	return nil
}

// dtypes are the element types by their names in the file, as far as GGUF has them too.
var dtypes = map[string]tensor.DType{
	"F64": tensor.F64, "F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16,
	"I64": tensor.I64, "I32": tensor.I32, "I16": tensor.I16, "I8": tensor.I8,
}

// place sorts the tensors by position, checks that they fill the data without holes or
// overlaps, as the format demands, and makes offsets absolute.
func (p *parser) place(start, end int64) error {
	order := make([]int, len(p.file.tensors))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		s, t := p.file.tensors[a], p.file.tensors[b]
		return cmp.Or(cmp.Compare(s.Offset, t.Offset), cmp.Compare(s.Size, t.Size), a-b)
	})
	sorted := make([]Tensor, 0, len(order))
	next := int64(0)
	for _, i := range order {
		t := p.file.tensors[i]
		field := "tensor " + t.Name + ": data_offsets"
		switch {
		case t.Offset < next:
			return p.fail(field, p.spots[i], "begin %d overlaps the tensor that ends at %d: the file is damaged", t.Offset, next)
		case t.Offset > next:
			return p.fail(field, p.spots[i], "begin %d leaves a hole after byte %d of the data: the file is damaged", t.Offset, next)
		case t.Size > end-start-t.Offset:
			return p.fail(field, p.spots[i], "end %d exceeds the %d bytes of data: %s", t.Offset+t.Size, end-start, downloadAgain)
		}
		next = t.Offset + t.Size
		t.Offset += start
		p.file.index[t.Name] = len(sorted)
		sorted = append(sorted, t)
	}
	if next != end-start {
		return p.fail("data", start+next, "has %d bytes that belong to no tensor: the file is damaged", end-start-next)
	}
	p.file.tensors = sorted
	return nil
}
