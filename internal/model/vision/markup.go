package vision

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// Piece is a stretch of a prompt: text of markers, or the embeddings of one view.
type Piece struct {
	Text string
	View int // of Contract.Apply; -1 for text
}

// Markup returns what an image of that layout stands for in a prompt, in order. The markers
// are those that the models were trained with, as llama.cpp inserts them.
func (e *Encoder) Markup(l imaging.Layout) []Piece {
	if e.config.Dynamic() {
		return []Piece{text("<|vision_start|>"), {View: 0}, text("<|vision_end|>")}
	}
	const fence = "<fake_token_around_image>"
	var list []Piece
	for row := range l.Rows {
		for column := range l.Columns {
			marker := fmt.Sprintf("%s<row_%d_col_%d>", fence, row+1, column+1)
			list = append(list, text(marker), Piece{View: row*l.Columns + column})
		}
		if row < l.Rows-1 {
			list = append(list, text("\n"))
		}
	}
	return append(list, text("\n\n"), text(fence), text("<global-img>"), Piece{View: l.Rows * l.Columns}, text(fence))
}

func text(s string) Piece { return Piece{Text: s, View: -1} }
