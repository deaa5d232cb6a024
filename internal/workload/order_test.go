package workload

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// sweeps draws any sweep that is allowed.
func sweeps(t *rapid.T) Sweep {
	return Sweep{
		Configs:      rapid.SliceOfNDistinct(rapid.StringMatching("[a-z]{1,4}"), 1, 3, rapid.ID).Draw(t, "configs"),
		X:            rapid.SliceOfNDistinct(rapid.IntRange(1, 4096), 1, 8, rapid.ID).Draw(t, "x"),
		Repeats:      rapid.IntRange(1, 9).Draw(t, "repeats"),
		Complexities: rapid.SampledFrom([][]Complexity{nil, {Low}, {Low, High}, {Low, Medium, High}}).Draw(t, "complexities"),
		Seed:         rapid.Uint64().Draw(t, "seed"),
	}
}

// imageSweeps draws any sweep over sizes of images that is allowed.
func imageSweeps(t *rapid.T) Sweep {
	s := sweeps(t)
	s.X = nil
	sides := rapid.SliceOfNDistinct(rapid.IntRange(1, 2000), 1, 8, rapid.ID).Draw(t, "sides")
	for _, side := range sides {
		s.Sizes = append(s.Sizes, imaging.Size{Width: side, Height: side})
	}
	s.Kinds = rapid.SampledFrom([][]string{{"text"}, {"shapes", "text"}, {"shapes", "text", "gradient"}}).Draw(t, "kinds")
	return s
}

func TestImagesArePairedFreshAndBalanced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := imageSweeps(t)
		items, err := Order(s)
		if err != nil {
			t.Fatal(err)
		}
		type trial struct{ x, repeat int }
		type picture struct {
			size imaging.Size
			kind string
			seed uint64
		}
		pictures, owner, kinds := map[trial]picture{}, map[uint64]trial{}, map[int]map[string]int{}
		for _, item := range items {
			at, p := trial{item.X, item.Repeat}, picture{item.Size, item.Kind, item.ImageSeed}
			if item.X != item.Size.Pixels() {
				t.Fatalf("x is %d for an image of %s", item.X, item.Size)
			}
			if before, ok := pictures[at]; ok && before != p {
				t.Fatalf("configurations get different images at %v", at)
			}
			if before, ok := owner[item.ImageSeed]; ok && before != at {
				t.Fatalf("%v and %v share an image", before, at)
			}
			pictures[at], owner[item.ImageSeed] = p, at
			if item.Config == s.Configs[0] {
				if kinds[item.X] == nil {
					kinds[item.X] = map[string]int{}
				}
				kinds[item.X][item.Kind]++
			}
		}
		for x, counts := range kinds {
			least, most := s.Repeats, 0
			for _, kind := range s.Kinds {
				least, most = min(least, counts[kind]), max(most, counts[kind])
			}
			if most-least > 1 {
				t.Fatalf("at %d pixels the kinds occur %v times", x, counts)
			}
		}
	})
}

// With as many kinds of images as complexities of prompts every pair must occur.
func TestKindsAndComplexitiesMeet(t *testing.T) {
	for n := 2; n <= 3; n++ {
		s := Sweep{Configs: []string{"a"}, Repeats: 2 * n, Complexities: Complexities()[:n], Kinds: []string{"shapes", "text", "gradient"}[:n]}
		for side := range 6 {
			s.Sizes = append(s.Sizes, imaging.Size{Width: 10 + side, Height: 10})
		}
		items, err := Order(s)
		if err != nil {
			t.Fatal(err)
		}
		pairs := map[[2]string]int{}
		for _, item := range items {
			pairs[[2]string{string(item.Complexity), item.Kind}]++
		}
		if len(pairs) != n*n {
			t.Errorf("%d kinds: pairs %v", n, pairs)
		}
	}
}

// cell is a configuration at one length.
type cell struct {
	config string
	x      int
}

func TestOrderIsBalanced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sweeps(t)
		items, err := Order(s)
		if err != nil {
			t.Fatal(err)
		}
		block := len(s.Configs) * len(s.X)
		if len(items) != block*s.Repeats {
			t.Fatalf("%d items, want %d", len(items), block*s.Repeats)
		}
		repeats := map[cell][]int{}
		for i, item := range items {
			if item.Seq != i || item.Repeat != i/block {
				t.Fatalf("item %d has number %d and repeat %d in blocks of %d", i, item.Seq, item.Repeat, block)
			}
			at := cell{item.Config, item.X}
			repeats[at] = append(repeats[at], item.Repeat)
		}
		if len(repeats) != block {
			t.Fatalf("%d cells, want %d", len(repeats), block)
		}
		for at, r := range repeats { // in order of blocks: each repeat once
			for i := range r {
				if r[i] != i || len(r) != s.Repeats {
					t.Fatalf("cell %v has repeats %v", at, r)
				}
			}
		}
	})
}

func TestComplexityIsBalanced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sweeps(t)
		items, err := Order(s)
		if err != nil {
			t.Fatal(err)
		}
		degrees := s.Complexities
		if len(degrees) == 0 {
			degrees = Complexities()
		}
		byCell, byBlock := map[cell]map[Complexity]int{}, map[int]map[Complexity]int{}
		count := func(m map[Complexity]int, c Complexity) map[Complexity]int {
			if m == nil {
				m = map[Complexity]int{}
			}
			m[c]++
			return m
		}
		for _, item := range items {
			at := cell{item.Config, item.X}
			byCell[at] = count(byCell[at], item.Complexity)
			if item.Config == s.Configs[0] {
				byBlock[item.Repeat] = count(byBlock[item.Repeat], item.Complexity)
			}
		}
		even := func(what any, m map[Complexity]int) {
			var counts []int
			for _, d := range degrees {
				counts = append(counts, m[d])
			}
			if slices.Max(counts)-slices.Min(counts) > 1 {
				t.Fatalf("%v: complexities %v occur %v times", what, degrees, counts)
			}
		}
		for at, m := range byCell {
			even(at, m)
		}
		for b, m := range byBlock {
			even(b, m)
		}
	})
}

func TestPromptsArePairedAndFresh(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items, err := Order(sweeps(t))
		if err != nil {
			t.Fatal(err)
		}
		type trial struct{ x, repeat int }
		seeds, complexity, owner := map[trial]uint64{}, map[trial]Complexity{}, map[uint64]trial{}
		for _, item := range items {
			at := trial{item.X, item.Repeat}
			if seed, ok := seeds[at]; ok && (seed != item.PromptSeed || complexity[at] != item.Complexity) {
				t.Fatalf("configurations get different prompts at %v", at)
			}
			if before, ok := owner[item.PromptSeed]; ok && before != at {
				t.Fatalf("%v and %v share a prompt", before, at)
			}
			seeds[at], complexity[at], owner[item.PromptSeed] = item.PromptSeed, item.Complexity, at
		}
	})
}

func TestOrderIsSeededAndMixed(t *testing.T) {
	s := Sweep{Configs: []string{"a", "b"}, X: []int{64, 128, 256, 512, 1024}, Repeats: 5, Seed: 1}
	a, err := Order(s)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Order(s)
	if !slices.Equal(a, b) {
		t.Error("one seed, two orders")
	}
	s.Seed = 2
	if c, _ := Order(s); slices.Equal(a, c) {
		t.Error("two seeds, one order")
	}
	changes := 0
	for i := range a[1:] {
		if a[i].Config != a[i+1].Config {
			changes++
		}
	}
	if changes < 10 {
		t.Errorf("only %d changes of configuration in %d trials: not interleaved", changes, len(a))
	}
	if slices.IsSortedFunc(a[:10], func(p, q Item) int { return p.X - q.X }) {
		t.Error("the first block runs in order of length")
	}
}

func TestImageOrderRefuses(t *testing.T) {
	good := Sweep{Configs: []string{"a"}, Sizes: []imaging.Size{{Width: 4, Height: 6}}, Kinds: []string{"text"}, Repeats: 1}
	for want, change := range map[string]func(*Sweep){
		"not both":                   func(s *Sweep) { s.X = []int{1} },
		"kind of image":              func(s *Sweep) { s.Kinds = nil },
		`"text" is listed`:           func(s *Sweep) { s.Kinds = []string{"text", "text"} },
		"4x6 and 6x4 have 24 pixels": func(s *Sweep) { s.Sizes = append(s.Sizes, imaging.Size{Width: 6, Height: 4}) },
		"sides must be at least 1":   func(s *Sweep) { s.Sizes[0].Width = 0 },
	} {
		s := good
		s.Sizes = slices.Clone(good.Sizes)
		change(&s)
		if _, err := Order(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
}

func TestOrderRefuses(t *testing.T) {
	good := Sweep{Configs: []string{"a"}, X: []int{64}, Repeats: 1}
	for want, change := range map[string]func(*Sweep){
		"one configuration":           func(s *Sweep) { s.Configs = nil },
		"one prompt length":           func(s *Sweep) { s.X = nil },
		"prompt length 0":             func(s *Sweep) { s.X = []int{64, 0} },
		"0 repeats":                   func(s *Sweep) { s.Repeats = 0 },
		"at most":                     func(s *Sweep) { s.Repeats = 1 << 62 },
		`configuration "a" is listed`: func(s *Sweep) { s.Configs = []string{"a", "a"} },
		"64 is listed":                func(s *Sweep) { s.X = []int{64, 64} },
		`"low" is listed`:             func(s *Sweep) { s.Complexities = []Complexity{Low, Low} },
		`complexity "x"`:              func(s *Sweep) { s.Complexities = []Complexity{"x"} },
	} {
		s := good
		change(&s)
		if _, err := Order(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
}
