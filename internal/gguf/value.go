package gguf

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"strings"
)

// ValueType is the type of a metadata value, numbered as in the file.
type ValueType uint32

// Value types. The numbers are fixed by the file format.
const (
	Uint8 ValueType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	Array
	Uint64
	Int64
	Float64
)

var typeNames = [...]string{
	"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array",
	"uint64", "int64", "float64",
}

// String returns the name, e.g. "uint32".
func (t ValueType) String() string {
	if int64(t) < int64(len(typeNames)) {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// size returns the bytes of a value of fixed size, 0 for strings, arrays and unknown types.
func (t ValueType) size() int {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16:
		return 2
	case Uint32, Int32, Float32:
		return 4
	case Uint64, Int64, Float64:
		return 8
	}
	return 0
}

// minSize returns the fewest bytes that a value takes: an empty string is its length, an
// empty array its element type and length.
func (t ValueType) minSize() int {
	switch t {
	case String:
		return 8
	case Array:
		return 12
	}
	return t.size()
}

// Value is a metadata value: its type and its payload as it stands in the file, which was
// checked when it was read or made. The zero Value is a uint8 without payload and holds
// nothing.
type Value struct {
	typ ValueType
	raw []byte
}

// Scalar lists the Go types of metadata values other than arrays.
type Scalar interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | float32 | bool | string | uint64 | int64 | float64
}

// ValueOf returns v as a metadata value of the type of the same name.
func ValueOf[T Scalar](v T) Value {
	return Value{typeOf[T](), appendScalar(nil, v)}
}

// ArrayOf returns values as a metadata array.
func ArrayOf[T Scalar](values []T) Value {
	raw := appendArrayHead(nil, typeOf[T](), len(values))
	for _, v := range values {
		raw = appendScalar(raw, v)
	}
	return Value{Array, raw}
}

// ArrayOfArrays returns a metadata array of arrays. It errs when an element is none, and
// beyond four levels. Most other readers of the format take no nested arrays.
func ArrayOfArrays(arrays []Value) (Value, error) {
	raw := appendArrayHead(nil, Array, len(arrays))
	for i, v := range arrays {
		if v.typ != Array {
			return Value{}, fmt.Errorf("array of arrays: element %d is %v", i, v.typ)
		}
		if v.nesting() == maxNesting {
			return Value{}, fmt.Errorf("array of arrays: element %d makes more than %d levels", i, maxNesting)
		}
		raw = append(raw, v.raw...)
	}
	return Value{Array, raw}, nil
}

func typeOf[T Scalar]() ValueType {
	switch any(*new(T)).(type) {
	case uint8:
		return Uint8
	case int8:
		return Int8
	case uint16:
		return Uint16
	case int16:
		return Int16
	case uint32:
		return Uint32
	case int32:
		return Int32
	case float32:
		return Float32
	case bool:
		return Bool
	case string:
		return String
	case uint64:
		return Uint64
	case int64:
		return Int64
	default:
		return Float64
	}
}

func appendScalar[T Scalar](b []byte, v T) []byte {
	switch v := any(v).(type) {
	case string:
		return append(binary.LittleEndian.AppendUint64(b, uint64(len(v))), v...)
	default:
		b, _ = binary.Append(b, binary.LittleEndian, v) // fixed size: never errs
		return b
	}
}

func appendArrayHead(b []byte, elem ValueType, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(elem))
	return binary.LittleEndian.AppendUint64(b, uint64(n))
}

// Type returns the type.
func (v Value) Type() ValueType { return v.typ }

// Elem returns the element type of an array; ok is false for other values.
func (v Value) Elem() (elem ValueType, ok bool) {
	if v.typ != Array {
		return 0, false
	}
	return ValueType(binary.LittleEndian.Uint32(v.raw)), true
}

// Len returns the number of elements of an array, 0 for other values.
func (v Value) Len() int {
	if v.typ != Array {
		return 0
	}
	return int(binary.LittleEndian.Uint64(v.raw[4:]))
}

// nesting returns the levels of arrays: 1 for one of scalars, 0 for other values.
func (v Value) nesting() int {
	elem, ok := v.Elem()
	if !ok {
		return 0
	}
	deepest := 0
	if elem == Array {
		for e := range v.All() {
			deepest = max(deepest, e.nesting())
		}
	}
	return 1 + deepest
}

// All yields the elements of an array in order, and nothing for other values.
func (v Value) All() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		elem, ok := v.Elem()
		if !ok {
			return
		}
		rest := v.raw[12:]
		for range v.Len() {
			n := payloadSize(elem, rest)
			if !yield(Value{elem, rest[:n:n]}) {
				return
			}
			rest = rest[n:]
		}
	}
}

// payloadSize returns the bytes of the checked value of type t at the start of b.
func payloadSize(t ValueType, b []byte) int {
	switch t {
	case String:
		return 8 + int(binary.LittleEndian.Uint64(b))
	case Array:
		elem, n := ValueType(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint64(b[4:]))
		if size := elem.size(); size > 0 {
			return 12 + n*size
		}
		size := 12
		for range n {
			size += payloadSize(elem, b[size:])
		}
		return size
	}
	return t.size()
}

// Text returns a string value.
func (v Value) Text() (string, bool) {
	if v.typ != String {
		return "", false
	}
	return string(v.raw[8:]), true
}

// Bool returns a bool value.
func (v Value) Bool() (value, ok bool) {
	if v.typ != Bool {
		return false, false
	}
	return v.raw[0] != 0, true
}

// Int returns an integer value of any width that fits.
func (v Value) Int() (int64, bool) {
	if len(v.raw) == 0 {
		return 0, false
	}
	le := binary.LittleEndian
	switch v.typ {
	case Uint8:
		return int64(v.raw[0]), true
	case Int8:
		return int64(int8(v.raw[0])), true
	case Uint16:
		return int64(le.Uint16(v.raw)), true
	case Int16:
		return int64(int16(le.Uint16(v.raw))), true
	case Uint32:
		return int64(le.Uint32(v.raw)), true
	case Int32:
		return int64(int32(le.Uint32(v.raw))), true
	case Uint64:
		u := le.Uint64(v.raw)
		return int64(u), u <= math.MaxInt64
	case Int64:
		return int64(le.Uint64(v.raw)), true
	}
	return 0, false
}

// Uint returns an integer value of any width that is not negative.
func (v Value) Uint() (uint64, bool) {
	if v.typ == Uint64 {
		return binary.LittleEndian.Uint64(v.raw), true
	}
	i, ok := v.Int()
	if !ok || i < 0 {
		return 0, false
	}
	return uint64(i), true
}

// Float returns a floating-point or integer value.
func (v Value) Float() (float64, bool) {
	switch v.typ {
	case Float32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.raw))), true
	case Float64:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.raw)), true
	}
	if u, ok := v.Uint(); ok {
		return float64(u), true
	}
	i, ok := v.Int()
	return float64(i), ok
}

// String formats the value for people: strings quoted, arrays cut after eight elements.
func (v Value) String() string {
	switch v.typ {
	case String:
		s, _ := v.Text()
		return fmt.Sprintf("%q", s)
	case Bool:
		b, _ := v.Bool()
		return fmt.Sprint(b)
	case Float32, Float64:
		f, _ := v.Float()
		if v.typ == Float32 {
			return fmt.Sprint(float32(f))
		}
		return fmt.Sprint(f)
	case Array:
		return v.formatArray()
	}
	if len(v.raw) == 0 {
		return "nothing"
	}
	if u, ok := v.Uint(); ok {
		return fmt.Sprint(u)
	}
	i, _ := v.Int()
	return fmt.Sprint(i)
}

func (v Value) formatArray() string {
	const most = 8
	var b strings.Builder
	i := 0
	for e := range v.All() {
		if i == most {
			fmt.Fprintf(&b, ", … %d in all", v.Len())
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.String())
		i++
	}
	return "[" + b.String() + "]"
}
