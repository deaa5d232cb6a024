package workload

import (
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// DefaultResolutions is how many sizes AutoResolutions chooses when not told.
const DefaultResolutions = 11

// Range of AutoResolutions in pixels when there is no knee to look around.
const (
	gridFrom = 224 * 224
	gridTo   = 1920 * 1080
)

// AutoResolutions chooses n image sizes of one aspect ratio for a sweep that is to find the
// contract's knee: from 1/16 of the pixels of the predicted knee (or a little above the
// floor, below which images are enlarged) to 2.5 times as many, dense around it. Sides are
// multiples of the alignment, and below the knee every size becomes a different image to
// the model, so there may be fewer than n. Without a knee the sizes form an even geometric
// grid. The sizes ascend; a contract or aspect ratio that makes no sense gives none.
func AutoResolutions(c imaging.Contract, aspect imaging.Size, n int) []imaging.Size {
	if c.Validate() != nil || aspect.Check() != nil {
		return nil
	}
	if n <= 0 {
		n = DefaultResolutions
	}
	g := grid{contract: c, aspect: aspect, seen: map[imaging.Size]bool{}}
	knee, ok := c.Knee(aspect)
	if !ok {
		for i := range n {
			t := float64(i) / math.Max(1, float64(n-1))
			g.add(gridFrom * math.Pow(float64(gridTo)/gridFrom, t))
		}
		return g.sorted()
	}
	g.knee = knee
	lowest := knee / 16
	if floor, ok := c.Floor(aspect); ok {
		lowest = math.Max(lowest, math.Min(1.15*floor, knee/1.5))
	}
	for _, m := range multiples() {
		if len(g.sizes) == n {
			break
		}
		if m < 1 { // spread what lies below over the room that there is
			m = math.Pow(lowest/knee, math.Log(m)/math.Log(1.0/16))
		}
		g.add(knee * m)
	}
	for range 4 * n { // more than the list has, or some fell together: fill the widest gaps
		if len(g.sizes) >= n {
			break
		}
		g.addInWidestGap()
	}
	return g.sorted()
}

// multiples lists pixels relative to the knee, most telling first: any beginning of it makes
// a grid with points on both sides.
func multiples() []float64 {
	return []float64{1.0 / 16, 2.5, 0.25, 1.45, 0.7, 1, 0.5, 1.2, 0.85, 0.125, 1.9, 0.35, 1.1, 0.92, 0.18, 0.6, 2.2, 0.09}
}

// grid collects sizes, leaving out those that tell nothing new.
type grid struct {
	contract imaging.Contract
	aspect   imaging.Size
	knee     float64 // 0: none
	sizes    []imaging.Size
	seen     map[imaging.Size]bool // nominal, and resized below the knee
	tried    []float64
}

// add takes the aligned size nearest to a number of pixels.
func (g *grid) add(pixels float64) {
	g.tried = append(g.tried, pixels)
	ratio := float64(g.aspect.Width) / float64(g.aspect.Height)
	step := float64(g.contract.Patch * g.contract.Merge)
	snap := func(side float64) int { return int(math.Max(step, math.Round(side/step)*step)) }
	height := math.Sqrt(pixels / ratio)
	s := imaging.Size{Width: snap(height * ratio), Height: snap(height)}
	if s.Check() != nil || s.Pixels() > imaging.DefaultMaxPixels || g.seen[s] {
		return
	}
	layout, err := g.contract.Layout(s)
	if err != nil {
		return
	}
	below := g.knee > 0 && float64(s.Pixels()) < g.knee
	if below && g.seen[layout.Resized] {
		return
	}
	g.seen[s] = true
	if below {
		g.seen[layout.Resized] = true
	}
	g.sizes = append(g.sizes, s)
}

// addInWidestGap tries the geometric middle between the neighbours farthest apart.
func (g *grid) addInWidestGap() {
	slices.Sort(g.tried)
	widest, at := 0.0, 0.0
	for i := 1; i < len(g.tried); i++ {
		if r := g.tried[i] / g.tried[i-1]; r > widest {
			widest, at = r, math.Sqrt(g.tried[i]*g.tried[i-1])
		}
	}
	g.add(at)
}

func (g *grid) sorted() []imaging.Size {
	slices.SortFunc(g.sizes, func(a, b imaging.Size) int { return a.Pixels() - b.Pixels() })
	return g.sizes
}
