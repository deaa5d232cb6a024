package tokenizer

import (
	_ "embed" // merges.txt
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:generate go test -run ^TestMergesAreCurrent$ -update

// learnedText holds byte-pair merges, one per line in order of rank, learned
// from text written for this project by the code in learn_test.go.
//
//go:embed merges.txt
var learnedText string

// Fillers are made-up words of three syllables, so that the output of a model
// with random weights is readable and every token of it has some text.
const (
	fillerConsonants = "bcdfghjklmnprstv"
	fillerVowels     = "aeiou"
	fillerSyllables  = len(fillerConsonants) * len(fillerVowels)
	fillerWords      = fillerSyllables * fillerSyllables * fillerSyllables
)

// bpeSpecials and spmSpecials count the special tokens of either family.
const (
	bpeSpecials = 5
	spmSpecials = 5
)

// Synthetic returns a valid vocabulary of exactly size tokens that is nobody's
// model's: single bytes, merges learned from this project's own text, made-up
// words as fillers, and special tokens, of which extra names further ones for
// byte-level BPE. Ordinary English takes three to four
// bytes per token when size leaves room for all merges (some 3,400 tokens).
//
// The kind is "llama" for a scored vocabulary, "bert" for WordPiece, or a
// pre-tokenizer's name for byte-level BPE. The seed chooses the fillers; nothing else depends on it. The
// error says why kind or size is impossible.
//
// No merge leads to a filler, so Encode yields them, at most, where a whole
// word of the text is one and the pre-tokenizer looks words up first.
func Synthetic(kind string, size int, seed uint64, extra ...string) (Vocab, error) {
	bpe := kind != "llama" && kind != "bert"
	if _, ok := preTokenizers()[kind]; bpe && !ok {
		return Vocab{}, fmt.Errorf("tokenizer: no synthetic vocabulary of kind %q; there are bert, llama, %s",
			kind, strings.Join(PreTokenizers(), ", "))
	}
	least := 256 + bpeSpecials + len(extra) + 1 // one merge, as there must be a list of them
	switch kind {
	case "llama":
		least = 256 + spmSpecials
	case "bert":
		least = wordpieceSpecials + 1
	}
	if size < least || size > fillerWords {
		return Vocab{}, fmt.Errorf("tokenizer: a synthetic vocabulary of %d tokens is impossible; need %d to %d",
			size, least, fillerWords)
	}
	b := builder{size: size, seen: make(map[string]bool, size)}
	b.v.Tokens = make([]string, 0, size)
	b.v.Types = make([]int32, 0, size)
	switch kind {
	case "llama":
		b.spm(seed)
	case "bert":
		b.wordpiece(seed)
	default:
		b.bpe(kind, seed, extra)
	}
	return b.v, nil
}

// builder fills a vocabulary up to size.
type builder struct {
	v    Vocab
	size int
	seen map[string]bool
}

// add appends a token and returns its id. A text that is there already, or an
// empty one, is left out with -1.
func (b *builder) add(text string, kind Kind) int32 {
	if text == "" || b.seen[text] {
		return -1
	}
	b.seen[text] = true
	b.v.Tokens = append(b.v.Tokens, text)
	b.v.Types = append(b.v.Types, int32(kind))
	return int32(len(b.v.Tokens) - 1)
}

// room returns how many tokens still fit when keep places stay free.
func (b *builder) room(keep int) int { return b.size - keep - len(b.v.Tokens) }

// fill adds fillers after prefix until keep places are free. Stepping through
// all words by a number coprime to their count visits each once.
func (b *builder) fill(prefix string, keep int, seed uint64) {
	const step = 237_161 // odd and no multiple of 5, the primes of 80³
	for at := int(seed % uint64(fillerWords)); b.room(keep) > 0; at = (at + step) % fillerWords {
		word := []byte(prefix)
		for i, rest := 0, at; i < 3; i++ {
			syllable := rest % fillerSyllables
			rest /= fillerSyllables
			word = append(word, fillerConsonants[syllable/5], fillerVowels[syllable%5])
		}
		b.add(string(word), Normal)
	}
}

func (b *builder) bpe(pre string, seed uint64, extra []string) {
	specials := bpeSpecials + len(extra)
	a := newAlphabet()
	for i := range 256 {
		b.add(string(a.char[i]), Normal)
	}
	for line := range strings.Lines(learnedText) {
		line = strings.TrimSuffix(line, "\n")
		left, right, _ := strings.Cut(line, " ")
		if b.room(specials) == 0 && !b.seen[left+right] {
			break
		}
		b.add(left+right, Normal)
		b.v.Merges = append(b.v.Merges, line)
	}
	b.fill(string(a.char[' ']), specials, seed)
	b.v.Model, b.v.Pre = "gpt2", pre
	b.v.BOS = b.add("<|begin_of_text|>", Control)
	b.v.EOS = b.add("<|end_of_text|>", Control)
	b.v.PAD = b.add("<|pad|>", Control)
	b.add("<|im_start|>", Control)
	b.v.EOT = b.add("<|im_end|>", Control)
	b.v.UNK = -1
	for _, text := range extra {
		b.add(text, Control)
	}
	addBOS := preTokenizers()[pre].addBOS
	b.v.AddBOS = &addBOS
}

func (b *builder) spm(seed uint64) {
	const last = 2 // special tokens at the end
	b.v.Model, b.v.PAD = "llama", -1
	b.v.UNK = b.add("<unk>", Unknown)
	b.v.BOS = b.add("<s>", Control)
	b.v.EOS = b.add("</s>", Control)
	for i := range 256 {
		b.add(fmt.Sprintf("<0x%02X>", i), Byte)
	}
	merges := len(b.v.Tokens)
	for _, text := range b.spmPieces() {
		if b.room(last) == 0 {
			break
		}
		b.add(text, Normal)
	}
	b.fill(spaceMark, last, seed)
	b.add("<|im_start|>", Control)
	b.v.EOT = b.add("<|im_end|>", Control)
	b.v.Scores = make([]float32, b.size)
	for i := merges; i < b.size-last; i++ {
		b.v.Scores[i] = -float32(i - merges) // earlier tokens merge first
	}
}

// spmPieces lists printable ASCII, then the results of the learned merges that
// are text, with spaces marked, then some letters beyond ASCII.
func (b *builder) spmPieces() []string {
	pieces := []string{spaceMark}
	for c := rune('!'); c <= '~'; c++ {
		pieces = append(pieces, string(c))
	}
	a := newAlphabet()
	for line := range strings.Lines(learnedText) {
		raw, _ := a.decode(strings.Replace(strings.TrimSuffix(line, "\n"), " ", "", 1))
		if utf8.ValidString(raw) && !strings.ContainsFunc(raw, unicode.IsControl) {
			pieces = append(pieces, strings.ReplaceAll(raw, " ", spaceMark))
		}
	}
	for c := rune(0xC0); c < 0x500; c++ { // Latin, Greek, Cyrillic
		if unicode.IsLetter(c) {
			pieces = append(pieces, string(c))
		}
	}
	return pieces
}
