package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// class is what the pre-tokenizers ask about a character.
type class uint8

const (
	other  class = iota // \S outside \p{L} and \p{N}
	letter              // \p{L}
	number              // \p{N}
	space               // \s
	end                 // past the end of the text
)

// classOf returns the class of r by the Unicode tables of llama.cpp. They are
// newer than those of Go's unicode package (15.0): over all code points the two
// differ only in CJK Extension I, which Unicode 15.1 added. A test pins the
// whole classification, so that a Go release with newer tables is noticed.
func classOf(r rune) class {
	switch {
	case r < 0:
		return end
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return letter
	case '0' <= r && r <= '9':
		return number
	case r == ' ', '\t' <= r && r <= '\r':
		return space
	case r < utf8.RuneSelf:
		return other
	case unicode.IsLetter(r), 0x2EBF0 <= r && r <= 0x2EE5D:
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// leadLength is the length of a character by the high half of its first byte
// alone: 1 for a byte that cannot begin one.
func leadLength(b byte) int {
	switch {
	case b < 0xC0:
		return 1
	case b < 0xE0:
		return 2
	case b < 0xF0:
		return 3
	}
	return 4
}

// decodeRune decodes the first character of a text that is not empty. Unlike
// package utf8 it accepts overlong forms and surrogates, because llama.cpp does;
// anything else that is broken is U+FFFD of width 1.
func decodeRune(s string) (r rune, width int) {
	lead := s[0]
	if lead < utf8.RuneSelf {
		return rune(lead), 1
	}
	n := leadLength(lead)
	if n == 1 || n > len(s) || lead >= 0xF8 {
		return utf8.RuneError, 1
	}
	r = rune(lead & (0xFF >> (n + 1)))
	for _, b := range []byte(s[1:n]) {
		if b&0xC0 != 0x80 {
			return utf8.RuneError, 1
		}
		r = r<<6 | rune(b&0x3F)
	}
	if r > unicode.MaxRune {
		return utf8.RuneError, 1
	}
	return r, n
}

// repair rewrites broken text the way llama.cpp reads it: U+FFFD for each byte
// that belongs to no character, the shortest form for overlong ones.
func repair(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		r, n := decodeRune(s[i:])
		if 0xD800 <= r && r <= 0xDFFF { // a surrogate stays; WriteRune refuses it
			b.Write([]byte{0xE0 | byte(r>>12), 0x80 | byte(r>>6)&0x3F, 0x80 | byte(r)&0x3F})
		} else {
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}
