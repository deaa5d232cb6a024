package workload

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// Sweep is a grid of trials: every configuration at every X, Repeats times.
type Sweep struct {
	Configs []string // identities of the configurations under test
	X       []int    // prompt lengths in tokens
	// Sizes, in place of X, sweeps the resolution of an image: X is then its nominal pixels.
	Sizes        []imaging.Size
	Repeats      int
	Complexities []Complexity // rotated over X and repeats; empty means all
	Kinds        []string     // kinds of images, rotated likewise; needed with Sizes
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
	// Size and Kind say what image goes with the prompt; zero in a sweep of prompt lengths.
	// ImageSeed draws it, alike for all configurations and different for every other item.
	Size      imaging.Size
	Kind      string
	ImageSeed uint64
}

// maxItems bounds the trials of one sweep.
const maxItems = 1_000_000

// Order returns the sweep's trials in one seeded random order of complete blocks: block r
// holds repeat r of every configuration at every X once, shuffled, so that drift over the
// session falls on all of them alike. Complexities form a Latin rectangle over X and
// repeats: within one X and within one block their counts differ by at most one. So do the
// kinds of images, dealt in the opposite direction and shifted after each round, so that
// neither stands for the other.
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
				item := Item{
					Config: config, X: x, Repeat: repeat, Complexity: c,
					PromptSeed: promptSeed(s.Seed, x, repeat, c),
				}
				if len(s.Sizes) > 0 {
					item.Size, item.Kind = s.Sizes[i], s.kind(i, repeat)
					item.ImageSeed = imageSeed(s.Seed, item.Size, repeat, item.Kind)
				}
				block = append(block, item)
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

// kind returns the kind of image at the i-th size in a repeat.
func (s Sweep) kind(i, repeat int) string {
	n := len(s.Kinds)
	k := (i - repeat - repeat/n) % n
	return s.Kinds[(k+n)%n]
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
	if err := s.spread(); err != nil {
		return s, err
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
	if v, ok := twice(s.Kinds); ok {
		return s, fmt.Errorf("workload: kind of image %q is listed twice", v)
	}
	if v, ok := twice(s.X); ok {
		return s, fmt.Errorf("workload: prompt length %d is listed twice", v)
	}
	if v, ok := twice(s.Complexities); ok {
		return s, fmt.Errorf("workload: complexity %q is listed twice", v)
	}
	return s, nil
}

// spread makes X of the sizes of images, where there are any.
func (s *Sweep) spread() error {
	if len(s.Sizes) == 0 {
		return nil
	}
	switch {
	case len(s.X) > 0:
		return fmt.Errorf("workload: a sweep goes over prompt lengths or over sizes of images, not both")
	case len(s.Kinds) == 0:
		return fmt.Errorf("workload: a sweep over sizes of images needs at least one kind of image")
	}
	before := map[int]imaging.Size{}
	for _, size := range s.Sizes {
		if err := size.Check(); err != nil {
			return fmt.Errorf("workload: %w", err)
		}
		if other, ok := before[size.Pixels()]; ok {
			return fmt.Errorf("workload: the sizes %s and %s have %d pixels both; trials are told apart by pixels, so leave one out", other, size, size.Pixels())
		}
		before[size.Pixels()] = size
		s.X = append(s.X, size.Pixels())
	}
	return nil
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

// imageSeed mixes what an image depends on.
func imageSeed(seed uint64, size imaging.Size, repeat int, kind string) uint64 {
	b := []byte("image")
	for _, v := range [...]uint64{seed, uint64(size.Width), uint64(size.Height), uint64(repeat)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	sum := sha256.Sum256(append(b, kind...))
	return binary.LittleEndian.Uint64(sum[:8])
}
