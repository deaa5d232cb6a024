package unit

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestFormat(t *testing.T) {
	cases := []struct {
		got, want string
	}{
		{Joules(0.0123).String(), "12.3 mJ"},
		{Joules(999.7).String(), "1.00 kJ"},
		{Joules(99.96).String(), "100 J"},
		{Joules(-4.2).String(), "-4.20 J"},
		{Joules(0).String(), "0 J"},
		{Joules(math.NaN()).String(), "–"},
		{Watts(4.27).String(), "4.27 W"},
		{Watts(1e-12).String(), "0.00 nW"},
		{Seconds(0.031).String(), "31.0 ms"},
		{Seconds(4000).String(), "4000 s"},
		{Hertz(2.4e9).String(), "2.40 GHz"},
		{Celsius(54.46).String(), "54.5 °C"},
		{Bytes(512).String(), "512 B"},
		{(1299 * MiB).String(), "1.27 GiB"},
		{(-3 * KiB).String(), "-3.00 KiB"},
		{Bytes(math.MaxInt64).String(), "8.00 EiB"},
	}
	for _, c := range cases {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	good := map[string]Bytes{
		"0": 0, "512": 512, "512MiB": 512 * MiB, "2 GiB": 2 * GiB, "1.5G": GiB + 512*MiB,
		"2GB": 2_000_000_000, " 3 kb ": 3000,
	}
	for text, want := range good {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "GiB", "1 parsec", "1e300", "99999999TiB", "nan", "1..2"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
		}
	}
}

// What is printed reads back as the same value within the three digits shown.
func TestBytesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Bytes(rapid.Int64Range(0, 1<<49).Draw(t, "bytes"))
		back, err := ParseBytes(b.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := math.Abs(float64(back - b)); diff > 0.006*float64(b) {
			t.Fatalf("%d printed as %q reads back as %d", b, b, back)
		}
	})
}
