package source

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/measure"
)

func TestParseIntReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "value")
		rest := rapid.SampledFrom([]string{"", " kB", " 17", "x"}).Draw(t, "rest")
		got, left, ok := ParseInt([]byte("  " + strconv.FormatInt(want, 10) + rest))
		if !ok || got != want || string(left) != rest {
			t.Fatalf("%d%s reads as %d, %q, %v", want, rest, got, left, ok)
		}
	})
}

func TestParseIntNeverPanicsOrGuesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "bytes")
		v, _, ok := ParseInt(b)
		text := strings.TrimLeft(string(b), " \t\n")
		end := strings.IndexFunc(strings.TrimPrefix(text, "-"), func(r rune) bool { return r < '0' || r > '9' })
		number := text
		if end >= 0 {
			number = text[:end+len(text)-len(strings.TrimPrefix(text, "-"))]
		}
		want, err := strconv.ParseInt(number, 10, 64)
		if ok != (err == nil) && want != math.MinInt64 || ok && v != want {
			t.Fatalf("%q reads as %d, %v; want %d, %v", b, v, ok, want, err)
		}
	})
	if _, _, ok := ParseInt([]byte("9223372036854775808")); ok {
		t.Error("2^63 fits into an int64")
	}
}

func TestFileIsReadAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "value")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("12\n")
	f, err := OpenFile(path, 16)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		content string
		want    int64
		err     error
	}{{"12\n", 12, nil}, {"-7", -7, nil}, {"", 0, ErrFormat}, {"12 apples\n", 0, ErrFormat}, {"many\n", 0, ErrFormat}, {"3\n", 3, nil}} {
		write(tc.content)
		if v, err := f.Int(); v != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%q reads as %d, %v", tc.content, v, err)
		}
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := f.Bytes(); err == nil {
		t.Error("a closed file can be read")
	}
	if state, reason := Probe(filepath.Join(t.TempDir(), "none")); state != NoHardware || reason == "" {
		t.Errorf("a file that does not exist is %s: %s", state, reason)
	}
	if state, reason := Probe(t.TempDir()); state != Faulty || reason == "" {
		t.Errorf("a directory is %s: %s", state, reason)
	}
}

func TestListMixesGoodAndBad(t *testing.T) {
	bad := errors.New("no reading")
	var failing [2]bool
	var l List
	read := func(i int) func() (float64, error) {
		return func() (float64, error) {
			if failing[i] {
				return 5, bad
			}
			return float64(i), nil
		}
	}
	closed := 0
	l.Set([]Reading{{Channel: measure.Channel{Name: "a"}, Read: read(0)}, {Channel: measure.Channel{Name: "b"}, Read: read(1)}},
		func() error { closed++; return bad })
	dst := make([]float64, 2)
	failing[0] = true
	if err := l.Read(dst); err != nil || !math.IsNaN(dst[0]) || dst[1] != 1 || l.Failure(0) != bad || l.Failure(1) != nil {
		t.Errorf("one of two failed: %v, %v", dst, err)
	}
	failing[1] = true
	if err := l.Read(dst); err != bad || !math.IsNaN(dst[1]) {
		t.Errorf("both failed: %v, %v", dst, err)
	}
	if err := l.Close(); !errors.Is(err, bad) || l.Close() != nil || closed != 1 {
		t.Errorf("closed %d times, %v", closed, err)
	}
	if err := l.Read(dst); err != ErrNotOpen {
		t.Errorf("read after close: %v", err)
	}
	u := Unique{}
	if a, b, c := u.Name("x"), u.Name("x"), u.Name("y"); a != "x" || b != "x-2" || c != "y" {
		t.Errorf("names %q %q %q", a, b, c)
	}
}
