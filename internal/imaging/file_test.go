package imaging

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct{ size, box, want Size }{
		{Size{448, 336}, Size{448, 448}, Size{448, 336}},
		{Size{100, 50}, Size{448, 448}, Size{100, 50}},
		{Size{448, 336}, Size{224, 224}, Size{224, 168}},
		{Size{336, 448}, Size{448, 112}, Size{84, 112}},
		{Size{10000, 1}, Size{10, 10}, Size{10, 1}},
		{Size{333, 333}, Size{100, 100}, Size{100, 100}},
	} {
		if got := c.size.Within(c.box); got != c.want {
			t.Errorf("%s within %s: %s, want %s", c.size, c.box, got, c.want)
		}
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 4))); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(b.Bytes())
	huge := bytes.Clone(whole)
	copy(huge[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65536 x 65536; the checksum tells
	for name, data := range map[string][]byte{"good": whole, "text": []byte("no image, only text"), "empty": nil, "cut": whole[:20], "huge": huge} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := ReadFile(filepath.Join(dir, "good")); err != nil || !bytes.Equal(data, whole) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	for _, name := range []string{"text", "empty", "cut", "huge", "nosuch"} {
		if _, err := ReadFile(filepath.Join(dir, name)); err == nil || strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
