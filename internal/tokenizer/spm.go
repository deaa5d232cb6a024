package tokenizer

import (
	"fmt"
	"math"
	"strings"
)

// spaceMark is U+2581, which stands for a space in SentencePiece vocabularies.
const spaceMark = "▁"

// spm is the SentencePiece-style encoder: the neighbours whose joined text is
// the token of the highest score merge first.
type spm struct {
	ids    map[string]int32
	orders []uint32   // merge order of each token, from its score
	bytes  [256]int32 // token of each byte that no other token covers
	widest int        // bytes of the longest token
}

func newSPM(v *Vocab, texts []string, ids map[string]int32) (*spm, error) {
	s := &spm{ids: ids, orders: make([]uint32, len(texts))}
	for i, text := range texts {
		s.orders[i] = scoreOrder(v.Scores[i])
		s.widest = max(s.widest, len(text))
	}
	for b := range s.bytes {
		id, ok := ids[fmt.Sprintf("<0x%02X>", b)]
		if !ok {
			id, ok = ids[string([]byte{byte(b)})]
		}
		if !ok {
			id = v.UNK
		}
		if id < 0 {
			return nil, fmt.Errorf("byte 0x%02X has no token <0x%02X>, and there is no UNK token in its place", b, b)
		}
		s.bytes[b] = id
	}
	return s, nil
}

// scoreOrder maps a score to an integer that falls as the score rises: the bits
// of an IEEE float sort as integers once negative values are inverted.
func scoreOrder(score float32) uint32 {
	bits := math.Float32bits(score + 0) // + 0 turns -0 into 0
	if bits>>31 != 0 {
		return bits
	}
	return ^bits &^ (1 << 31)
}

// spmText is one text to encode, which join looks at.
type spmText struct {
	*spm
	text string
}

func (s spmText) join(left, right symbol) (id int32, order uint32, ok bool) {
	length := left.length + right.length
	if int(length) > s.widest {
		return 0, 0, false
	}
	id, ok = s.ids[s.text[left.start:left.start+length]]
	if !ok {
		return 0, 0, false
	}
	return id, s.orders[id], true
}

// encode appends the tokens of text, which holds no special tokens.
func (s *spm) encode(text string, m *merger, ids []int32) []int32 {
	text = strings.ReplaceAll(text, " ", spaceMark)
	m.reset()
	for i := 0; i < len(text); {
		n := min(leadLength(text[i]), len(text)-i)
		id, ok := s.ids[text[i:i+n]]
		if !ok {
			id = -1
		}
		m.append(int32(i), int32(n), id)
		i += n
	}
	m.run(spmText{s, text})
	for i := int32(0); i >= 0 && len(m.symbols) > 0; i = m.symbols[i].next {
		sym := m.symbols[i]
		if sym.id >= 0 {
			ids = append(ids, sym.id)
			continue
		}
		for _, b := range []byte(text[sym.start : sym.start+sym.length]) {
			ids = append(ids, s.bytes[b])
		}
	}
	return ids
}
