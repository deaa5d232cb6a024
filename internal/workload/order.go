package workload

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Sweep is a grid of trials: every configuration at every X, Repeats times.
type Sweep struct {
	Configs      []string // identities of the configurations under test
	X            []int    // prompt lengths in tokens
	Repeats      int
	Complexities []Complexity // rotated over X and repeats; empty means all
	Seed         uint64
}

// Item is one trial of a sweep in its place in the order.
type Item struct {
	Seq        int // 0, 1, 2 … in the order of running
	Config     string
	X          int
	Repeat     int // 0 … Repeats−1; also the block that the item belongs to
	Complexity Complexity
	// PromptSeed composes the prompt. It is the same for all configurations, so that they are
	// compared on the same prompts, and different for every other item, so that no cache of
	// prompts helps.
	PromptSeed uint64
}

// maxItems bounds the trials of one sweep.
const maxItems = 1_000_000

// Order returns the sweep's trials in one seeded random order of complete blocks: block r
// holds repeat r of every configuration at every X once, shuffled, so that drift over the
// session falls on all of them alike. Complexities form a Latin rectangle over X and
// repeats: within one X and within one block their counts differ by at most one.
func Order(s Sweep) ([]Item, error) {
	s, err := s.checked()
	if err != nil {
		return nil, err
	}
	rng := generator(s.Seed, "order")
	degrees := slices.Clone(s.Complexities)
	shuffle(rng, degrees)
	items := make([]Item, 0, len(s.Configs)*len(s.X)*s.Repeats)
	for repeat := range s.Repeats {
		block := make([]Item, 0, len(s.Configs)*len(s.X))
		for _, config := range s.Configs {
			for i, x := range s.X {
				c := degrees[(i+repeat)%len(degrees)]
				block = append(block, Item{
					Config: config, X: x, Repeat: repeat, Complexity: c,
					PromptSeed: promptSeed(s.Seed, x, repeat, c),
				})
			}
		}
		shuffle(rng, block)
		items = append(items, block...)
	}
	for i := range items {
		items[i].Seq = i
	}
	return items, nil
}

func shuffle[T any](rng *rand.Rand, v []T) {
	rng.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
}

// checked returns the sweep with defaults, or says what is wrong with it.
func (s Sweep) checked() (Sweep, error) {
	if len(s.Complexities) == 0 {
		s.Complexities = Complexities()
	}
	for _, c := range s.Complexities {
		if err := c.check(); err != nil {
			return s, err
		}
	}
	switch {
	case len(s.Configs) == 0:
		return s, fmt.Errorf("workload: a sweep needs at least one configuration")
	case len(s.X) == 0:
		return s, fmt.Errorf("workload: a sweep needs at least one prompt length")
	case slices.Min(s.X) < 1:
		return s, fmt.Errorf("workload: prompt length %d: want at least 1 token", slices.Min(s.X))
	case s.Repeats < 1:
		return s, fmt.Errorf("workload: %d repeats: want at least 1", s.Repeats)
	case s.Repeats > maxItems/len(s.X)/len(s.Configs):
		return s, fmt.Errorf("workload: %d configurations × %d lengths × %d repeats: want at most %d trials", len(s.Configs), len(s.X), s.Repeats, maxItems)
	}
	if v, ok := twice(s.Configs); ok {
		return s, fmt.Errorf("workload: configuration %q is listed twice", v)
	}
	if v, ok := twice(s.X); ok {
		return s, fmt.Errorf("workload: prompt length %d is listed twice", v)
	}
	if v, ok := twice(s.Complexities); ok {
		return s, fmt.Errorf("workload: complexity %q is listed twice", v)
	}
	return s, nil
}

// twice returns a value that v holds more than once.
func twice[T comparable](v []T) (T, bool) {
	seen := make(map[T]bool, len(v))
	for _, x := range v {
		if seen[x] {
			return x, true
		}
		seen[x] = true
	}
	var none T
	return none, false
}

// promptSeed mixes what a prompt depends on; the configuration is left out on purpose.
func promptSeed(seed uint64, x, repeat int, c Complexity) uint64 {
	b := binary.LittleEndian.AppendUint64(nil, seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(x))
	b = binary.LittleEndian.AppendUint64(b, uint64(repeat))
	sum := sha256.Sum256(append(b, c...))
	return binary.LittleEndian.Uint64(sum[:8])
}
