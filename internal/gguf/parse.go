package gguf

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

const (
	magic = "GGUF"

	maxHeader  = 1 << 30 // bytes of metadata and tensor descriptions; real files have some 10 MB
	maxPairs   = 1 << 16
	maxTensors = 1 << 20
	maxName    = 1<<16 - 1 // bytes of a key, by the specification; of a tensor name too
	maxDims    = 4
	maxNesting = 4 // of arrays; real files have 1
	minAlign   = 8 // by the specification

	minPair   = 8 + 1 + 4 + 1     // key, type, value
	minTensor = 8 + 1 + 4 + 4 + 8 // name, dimension count, type, offset
)

const downloadAgain = "the file is truncated or damaged: download it again"

// parser walks the header once. The first error sticks: reads then return zeros, and the
// loops that follow stop at it.
type parser struct {
	file *File
	data []byte
	pos  int
	err  *FormatError

	alignAt  int   // where the value of general.alignment stands
	offsetAt []int // where the offset of each tensor stands
}

func (p *parser) parse() error {
	tensors, pairs := p.preamble()
	p.metadata(pairs)
	p.alignment()
	p.tensorInfos(tensors)
	if p.err == nil {
		p.place()
	}
	if p.err != nil {
		return p.err
	}
	return nil
}

// fail records the first error.
func (p *parser) fail(field string, offset int, format string, args ...any) {
	if p.err == nil {
		p.err = &FormatError{File: p.file.name, Field: field, Offset: int64(offset), Msg: fmt.Sprintf(format, args...)}
	}
}

// take returns the next n bytes, nil once an error stands.
func (p *parser) take(field string, n uint64) []byte {
	if p.err != nil {
		return nil
	}
	left := uint64(len(p.data) - p.pos)
	switch {
	case n > left:
		p.fail(field, p.pos, "needs %d bytes, %d are left: %s", n, left, downloadAgain)
		return nil
	case uint64(p.pos)+n > maxHeader:
		p.fail(field, p.pos, "metadata and tensor descriptions exceed %d bytes: not a sound model file", maxHeader)
		return nil
	}
	b := p.data[p.pos : p.pos+int(n)]
	p.pos += int(n)
	return b
}

func (p *parser) u32(field string) uint32 {
	if b := p.take(field, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (p *parser) u64(field string) uint64 {
	if b := p.take(field, 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count reads a count of things that take at least size bytes each.
func (p *parser) count(field string, size, most int) int {
	at := p.pos
	n := p.u64(field)
	room := uint64(len(p.data)-p.pos) / uint64(size)
	switch {
	case p.err != nil:
		return 0
	case n > room:
		p.fail(field, at, "is %d, but the rest of the file has room for at most %d: %s", n, room, downloadAgain)
		return 0
	case n > uint64(most):
		p.fail(field, at, "is %d, more than the %d allowed: not a sound model file", n, most)
		return 0
	}
	return int(n)
}

// name reads a key or tensor name.
func (p *parser) name(field string) string {
	at := p.pos
	name := p.text(field)
	if n := len(name); p.err == nil && (n == 0 || n > maxName) {
		p.fail(field, at, "has %d bytes, 1 to %d are allowed", n, maxName)
		return ""
	}
	return string(name)
}

// text reads a length and as many bytes.
func (p *parser) text(field string) []byte {
	at := p.pos
	n := p.u64(field)
	if left := uint64(len(p.data) - p.pos); p.err == nil && n > left {
		p.fail(field, at, "has length %d, %d bytes are left: %s", n, left, downloadAgain)
	}
	return p.take(field, n)
}

func (p *parser) preamble() (tensors, pairs int) {
	if m := p.take("magic", 4); p.err == nil && string(m) != magic {
		p.fail("magic", 0, "is %q, not %q: not a GGUF file", m, magic)
	}
	version := p.u32("version")
	switch {
	case p.err != nil:
	case version == 2 || version == 3:
		p.file.Version = int(version)
	case version != 0 && bits.ReverseBytes32(version) <= 0xffff:
		p.fail("version", 4, "is %d in big-endian order: big-endian files are not supported, convert the model for a little-endian machine",
			bits.ReverseBytes32(version))
	default:
		p.fail("version", 4, "is %d, supported are 2 and 3: convert the model again", version)
	}
	tensors = p.count("tensor count", minTensor, maxTensors)
	pairs = p.count("metadata count", minPair, maxPairs)
	return tensors, pairs
}

func (p *parser) metadata(n int) {
	p.file.values = map[string]Value{}
	for i := 0; i < n && p.err == nil; i++ {
		field := fmt.Sprintf("metadata %d: key", i)
		at := p.pos
		key := p.name(field)
		if _, dup := p.file.values[key]; dup {
			p.fail(field, at, "%q appears twice", key)
		}
		p.file.keys = append(p.file.keys, key)
		p.file.values[key] = p.value(key)
	}
}

// value reads type and payload, and copies the payload, for it outlives the mapping.
func (p *parser) value(key string) Value {
	field := "metadata " + key
	typ := p.valueType(field + ": type")
	start := p.pos
	if key == alignmentKey {
		p.alignAt = start
	}
	p.skip(field+": value", typ, 0)
	if p.err != nil {
		return Value{}
	}
	return Value{typ, bytes.Clone(p.data[start:p.pos])}
}

func (p *parser) valueType(field string) ValueType {
	at := p.pos
	typ := ValueType(p.u32(field))
	if typ.minSize() == 0 {
		p.fail(field, at, "%d is no type of this format", uint32(typ))
	}
	return typ
}

// skip walks over a payload and checks it.
func (p *parser) skip(field string, typ ValueType, depth int) {
	at := p.pos
	switch typ {
	case String:
		p.text(field)
	case Bool:
		if b := p.take(field, 1); b != nil && b[0] > 1 {
			p.fail(field, at, "is %d, a bool is 0 or 1", b[0])
		}
	case Array:
		p.skipArray(field, depth)
	default:
		p.take(field, uint64(typ.size()))
	}
}

func (p *parser) skipArray(field string, depth int) {
	at := p.pos
	if depth == maxNesting {
		p.fail(field, at, "nests arrays more than %d deep", maxNesting)
		return
	}
	elem := p.valueType(field + ": element type")
	if p.err != nil {
		return
	}
	n := p.count(field+": length", elem.minSize(), maxHeader)
	if size := elem.size(); size > 0 && elem != Bool {
		p.take(field, uint64(n)*uint64(size))
		return
	}
	for i := 0; i < n && p.err == nil; i++ {
		p.skip(field, elem, depth+1)
	}
}

// alignment settles where tensor data may start.
func (p *parser) alignment() {
	p.file.Alignment = DefaultAlignment
	v, ok := p.file.values[alignmentKey]
	if p.err != nil || !ok {
		return
	}
	a, isInt := v.Uint()
	if !isInt || !validAlignment(a) {
		p.fail("metadata "+alignmentKey+": value", p.alignAt, "is %v, not a power of two from %d to %d", v, minAlign, maxHeader)
		return
	}
	p.file.Alignment = int64(a)
}

func validAlignment(a uint64) bool {
	return a >= minAlign && a <= maxHeader && bits.OnesCount64(a) == 1
}

// tensorInfos reads the descriptions; offsets are still relative to the data section.
func (p *parser) tensorInfos(n int) {
	p.file.tensorIndex = map[string]int{}
	for i := 0; i < n && p.err == nil; i++ {
		field := fmt.Sprintf("tensor %d: name", i)
		at := p.pos
		name := p.name(field)
		if _, dup := p.file.tensorIndex[name]; dup {
			p.fail(field, at, "%q appears twice", name)
		}
		p.file.tensorIndex[name] = i
		p.file.tensors = append(p.file.tensors, p.tensorInfo(name))
	}
}

func (p *parser) tensorInfo(name string) Tensor {
	field := "tensor " + name
	t := Tensor{Name: name}
	shapeAt, elements := p.pos, 1
	dims := p.u32(field + ": dimension count")
	if dims > maxDims {
		p.fail(field+": dimension count", shapeAt, "is %d, at most %d are allowed", dims, maxDims)
	}
	for i := uint32(0); i < dims && p.err == nil; i++ {
		at := p.pos
		d := p.u64(field + ": shape")
		hi, product := bits.Mul64(uint64(elements), d)
		if p.err == nil && (d == 0 || hi != 0 || product > math.MaxInt) {
			p.fail(field+": shape", at, "dimension %d of %d leaves no possible number of elements", i, d)
		}
		t.Shape = append(t.Shape, int(d))
		elements = int(product)
	}
	at := p.pos
	t.DType = tensor.DType(p.u32(field + ": type"))
	if p.err == nil && !t.DType.Known() {
		p.fail(field+": type", at, "element %v is not supported: use a file quantized to another type, e.g. Q4_K, Q6_K or Q8_0", t.DType)
	}
	t.Size = p.tensorSize(field, shapeAt, t, elements)
	at = p.pos
	p.offsetAt = append(p.offsetAt, at)
	offset := p.u64(field + ": offset")
	if p.err == nil && (offset > math.MaxInt64 || offset%uint64(p.file.Alignment) != 0) {
		p.fail(field+": offset", at, "%d is not a multiple of the alignment %d: the file is damaged", offset, p.file.Alignment)
	}
	t.Offset = int64(offset)
	return t
}

// tensorSize returns the bytes of a tensor; rows must be whole blocks.
func (p *parser) tensorSize(field string, at int, t Tensor, elements int) int64 {
	if p.err != nil {
		return 0
	}
	row := 1
	if len(t.Shape) > 0 {
		row = t.Shape[0]
	}
	if row%t.DType.BlockValues() != 0 {
		p.fail(field+": shape", at, "rows of %d are no whole number of %v blocks of %d", row, t.DType, t.DType.BlockValues())
		return 0
	}
	size, err := t.DType.RowBytes(elements)
	if err != nil {
		p.fail(field+": shape", at, "%v", err)
	}
	return int64(size)
}

// place makes offsets absolute and checks that every tensor lies in the file and shares no
// byte with another.
func (p *parser) place() {
	tensors, align := p.file.tensors, p.file.Alignment
	start := alignUp(int64(p.pos), align)
	order := make([]int, len(tensors))
	for i := range tensors {
		t := &tensors[i]
		order[i] = i
		if end := int64(len(p.data)) - start; t.Offset > end || t.Size > end-t.Offset {
			p.fail("tensor "+t.Name+": offset", p.offsetAt[i], "the tensor ends at byte %d of the data section, which has %d: %s",
				uint64(t.Offset)+uint64(t.Size), max(end, 0), downloadAgain)
			return
		}
		t.Offset += start
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(tensors[a].Offset, tensors[b].Offset), a-b)
	})
	for i := 1; i < len(order); i++ {
		t, prev := tensors[order[i]], tensors[order[i-1]]
		if t.Offset < prev.Offset+prev.Size {
			p.fail("tensor "+t.Name+": offset", p.offsetAt[order[i]], "at byte %d the tensor overlaps tensor %s, which ends at byte %d: the file is damaged",
				t.Offset, prev.Name, prev.Offset+prev.Size)
			return
		}
	}
}

func alignUp(n, align int64) int64 { return (n + align - 1) &^ (align - 1) }
