// Package qwen2 builds models of GGUF architecture "qwen2": Qwen2 and Qwen2.5.
package qwen2

import (
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
)

// Architecture is the value of general.architecture that this package builds.
const Architecture = "qwen2"

// New builds the graph from a source. Queries, keys and values have biases, and the first
// half of a head's features rotates with the second.
func New(s *model.Source) (model.Graph, error) {
	c, err := model.ReadConfig(s)
	if err != nil {
		return nil, err
	}
	return model.NewDecoder(s, c, model.Traits{Pairing: kernel.HalfSplit, QKVBias: true})
}
