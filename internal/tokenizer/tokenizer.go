package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
)

// encoder turns text without special tokens into ids.
type encoder interface {
	encode(text string, m *merger, ids []int32) []int32
}

// Tokenizer encodes and decodes with one vocabulary.
type Tokenizer struct {
	texts          []string // as in the vocabulary
	pieces         []string // what each token stands for in text
	kinds          []Kind
	ids            map[string]int32
	ends           map[int32]bool
	specials       *specials
	encoder        encoder
	bos, eos       int32
	addBOS, addEOS bool
	sep            int32 // ends a text where special tokens are added; -1 for none
	spacePrefix    bool
}

// New checks v and prepares it. The error names what is wrong with v and, for an
// unsupported model or pre-tokenizer, lists the supported ones. New does not
// keep v's slices.
func New(v Vocab) (*Tokenizer, error) {
	if v.Model == "bert" {
		v.wordpieceDefaults()
	}
	if err := v.validate(); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	texts, ids, err := v.index()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	kinds := v.kinds(ids)
	t := &Tokenizer{
		texts:    texts,
		kinds:    kinds,
		ids:      ids,
		ends:     make(map[int32]bool),
		specials: newSpecials(&v, texts, kinds),
		bos:      v.BOS,
		eos:      v.EOS,
		addEOS:   v.AddEOS != nil && *v.AddEOS,
		sep:      -1,
	}
	for _, name := range endOfGeneration {
		if id, ok := ids[name]; ok {
			t.ends[id] = true
		}
	}
	for _, id := range [...]int32{v.EOS, v.EOT} {
		if id >= 0 {
			t.ends[id] = true
		}
	}
	if err := t.setModel(&v); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

// setModel fills in what differs between the families.
func (t *Tokenizer) setModel(v *Vocab) error {
	unmarked := func(text string) string { return strings.ReplaceAll(text, spaceMark, " ") }
	switch v.Model {
	case "gpt2":
		b, err := newBPE(v, t.ids)
		if err != nil {
			return err
		}
		t.encoder = b
		t.addBOS = orDefault(v.AddBOS, preTokenizers()[v.Pre].addBOS && v.BOS >= 0)
		a := newAlphabet()
		t.setPieces(func(text string) string {
			raw, _ := a.decode(text)
			return raw
		})
		return nil
	case "bert":
		w, err := newWordpiece(v, t.texts, t.ids)
		if err != nil {
			return err
		}
		t.encoder, t.addBOS, t.addEOS, t.sep = w, true, false, v.SEP
		t.setPieces(unmarked)
		return nil
	}
	s, err := newSPM(v, t.texts, t.ids)
	if err != nil {
		return err
	}
	t.encoder = s
	t.addBOS = orDefault(v.AddBOS, v.BOS >= 0)
	t.spacePrefix = orDefault(v.AddSpacePrefix, true)
	t.setPieces(unmarked)
	return nil
}

func orDefault(b *bool, def bool) bool {
	if b == nil {
		return def
	}
	return *b
}

// setPieces works out the text of every token; normal does so for Normal ones.
func (t *Tokenizer) setPieces(normal func(string) string) {
	t.pieces = make([]string, len(t.texts))
	for i, text := range t.texts {
		switch t.kinds[i] {
		case Normal:
			t.pieces[i] = normal(text)
		case Byte:
			t.pieces[i] = byteOf(text)
		case Control, Unknown, UserDefined:
			t.pieces[i] = text
		}
	}
}

// byteOf parses <0xNN>; any other text of a byte token stands for itself.
func byteOf(text string) string {
	digits, ok := strings.CutPrefix(text, "<0x")
	digits, closed := strings.CutSuffix(digits, ">")
	b, err := strconv.ParseUint(digits, 16, 8)
	if !ok || !closed || len(digits) != 2 || err != nil {
		return text
	}
	return string([]byte{byte(b)})
}

// Size returns the number of tokens.
func (t *Tokenizer) Size() int { return len(t.texts) }

// BOS returns the token that begins a text, or -1.
func (t *Tokenizer) BOS() int32 { return t.bos }

// EOS returns the token that ends a text, or -1.
func (t *Tokenizer) EOS() int32 { return t.eos }

// AddsBOS reports whether EncodeOptions.AddSpecial puts BOS first.
func (t *Tokenizer) AddsBOS() bool { return t.addBOS }

// EndsGeneration reports whether a model that emits id has finished its answer.
func (t *Tokenizer) EndsGeneration(id int32) bool { return t.ends[id] }

// Token returns a token's text as it stands in the vocabulary and its kind. An
// id outside the vocabulary gives "" and Undefined.
func (t *Tokenizer) Token(id int32) (string, Kind) {
	if id < 0 || int(id) >= len(t.texts) {
		return "", Undefined
	}
	return t.texts[id], t.kinds[id]
}

// ID returns the token whose text in the vocabulary is exactly text.
func (t *Tokenizer) ID(text string) (id int32, ok bool) {
	id, ok = t.ids[text]
	return id, ok
}

// Piece returns the bytes that a token stands for, which may be part of a
// character only. It is empty for an id outside the vocabulary, for unused
// tokens, and, unless special is set, for control and unknown ones.
func (t *Tokenizer) Piece(id int32, special bool) string {
	if id < 0 || int(id) >= len(t.pieces) {
		return ""
	}
	if k := t.kinds[id]; !special && (k == Control || k == Unknown) {
		return ""
	}
	return t.pieces[id]
}

// EncodeOptions say what to do about special tokens.
type EncodeOptions struct {
	AddSpecial   bool // add BOS and EOS where the vocabulary asks for them; [CLS] and [SEP] of "bert"
	ParseSpecial bool // read the text of control tokens as these tokens
}

// Encode returns the ids of text, which may be any bytes. Broken UTF-8 is read
// as U+FFFD by "gpt2" vocabularies, kept by "llama" ones and left out by "bert".
func (t *Tokenizer) Encode(text string, opt EncodeOptions) []int32 {
	var ids []int32
	if opt.AddSpecial && t.addBOS {
		ids = append(ids, t.bos)
	}
	var m merger
	afterSpecial := true // the beginning counts as such
	for _, f := range t.specials.partition(text, opt.ParseSpecial) {
		if f.id >= 0 {
			ids = append(ids, f.id)
			afterSpecial = true
			continue
		}
		if t.spacePrefix && afterSpecial {
			f.text = " " + f.text
		}
		ids = t.encoder.encode(f.text, &m, ids)
		afterSpecial = false
	}
	if opt.AddSpecial && t.addEOS {
		ids = append(ids, t.eos)
	}
	if opt.AddSpecial && t.sep >= 0 {
		ids = append(ids, t.sep)
	}
	return ids
}

// DecodeOptions say what to do about special tokens.
type DecodeOptions struct {
	Special bool // write out control and unknown tokens instead of skipping them
}

// Decode returns the text of ids. For "llama" vocabularies with a space prefix
// one leading space goes. It is the inverse of Encode for well-formed text whose
// bytes all have tokens, with special tokens neither parsed nor user-defined;
// "llama" vocabularies turn U+2581 into a space. Those of "bert" give words
// with a space before each, as they normalized them. The result is not well-formed
// where ids end inside a character.
func (t *Tokenizer) Decode(ids []int32, opt DecodeOptions) string {
	var b strings.Builder
	begun := !t.spacePrefix
	for _, id := range ids {
		piece := t.Piece(id, opt.Special)
		if !begun && piece != "" {
			if _, kind := t.Token(id); kind != Control {
				piece = strings.TrimPrefix(piece, " ")
			}
			begun = true
		}
		b.WriteString(piece)
	}
	return b.String()
}
