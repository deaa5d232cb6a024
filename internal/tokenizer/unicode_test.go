package tokenizer

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestClassesAreLlamas compares the class of every code point, one byte each,
// with the hash of those in llama.cpp (commit 3f545becc), where a character is a
// letter, a number, white space or nothing of these.
func TestClassesAreLlamas(t *testing.T) {
	const want = "d30035ae5f30bff72060d4d5b4d6ef6a6b42c23ac351b235fe979db31866d6e6"
	classes := make([]byte, unicode.MaxRune+1)
	for r := range classes {
		classes[r] = byte(classOf(rune(r)))
	}
	if got := hash(classes); got != want {
		t.Errorf("classes of all code points hash to %s, want %s; Go's Unicode tables (now %s) have changed: "+
			"compare them with llama.cpp's and extend classOf", got, want, unicode.Version)
	}
	if got := classOf(-1); got != end {
		t.Errorf("class past the end = %v", got)
	}
}

func TestDecodeRune(t *testing.T) {
	tests := []struct {
		in    string
		r     rune
		width int
	}{
		{"a", 'a', 1},
		{"é", 'é', 2},
		{"日本", '日', 3},
		{"🙂", '🙂', 4},
		{"\x80", utf8.RuneError, 1},
		{"\xc3", utf8.RuneError, 1},
		{"\xc3(", utf8.RuneError, 1},
		{"\xc0\x80", 0, 2},                          // overlong
		{"\xe0\x81\x81", 'A', 3},                    // overlong
		{"\xed\xa0\x80", 0xD800, 3},                 // surrogate
		{"\xf4\x8f\xbf\xbf", unicode.MaxRune, 4},    //
		{"\xf4\x90\x80\x80", utf8.RuneError, 1},     // above U+10FFFF
		{"\xf8\x88\x80\x80\x80", utf8.RuneError, 1}, // five bytes
	}
	for _, tt := range tests {
		if r, width := decodeRune(tt.in); r != tt.r || width != tt.width {
			t.Errorf("decodeRune(%q) = %U, %d; want %U, %d", tt.in, r, width, tt.r, tt.width)
		}
	}
	for r := rune(0); r <= unicode.MaxRune; r += 7 {
		if utf8.ValidRune(r) {
			if got, width := decodeRune(string(r)); got != r || width != utf8.RuneLen(r) {
				t.Fatalf("decodeRune(%U) = %U, %d", r, got, width)
			}
		}
	}
}

func TestRepair(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"well formed 日本", "well formed 日本"},
		{"a\xffb", "a\ufffdb"},
		{"\xe2\x82", "\ufffd\ufffd"},
		{"\xc0\x80", "\x00"},
		{"\xe0\x81\x81", "A"},
		{"\xed\xa0\x80", "\xed\xa0\x80"},
		{"\xf0\x8d\xa0\x80", "\xed\xa0\x80"},
		{"\xf5\x80\x80\x80", strings.Repeat("\ufffd", 4)},
	}
	for _, tt := range tests {
		if got := repair(tt.in); got != tt.want {
			t.Errorf("repair(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
