package shape

import "github.com/wattlaw/wattlaw/internal/model"

// Format says in which types a shape's weights are stored.
type Format = model.Format

// Formats that random weights can be made in.
const (
	F32    = model.F32
	F16    = model.F16
	BF16   = model.BF16
	Q8_0   = model.Q8_0
	Q4_0   = model.Q4_0
	Q4_K_M = model.Q4_K_M
	Q4_K   = model.Q4_K
	Q6_K   = model.Q6_K
)

// Formats lists the formats of shapes.
func Formats() []Format { return []Format{F32, F16, BF16, Q8_0, Q4_0, Q4_K_M, Q4_K, Q6_K} }

// ParseFormat reads a format's name.
func ParseFormat(name string) (Format, error) { return model.ParseFormat(name, Formats()) }

// mixture chooses the types of the language model's matrices.
func (s Shape) mixture(f Format) model.Mixture {
	c := s.Config
	return model.Mixture{Format: f, Layers: c.Layers, Queries: c.Heads / max(c.KVHeads, 1), Tied: s.Tied || s.embeds()}
}
