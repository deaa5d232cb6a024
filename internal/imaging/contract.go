package imaging

import (
	"fmt"
	"math"
)

// Family is how a model takes images of different sizes.
type Family string

// Families.
const (
	// FamilyDynamic cuts the whole image into patches, however many (Qwen2-VL, Qwen2.5-VL).
	FamilyDynamic Family = "dynamic"
	// FamilyTiles scales every image to one longest edge and cuts it into square tiles, beside
	// a small overview (Idefics3, SmolVLM).
	FamilyTiles Family = "tiles"
)

// Policy is the rule by which a model stops looking at more pixels.
type Policy string

// Policies.
const (
	// PolicyTokens keeps the number of image tokens between two limits: llama.cpp's present
	// rule. The empty policy means the same.
	PolicyTokens Policy = "tokens"
	// PolicyLongestSide lets no side exceed a limit and never enlarges: llama.cpp's rule for
	// dynamic models until 2025.
	PolicyLongestSide Policy = "longest-side"
)

// DefaultLongestSide is the limit of PolicyLongestSide that llama.cpp used.
const DefaultLongestSide = 1024

// Clamp is where the model stops looking at more pixels.
type Clamp struct {
	Policy Policy `json:"policy"`
	// MinTokens and MaxTokens bound the image tokens under PolicyTokens; 0 is no bound.
	MinTokens int `json:"min_tokens,omitempty"`
	MaxTokens int `json:"max_tokens,omitempty"`
	// LongestSide bounds both sides, in pixels, under PolicyLongestSide.
	LongestSide int `json:"longest_side,omitempty"`
}

// String returns the clamp as in a plan: "tokens:8-4096", "longest-side:1024" or "none".
func (c Clamp) String() string {
	switch {
	case c.Policy == PolicyLongestSide:
		return fmt.Sprintf("%s:%d", c.Policy, c.LongestSide)
	case c.MaxTokens == 0 && c.MinTokens == 0:
		return "none"
	case c.MaxTokens == 0:
		return fmt.Sprintf("%s:%d-", PolicyTokens, c.MinTokens)
	case c.MinTokens == 0:
		return fmt.Sprintf("%s:%d", PolicyTokens, c.MaxTokens)
	}
	return fmt.Sprintf("%s:%d-%d", PolicyTokens, c.MinTokens, c.MaxTokens)
}

// Contract is what a vision model does to an image before it sees it: the whole
// preprocessing as data, without weights.
type Contract struct {
	Family Family `json:"family"`
	// Patch is the side of a patch in pixels.
	Patch int `json:"patch"`
	// Merge is how many patches per side become one token.
	Merge int   `json:"merge"`
	Clamp Clamp `json:"clamp"`
	// Tile is the side of a tile in pixels (tiles only).
	Tile int `json:"tile,omitempty"`
	// LongestEdge is what every image's longer side is scaled to before it is cut into tiles;
	// 0 leaves the size as it is (tiles only).
	LongestEdge int `json:"longest_edge,omitempty"`
	// Filter resamples the image; for tiles, the one that is cut up, while the overview is
	// always stretched bilinearly.
	Filter Filter `json:"filter"`
	// Pad keeps the aspect ratio when resizing and centres the image on black; false
	// stretches. PolicyLongestSide always stretches with FilterBicubic, as that rule did.
	Pad bool `json:"pad"`
	// Mean and Std normalize each channel: (value/255 - Mean) / Std.
	Mean [3]float32 `json:"mean"`
	Std  [3]float32 `json:"std"`
}

// maxTokenLimit keeps limits in tokens, times the pixels of a token, well within 32 bits.
const maxTokenLimit = 1 << 17

// Validate refuses a contract that cannot be applied, naming the field.
func (c Contract) Validate() error {
	switch {
	case c.Family != FamilyDynamic && c.Family != FamilyTiles:
		return fmt.Errorf("vision contract: family %q: want %s or %s", c.Family, FamilyDynamic, FamilyTiles)
	case c.Patch < 1 || c.Patch > 256:
		return fmt.Errorf("vision contract: patch of %d pixels: want 1 to 256", c.Patch)
	case c.Merge < 1 || c.Merge > 16:
		return fmt.Errorf("vision contract: merge of %d patches per side: want 1 to 16", c.Merge)
	case !c.Filter.known():
		return fmt.Errorf("vision contract: filter %q: want one of %v", c.Filter, Filters())
	}
	for i := range 3 {
		if !finite(c.Mean[i]) || !finite(c.Std[i]) || c.Std[i] == 0 {
			return fmt.Errorf("vision contract: channel %d has mean %g and deviation %g: want finite numbers, the deviation not 0",
				i, c.Mean[i], c.Std[i])
		}
	}
	if c.Family == FamilyTiles {
		if err := c.validateTiles(); err != nil {
			return err
		}
	}
	return c.validateClamp()
}

func finite(f float32) bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

func (c Contract) validateTiles() error {
	switch {
	case c.Tile < c.Patch || c.Tile > 8192:
		return fmt.Errorf("vision contract: tile of %d pixels: want at least one patch (%d) and at most 8192", c.Tile, c.Patch)
	case c.Tile/c.Patch%c.Merge != 0:
		return fmt.Errorf("vision contract: a tile of %d pixels has %d patches per side, which do not merge by %d",
			c.Tile, c.Tile/c.Patch, c.Merge)
	case c.LongestEdge < 0 || c.LongestEdge > 1<<16:
		return fmt.Errorf("vision contract: longest edge of %d pixels: want 0 (none) to 65536", c.LongestEdge)
	case c.Clamp.Policy == PolicyLongestSide:
		return fmt.Errorf("vision contract: a model with tiles has no %s clamp: its longest edge is fixed; limit its tokens instead",
			PolicyLongestSide)
	}
	return nil
}

func (c Contract) validateClamp() error {
	k := c.Clamp
	switch k.Policy {
	case PolicyTokens, "":
		for _, n := range []int{k.MinTokens, k.MaxTokens} {
			if n < 0 || n > maxTokenLimit || n*c.tokenPixels() > 1<<30 {
				return fmt.Errorf("vision contract: limit of %d image tokens of %d pixels each: want 0 (none) to %d tokens, at most %d pixels",
					n, c.tokenPixels(), maxTokenLimit, 1<<30)
			}
		}
		if k.MaxTokens > 0 && k.MinTokens > k.MaxTokens {
			return fmt.Errorf("vision contract: at least %d image tokens but at most %d: lower the minimum or raise the maximum",
				k.MinTokens, k.MaxTokens)
		}
	case PolicyLongestSide:
		if k.LongestSide < 1 || k.LongestSide > 1<<16 {
			return fmt.Errorf("vision contract: longest side of %d pixels: want 1 to 65536", k.LongestSide)
		}
	default:
		return fmt.Errorf("vision contract: clamp policy %q: want %s or %s", k.Policy, PolicyTokens, PolicyLongestSide)
	}
	return nil
}

// tokenPixels returns the pixels that become one token.
func (c Contract) tokenPixels() int { return c.Patch * c.Patch * c.Merge * c.Merge }

// Align returns the number of pixels of which every resized side is a multiple.
func (c Contract) Align() int {
	if c.Family == FamilyTiles {
		return c.Tile
	}
	return c.Patch * c.Merge
}
