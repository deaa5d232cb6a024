package tokenizer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The fixtures testdata/*.ids.gz hold the ids that llama.cpp (commit 3f545becc)
// gives for sampleStrings on the vocabularies below. To make them again:
//
//  1. go test -run ^TestReference$ -dump DIR writes DIR/NAME.gguf, a file with a
//     vocabulary only, and DIR/NAME.txt, with one text per line: a digit (1 for
//     add_special plus 2 for parse_special), a space, the bytes in hex.
//  2. A program linked against llama.cpp loads the file with vocab_only, calls
//     llama_tokenize for each line and writes the ids in decimal, separated by
//     spaces, one line each, to DIR/NAME.ids; and to DIR/NAME.ids.pieces, for
//     each token, a line with llama_token_to_piece (special on) in hex, a space,
//     and llama_vocab_is_eog as 0 or 1.
//  3. go test -run ^TestReference$ -pack DIR writes the fixtures.
//
// The first line of a fixture is the hash of the input, the second that of the
// pieces, so that a change to strings or vocabularies cannot go unnoticed.
var (
	dump = flag.String("dump", "", "write the reference program's input to this folder")
	pack = flag.String("pack", "", "make fixtures of the reference program's output in this folder")
)

type referenceCase struct {
	name  string
	model string // general.name, by which llama.cpp sets strip attributes
	vocab Vocab
}

// referenceCases returns a vocabulary for each pre-tokenizer, and two in which
// special tokens swallow white space.
func referenceCases(t *testing.T) []referenceCase {
	t.Helper()
	var cases []referenceCase
	for i, kind := range []string{"gpt-2", "llama-bpe", "qwen2", "smollm", "llama", "llama", "jina-v2-de", "bert", "bert"} {
		v := synthetic(t, kind, 3999, uint64(i))
		// Some fillers give way to user-defined tokens, one of them the beginning
		// of another; to an unused and to an unknown token.
		replace := func(i int, text string, kind Kind) int32 {
			v.Tokens[3900+i], v.Types[3900+i] = text, int32(kind)
			return int32(3900 + i)
		}
		replace(0, "[[tool]]", UserDefined)
		replace(1, "[[tool]] call", UserDefined)
		replace(2, "    ", UserDefined)
		replace(3, "<|unused_7|>", Unused)
		mask := replace(4, "<mask>", UserDefined)
		end := replace(5, "<|endoftext|>", Normal) // control by its text
		replace(6, "<|unk|>", Unknown)
		replace(7, "<|im|>", Control)
		replace(8, "<x>", Control) // shorter than the token of white space
		if v.Model == "gpt2" {
			mergeAcrossBorders(&v)
		}
		c := referenceCase{name: kind, vocab: v}
		switch {
		case kind == "jina-v2-de":
			c.vocab.LStrip = []int32{mask}
		case kind == "smollm": // bytes without a token
			for _, b := range []byte{0x01, 0xD4, 0xDF} {
				c.vocab.Tokens[b] = fmt.Sprintf("<|no-byte-%d|>", b)
			}
		case v.Model == "bert":
			spoilWordpiece(&c.vocab)
			if i == 8 {
				c.name, c.vocab.Lowercase = "bert-cased", new(bool)
			}
		case i == 5:
			for id := range v.Scores { // many equal scores, and a negative zero
				v.Scores[id] = float32(math.Ceil(float64(v.Scores[id]) / 4))
			}
			c.name, c.model = "phi-3", "phi-3-test"
			for id, kind := range v.kinds(map[string]int32{"<|endoftext|>": end}) {
				special := kind == Control || kind == UserDefined || kind == Unknown
				if special && !slices.Contains([]string{"<unk>", "<s>", "<|endoftext|>"}, v.Tokens[id]) {
					c.vocab.RStrip = append(c.vocab.RStrip, int32(id))
				}
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// mergeAcrossBorders puts merges of characters that pre-tokenizers keep apart
// before all others, so that no border in the wrong place goes unnoticed. Their
// results take the place of fillers.
func mergeAcrossBorders(v *Vocab) {
	learned := v.Merges
	v.Merges = nil
	at := 3500
	for _, left := range corners {
		for _, right := range corners {
			v.Merges = append(v.Merges, left+" "+right)
			if !slices.Contains(v.Tokens, left+right) {
				v.Tokens[at] = left + right
				at++
			}
		}
	}
	for _, line := range learned {
		if !slices.Contains(v.Merges[:len(corners)*len(corners)], line) {
			v.Merges = append(v.Merges, line)
		}
	}
}

// corners are white space, punctuation, digits, letters, and bytes of é, of
// U+0301 and of U+3000, in the byte alphabet.
var corners = [...]string{"Ġ", "Ċ", "č", "ĉ", "'", "!", "1", "7", "s", "S", "t", "e", "x", "Ã", "©", "Ì", "ģ", "ã", "Ģ"}

func synthetic(t testing.TB, kind string, size int, seed uint64) Vocab {
	t.Helper()
	v, err := Synthetic(kind, size, seed)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type referenceInput struct {
	text string
	opt  EncodeOptions
}

// inputs returns the texts of a case with their options: texts with special
// tokens both parsed and not, the others with each choice in turn.
func (c referenceCase) inputs() []referenceInput {
	specials := []string{"<|im_start|>", "<|im_end|>", "[[tool]]", "[[tool]] call", "    ", "<|unused_7|>", "<mask>",
		"<|endoftext|>", "<|unk|>", "<|im|>", "<x>", "<s>", "</s>", "<unk>", "<|begin_of_text|>", "<|end_of_text|>", "<0x41>"}
	if c.vocab.Model == "bert" {
		specials = append(specials, "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[cls]")
	}
	for _, id := range []int{3880, 3885, 3890} { // words that no merges lead to
		filler := strings.NewReplacer("Ġ", " ", spaceMark, " ").Replace(c.vocab.Tokens[id])
		specials = append(specials, filler, filler+"s", filler[1:])
	}
	var inputs []referenceInput
	for i, text := range sampleStrings(specials) {
		if !hasReference(text) {
			continue
		}
		opt := EncodeOptions{AddSpecial: i%2 == 0, ParseSpecial: i%4 < 2}
		inputs = append(inputs, referenceInput{text, opt})
		if slices.ContainsFunc(specials, func(s string) bool { return strings.Contains(text, s) }) {
			opt.ParseSpecial = !opt.ParseSpecial
			inputs = append(inputs, referenceInput{text, opt})
		}
	}
	return inputs
}

func (c referenceCase) inputText() string {
	var b strings.Builder
	for _, in := range c.inputs() {
		mode := 0
		if in.opt.AddSpecial {
			mode |= 1
		}
		if in.opt.ParseSpecial {
			mode |= 2
		}
		fmt.Fprintf(&b, "%d %x\n", mode, in.text)
	}
	return b.String()
}

func TestReference(t *testing.T) {
	for _, c := range referenceCases(t) {
		t.Run(c.name, func(t *testing.T) {
			tok, err := New(c.vocab)
			if err != nil {
				t.Fatal(err)
			}
			if *dump != "" {
				write(t, filepath.Join(*dump, c.name+".gguf"), c.gguf())
				write(t, filepath.Join(*dump, c.name+".txt"), []byte(c.inputText()))
				return
			}
			fixture := filepath.Join("testdata", c.name+".ids.gz")
			if *pack != "" {
				write(t, fixture, c.pack(t))
			}
			lines := readFixture(t, fixture)
			if lines[0] != c.inputHash() {
				t.Fatal("the strings or the vocabulary are not those of the fixture; make it again")
			}
			compareIDs(t, tok, c.inputs(), lines[2:])
			if got := hash([]byte(pieceLines(tok))); got != lines[1] {
				t.Error("the tokens' pieces differ from the reference")
			}
		})
	}
}

func compareIDs(t *testing.T, tok *Tokenizer, inputs []referenceInput, lines []string) {
	t.Helper()
	if len(inputs) < 2000 || len(lines) != len(inputs) {
		t.Fatalf("%d texts and %d lines of ids; need 2000 or more, and as many", len(inputs), len(lines))
	}
	bad := 0
	for i, in := range inputs {
		want := parseIDs(t, lines[i])
		if got := tok.Encode(in.text, in.opt); !slices.Equal(got, want) {
			t.Errorf("%q %+v\n got %v\nwant %v", in.text, in.opt, got, want)
			if bad++; bad == 10 {
				t.FailNow()
			}
		}
	}
}

func parseIDs(t *testing.T, line string) []int32 {
	t.Helper()
	var ids []int32
	for field := range strings.FieldsSeq(line) {
		id, err := strconv.ParseInt(field, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, int32(id))
	}
	return ids
}

func pieceLines(tok *Tokenizer) string {
	var b strings.Builder
	for id := range int32(tok.Size()) {
		ends := 0
		if tok.EndsGeneration(id) {
			ends = 1
		}
		fmt.Fprintf(&b, "%x %d\n", tok.Piece(id, true), ends)
	}
	return b.String()
}

func (c referenceCase) inputHash() string {
	return hash(c.gguf(), []byte(c.inputText()))
}

func hash(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pack makes a fixture of the reference program's output.
func (c referenceCase) pack(t *testing.T) []byte {
	t.Helper()
	ids := read(t, filepath.Join(*pack, c.name+".ids"))
	pieces := read(t, filepath.Join(*pack, c.name+".ids.pieces"))
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(z, "%s\n%s\n%s", c.inputHash(), hash(pieces), ids)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readFixture(t *testing.T, path string) []string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// gguf writes the vocabulary as a GGUF 3 file without tensors, as far as
// llama.cpp needs it to tokenize.
func (c referenceCase) gguf() []byte {
	w := ggufWriter{}
	v := c.vocab
	w.str("general.architecture", "llama")
	w.str("general.name", c.model)
	w.str("tokenizer.ggml.model", v.Model)
	w.str("tokenizer.ggml.pre", v.Pre)
	w.array("tokenizer.ggml.tokens", 8, len(v.Tokens))
	for _, s := range v.Tokens {
		w.text(s)
	}
	w.array("tokenizer.ggml.token_type", 5, len(v.Types))
	w.body = appendLE(w.body, v.Types)
	if len(v.Scores) > 0 {
		w.array("tokenizer.ggml.scores", 6, len(v.Scores))
		w.body = appendLE(w.body, v.Scores)
	}
	if len(v.Merges) > 0 {
		w.array("tokenizer.ggml.merges", 8, len(v.Merges))
		for _, s := range v.Merges {
			w.text(s)
		}
	}
	w.id("tokenizer.ggml.bos_token_id", v.BOS)
	w.id("tokenizer.ggml.eos_token_id", v.EOS)
	w.id("tokenizer.ggml.eot_token_id", v.EOT)
	if v.Model == "bert" {
		w.id("tokenizer.ggml.unknown_token_id", v.UNK)
		w.id("tokenizer.ggml.seperator_token_id", v.SEP)
	}
	if v.Lowercase != nil {
		w.flag("tokenizer.ggml.normalizer.lowercase", *v.Lowercase)
	}
	head := appendLE([]byte("GGUF"), uint32(3))
	head = appendLE(head, []uint64{0, w.count})
	return append(head, w.body...)
}

type ggufWriter struct {
	body  []byte
	count uint64
}

func appendLE(b []byte, value any) []byte {
	b, err := binary.Append(b, binary.LittleEndian, value)
	if err != nil {
		panic(err) // only for types without a fixed size
	}
	return b
}

func (w *ggufWriter) text(s string) {
	w.body = append(appendLE(w.body, uint64(len(s))), s...)
}

func (w *ggufWriter) key(name string, kind uint32) {
	w.count++
	w.text(name)
	w.body = appendLE(w.body, kind)
}

func (w *ggufWriter) str(name, value string) {
	w.key(name, 8)
	w.text(value)
}

func (w *ggufWriter) flag(name string, on bool) {
	w.key(name, 7)
	w.body = appendLE(w.body, on)
}

func (w *ggufWriter) id(name string, id int32) {
	w.key(name, 4)
	w.body = appendLE(w.body, id)
}

func (w *ggufWriter) array(name string, kind uint32, n int) {
	w.key(name, 9)
	w.body = appendLE(appendLE(w.body, kind), uint64(n))
}
