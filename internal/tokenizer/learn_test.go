package tokenizer

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// TestMergesAreCurrent learns the merges again and compares them with the
// committed file; -update writes it.
func TestMergesAreCurrent(t *testing.T) {
	want := strings.Join(learn(corpus()), "\n") + "\n"
	if *update {
		if err := os.WriteFile("merges.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("merges.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("merges.txt is stale; run go generate")
	}
}

// learn returns the merges of byte-pair encoding on text, written in the byte
// alphabet (Sennrich, Haddow and Birch, "Neural machine translation of rare
// words with subword units", 2016): the most frequent pair becomes a symbol, the
// smallest in byte order among equals, until no pair occurs twice.
func learn(text string) []string {
	l := newLearner(text)
	var merges []string
	for {
		best := l.best()
		if l.counts[best] < 2 {
			return merges
		}
		merges = append(merges, best.left+" "+best.right)
		l.merge(best)
	}
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

func newLearner(text string) *learner {
	pieces := make(map[string]int)
	for text != "" {
		n := splitLlama3(text)
		pieces[text[:n]]++
		text = text[n:]
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
