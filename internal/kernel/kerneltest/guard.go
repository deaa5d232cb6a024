package kerneltest

import (
	"math"
	"testing"
	"unsafe"
)

// Guarded is a slice inside memory whose neighbourhood is watched. Data ends (or, every
// second one, begins offset elements after the start of) a page: where the system allows
// it, the next page cannot be read at all. The bytes around are 0xff, which as floats are
// NaN, and must still be so afterwards.
type Guarded[T any] struct {
	Data  []T
	zone  []byte
	start int
	end   int
}

// Guard returns n elements; tail is the number of elements between Data and the forbidden
// page, so that different tails give different alignments.
func Guard[T any](t testing.TB, n, tail int) Guarded[T] {
	t.Helper()
	var e T
	size := int(unsafe.Sizeof(e))
	zone := guardedBytes(t, (n+tail)*size+64)
	for i := range zone {
		zone[i] = 0xff
	}
	end := len(zone) - tail*size
	g := Guarded[T]{zone: zone, start: end - n*size, end: end}
	if n > 0 {
		g.Data = unsafe.Slice((*T)(unsafe.Pointer(&zone[g.start])), n)
	}
	return g
}

// GuardCopy returns a guarded copy of x.
func GuardCopy[T any](t testing.TB, x []T, tail int) Guarded[T] {
	g := Guard[T](t, len(x), tail)
	copy(g.Data, x)
	return g
}

// Check fails when anything around Data was written.
func (g Guarded[T]) Check(t testing.TB, what string) {
	t.Helper()
	for i, b := range g.zone {
		if (i < g.start || i >= g.end) && b != 0xff {
			t.Fatalf("%s: byte %d outside the slice of %d bytes was written", what, i-g.start, g.end-g.start)
		}
	}
}

// Same fails unless got and want are bit for bit equal.
func Same[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] && !sameBits(got[i], want[i]) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

// sameBits reports whether a and b are floats of the same bits: a NaN is not equal to itself.
func sameBits[T any](a, b T) bool {
	switch x := any(a).(type) {
	case float32:
		return math.Float32bits(x) == math.Float32bits(any(b).(float32))
	case float64:
		return math.Float64bits(x) == math.Float64bits(any(b).(float64))
	}
	return false
}

// Near fails unless |got−want| ≤ bound for every element.
func Near[T float32 | float64](t testing.TB, what string, got, want []T, bound func(i int) float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - float64(w)); !(d <= bound(i)) && got[i] != w && !sameBits(got[i], w) {
			t.Fatalf("%s[%d] = %v, want %v ± %v", what, i, got[i], w, bound(i))
		}
	}
}
