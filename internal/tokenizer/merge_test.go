package tokenizer

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// doubling returns a vocabulary in which runs of a and of spaces merge to ever
// longer tokens, the worst case for the number of merges.
func doubling(t *testing.T, kind string) *Tokenizer {
	t.Helper()
	v := synthetic(t, kind, 281, 1)
	a, b, first := "a", "Ġ", 256
	if kind == "llama" {
		b, first = spaceMark, 259
	}
	v.Merges = v.Merges[:0]
	for i := range 10 { // in place of the 20 tokens that are neither bytes nor special
		for j, unit := range []string{a, b} {
			at := first + 2*i + j
			run := strings.Repeat(unit, 1<<i)
			v.Tokens[at], v.Types[at] = run+run, int32(Normal)
			if kind == "llama" {
				v.Scores[at] = float32(-i)
			} else {
				v.Merges = append(v.Merges, run+" "+run)
			}
		}
	}
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestLongRunsStayLinear counts candidates instead of seconds: n symbols may
// queue n-1 at first and two per merge.
func TestLongRunsStayLinear(t *testing.T) {
	const n = 1 << 20
	for _, kind := range []string{"gpt-2", "llama-bpe", "llama"} {
		tok := doubling(t, kind)
		for _, unit := range []string{"a", " "} {
			text := strings.Repeat(unit, n)
			var m merger
			ids := tok.encoder.encode(text, &m, nil)
			if m.pushes == 0 || m.pushes > 3*n {
				t.Errorf("%s: %d candidates for %d symbols of %q", kind, m.pushes, n, unit)
			}
			if want := n >> 10; len(ids) != want {
				t.Errorf("%s: %d tokens for %d × %q, want %d", kind, len(ids), n, unit, want)
			}
		}
	}
}

// TestLongTextsFinish feeds texts on which a splitter or the search for special
// tokens that looked back or ahead too far would take hours.
func TestLongTextsFinish(t *testing.T) {
	const n = 1 << 16
	for _, kind := range kinds() {
		tok := newSynthetic(t, kind, 4000)
		for _, text := range []string{
			strings.Repeat("1", n), strings.Repeat("'", n), strings.Repeat(" 1", n), strings.Repeat("<|", n),
			strings.Repeat("\xff", n), "\n" + strings.Repeat(" ", n) + "x", strings.Repeat("\n ", n) + "x",
			strings.Repeat("<|im_start|>", n/8), strings.Repeat("'s", n), strings.Repeat("\u3000", n),
		} {
			ids := tok.Encode(text, EncodeOptions{ParseSpecial: true})
			if got := tok.Decode(ids, DecodeOptions{Special: true}); kind != "llama" && got != repair(text) {
				t.Errorf("%s: %.10q… does not survive", kind, text)
			}
		}
	}
}

// TestMergesFollowRank compares the queue with the definition: as long as any
// pair may merge, the pair of the least rank does, the leftmost of equals.
func TestMergesFollowRank(t *testing.T) {
	b := newSynthetic(t, "gpt-2", 4000).encoder.(*bpe)
	rng := rand.New(rand.NewPCG(3, 4))
	letters := "etaoins  h"
	for range 2000 {
		piece := make([]byte, 1+rng.IntN(30))
		for i := range piece {
			piece[i] = letters[rng.IntN(len(letters))]
		}
		var m merger
		got := b.encodePiece(string(piece), &m, nil)
		if want := mergeByDefinition(b, string(piece)); !slices.Equal(got, want) {
			t.Fatalf("%q gives %v, want %v", piece, got, want)
		}
	}
}

func mergeByDefinition(b *bpe, piece string) []int32 {
	var ids []int32
	for i := range len(piece) {
		ids = append(ids, b.bytes[piece[i]])
	}
	for {
		best := -1
		var to merged
		for i := 1; i < len(ids); i++ {
			if m, ok := b.merges[pair{ids[i-1], ids[i]}]; ok && (best < 0 || m.rank < to.rank) {
				best, to = i, m
			}
		}
		if best < 0 {
			return ids
		}
		ids[best-1] = to.id
		ids = slices.Delete(ids, best, best+1)
	}
}

func TestScoreOrderFalls(t *testing.T) {
	scores := []float32{float32(math.Inf(1)), 3e38, 2, 1, 1e-45, 0, -1e-45, -1, -1.5, -1e9, float32(math.Inf(-1))}
	for i := 1; i < len(scores); i++ {
		if a, b := scoreOrder(scores[i-1]), scoreOrder(scores[i]); cmp.Compare(a, b) >= 0 {
			t.Errorf("score %g has order %d, not before %g with %d", scores[i-1], a, scores[i], b)
		}
	}
	if scoreOrder(0) != scoreOrder(float32(math.Copysign(0, -1))) {
		t.Error("0 and -0 differ in order")
	}
}

func TestCandidatesSort(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 200 {
		var h candidates
		var want, got []uint64
		for range n {
			key := rng.Uint64N(100)
			h.push(candidate{key: key})
			want = append(want, key)
		}
		for len(h) > 0 {
			got = append(got, h.pop().key)
		}
		slices.Sort(want)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("heap gives %v, want %v", got, want)
		}
	}
}
