package tokenizer

import (
	"fmt"
	"strings"
)

// alphabet writes each byte as one printable character, so that a vocabulary of
// byte strings can be stored as text (OpenAI's GPT-2 release defined it): the
// printable characters of Latin-1 stand for themselves, the other bytes for
// U+0100 onwards in order.
type alphabet struct {
	char [256]rune
	code map[rune]byte
}

func newAlphabet() *alphabet {
	a := &alphabet{code: make(map[rune]byte, 256)}
	next := rune(0x100)
	for b := range 256 {
		c := rune(b)
		if b < '!' || (b > '~' && b < 0xA1) || b == 0xAD {
			c = next
			next++
		}
		a.char[b] = c
		a.code[c] = byte(b)
	}
	return a
}

// encode writes raw bytes as characters of the alphabet.
func (a *alphabet) encode(raw string) string {
	var b strings.Builder
	for i := range len(raw) {
		b.WriteRune(a.char[raw[i]])
	}
	return b.String()
}

// decode reads text back to raw bytes. It reports false, and leaves the strange
// characters as they are, where text is not written in the alphabet alone.
func (a *alphabet) decode(text string) (string, bool) {
	raw := make([]byte, 0, len(text))
	pure := true
	for i, w := 0, 0; i < len(text); i += w {
		var r rune
		r, w = decodeRune(text[i:])
		if b, ok := a.code[r]; ok {
			raw = append(raw, b)
			continue
		}
		pure = false
		raw = append(raw, text[i:i+w]...)
	}
	return string(raw), pure
}

// bpe is the byte-level byte-pair encoder.
type bpe struct {
	split        splitter
	ignoreMerges bool
	words        map[string]int32 // raw bytes of a token -> id
	bytes        [256]int32       // token of a single byte, or -1
	merges       map[pair]merged
}

type pair struct{ left, right int32 }

type merged struct {
	id   int32
	rank uint32
}

func newBPE(v *Vocab, ids map[string]int32) (*bpe, error) {
	rules := preTokenizers()[v.Pre]
	b := &bpe{
		split:        rules.split,
		ignoreMerges: rules.ignoreMerges,
		words:        make(map[string]int32, len(ids)),
		merges:       make(map[pair]merged, len(v.Merges)),
	}
	a := newAlphabet()
	for text, id := range ids {
		if raw, pure := a.decode(text); pure {
			b.words[raw] = id
		}
	}
	for i := range b.bytes {
		id, ok := b.words[string([]byte{byte(i)})]
		if !ok {
			id = -1
		}
		b.bytes[i] = id
	}
	for rank, line := range v.Merges {
		if err := b.addMerge(rank, line, ids); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// addMerge parses one "left right" line and enters it.
func (b *bpe) addMerge(rank int, line string, ids map[string]int32) error {
	// A token may be a space of its own in odd vocabularies, so the separator is
	// looked for after the first byte.
	cut := -1
	if line != "" {
		cut = strings.IndexByte(line[1:], ' ') + 1
	}
	if cut < 1 {
		return fmt.Errorf("merge %d is %q; need two tokens separated by a space", rank, line)
	}
	left, right := line[:cut], line[cut+1:]
	var found [3]int32
	for i, text := range [...]string{left, right, left + right} {
		id, ok := ids[text]
		if !ok {
			return fmt.Errorf("merge %d (%q) needs %q, which is not in the vocabulary", rank, line, text)
		}
		found[i] = id
	}
	key := pair{found[0], found[1]}
	if first, dup := b.merges[key]; dup {
		return fmt.Errorf("merges %d and %d are both %q", first.rank, rank, line)
	}
	b.merges[key] = merged{id: found[2], rank: uint32(rank)}
	return nil
}

func (b *bpe) join(left, right symbol) (id int32, order uint32, ok bool) {
	if left.id < 0 || right.id < 0 {
		return 0, 0, false
	}
	m, ok := b.merges[pair{left.id, right.id}]
	return m.id, m.rank, ok
}

// encode appends the tokens of text, which holds no special tokens.
func (b *bpe) encode(text string, m *merger, ids []int32) []int32 {
	text = repair(text)
	for text != "" {
		n := b.split(text)
		ids = b.encodePiece(text[:n], m, ids)
		text = text[n:]
	}
	return ids
}

func (b *bpe) encodePiece(piece string, m *merger, ids []int32) []int32 {
	if b.ignoreMerges {
		if id, ok := b.words[piece]; ok {
			return append(ids, id)
		}
	}
	m.reset()
	for i := range len(piece) {
		m.append(int32(i), 1, b.bytes[piece[i]])
	}
	m.run(b)
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		// A byte without a token of its own vanishes, as in llama.cpp.
		if id := m.symbols[i].id; id >= 0 {
			ids = append(ids, id)
		}
	}
	return ids
}
