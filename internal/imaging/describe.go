package imaging

import (
	"fmt"
	"math"
	"strings"
)

// commonSizes are the resolutions for which Describe tells the tokens.
func commonSizes() []Size {
	return []Size{{224, 224}, {448, 448}, {640, 480}, {1024, 768}, {1280, 720}, {1920, 1080}, {3840, 2160}}
}

// Describe returns the contract in words, a few lines for a person to read: how images are
// cut, what limits them, what common resolutions become, and where the knee is predicted.
func (c Contract) Describe() string {
	if err := c.Validate(); err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "patch %d pixels, %d×%d patches become one token of %d×%d pixels\n",
		c.Patch, c.Merge, c.Merge, c.Patch*c.Merge, c.Patch*c.Merge)
	b.WriteString(c.describeSize())
	fmt.Fprintf(&b, "resampling %s\n", c.describeFilter())
	fmt.Fprintf(&b, "normalization mean %g %g %g, deviation %g %g %g\n",
		c.Mean[0], c.Mean[1], c.Mean[2], c.Std[0], c.Std[1], c.Std[2])
	b.WriteString(c.describeKnee())
	fmt.Fprintf(&b, "%12s  %13s  %9s  %8s  %6s\n", "image", "seen as", "pixels", "patches", "tokens")
	for _, s := range commonSizes() {
		l, err := c.Layout(s)
		if err != nil {
			fmt.Fprintf(&b, "%12s  too large for this contract\n", s)
			continue
		}
		fmt.Fprintf(&b, "%12s  %13s  %9d  %8d  %6d\n", s, l.Seen(), l.Pixels, l.Patches, l.Tokens)
	}
	return b.String()
}

// Seen returns the resized image in a few characters.
func (l Layout) Seen() string {
	if l.Overview {
		return fmt.Sprintf("%d×%d tiles + 1", l.Columns, l.Rows)
	}
	return l.Resized.String()
}

func (c Contract) describeSize() string {
	var b strings.Builder
	if c.Family == FamilyTiles {
		if c.LongestEdge > 0 {
			fmt.Fprintf(&b, "every image is scaled to a longest edge of %d pixels, ", c.LongestEdge)
		}
		fmt.Fprintf(&b, "sides are multiples of %d, cut into tiles of %d×%d, with an overview of one tile\n",
			c.Tile, c.Tile, c.Tile)
	} else {
		fmt.Fprintf(&b, "any size, sides become multiples of %d pixels\n", c.Align())
	}
	k := c.Clamp
	if k.Policy == PolicyLongestSide {
		fmt.Fprintf(&b, "no side above %d pixels\n", k.LongestSide)
		return b.String()
	}
	if k.MinTokens > 0 {
		fmt.Fprintf(&b, "at least %d image tokens (%d pixels)\n", k.MinTokens, k.MinTokens*c.tokenPixels())
	}
	if k.MaxTokens > 0 {
		fmt.Fprintf(&b, "at most %d image tokens (%d pixels)\n", k.MaxTokens, k.MaxTokens*c.tokenPixels())
	}
	return b.String()
}

func (c Contract) describeFilter() string {
	how := "stretched"
	if c.Pad {
		how = "aspect ratio kept, padded with black"
	}
	switch {
	case c.Clamp.Policy == PolicyLongestSide:
		return fmt.Sprintf("%s, stretched", FilterBicubic)
	case c.Family == FamilyTiles:
		return fmt.Sprintf("%s, %s; overview %s, stretched", c.Filter, how, FilterBilinear)
	}
	return fmt.Sprintf("%s, %s", c.Filter, how)
}

// describeKnee tells where the clamp sets in for a square and for 16:9.
func (c Contract) describeKnee() string {
	square, ok := c.Knee(Size{1, 1})
	if !ok {
		if c.scalesAll() {
			return "no knee: cost depends on the aspect ratio, not on the resolution\n"
		}
		return "no knee: nothing limits the pixels\n"
	}
	wide, _ := c.Knee(Size{16, 9})
	return fmt.Sprintf("predicted knee at %s pixels for a square image (%s), %s for 16:9 (%s)\n",
		mega(square), sides(square, 1), mega(wide), sides(wide, 16.0/9))
}

func mega(pixels float64) string { return fmt.Sprintf("%.3g million", pixels/1e6) }

// sides returns the size of an image with so many pixels and this ratio.
func sides(pixels, ratio float64) string {
	w := math.Sqrt(pixels * ratio)
	return fmt.Sprintf("about %.0fx%.0f", w, w/ratio)
}
