package vision

import (
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
)

// place is a patch's row and column in the image.
type place struct{ row, column int }

// grid is the order in which an image's patches are computed: those of one embedding
// follow each other and, where layers attend within windows, so do those of one window.
type grid struct {
	places []place
	// windows are the ends of the windows; empty without.
	windows []int
	// order says which embedding of the result, which go row by row, each computed one is.
	order []int
}

// layOut orders the patches of an image.
func layOut(c model.VisionConfig, size imaging.Size) grid {
	columns, rows := size.Width/(c.Patch*c.Merge), size.Height/(c.Patch*c.Merge)
	wide, high := columns, rows // of a window, in embeddings
	if c.WindowPattern > 0 {
		wide = c.Window / (c.Patch * c.Merge)
		high = wide
	}
	var g grid
	for y := 0; y < rows; y += high {
		for x := 0; x < columns; x += wide {
			for row := y; row < min(y+high, rows); row++ {
				for column := x; column < min(x+wide, columns); column++ {
					g.add(c.Merge, row, column, columns)
				}
			}
			if c.WindowPattern > 0 {
				g.windows = append(g.windows, len(g.places))
			}
		}
	}
	return g
}

// add appends the patches of the embedding at a row and a column.
func (g *grid) add(merge, row, column, columns int) {
	g.order = append(g.order, row*columns+column)
	for dy := range merge {
		for dx := range merge {
			g.places = append(g.places, place{row*merge + dy, column*merge + dx})
		}
	}
}
