package tokenizer

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// kinds are the kinds of synthetic vocabularies that tests go through.
func kinds() []string { return []string{"gpt-2", "llama-bpe", "qwen2", "smollm", "llama"} }

func newSynthetic(t testing.TB, kind string, size int) *Tokenizer {
	t.Helper()
	tok, err := New(synthetic(t, kind, size, 1))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestNewRefuses(t *testing.T) {
	yes := true
	nan := float32(math.NaN())
	tests := []struct {
		name, kind string
		spoil      func(v *Vocab)
		want       string // in the message
	}{
		{"model", "gpt-2", func(v *Vocab) { v.Model = "t5" }, `unsupported model "t5" (tokenizer.ggml.model); supported: gpt2, llama, bert`},
		{"pre", "gpt-2", func(v *Vocab) { v.Pre = "nonesuch" }, `unsupported pre-tokenizer "nonesuch"`},
		{"pre lists", "gpt-2", func(v *Vocab) { v.Pre = "default" }, "gpt-2, granite-docling"},
		{"no pre", "gpt-2", func(v *Vocab) { v.Pre = "" }, `pre-tokenizer ""`},
		{"no tokens", "gpt-2", func(v *Vocab) { v.Tokens = nil }, "0 tokens"},
		{"no merges", "gpt-2", func(v *Vocab) { v.Merges = nil }, "needs a merge list"},
		{"no scores", "llama", func(v *Vocab) { v.Scores = nil }, "needs scores"},
		{"few scores", "llama", func(v *Vocab) { v.Scores = v.Scores[1:] }, "scores for 400 tokens"},
		{"few types", "gpt-2", func(v *Vocab) { v.Types = v.Types[1:] }, "399 token types for 400 tokens"},
		{"score", "llama", func(v *Vocab) { v.Scores[7] = nan }, "score of token 7 is not a number"},
		{"bos", "gpt-2", func(v *Vocab) { v.BOS = 400 }, "BOS is token 400 of a vocabulary of 400"},
		{"eot", "gpt-2", func(v *Vocab) { v.EOT = -2 }, "EOT is token -2"},
		{"strip", "gpt-2", func(v *Vocab) { v.RStrip = []int32{1 << 30} }, "stripping token 1073741824"},
		{"add bos", "llama", func(v *Vocab) { v.BOS, v.AddBOS = -1, &yes }, "asks for a BOS token but names none"},
		{"add eos", "llama", func(v *Vocab) { v.EOS, v.AddEOS = -1, &yes }, "asks for an EOS token but names none"},
		{"same text", "gpt-2", func(v *Vocab) { v.Tokens[9] = v.Tokens[3] }, "tokens 3 and 9 have the same text"},
		{"same merge", "gpt-2", func(v *Vocab) { v.Merges[5] = v.Merges[2] }, "merges 2 and 5 are both"},
		{"merge left", "gpt-2", func(v *Vocab) { v.Merges[5] = "qqq a" }, `needs "qqq", which is not in the vocabulary`},
		{"merge result", "gpt-2", func(v *Vocab) { v.Merges[5] = "q x" }, `needs "qx", which is not in the vocabulary`},
		{"empty merge", "gpt-2", func(v *Vocab) { v.Merges[5] = "" }, `merge 5 is ""; need two tokens`},
		{"half merge", "gpt-2", func(v *Vocab) { v.Merges[5] = "th" }, `merge 5 is "th"; need two tokens`},
		{"no byte", "llama", func(v *Vocab) { v.Tokens[3+0xAB], v.UNK = "gone", -1 }, "byte 0xAB has no token"},
	}
	for _, tt := range tests {
		v := synthetic(t, tt.kind, 400, 1)
		tt.spoil(&v)
		_, err := New(v)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v does not hold %q", tt.name, err, tt.want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, kind := range kinds() {
		tok := newSynthetic(t, kind, 4000)
		for _, text := range sampleStrings([]string{"<|im_start|>", "</s>", "<unk>"}) {
			checkRoundTrip(t, tok, text)
		}
	}
}

// checkRoundTrip encodes and decodes text. Scored vocabularies cannot tell U+2581
// from a space, and leave the one for the other where broken text swallows it.
func checkRoundTrip(t *testing.T, tok *Tokenizer, text string) {
	t.Helper()
	for _, opt := range []EncodeOptions{{}, {AddSpecial: true}} {
		got, want := tok.Decode(tok.Encode(text, opt), DecodeOptions{}), text
		switch {
		case tok.spacePrefix && utf8.ValidString(text):
			want = strings.ReplaceAll(text, spaceMark, " ")
		case tok.spacePrefix:
			got = strings.ReplaceAll(got, spaceMark, " ")
			want = strings.ReplaceAll(text, spaceMark, " ")
		case !utf8.ValidString(text):
			want = repair(text)
		}
		if got != want {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	tok := newSynthetic(t, "llama-bpe", 4000)
	text := corpus()[:5000]
	want := tok.Encode(text, EncodeOptions{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			ids := tok.Encode(text, EncodeOptions{})
			if !slices.Equal(ids, want) || tok.Decode(ids, DecodeOptions{}) != text {
				t.Error("another goroutine's encoding differs")
			}
		})
	}
	wg.Wait()
}

func TestSpecialTokens(t *testing.T) {
	yes, no := true, false
	v := synthetic(t, "llama", 600, 1)
	v.AddEOS = &yes
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	start, _ := tok.ID("<|im_start|>")
	got := tok.Encode("<|im_start|>a", EncodeOptions{AddSpecial: true, ParseSpecial: true})
	letter, _ := tok.ID("▁a")
	if want := []int32{v.BOS, start, letter, v.EOS}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if got := tok.Encode("<|im_start|>a", EncodeOptions{}); slices.Contains(got, start) {
		t.Errorf("special token found although not asked for: %v", got)
	}
	if got := tok.Decode(got, DecodeOptions{Special: true}); got != "<s><|im_start|> a</s>" {
		t.Errorf("decoded with special tokens: %q", got)
	}
	if got := tok.Encode("", EncodeOptions{AddSpecial: true}); !slices.Equal(got, []int32{v.BOS, v.EOS}) {
		t.Errorf("empty text gives %v", got)
	}
	v.AddBOS, v.AddEOS, v.AddSpacePrefix = &no, nil, &no
	if tok, err = New(v); err != nil {
		t.Fatal(err)
	}
	plain, _ := tok.ID("a")
	if got := tok.Encode("a", EncodeOptions{AddSpecial: true}); !slices.Equal(got, []int32{plain}) {
		t.Errorf("without BOS, EOS and space prefix: %v, want %d", got, plain)
	}
}

// TestStrip lets special tokens swallow white space, up to another token only.
func TestStrip(t *testing.T) {
	v := synthetic(t, "gpt-2", 4000, 1)
	const blank, left, right = 3900, 3901, 3902
	for id, text := range map[int32]string{blank: "    ", left: "<l>", right: "<r>"} {
		v.Tokens[id], v.Types[id] = text, int32(UserDefined)
	}
	v.LStrip, v.RStrip = []int32{left}, []int32{right}
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	letter, _ := tok.ID("a")
	space, _ := tok.ID("Ġ")
	for text, want := range map[string][]int32{
		"a \n\t<l>a":      {letter, left, letter},
		"a<r> \v\f\r a":   {letter, right, letter},
		"a  <l> <r>  a":   {letter, left, space, right, letter},
		"<r>     ":        {right, blank, space},
		"     <l>":        {blank, left},
		"a     <l><r>  a": {letter, blank, left, right, letter},
	} {
		got := tok.Encode(text, EncodeOptions{})
		if !slices.Equal(got, want) {
			t.Errorf("%q gives %v, want %v", text, got, want)
		}
	}
}

func TestTokenProperties(t *testing.T) {
	for _, kind := range kinds() {
		tok := newSynthetic(t, kind, 777)
		if tok.Size() != 777 {
			t.Errorf("%s: size %d", kind, tok.Size())
		}
		for _, id := range []int32{-1, math.MinInt32, 777, math.MaxInt32} {
			if text, k := tok.Token(id); text != "" || k != Undefined || tok.Piece(id, true) != "" || tok.EndsGeneration(id) {
				t.Errorf("%s: id %d is %q, %v", kind, id, text, k)
			}
		}
		if !tok.EndsGeneration(tok.EOS()) || tok.EndsGeneration(tok.BOS()) {
			t.Errorf("%s: EOS must end a generation, BOS must not", kind)
		}
		if _, k := tok.Token(tok.BOS()); k != Control || tok.Piece(tok.BOS(), false) != "" || tok.Piece(tok.BOS(), true) == "" {
			t.Errorf("%s: BOS is %v", kind, k)
		}
		if want := kind == "llama" || kind == "llama-bpe"; tok.AddsBOS() != want {
			t.Errorf("%s: adds BOS %v, want %v", kind, tok.AddsBOS(), want)
		}
	}
	v := synthetic(t, "gpt-2", 4000, 1)
	v.Tokens[3900] = ""
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := tok.Token(3900); text != "[EMPTY_3900]" {
		t.Errorf("empty token is %q", text)
	}
}

func TestStream(t *testing.T) {
	for _, kind := range kinds() {
		tok := newSynthetic(t, kind, 900)
		for _, text := range sampleStrings([]string{"🙂", "日本", "<|im_end|>"}) {
			ids := tok.Encode(text, EncodeOptions{})
			var raw, got strings.Builder
			s := tok.NewStream(DecodeOptions{})
			for _, id := range ids {
				raw.WriteString(tok.Piece(id, false))
				part := s.Push(id)
				if !utf8.ValidString(part) {
					t.Fatalf("%s: part %q of %q is not well-formed", kind, part, text)
				}
				got.WriteString(part)
			}
			got.WriteString(s.Flush())
			if want := string([]rune(raw.String())); got.String() != want {
				t.Fatalf("%s: streamed %q, want %q", kind, got.String(), want)
			}
			if s.Flush() != "" {
				t.Fatal("flushing twice gives text twice")
			}
		}
	}
}

// TestStreamHoldsBack sends 🙂é byte by byte.
func TestStreamHoldsBack(t *testing.T) {
	tok := newSynthetic(t, "llama", 300)
	s := tok.NewStream(DecodeOptions{})
	var parts []string
	for _, b := range []byte("a🙂é\xe2b\xf0") {
		parts = append(parts, s.Push(int32(3)+int32(b)))
	}
	parts = append(parts, s.Flush())
	want := []string{"a", "", "", "", "🙂", "", "é", "", "\ufffdb", "", "\ufffd"}
	if !slices.Equal(parts, want) {
		t.Errorf("parts %q, want %q", parts, want)
	}
}

// FuzzRoundTrip checks that text survives on all vocabularies and that nothing
// panics on any text or ids.
func FuzzRoundTrip(f *testing.F) {
	for i, text := range sampleStrings([]string{"<|im_start|>", "<s>"}) {
		if i%40 == 0 {
			f.Add(text)
		}
	}
	var all []*Tokenizer
	for _, kind := range kinds() {
		all = append(all, newSynthetic(f, kind, 4000))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range all {
			checkRoundTrip(t, tok, text)
			for _, id := range tok.Encode(text, EncodeOptions{AddSpecial: true, ParseSpecial: true}) {
				if id < 0 || int(id) >= tok.Size() {
					t.Errorf("%q gives id %d", text, id)
				}
			}
			s := tok.NewStream(DecodeOptions{Special: true})
			for i := 0; i+2 <= len(text); i += 2 { // ids at will, some out of range
				s.Push(int32(text[i])<<8 | int32(text[i+1]) - 9)
			}
			s.Flush()
		}
	})
}
