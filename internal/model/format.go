package model

import (
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Format says in which types the matrices of a model are stored. The mixtures and the formats
// of blocks of 32 follow the rules of llama.cpp's quantizer (src/llama-quant.cpp), so that a
// model has the bytes of the file a user would download.
type Format uint8

// Formats.
const (
	F32 Format = iota
	F16
	BF16
	Q8_0
	Q4_0 // output layer in Q6_K, as in all formats down to Q5_K_M
	Q4_1
	Q5_0
	Q5_1
	IQ4_NL // Q5_K for the first ffn_down, and for attn_v where queries share it
	Q4_K_S // Q4_K; Q5_K for the first attn_v and ffn_down
	Q4_K_M // Q4_K; Q6_K for about half of attn_v and ffn_down
	Q5_K_S
	Q5_K_M // Q5_K; Q6_K for about half of attn_v and ffn_down
	Q2_K   // every matrix, as in all that follow
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	formats
)

// formatFacts is what a format is made of: its name, the element type of most matrices,
// and its number in general.file_type (llama_ftype).
var formatFacts = [formats]struct {
	name     string
	base     tensor.DType
	fileType uint32
}{
	F32: {"f32", tensor.F32, 0}, F16: {"f16", tensor.F16, 1}, BF16: {"bf16", tensor.BF16, 32}, Q8_0: {"q8_0", tensor.Q8_0, 7},
	Q4_0: {"q4_0", tensor.Q4_0, 2}, Q4_1: {"q4_1", tensor.Q4_1, 3}, Q5_0: {"q5_0", tensor.Q5_0, 8}, Q5_1: {"q5_1", tensor.Q5_1, 9},
	IQ4_NL: {"iq4_nl", tensor.IQ4NL, 25}, Q4_K_S: {"q4_k_s", tensor.Q4_K, 14}, Q4_K_M: {"q4_k_m", tensor.Q4_K, 15},
	Q5_K_S: {"q5_k_s", tensor.Q5_K, 16}, Q5_K_M: {"q5_k_m", tensor.Q5_K, 17},
	Q2_K: {"q2_k", tensor.Q2_K, 10}, Q3_K: {"q3_k", tensor.Q3_K, 11}, Q4_K: {"q4_k", tensor.Q4_K, 14},
	Q5_K: {"q5_k", tensor.Q5_K, 16}, Q6_K: {"q6_k", tensor.Q6_K, 18},
}

// Formats lists all formats.
func Formats() []Format {
	var all []Format
	for f := range formats {
		all = append(all, f)
	}
	return all
}

// String returns the name as it stands in a reference, e.g. "q4_k_m".
func (f Format) String() string { return formatFacts[f].name }

// FileType is the format's number in general.file_type. A format without mixture has that of
// the mixture which has most matrices in common with it.
func (f Format) FileType() uint32 { return formatFacts[f].fileType }

// ParseFormat reads the name of one of the formats, in letters of any case.
func ParseFormat(name string, among []Format) (Format, error) {
	var names []string
	for _, f := range among {
		if f.String() == strings.ToLower(name) {
			return f, nil
		}
		names = append(names, f.String())
	}
	return 0, fmt.Errorf("no format %q; there are %s", name, strings.Join(names, ", "))
}

// Mixture chooses the element types of a model's matrices in a format.
type Mixture struct {
	Format Format
	Layers int
	// Queries is the number of query heads to a head of keys and values.
	Queries int
	// Tied says that the embedding is the output layer as well.
	Tied bool
	// Weighted says that the model is quantized with importance.
	Weighted bool
	// Encoder says that this is an encoder of images: it is never mixed.
	Encoder bool
}

// MixtureOf returns the mixture for a stored model.
func MixtureOf(s *Source, f Format) Mixture {
	architecture, _ := s.Architecture()
	count := func(key string) int {
		v, _ := s.Value(architecture + "." + key)
		n, _ := v.Int()
		return int(n)
	}
	queries := 1 // where the heads of keys are not counted, each query head has its own
	if keys := count("attention.head_count_kv"); keys > 0 {
		queries = count("attention.head_count") / keys
	}
	return Mixture{
		Format: f, Layers: count("block_count"), Queries: queries,
		Tied: !s.has("output.weight"), Encoder: architecture == VisionArchitecture,
	}
}

// DType returns the element type of the named matrix with rows of cols values.
func (m Mixture) DType(name string, cols int) tensor.DType {
	dt := formatFacts[m.Format].base
	if !m.Encoder && dt.BlockValues() > 1 {
		dt = m.mixed(dt, name)
	}
	if cols%dt.BlockValues() == 0 {
		return dt
	}
	if small := smaller(dt); !m.Encoder && cols%small.BlockValues() == 0 {
		return small
	}
	return tensor.F16
}

// smaller is the type with blocks of 32 for rows that 256 does not divide.
func smaller(dt tensor.DType) tensor.DType {
	switch dt {
	case tensor.Q2_K, tensor.Q3_K:
		return tensor.Q4_0
	case tensor.Q4_K:
		return tensor.Q5_0
	case tensor.Q5_K:
		return tensor.Q5_1
	default:
		return tensor.Q8_0
	}
}

// mixed returns the type by what the matrix does.
func (m Mixture) mixed(base tensor.DType, name string) tensor.DType {
	if m.Format >= Q2_K || m.Format == Q8_0 {
		return base
	}
	var layer int
	fmt.Sscanf(name, "blk.%d.", &layer) // 0 outside layers
	switch {
	case name == "output.weight", m.Tied && name == "token_embd.weight":
		return tensor.Q6_K
	case strings.Contains(name, "attn_v.") || strings.Contains(name, "attn_qkv."):
		return m.values(base, layer)
	case strings.Contains(name, "ffn_down"):
		return m.down(base, layer)
	}
	return base
}

// values returns the type of attn_v, which is small and where errors cost much.
func (m Mixture) values(base tensor.DType, layer int) tensor.DType {
	switch {
	case m.Format == IQ4_NL && m.Queries >= 4, m.Format == Q4_K_S && layer < 4:
		return tensor.Q5_K
	case m.usesMoreBits(layer):
		return tensor.Q6_K
	case base == tensor.Q4_K && m.Layers == 80 && m.Queries > 1: // the rule for models of 70B
		return tensor.Q5_K
	}
	return base
}

// down returns the type of ffn_down.
func (m Mixture) down(base tensor.DType, layer int) tensor.DType {
	first := layer < m.Layers/8
	switch {
	case m.usesMoreBits(layer):
		return tensor.Q6_K
	case first && m.Format == Q4_K_S, first && m.Format == IQ4_NL && !m.Weighted:
		return tensor.Q5_K
	case first && m.Format == Q4_0 && m.Weighted:
		return tensor.Q4_1
	case first && m.Format == Q5_0 && m.Weighted:
		return tensor.Q5_1
	}
	return base
}

// usesMoreBits says which layers' attn_v and ffn_down the mixtures store in Q6_K: the first
// and last eighth and every third between.
func (m Mixture) usesMoreBits(i int) bool {
	n := m.Layers
	return (m.Format == Q4_K_M || m.Format == Q5_K_M) && (i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2)
}

// unquantized are parts of the names of tensors that have rows but are no matrices of layers:
// norms, tables of positions and types, routers, kernels of convolutions.
var unquantized = []string{
	"_norm.", ".position_embd", "position_embd.", "token_types.", "patch_embd", ".patch_merger", ".rel_pos",
	"ffn_gate_inp.", "ssm_conv1d", "attn_rel_b.", "rope_freqs.", "rope_factors",
}

// IsMatrix says whether a format chooses the type of the tensor: a matrix of weights, or one
// of the factors of a matrix.
func (t *Tensor) IsMatrix() bool {
	for _, part := range unquantized {
		if strings.Contains(t.Name, part) {
			return false
		}
	}
	factor := strings.HasSuffix(t.Name, firstFactor) || strings.HasSuffix(t.Name, secondFactor) || strings.Contains(t.Name, coreFactor)
	return len(t.Shape) >= 2 && (factor || strings.HasSuffix(t.Name, ".weight"))
}
