package imaging

import (
	"fmt"
	"math"
)

// Layout is what becomes of an image of one size.
type Layout struct {
	Nominal Size `json:"nominal"`
	// Resized is the aligned size of the image that is cut into patches, or for tiles into
	// tiles.
	Resized Size `json:"resized"`
	// Columns and Rows count the tiles; both are 0 when the image is not tiled.
	Columns int `json:"columns,omitempty"`
	Rows    int `json:"rows,omitempty"`
	// Overview says that the whole image, scaled down to one tile, is seen besides the tiles.
	Overview bool `json:"overview,omitempty"`
	// Pixels counts the effective pixels: all that go to the encoder, tiles and overview
	// together.
	Pixels int `json:"pixels"`
	// Patches counts the patches that the encoder works on.
	Patches int `json:"patches"`
	// Tokens counts the embeddings handed to the language model.
	Tokens int `json:"tokens"`
}

// Layout returns what becomes of an image of size s. It refuses a contract that does not
// validate, an absurd size, and one whose effective pixels would exceed MaxEffective or whose
// tokens maxTokenLimit.
func (c Contract) Layout(s Size) (Layout, error) {
	if err := c.Validate(); err != nil {
		return Layout{}, err
	}
	if err := s.Check(); err != nil {
		return Layout{}, err
	}
	l := Layout{Nominal: s}
	if c.Clamp.Policy == PolicyLongestSide {
		l.Resized = c.longestSide(s)
	} else {
		l.Resized = c.preserveRatio(s)
	}
	l.Pixels = l.Resized.Pixels()
	if c.Family == FamilyTiles {
		l.Pixels += c.Tile * c.Tile
	}
	if l.Resized.Width > MaxEffective || l.Resized.Height > MaxEffective || l.Pixels > MaxEffective {
		return Layout{}, fmt.Errorf("image of %s: the model would work on %s, more than %d pixels: use a smaller or less elongated image, or limit its tokens",
			s, l.Resized, MaxEffective)
	}
	if c.Family == FamilyTiles {
		c.countTiles(&l)
	} else {
		l.Patches = l.Pixels / (c.Patch * c.Patch)
		l.Tokens = l.Patches / (c.Merge * c.Merge)
	}
	if l.Tokens > maxTokenLimit { // patches of a pixel or two, or as many tiny tiles
		return Layout{}, fmt.Errorf("image of %s: it would become %d tokens, more than %d: use a smaller or less elongated image, or limit its tokens",
			s, l.Tokens, maxTokenLimit)
	}
	return l, nil
}

// countTiles fills in what a tiled image becomes. A tile may be wider than its patches
// together: the rest at the right and bottom is not looked at.
func (c Contract) countTiles(l *Layout) {
	l.Columns, l.Rows, l.Overview = l.Resized.Width/c.Tile, l.Resized.Height/c.Tile, true
	perSide := c.Tile / c.Patch
	l.Patches = (l.Columns*l.Rows + 1) * perSide * perSide
	l.Tokens = l.Patches / (c.Merge * c.Merge)
}

// preserveRatio returns the resized size under PolicyTokens: sides rounded to the alignment
// (or, with a longest edge, scaled to it and rounded up), then shrunk to fit the maximum or
// grown to reach the minimum. All in float32 and in llama.cpp's order
// (calc_size_preserved_ratio), because a size next to a rounding limit depends on it.
func (c Contract) preserveRatio(s Size) Size {
	align := float32(c.Align())
	up := func(x float32) int { return int(math.Ceil(float64(x/align))) * c.Align() }
	down := func(x float32) int { return max(c.Align(), int(math.Floor(float64(x/align)))*c.Align()) }
	w, h := float32(s.Width), float32(s.Height)
	var out Size
	if edge := float32(c.LongestEdge); c.Family == FamilyTiles && c.LongestEdge > 0 {
		scale := min(edge/w, edge/h)
		out = Size{up(w * scale), up(h * scale)}
	} else {
		round := func(x float32) int { return max(c.Align(), int(math.Round(float64(x/align)))*c.Align()) }
		out = Size{round(w), round(h)}
	}
	lo, hi := c.Clamp.MinTokens*c.tokenPixels(), c.Clamp.MaxTokens*c.tokenPixels()
	switch {
	case hi > 0 && out.Pixels() > hi:
		beta := sqrt32(h * w / float32(hi))
		out = Size{down(w / beta), down(h / beta)}
	case lo > 0 && out.Pixels() < lo:
		beta := sqrt32(float32(lo) / (h * w))
		out = Size{up(w * beta), up(h * beta)}
	}
	return out
}

// longestSide returns the resized size under PolicyLongestSide: shrunk, never enlarged, until
// no side exceeds the limit, then each side rounded up to the alignment. A side that
// vanishes becomes one alignment step, where the original rule would have left nothing.
func (c Contract) longestSide(s Size) Size {
	limit := float32(c.Clamp.LongestSide)
	w, h := float32(s.Width), float32(s.Height)
	scale := min(1, limit/w, limit/h)
	a := c.Align()
	up := func(x float32) int { return max(a, (int(x)+a-1)/a*a) }
	return Size{up(w * scale), up(h * scale)}
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// Knee returns how many nominal pixels an image of this aspect ratio has when the clamp sets
// in; larger ones cost the model no more. It is false when there is no such point: no limit,
// or tiles, where every image is scaled to the same longest edge whatever its size.
//
// Under PolicyTokens it is what a large image shrinks to: the limit m of
// MaxTokens·(Patch·Merge)² pixels less what rounding both sides down to the alignment takes,
// since smaller images are seen as they are. When the shorter side would fall below one
// alignment step a it counts as a all the same, so the limit is reached when the longer side
// is m/a, at m²/(a²·ratio) pixels. Under PolicyLongestSide it is where the longer side equals
// the limit L: L²/ratio.
func (c Contract) Knee(aspect Size) (pixels float64, ok bool) {
	ratio, ok := elongation(aspect)
	if !ok || c.scalesAll() {
		return 0, false
	}
	if c.Clamp.Policy == PolicyLongestSide {
		l := float64(c.Clamp.LongestSide)
		return l * l / ratio, l > 0
	}
	limit, ok := c.reach(c.Clamp.MaxTokens, ratio)
	if limit != float64(c.Clamp.MaxTokens*c.tokenPixels()) {
		return limit, ok
	}
	const large = 4 // times the limit, per side
	scale := large * math.Sqrt(limit/float64(aspect.Pixels()))
	side := func(n int) int { return int(math.Round(scale * float64(n))) }
	return float64(c.preserveRatio(Size{side(aspect.Width), side(aspect.Height)}).Pixels()), ok
}

// Floor returns the nominal pixels below which an image of this aspect ratio is enlarged to
// the minimum; false when there is none.
func (c Contract) Floor(aspect Size) (pixels float64, ok bool) {
	ratio, ok := elongation(aspect)
	if !ok || c.scalesAll() || c.Clamp.Policy == PolicyLongestSide {
		return 0, false
	}
	return c.reach(c.Clamp.MinTokens, ratio)
}

// scalesAll reports that the size of an image does not matter, only its aspect ratio.
func (c Contract) scalesAll() bool { return c.Family == FamilyTiles && c.LongestEdge > 0 }

// reach returns the nominal pixels at which an image of this ratio has n tokens.
func (c Contract) reach(n int, ratio float64) (float64, bool) {
	if n <= 0 {
		return 0, false
	}
	limit, a := float64(n*c.tokenPixels()), float64(c.Align())
	if limit/ratio >= a*a {
		return limit, true
	}
	return limit * limit / (a * a * ratio), true
}

// elongation returns longer by shorter side.
func elongation(s Size) (float64, bool) {
	if s.Width < 1 || s.Height < 1 {
		return 0, false
	}
	w, h := float64(s.Width), float64(s.Height)
	return max(w, h) / min(w, h), true
}
