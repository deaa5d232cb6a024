package tokenizer

import (
	"cmp"
	"slices"
	"strings"
)

// specials finds special tokens in text.
type specials struct {
	texts   []string         // of all tokens
	ids     map[string]int32 // the special ones
	first   [256]bool        // bytes that begin one
	lengths []int            // their lengths in bytes, each once
	skipped map[int32]bool   // those found only when special tokens are parsed
	lstrip  map[int32]bool
	rstrip  map[int32]bool
}

func newSpecials(v *Vocab, texts []string, kinds []Kind) *specials {
	s := &specials{
		texts:   texts,
		ids:     make(map[string]int32),
		skipped: make(map[int32]bool),
		lstrip:  make(map[int32]bool),
		rstrip:  make(map[int32]bool),
	}
	lengths := make(map[int]bool)
	for i, text := range texts {
		id := int32(i)
		switch kinds[i] {
		case Control, Unknown:
			s.skipped[id] = true
		case UserDefined:
		default:
			continue
		}
		s.ids[text] = id
		s.first[text[0]] = true
		if !lengths[len(text)] {
			lengths[len(text)] = true
			s.lengths = append(s.lengths, len(text))
		}
	}
	slices.Sort(s.lengths)
	for _, id := range v.LStrip {
		s.lstrip[id] = true
	}
	for _, id := range v.RStrip {
		s.rstrip[id] = true
	}
	return s
}

// fragment is a stretch of text without special tokens, or one special token.
type fragment struct {
	text string
	id   int32 // -1 for text
}

// occurrence is a place where the text of a special token stands.
type occurrence struct {
	start, end int
	id         int32
}

// partition cuts text at special tokens. Longer tokens are found first, whatever
// their position; among equals the smaller id, then the leftmost. User-defined
// tokens are always found, control and unknown ones only when parse is set.
func (s *specials) partition(text string, parse bool) []fragment {
	if text == "" {
		return nil
	}
	found := s.occurrences(text, parse)
	if len(found) == 0 {
		return []fragment{{text, -1}}
	}
	slices.SortFunc(found, func(a, b occurrence) int {
		return cmp.Or(cmp.Compare(b.end-b.start, a.end-a.start), cmp.Compare(a.id, b.id), cmp.Compare(a.start, b.start))
	})
	taken := make([]bool, len(text)) // bytes that belong to a token, or that one has swallowed
	var chosen []occurrence
	for _, o := range found {
		if slices.Contains(taken[o.start:o.end], true) {
			continue
		}
		chosen = append(chosen, o)
		s.take(text, taken, o)
	}
	slices.SortFunc(chosen, func(a, b occurrence) int { return cmp.Compare(a.start, b.start) })
	return cut(text, taken, chosen)
}

func (s *specials) occurrences(text string, parse bool) []occurrence {
	var found []occurrence
	for i := range len(text) {
		if !s.first[text[i]] {
			continue
		}
		for _, n := range s.lengths {
			if n > len(text)-i {
				break
			}
			id, ok := s.ids[text[i:i+n]]
			if ok && (parse || !s.skipped[id]) {
				found = append(found, occurrence{i, i + n, id})
			}
		}
	}
	return found
}

// take marks the bytes of o and the white space that it swallows.
func (s *specials) take(text string, taken []bool, o occurrence) {
	for i := o.start; i < o.end; i++ {
		taken[i] = true
	}
	if s.lstrip[o.id] {
		for i := o.start - 1; i >= 0 && !taken[i] && isSpace(text[i]); i-- {
			taken[i] = true
		}
	}
	if s.rstrip[o.id] {
		for i := o.end; i < len(text) && !taken[i] && isSpace(text[i]); i++ {
			taken[i] = true
		}
	}
}

// cut lists the chosen tokens in order, and the text between them not taken.
func cut(text string, taken []bool, chosen []occurrence) []fragment {
	var fragments []fragment
	between := func(start, stop int) {
		for start < stop && taken[start] {
			start++
		}
		for start < stop && taken[stop-1] {
			stop--
		}
		if start < stop {
			fragments = append(fragments, fragment{text[start:stop], -1})
		}
	}
	at := 0
	for _, o := range chosen {
		between(at, o.start)
		fragments = append(fragments, fragment{"", o.id})
		at = o.end
	}
	between(at, len(text))
	return fragments
}

// isSpace is C's isspace: the white space that stripping knows.
func isSpace(b byte) bool {
	return strings.IndexByte(" \t\n\v\f\r", b) >= 0
}
