package kernel

import "unsafe"

// Scratch is the working memory of one thread; the zero value is ready. It grows to what
// the shapes need and is kept between calls. Not safe for concurrent use.
type Scratch struct {
	// rows in the order of the matrix, before interleaving; sums and d of Prepare likewise
	words  []uint32
	scales []float32
	mins   []float32
	d      []float32
	sums   []int32
	// panels: interleaved words, scales and minimums of several tiles
	panel       []uint32
	panelScales []float32
	panelMins   []float32
	out         [maxRows * tokens]float32
	att         attentionScratch
}

// resize returns a slice of length n, reusing s's memory where it suffices. The contents
// are unspecified.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// The panels move 32-bit words, whatever they hold: these views reinterpret without copying.

func halves(s []uint16) []uint8 { return view[uint8](s) }

func words[T int8 | int32](s []T) []uint32 {
	return view[uint32](s)
}

func bits(s []float32) []uint32   { return view[uint32](s) }
func float(s []uint32) []float32  { return view[float32](s) }
func signed(s []uint32) []int8    { return view[int8](s) }
func unsigned(s []uint32) []uint8 { return view[uint8](s) }

// view reinterprets the whole elements of s. Both types have no pointers, and either T is
// no wider than S or s was allocated for 32-bit words.
func view[T, S uint8 | int8 | uint16 | int32 | uint32 | float32](s []S) []T {
	var t T
	var e S
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(e))/int(unsafe.Sizeof(t)))
}
