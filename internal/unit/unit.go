// Package unit holds the physical quantities that wattlaw computes with.
//
// Values in memory are always base SI units (or plain counts), never scaled ones:
// a Joules is a joule, a Seconds is a second. Scaling happens only in String and Parse.
package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Quantities in base units.
type (
	// Joules is an amount of energy in joules.
	Joules float64
	// Watts is a power in watts.
	Watts float64
	// Seconds is a duration in seconds.
	Seconds float64
	// Hertz is a frequency in 1/s.
	Hertz float64
	// Celsius is a temperature in degrees Celsius.
	Celsius float64
	// Bytes is an amount of memory in bytes.
	Bytes int64
	// Tokens counts tokens of a model's vocabulary.
	Tokens int
	// Pixels counts picture elements.
	Pixels int
)

// Multiples of a byte.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

// String formats with an SI prefix and three significant digits, e.g. "12.3 mJ".
func (j Joules) String() string { return Format(float64(j), "J") }

// String formats with an SI prefix and three significant digits, e.g. "4.27 W".
func (w Watts) String() string { return Format(float64(w), "W") }

// String formats with an SI prefix below a second, e.g. "31.0 ms", and seconds above.
func (s Seconds) String() string {
	if math.Abs(float64(s)) >= 1000 {
		return fmt.Sprintf("%.0f s", float64(s))
	}
	return Format(float64(s), "s")
}

// String formats with an SI prefix and three significant digits, e.g. "2.40 GHz".
func (h Hertz) String() string { return Format(float64(h), "Hz") }

// String formats with one decimal, e.g. "54.5 °C".
func (c Celsius) String() string { return fmt.Sprintf("%.1f °C", float64(c)) }

// String formats with a binary prefix, e.g. "1.21 GiB".
func (b Bytes) String() string {
	v, neg := float64(b), ""
	if v < 0 {
		v, neg = -v, "-"
	}
	prefixes := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for v >= 1024 && i < len(prefixes)-1 {
		v /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%s%.0f B", neg, v)
	}
	return neg + significant(v) + " " + prefixes[i]
}

// Format writes v with the SI prefix that leaves one to three digits before the
// decimal point and three significant digits. NaN is written "–": absent is never zero.
func Format(v float64, symbol string) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', -1, 64) + " " + symbol
	case v == 0:
		return "0 " + symbol
	}
	prefixes := []string{"n", "µ", "m", "", "k", "M", "G", "T", "P"}
	const none = 3
	exp := int(math.Floor(math.Log10(math.Abs(v)) / 3))
	exp = max(-none, min(exp, len(prefixes)-1-none))
	scaled := v / math.Pow(1000, float64(exp))
	// 999.7 rounds to 1000: step to the next prefix so that three digits suffice.
	if math.Abs(scaled) >= 999.5 && exp < len(prefixes)-1-none {
		exp++
		scaled /= 1000
	}
	return significant(scaled) + " " + prefixes[exp+none] + symbol
}

// significant writes v, 0 ≤ |v| < 1024, with three significant digits.
func significant(v float64) string {
	switch a := math.Abs(v); {
	case a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// ParseBytes reads "512", "512MiB", "2 GiB", "1.5G" (binary multiples) or "2GB"
// (decimal multiples) and refuses anything negative, fractional in bytes below one,
// or beyond 2⁶³−1.
func ParseBytes(s string) (Bytes, error) {
	text := strings.TrimSpace(s)
	split := strings.LastIndexAny(text, "0123456789.") + 1
	number, suffix := text[:split], strings.ToLower(strings.TrimSpace(text[split:]))
	factor, ok := byteSuffixes[suffix]
	if !ok {
		return 0, fmt.Errorf("size %q: unknown unit %q; use B, KiB, MiB, GiB, TiB, kB, MB, GB or TB", s, suffix)
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("size %q: %q is not a number", s, number)
	}
	v *= factor
	if !(v >= 0 && v < math.MaxInt64) {
		return 0, fmt.Errorf("size %q: must lie between 0 and 2^63-1 bytes", s)
	}
	return Bytes(v), nil
}

var byteSuffixes = map[string]float64{
	"": 1, "b": 1,
	"k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20,
	"g": 1 << 30, "gib": 1 << 30, "t": 1 << 40, "tib": 1 << 40,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
}
