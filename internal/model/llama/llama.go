// Package llama builds models of GGUF architecture "llama": Llama 2 and 3.x, SmolLM2,
// Mistral and others of the same graph.
package llama

import (
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
)

// Architecture is the value of general.architecture that this package builds.
const Architecture = "llama"

// New builds the graph from a source. Files of this architecture store query and key rows
// so that neighbouring features rotate together.
func New(s *model.Source) (model.Graph, error) {
	c, err := model.ReadConfig(s)
	if err != nil {
		return nil, err
	}
	return model.NewDecoder(s, c, model.Traits{Pairing: kernel.Adjacent})
}
