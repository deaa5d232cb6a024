package tokenizer

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// spoilWordpiece puts tokens in the place of fillers that tell mistakes apart: capital and
// accented letters, which only cased vocabularies reach, ideographs, parts of Hangul, signs
// that are and are not punctuation, a mark, half a character, and the halves of a longer token.
func spoilWordpiece(v *Vocab) {
	at := 3800
	add := func(text string) {
		if !slices.Contains(v.Tokens, text) {
			v.Tokens[at] = text
			at++
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		add(string(c))
		add(spaceMark + string(c))
	}
	for _, text := range strings.Fields("é ▁é Ü ▁ü ▁你 ▁好 ▁日 本 ▁本 ᄒ ▁ᄋ ▁한 글 ▁² ½ ▁€ € ▁🙂 🙂 ß ▁— ▁। \u0301 \xf0\x9f ▁qzx qz") {
		add(text)
	}
}

// TestWordClassesAreLlamas compares, for every code point, what WordPiece does with it, the
// first character of its decomposition and its small form with the hash of llama.cpp's
// (commit 3f545becc): a byte and twice four, little-endian. Ideographs count as parts of words here.
func TestWordClassesAreLlamas(t *testing.T) {
	const want = "8ee676ef7dc7480c4ae8fbc9cfd0d5674af14e06e9817fd3ff173e16f3cf7928"
	var all []byte
	for r := rune(0); r <= unicode.MaxRune; r++ {
		class := wordClassOf(r)
		if isIdeograph(r) && class == wordAlone {
			class = wordPart
		}
		all = append(all, byte(class))
		all = binary.LittleEndian.AppendUint32(all, uint32(baseRune(r)))
		all = binary.LittleEndian.AppendUint32(all, uint32(unicode.ToLower(r)))
	}
	if got := hash(all); got != want {
		t.Errorf("hash %s, want %s; the Unicode tables (now %s) have changed: compare them with llama.cpp's", got, want, unicode.Version)
	}
}

// wordpieceOf is a vocabulary of the special tokens and the given ones.
func wordpieceOf(t *testing.T, tokens ...string) Vocab {
	t.Helper()
	v := synthetic(t, "bert", wordpieceSpecials+len(tokens), 1)
	copy(v.Tokens[wordpieceSpecials:], tokens)
	return v
}

// TestWordpieceByHand spells out the rules where llama.cpp's result can be seen by eye.
func TestWordpieceByHand(t *testing.T) {
	v := wordpieceOf(t, "▁un", "▁unable", "able", "s", "▁!", "▁e", "▁你", "▁a", "b", "c")
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{" \t\n\u00a0\u3000", ""},
		{"unables", "▁unable s"},            // longest first
		{"UnAble", "▁unable"},               // small letters
		{"unsable", "▁un s able"},           // and on from there
		{"unablex", "[UNK]"},                // all or nothing
		{"un!s", "▁un ▁! [UNK]"},            // "s" begins no word
		{"é e\u0301 É", "▁e ▁e ▁e"},         // accents go, composed or not
		{"你你", "▁你 ▁你"},                     // ideographs stand alone
		{"u\x00n u\u200bn", "▁un ▁un"},      // control and format characters go
		{"u\xffn", "▁un"},                   // broken bytes go
		{"a b", "▁a [UNK]"},                 //
		{"abc\nab", "▁a b c ▁a b"},          //
		{"[SEP]", "[UNK] [UNK] [UNK]"},      // not parsed
		{"\u0301", ""},                      // nothing is left
		{strings.Repeat("b", 300), "[UNK]"}, //
	} {
		tok, err := New(v)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, id := range tok.Encode(c.text, EncodeOptions{}) {
			text, _ := tok.Token(id)
			got = append(got, text)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q gives %q, want %q", c.text, s, c.want)
		}
	}
}

func TestWordpieceSpecialTokens(t *testing.T) {
	v := wordpieceOf(t, "▁a", "▁b")
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		opt  EncodeOptions
		want []int32
	}{
		{"a", EncodeOptions{AddSpecial: true}, []int32{v.BOS, 5, v.SEP}},
		{"", EncodeOptions{AddSpecial: true}, []int32{v.BOS, v.SEP}},
		{"a[SEP]b", EncodeOptions{AddSpecial: true, ParseSpecial: true}, []int32{v.BOS, 5, v.SEP, 6, v.SEP}},
	} {
		if got := tok.Encode(c.text, c.opt); !slices.Equal(got, c.want) {
			t.Errorf("%q gives %v, want %v", c.text, got, c.want)
		}
	}
	if got := tok.Decode([]int32{v.BOS, 5, 6, v.SEP}, DecodeOptions{}); got != " a b" {
		t.Errorf("decoded %q", got)
	}
	// Files of the first vocabulary name none of these.
	v = synthetic(t, "bert", 300, 1)
	v.BOS, v.SEP, v.UNK = -1, -1, -1
	if tok, err = New(v); err != nil {
		t.Fatal(err)
	}
	if got, want := tok.Encode("☃", EncodeOptions{AddSpecial: true}), []int32{bertCLS, bertUNK, bertSEP}; !slices.Equal(got, want) {
		t.Errorf("without named tokens: %v, want %v", got, want)
	}
}

func TestWordpieceRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(v *Vocab)
		want  string
	}{
		{"no unk", func(v *Vocab) { v.UNK = -1 }, `needs a token [UNK] (tokenizer.ggml.unknown_token_id, or else token 100)`},
		{"no cls", func(v *Vocab) { v.BOS = -1 }, `needs a token [CLS]`},
		{"no sep", func(v *Vocab) { v.SEP = -1 }, `needs a token [SEP]`},
		{"sep outside", func(v *Vocab) { v.SEP = 90 }, "SEP is token 90 of a vocabulary of 90"},
		{"same text", func(v *Vocab) { v.Tokens[9] = v.Tokens[8] }, "tokens 8 and 9 have the same text"},
	} {
		v := synthetic(t, "bert", 90, 1)
		c.spoil(&v)
		if _, err := New(v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not hold %q", c.name, err, c.want)
		}
	}
}

// TestWordpieceVocabulary holds synthetic vocabularies to their purpose: exact sizes, the
// same ones again, and English in few tokens.
func TestWordpieceVocabulary(t *testing.T) {
	for _, size := range []int{6, 100, 1001, 30522} {
		v := synthetic(t, "bert", size, 7)
		tok, err := New(v)
		if err != nil {
			t.Fatal(err)
		}
		if tok.Size() != size || !slices.Equal(v.Tokens, synthetic(t, "bert", size, 7).Tokens) {
			t.Errorf("%d tokens, want %d, and the same ones twice", tok.Size(), size)
		}
	}
	if _, err := Synthetic("bert", 5, 1); err == nil || !strings.Contains(err.Error(), "need 6 to") {
		t.Errorf("five tokens: %v", err)
	}
	const text = "When the river rose in early spring, the people of the lower town carried their books to the church."
	ids := newSynthetic(t, "bert", 30522).Encode(text, EncodeOptions{})
	if perToken := float64(len(text)) / float64(len(ids)); perToken < 3 || perToken > 6 || slices.Contains(ids, 1) {
		t.Errorf("%.2f bytes per token of English, or unknown words: %v", perToken, ids)
	}
}

// FuzzWordpiece checks that any text gives ids of the vocabulary, and those of its pieces'
// text again: what is normalized stays.
func FuzzWordpiece(f *testing.F) {
	tok := newSynthetic(f, "bert", 3000)
	for i, text := range sampleStrings([]string{"[SEP]", "[UNK]"}) {
		if i%40 == 0 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids := tok.Encode(text, EncodeOptions{AddSpecial: true, ParseSpecial: true})
		for _, id := range ids {
			if id < 0 || int(id) >= tok.Size() {
				t.Fatalf("%q gives id %d", text, id)
			}
		}
		again := tok.Encode(tok.Decode(ids, DecodeOptions{Special: true}), EncodeOptions{ParseSpecial: true})
		if !slices.Equal(again, ids) {
			t.Errorf("%q gives %v, and its pieces %v", text, ids, again)
		}
	})
}
