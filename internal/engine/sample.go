package engine

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling says how the next token is chosen. The zero value is greedy: always the token
// of the largest logit, the first of equals.
type Sampling struct {
	Temperature float64 // divides the logits; 0 is greedy
	TopK        int     // keep this many of the likeliest tokens; 0 keeps all
	TopP        float64 // then keep the likeliest that reach this probability; 0 or 1 keeps all
	Seed        uint64  // the same seed gives the same choices
}

func (s Sampling) check() error {
	switch {
	case !(s.Temperature >= 0) || math.IsInf(s.Temperature, 0):
		return fmt.Errorf("temperature is %v: it must be zero or positive", s.Temperature)
	case s.TopK < 0:
		return fmt.Errorf("top_k is %d: it must not be negative", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return fmt.Errorf("top_p is %v: it must lie between 0 and 1", s.TopP)
	}
	return nil
}

// sampler chooses tokens of one answer.
type sampler struct {
	Sampling
	random     *rand.Rand
	candidates []candidate
}

type candidate struct {
	id     int32
	weight float64 // exp((logit − max)/temperature)
}

func newSampler(s Sampling) *sampler {
	const stream = 0x77617474 // any fixed number: the seed alone decides
	return &sampler{Sampling: s, random: rand.New(rand.NewPCG(s.Seed, stream))}
}

// pick chooses the next token. Tokens whose logit is NaN are never chosen unless all are.
func (s *sampler) pick(logits []float32) int32 {
	best := argmax(logits)
	if s.Temperature == 0 {
		return best
	}
	total := s.weigh(logits, logits[best])
	kept := s.candidates
	if s.TopK > 0 && s.TopK < len(kept) {
		kept = likeliest(kept, s.TopK)
		total = sum(kept)
	}
	if s.TopP > 0 && s.TopP < 1 {
		kept = nucleus(kept, s.TopP*total)
		total = sum(kept)
	}
	r := s.random.Float64() * total
	for _, c := range kept {
		if r -= c.weight; r < 0 {
			return c.id
		}
	}
	return best // rounding, or no finite logit
}

// weigh fills candidates with the weights of all tokens and returns their sum.
func (s *sampler) weigh(logits []float32, top float32) float64 {
	s.candidates = s.candidates[:0]
	total := 0.0
	for i, l := range logits {
		if w := math.Exp(float64(l-top) / s.Temperature); w > 0 { // not for NaN
			s.candidates = append(s.candidates, candidate{int32(i), w})
			total += w
		}
	}
	return total
}

// argmax returns the index of the largest value, the first of equals.
func argmax(x []float32) int32 {
	best, top := 0, float32(math.Inf(-1))
	for i, v := range x {
		if v > top {
			best, top = i, v
		}
	}
	return int32(best)
}

func sum(list []candidate) float64 {
	total := 0.0
	for _, c := range list {
		total += c.weight
	}
	return total
}

// byWeight orders likelier tokens first, and equally likely ones by id.
func byWeight(a, b candidate) int {
	if c := cmp.Compare(b.weight, a.weight); c != 0 {
		return c
	}
	return cmp.Compare(a.id, b.id)
}

// likeliest moves the k likeliest candidates to the front, in order, and returns them. It
// keeps them in a heap whose root is the least likely.
func likeliest(list []candidate, k int) []candidate {
	heap := list[:k]
	for i := k/2 - 1; i >= 0; i-- {
		siftDown(heap, i)
	}
	for i := k; i < len(list); i++ {
		if byWeight(list[i], heap[0]) < 0 {
			list[i], heap[0] = heap[0], list[i]
			siftDown(heap, 0)
		}
	}
	slices.SortFunc(heap, byWeight)
	return heap
}

func siftDown(heap []candidate, i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if byWeight(heap[child], heap[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		heap[i], heap[worst] = heap[worst], heap[i]
		i = worst
	}
}

// nucleus returns the fewest likeliest candidates whose weights reach the target. It sorts
// only as many as it needs, since few usually do.
func nucleus(list []candidate, target float64) []candidate {
	const first, growth = 256, 8
	for k := first; ; k *= growth {
		k = min(k, len(list))
		reached := 0.0
		for i, c := range likeliest(list, k) {
			if reached += c.weight; reached >= target {
				return list[:i+1]
			}
		}
		if k == len(list) {
			return list
		}
	}
}
