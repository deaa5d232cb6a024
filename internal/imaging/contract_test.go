package imaging

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

// qwen is the contract that llama.cpp gives Qwen2-VL.
func qwen() Contract {
	return Contract{
		Family: FamilyDynamic, Patch: 14, Merge: 2, Filter: FilterBilinear, Pad: true,
		Clamp: Clamp{Policy: PolicyTokens, MinTokens: 8, MaxTokens: 4096},
		Mean:  [3]float32{0.48145466, 0.4578275, 0.40821073}, Std: [3]float32{0.26862954, 0.26130258, 0.27577711},
	}
}

// qwenOld is the same model under the older rule.
func qwenOld() Contract {
	c := qwen()
	c.Clamp = Clamp{Policy: PolicyLongestSide, LongestSide: DefaultLongestSide}
	return c
}

// smol is the contract that llama.cpp gives SmolVLM-256M.
func smol() Contract {
	return Contract{
		Family: FamilyTiles, Patch: 16, Merge: 4, Tile: 512, LongestEdge: 2048, Filter: FilterBicubic, Pad: true,
		Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5},
	}
}

// TestLayout holds sizes worked out by hand from llama.cpp's rules.
func TestLayout(t *testing.T) {
	limited := qwen()
	limited.Clamp.MaxTokens = 256
	big := smol() // SmolVLM 2.2B: tiles that are no multiple of the patch
	big.Patch, big.Merge, big.Tile, big.LongestEdge = 14, 3, 384, 1536
	few := smol()
	few.Clamp.MaxTokens = 256
	cases := []struct {
		name            string
		c               Contract
		in, resized     Size
		pixels, patches int
		tokens          int
		columns, rows   int
	}{
		{"aligned", qwen(), Size{448, 336}, Size{448, 336}, 448 * 336, 32 * 24, 192, 0, 0},
		{"rounded", qwen(), Size{500, 333}, Size{504, 336}, 504 * 336, 36 * 24, 216, 0, 0},
		{"half rounds up", qwen(), Size{14 * 29, 280}, Size{420, 280}, 420 * 280, 30 * 20, 150, 0, 0},
		{"enlarged", qwen(), Size{28, 28}, Size{84, 84}, 84 * 84, 36, 9, 0, 0},
		{"one pixel", qwen(), Size{1, 1}, Size{84, 84}, 84 * 84, 36, 9, 0, 0},
		{"a line", qwen(), Size{10000, 1}, Size{9996, 28}, 9996 * 28, 714 * 2, 357, 0, 0},
		{"clamped", qwen(), Size{3840, 2160}, Size{2380, 1344}, 2380 * 1344, 170 * 96, 85 * 48, 0, 0},
		{"lever", limited, Size{1920, 1080}, Size{588, 336}, 588 * 336, 42 * 24, 21 * 12, 0, 0},
		{"old: as it is", qwenOld(), Size{448, 448}, Size{448, 448}, 448 * 448, 1024, 256, 0, 0},
		{"old: rounds up", qwenOld(), Size{449, 420}, Size{476, 420}, 476 * 420, 34 * 30, 255, 0, 0},
		{"old: clamped", qwenOld(), Size{1920, 1080}, Size{1036, 588}, 1036 * 588, 74 * 42, 37 * 21, 0, 0},
		{"old: a line", qwenOld(), Size{1, 10000}, Size{28, 1036}, 28 * 1036, 2 * 74, 37, 0, 0},
		{"tiles", smol(), Size{640, 480}, Size{2048, 1536}, 13 * 512 * 512, 13 * 1024, 13 * 64, 4, 3},
		{"tiles of a line", smol(), Size{10000, 1}, Size{2048, 512}, 5 * 512 * 512, 5 * 1024, 5 * 64, 4, 1},
		{"tiles with a rest", big, Size{640, 640}, Size{1536, 1536}, 17 * 384 * 384, 17 * 729, 17 * 81, 4, 4},
		{"tiles with a limit", few, Size{640, 640}, Size{1024, 1024}, 5 * 512 * 512, 5 * 1024, 5 * 64, 2, 2},
	}
	for _, c := range cases {
		want := Layout{c.in, c.resized, c.columns, c.rows, c.columns > 0, c.pixels, c.patches, c.tokens}
		got, err := c.c.Layout(c.in)
		if err != nil || got != want {
			t.Errorf("%s: layout of %s is %+v (%v), want %+v", c.name, c.in, got, err, want)
		}
	}
}

func TestLayoutRefuses(t *testing.T) {
	unlimited := qwen()
	unlimited.Clamp = Clamp{}
	for _, s := range []Size{{0, 5}, {5, -1}, {MaxSide + 1, 1}, {MaxSide, MaxSide}, {MaxSide, 200}, {1 << 13, 1 << 13}} {
		if l, err := unlimited.Layout(s); err == nil {
			t.Errorf("layout of %s is %+v, want an error", s, l)
		}
	}
	dust, grains := smol(), unlimited // tiles and patches of a pixel, as a hostile file may want them
	dust.Patch, dust.Merge, dust.Tile, dust.LongestEdge = 1, 1, 1, 5000
	grains.Patch, grains.Merge = 1, 1
	for _, c := range []Contract{dust, grains} {
		if l, err := c.Layout(Size{1000, 1000}); err == nil {
			t.Errorf("1000x1000 becomes %d tokens, want an error", l.Tokens)
		}
	}
}

// TestLayoutProperties: sides are aligned, and the token limits hold for every aspect ratio
// at which one alignment step does not dominate.
func TestLayoutProperties(t *testing.T) {
	c := qwen()
	for w := 40; w < 6000; w += 97 {
		for h := 40; h < 6000; h += 101 {
			l, err := c.Layout(Size{w, h})
			if err != nil {
				t.Fatal(err)
			}
			if l.Resized.Width%28 != 0 || l.Resized.Height%28 != 0 {
				t.Fatalf("%dx%d becomes %s: not aligned", w, h, l.Resized)
			}
			if ratio := float64(max(w, h)) / float64(min(w, h)); ratio < 100 && (l.Tokens > 4096 || l.Tokens < 8) {
				t.Fatalf("%dx%d becomes %d tokens", w, h, l.Tokens)
			}
		}
	}
}

// search returns the smallest scale of the aspect ratio for which changed holds, as the
// size there; from must be small enough that it does not hold yet.
func search(aspect Size, changed func(Size) bool) (Size, bool) {
	for scale := 20.0; scale < 8000; scale++ {
		s := Size{int(scale), max(1, int(math.Round(scale*float64(aspect.Height)/float64(aspect.Width))))}
		if aspect.Height > aspect.Width {
			s = Size{max(1, int(math.Round(scale*float64(aspect.Width)/float64(aspect.Height)))), int(scale)}
		}
		if changed(s) {
			return s, true
		}
	}
	return Size{}, false
}

// TestKneeIsWhereTheClampActs compares the prediction with a search through Layout: the
// first size that comes out differently without the limit.
func TestKneeIsWhereTheClampActs(t *testing.T) {
	few, old, oldSmall := qwen(), qwenOld(), qwenOld()
	few.Clamp.MaxTokens = 640
	oldSmall.Clamp.LongestSide = 448
	untiled := smol()
	untiled.LongestEdge, untiled.Clamp.MaxTokens = 0, 1024
	for name, c := range map[string]Contract{"tokens": qwen(), "few": few, "old": old, "small": oldSmall, "untiled": untiled} {
		free := c
		free.Clamp = Clamp{MinTokens: c.Clamp.MinTokens}
		if c.Clamp.Policy == PolicyLongestSide {
			free.Clamp = Clamp{Policy: PolicyLongestSide, LongestSide: 1 << 16}
		}
		for _, a := range []Size{{1, 1}, {4, 3}, {3, 4}, {16, 9}, {3, 2}, {2, 1}, {1, 2}, {21, 9}, {4, 1}, {1, 6}, {10, 1}} {
			knee, ok := c.Knee(a)
			if !ok {
				t.Fatalf("%s %s: no knee", name, a)
			}
			at, found := search(a, func(s Size) bool {
				x, errX := c.Layout(s)
				y, errY := free.Layout(s)
				return errX == nil && (errY != nil || x.Resized != y.Resized)
			})
			long := math.Sqrt(knee * float64(max(a.Width, a.Height)) / float64(min(a.Width, a.Height)))
			step, got := float64(c.Align()), float64(max(at.Width, at.Height))
			// Rounding each side moves the product by up to half a step of the shorter side,
			// which the longer side, scaled in proportion, sees enlarged by the ratio.
			slack := step * (1 + float64(max(a.Width, a.Height))/float64(min(a.Width, a.Height))) / 2
			if !found || math.Abs(got-long) > slack {
				t.Errorf("%s %s: clamp acts from %s (longer side %.0f), predicted %.1f ± %.0f", name, a, at, got, long, slack)
			}
		}
	}
}

func TestFloorIsWhereEnlargingEnds(t *testing.T) {
	c := qwen()
	c.Clamp.MinTokens = 256
	free := c
	free.Clamp.MinTokens = 0
	for _, a := range []Size{{1, 1}, {4, 3}, {9, 16}, {2, 1}, {5, 1}} {
		floor, ok := c.Floor(a)
		at, found := search(a, func(s Size) bool {
			x, _ := c.Layout(s)
			y, _ := free.Layout(s)
			return x.Resized == y.Resized
		})
		long := math.Sqrt(floor * float64(max(a.Width, a.Height)) / float64(min(a.Width, a.Height)))
		slack := 14 * (1 + float64(max(a.Width, a.Height))/float64(min(a.Width, a.Height)))
		if got := float64(max(at.Width, at.Height)); !ok || !found || math.Abs(got-long) > slack {
			t.Errorf("%s: enlarged below %s, predicted longer side %.1f", a, at, long)
		}
	}
}

func TestNoKnee(t *testing.T) {
	free := qwen()
	free.Clamp = Clamp{MinTokens: 8}
	limited := smol()
	limited.Clamp.MaxTokens = 256
	for name, c := range map[string]Contract{"no limit": free, "tiles": smol(), "limited tiles": limited} {
		if k, ok := c.Knee(Size{4, 3}); ok {
			t.Errorf("%s: knee at %g, want none", name, k)
		}
	}
	if k, ok := qwen().Knee(Size{0, 3}); ok {
		t.Errorf("no aspect ratio: knee at %g", k)
	}
	// Extremely long images reach the limit by their length alone.
	if k, ok := qwen().Knee(Size{10000, 1}); !ok || math.Abs(k-4096*4096*28*28/10000) > 1 {
		t.Errorf("a line has its knee at %g", k)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []Contract{qwen(), qwenOld(), smol()} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
	cases := map[string]func(*Contract){
		"family":        func(c *Contract) { c.Family = "" },
		"patch":         func(c *Contract) { c.Patch = 0 },
		"merge":         func(c *Contract) { c.Merge = -1 },
		"filter":        func(c *Contract) { c.Filter = "nearest" },
		"deviation":     func(c *Contract) { c.Std[1] = 0 },
		"finite":        func(c *Contract) { c.Mean[2] = float32(math.NaN()) },
		"lower the min": func(c *Contract) { c.Clamp.MinTokens = 5000 },
		"limit":         func(c *Contract) { c.Clamp.MaxTokens = math.MaxInt32 },
		"policy":        func(c *Contract) { c.Clamp.Policy = "half" },
		"longest side":  func(c *Contract) { c.Clamp = Clamp{Policy: PolicyLongestSide} },
		"tile":          func(c *Contract) { c.Family = FamilyTiles },
		"do not merge":  func(c *Contract) { c.Family, c.Tile = FamilyTiles, 14*3 },
		"longest-side":  func(c *Contract) { *c = smol(); c.Clamp = qwenOld().Clamp },
		"longest edge":  func(c *Contract) { *c = smol(); c.LongestEdge = -5 },
	}
	for word, change := range cases {
		c := qwen()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("changed %s: error %v does not name it", word, err)
		}
	}
}

func TestParseSize(t *testing.T) {
	for _, text := range []string{"448x336", " 448X336 "} {
		if s, err := ParseSize(text); err != nil || s != (Size{448, 336}) || s.String() != "448x336" {
			t.Errorf("ParseSize(%q) = %v, %v", text, s, err)
		}
	}
	if s, err := ParseSize("448"); err != nil || s != (Size{448, 448}) {
		t.Errorf("one number: %v, %v", s, err)
	}
	for _, text := range []string{"", "x", "448x", "4x", "0x4", "-1x4", "4x4x4", "1e3x2", "99999999999999999999x1", "1048577x1", "1048576x1048576"} {
		if s, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %v, want an error", text, s)
		}
	}
}

func TestContractJSON(t *testing.T) {
	data, err := json.Marshal(qwen())
	if err != nil {
		t.Fatal(err)
	}
	var back Contract
	if err := json.Unmarshal(data, &back); err != nil || back != qwen() {
		t.Errorf("%s came back as %+v (%v)", data, back, err)
	}
}

func ExampleContract_Describe() {
	fmt.Print(Contract{
		Family: FamilyDynamic, Patch: 14, Merge: 2, Filter: FilterBilinear, Pad: true,
		Clamp: Clamp{Policy: PolicyTokens, MinTokens: 8, MaxTokens: 4096},
		Mean:  [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.25, 0.25, 0.25},
	}.Describe())
	// Output:
	// patch 14 pixels, 2×2 patches become one token of 28×28 pixels
	// any size, sides become multiples of 28 pixels
	// at least 8 image tokens (6272 pixels)
	// at most 4096 image tokens (3211264 pixels)
	// resampling bilinear, aspect ratio kept, padded with black
	// normalization mean 0.5 0.5 0.5, deviation 0.25 0.25 0.25
	// predicted knee at 3.21 million pixels for a square image (about 1792x1792), 3.2 million for 16:9 (about 2385x1341)
	//        image        seen as     pixels   patches  tokens
	//      224x224        224x224      50176       256      64
	//      448x448        448x448     200704      1024     256
	//      640x480        644x476     306544      1564     391
	//     1024x768       1036x756     783216      3996     999
	//     1280x720       1288x728     937664      4784    1196
	//    1920x1080      1932x1092    2109744     10764    2691
	//    3840x2160      2380x1344    3198720     16320    4080
}
