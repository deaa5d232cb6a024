package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordpiece is the encoder of BERT's vocabularies: text becomes words, and a word the
// longest token that it begins with, then the longest that the rest begins with (Wu et al.,
// "Google's Neural Machine Translation System", 2016). Tokens that begin a word carry a
// spaceMark before it.
type wordpiece struct {
	ids          map[string]int32
	lengths      []int // of tokens in bytes, each once, longest first
	unk          int32 // stands for a word that no tokens cover
	lowercase    bool
	stripAccents bool
}

// Ids of BERT's first vocabulary, which files of this model need not name.
const (
	bertUNK = 100
	bertCLS = 101
	bertSEP = 102
)

// wordpieceDefaults fills in what a file of model "bert" may leave out.
func (v *Vocab) wordpieceDefaults() {
	for _, d := range []struct {
		id    *int32
		usual int32
	}{{&v.UNK, bertUNK}, {&v.BOS, bertCLS}, {&v.SEP, bertSEP}} {
		if *d.id == -1 && int(d.usual) < len(v.Tokens) {
			*d.id = d.usual
		}
	}
}

func newWordpiece(v *Vocab, texts []string, ids map[string]int32) (*wordpiece, error) {
	for _, need := range []struct {
		id        int32
		name, key string
		usual     int32
	}{
		{v.UNK, "[UNK]", "unknown_token_id", bertUNK}, {v.BOS, "[CLS]", "bos_token_id", bertCLS},
		{v.SEP, "[SEP]", "seperator_token_id", bertSEP}, // as the key is spelled
	} {
		if need.id < 0 {
			return nil, fmt.Errorf("model \"bert\" needs a token %s (tokenizer.ggml.%s, or else token %d), and there is none",
				need.name, need.key, need.usual)
		}
	}
	w := &wordpiece{ids: ids, unk: v.UNK, lowercase: orDefault(v.Lowercase, true)}
	w.stripAccents = orDefault(v.StripAccents, w.lowercase)
	seen := make(map[int]bool)
	for _, text := range texts {
		if !seen[len(text)] {
			seen[len(text)] = true
			w.lengths = append(w.lengths, len(text))
		}
	}
	slices.Sort(w.lengths)
	slices.Reverse(w.lengths)
	return w, nil
}

// encode appends the tokens of text, which holds no special tokens.
func (w *wordpiece) encode(text string, _ *merger, ids []int32) []int32 {
	word := []byte(spaceMark)
	finish := func() {
		if len(word) > len(spaceMark) {
			ids = w.word(string(word), ids)
			word = word[:len(spaceMark)]
		}
	}
	for i := 0; i < len(text); {
		r, n := decodeRune(text[i:])
		i += n
		if w.stripAccents {
			r = baseRune(r)
		}
		switch wordClassOf(r) {
		case wordSpace:
			finish()
		case wordNothing:
		case wordMark:
			if !w.stripAccents {
				word = utf8.AppendRune(word, w.fold(r))
			}
		case wordAlone:
			finish()
			word = utf8.AppendRune(word, w.fold(r))
			finish()
		case wordPart:
			word = utf8.AppendRune(word, w.fold(r))
		}
	}
	finish()
	return ids
}

func (w *wordpiece) fold(r rune) rune {
	if w.lowercase {
		return unicode.ToLower(r)
	}
	return r
}

// word appends the tokens of one word, spaceMark first, or UNK when they do not cover it.
func (w *wordpiece) word(word string, ids []int32) []int32 {
	whole := len(ids)
	for word != "" {
		id, n := w.longest(word)
		if n == 0 {
			return append(ids[:whole], w.unk)
		}
		ids = append(ids, id)
		word = word[n:]
	}
	return ids
}

// longest returns the longest token that s begins with, and its length; 0 for none.
func (w *wordpiece) longest(s string) (id int32, length int) {
	for _, n := range w.lengths {
		if n > len(s) {
			continue
		}
		if id, ok := w.ids[s[:n]]; ok {
			return id, n
		}
	}
	return 0, 0
}

// wordClass is what WordPiece does with a character.
type wordClass uint8

const (
	wordPart    wordClass = iota // it belongs to a word
	wordSpace                    // it ends a word
	wordNothing                  // it is left out
	wordMark                     // it is left out with the accents
	wordAlone                    // it is a word by itself
)

// wordClassOf returns the class of r by Go's Unicode tables, which agree with llama.cpp's
// over all code points; a test pins them.
func wordClassOf(r rune) wordClass {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return wordPart
	case unicode.IsSpace(r):
		return wordSpace
	case r == 0, r == utf8.RuneError, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
		return wordNothing
	case unicode.Is(unicode.M, r):
		return wordMark
	case unicode.IsPunct(r), r < 0x7F && unicode.IsSymbol(r), isIdeograph(r):
		return wordAlone
	}
	return wordPart
}

// isIdeograph reports whether r is one of the Chinese characters that BERT sets apart. That
// extension E begins at U+2B920 and not at U+2B820 is how published tokenizers have it.
func isIdeograph(r rune) bool {
	for _, block := range [...][2]rune{
		{0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F},
		{0x2B920, 0x2CEAF}, {0xF900, 0xFAFF}, {0x2F800, 0x2FA1F},
	} {
		if block[0] <= r && r <= block[1] {
			return true
		}
	}
	return false
}

// Hangul syllables decompose by rule, not by table (Unicode Standard, section 3.12).
const (
	firstSyllable, lastSyllable = 0xAC00, 0xD7A3
	firstLead                   = 0x1100
	syllablesPerLead            = 588
)

// baseRune returns the first character of r's canonical decomposition, all that llama.cpp
// keeps of it: the letter of an accented one, but of a Hangul syllable only its lead.
func baseRune(r rune) rune {
	switch {
	case r < 0xC0 || 0xD800 <= r && r <= 0xDFFF: // surrogates have no form in UTF-8
		return r
	case firstSyllable <= r && r <= lastSyllable:
		return firstLead + (r-firstSyllable)/syllablesPerLead
	}
	var buf [utf8.UTFMax]byte
	n := utf8.EncodeRune(buf[:], r)
	if d := norm.NFD.Properties(buf[:n]).Decomposition(); d != nil {
		r, _ = utf8.DecodeRune(d)
	}
	return r
}

// wordpiecePieces is what a synthetic vocabulary of this kind is made of: printable ASCII in
// lower case, at the beginning of a word and within one, then words and parts of words of
// the learned merges, then some letters beyond ASCII.
func wordpiecePieces() []string {
	var pieces []string
	for c := rune('!'); c <= '~'; c++ {
		if unicode.IsUpper(c) {
			continue
		}
		pieces = append(pieces, spaceMark+string(c))
		if wordClassOf(c) == wordPart {
			pieces = append(pieces, string(c))
		}
	}
	a := newAlphabet()
	for line := range strings.Lines(learnedText) {
		raw, _ := a.decode(strings.Replace(strings.TrimSuffix(line, "\n"), " ", "", 1))
		text, begins := strings.CutPrefix(strings.ToLower(raw), " ")
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return wordClassOf(r) != wordPart }) {
			continue
		}
		if begins {
			text = spaceMark + text
		}
		pieces = append(pieces, text)
	}
	for c := rune(0xC0); c < 0x500; c++ { // Latin, Greek, Cyrillic
		if unicode.IsLower(c) && baseRune(c) == c {
			pieces = append(pieces, string(c), spaceMark+string(c))
		}
	}
	return pieces
}

// wordpieceSpecials counts the special tokens, which come first.
const wordpieceSpecials = 5

func (b *builder) wordpiece(seed uint64) {
	b.v.Model, b.v.EOS, b.v.EOT = "bert", -1, -1
	b.v.PAD = b.add("[PAD]", Control)
	b.v.UNK = b.add("[UNK]", Control)
	b.v.BOS = b.add("[CLS]", Control)
	b.v.SEP = b.add("[SEP]", Control)
	b.add("[MASK]", Control)
	for _, text := range wordpiecePieces() {
		if b.room(0) == 0 {
			break
		}
		b.add(text, Normal)
	}
	b.fill(spaceMark, 0, seed)
}
