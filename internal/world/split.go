package world

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
)

// Split is a part of the world. No set of names, no plot and no picture is in two of them.
type Split string

// The splits hold about 80, 10 and 10 percent of all combinations.
const (
	Train      Split = "train"
	Validation Split = "validation"
	Test       Split = "test"
)

// Splits lists all splits.
func Splits() []Split { return []Split{Train, Validation, Test} }

func (s Split) check() error {
	for _, known := range Splits() {
		if s == known {
			return nil
		}
	}
	return fmt.Errorf("split %q: want one of %v", s, Splits())
}

// holds reports whether what key describes belongs to this split.
func (s Split) holds(key string) bool {
	switch hash(key) % 10 {
	case 0:
		return s == Validation
	case 1:
		return s == Test
	}
	return s == Train
}

func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text)) // never fails, as hash.Hash promises
	x := h.Sum64()
	// FNV's low bits follow those of the text closely; mixing spreads them.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// generator returns the random numbers of one example.
func generator(what string, s Split, seed, index uint64) *rand.Rand {
	return rand.New(rand.NewPCG(hash(what+" "+string(s))^index, seed))
}

func pick[T any](rng *rand.Rand, options []T) T { return options[rng.IntN(len(options))] }

// some returns n different options in random order.
func some[T any](rng *rand.Rand, options []T, n int) []T {
	out := make([]T, n)
	for i, j := range rng.Perm(len(options))[:n] {
		out[i] = options[j]
	}
	return out
}
