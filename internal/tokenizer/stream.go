package tokenizer

import "unicode/utf8"

// Stream decodes ids one by one into well-formed text: it holds back the bytes
// of a character until the character is complete, and writes bytes that belong
// to no character as U+FFFD.
type Stream struct {
	t       *Tokenizer
	special bool
	held    string // a beginning of one character
}

// NewStream returns a decoder for text that continues other text, such as a
// model's answer: no leading space is removed.
func (t *Tokenizer) NewStream(opt DecodeOptions) *Stream {
	return &Stream{t: t, special: opt.Special}
}

// Push returns the text that id completes, often all of its own, sometimes none.
func (s *Stream) Push(id int32) string {
	text := s.held + s.t.Piece(id, s.special)
	whole := len(text)
	// The held part is the last character, when it is one that more bytes could
	// complete. It starts at most three bytes before the end.
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		tail := text[len(text)-i:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) {
				whole -= i
			}
			break
		}
	}
	s.held = text[whole:]
	return wellFormed(text[:whole])
}

// Flush returns what is held back, which no further bytes will complete, as
// U+FFFD, and leaves the stream ready for another text.
func (s *Stream) Flush() string {
	text := wellFormed(s.held)
	s.held = ""
	return text
}

// wellFormed replaces each byte that belongs to no character by U+FFFD.
func wellFormed(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
