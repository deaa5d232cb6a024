package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Learn returns a byte-level BPE vocabulary of at most size tokens, learned from texts that the named
// pre-tokenizer cuts up: the 256 bytes, what merges make of them, and the control tokens, of which the
// first is BOS and the second, where there is one, EOS. Fewer tokens come out where no pair occurs
// twice any more.
func Learn(pre string, texts []string, size int, control ...string) (Vocab, error) {
	rules, ok := preTokenizers()[pre]
	room := size - 256 - len(control)
	switch {
	case !ok:
		return Vocab{}, fmt.Errorf("learn a vocabulary: unknown pre-tokenizer %q; there are %s", pre, strings.Join(PreTokenizers(), ", "))
	case len(control) == 0:
		return Vocab{}, fmt.Errorf("learn a vocabulary: no control tokens: name at least BOS")
	case room < 1:
		return Vocab{}, fmt.Errorf("learn a vocabulary: %d tokens are too few: want at least %d", size, size-room+1)
	}
	b := builder{size: size, seen: map[string]bool{}}
	b.v = Vocab{Model: "gpt2", Pre: pre, BOS: -1, EOS: -1, EOT: -1, UNK: -1, PAD: -1, SEP: -1, AddBOS: &rules.addBOS}
	for _, c := range newAlphabet().char {
		b.add(string(c), Normal)
	}
	b.v.Merges = learn(newLearner(rules.split, texts...), room)
	for _, m := range b.v.Merges {
		b.add(strings.Replace(m, " ", "", 1), Normal) // two merges may make the same text
	}
	b.v.BOS = b.add(control[0], Control)
	for i, text := range control[1:] {
		if id := b.add(text, Control); i == 0 {
			b.v.EOS = id
		}
	}
	return b.v, nil
}

// learn returns the merges of byte-pair encoding, written in the byte
// alphabet (Sennrich, Haddow and Birch, "Neural machine translation of rare
// words with subword units", 2016): the most frequent pair becomes a symbol, the
// smallest in byte order among equals, until no pair occurs twice or there are most.
func learn(l *learner, most int) []string {
	var merges []string
	for len(merges) < most {
		best := l.best()
		if l.counts[best] < 2 {
			return merges
		}
		merges = append(merges, best.left+" "+best.right)
		l.merge(best)
	}
	return merges
}

type learnPair struct{ left, right string }

type learnWord struct {
	symbols []string
	count   int
}

type learner struct {
	words  []learnWord
	counts map[learnPair]int
	where  map[learnPair]map[int]bool // words that hold or held the pair
}

func newLearner(split splitter, texts ...string) *learner {
	pieces := make(map[string]int)
	for _, text := range texts {
		for text != "" {
			n := split(text)
			pieces[text[:n]]++
			text = text[n:]
		}
	}
	l := &learner{counts: make(map[learnPair]int), where: make(map[learnPair]map[int]bool)}
	a := newAlphabet()
	for _, piece := range slices.Sorted(maps.Keys(pieces)) {
		word := learnWord{count: pieces[piece], symbols: strings.Split(a.encode(piece), "")}
		l.words = append(l.words, word)
		l.add(len(l.words)-1, word.count)
	}
	return l
}

// add counts all pairs of a word n times; a negative n takes them away.
func (l *learner) add(word, n int) {
	s := l.words[word].symbols
	for i := 1; i < len(s); i++ {
		p := learnPair{s[i-1], s[i]}
		l.counts[p] += n
		if l.where[p] == nil {
			l.where[p] = make(map[int]bool)
		}
		l.where[p][word] = true
	}
}

func (l *learner) best() learnPair {
	var best learnPair
	most := 0
	for p, n := range l.counts {
		if n < most {
			continue
		}
		if n > most || p.left < best.left || (p.left == best.left && p.right < best.right) {
			best, most = p, n
		}
	}
	return best
}

func (l *learner) merge(p learnPair) {
	for word := range l.where[p] {
		w := &l.words[word]
		l.add(word, -w.count)
		joined := w.symbols[:0:0]
		for i := 0; i < len(w.symbols); i++ {
			if i+1 < len(w.symbols) && w.symbols[i] == p.left && w.symbols[i+1] == p.right {
				joined = append(joined, p.left+p.right)
				i++
				continue
			}
			joined = append(joined, w.symbols[i])
		}
		w.symbols = joined
		l.add(word, w.count)
	}
	delete(l.counts, p)
	delete(l.where, p)
}
