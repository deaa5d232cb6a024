// Package qwen2vl builds the language models of GGUF architecture "qwen2vl": those of
// Qwen2-VL and Qwen2.5-VL. Their encoders of images are files of their own; see package
// vision.
package qwen2vl

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
)

// Architecture is the value of general.architecture that this package builds.
const Architecture = "qwen2vl"

// New builds the graph from a source: that of qwen2, whose rotated pairs turn in sections
// with the time, the row and the column of a position.
func New(s *model.Source) (model.Graph, error) {
	c, err := model.ReadConfig(s)
	if err != nil {
		return nil, err
	}
	if c.RopeSections == [3]int{} {
		return nil, fmt.Errorf("%s: metadata %q is missing", s.Name, Architecture+".rope.dimension_sections")
	}
	return model.NewDecoder(s, c, model.Traits{Pairing: kernel.HalfSplit, QKVBias: true})
}
