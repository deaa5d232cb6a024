package shape

import (
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Format says in which types a shape's weights are stored.
type Format uint8

// Formats. The mixtures follow the rules of llama.cpp's quantizer, so that a shape has
// the bytes of the file a user would download.
const (
	F32 Format = iota
	F16
	BF16
	Q8_0
	Q4_0   // output layer in Q6_K
	Q4_K_M // Q4_K; Q6_K for the output layer and for about half of attn_v and ffn_down
	Q4_K   // every matrix
	Q6_K   // every matrix
	formats
)

// formatFacts is what a format is made of: its name, the element type of most matrices,
// and its number in general.file_type (llama_ftype).
var formatFacts = [formats]struct {
	name     string
	base     tensor.DType
	fileType uint64
}{
	F32: {"f32", tensor.F32, 0}, F16: {"f16", tensor.F16, 1}, BF16: {"bf16", tensor.BF16, 32},
	Q8_0: {"q8_0", tensor.Q8_0, 7}, Q4_0: {"q4_0", tensor.Q4_0, 2}, Q4_K_M: {"q4_k_m", tensor.Q4_K, 15},
	Q4_K: {"q4_k", tensor.Q4_K, 14}, Q6_K: {"q6_k", tensor.Q6_K, 18},
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

// ParseFormat reads a format's name.
func ParseFormat(name string) (Format, error) {
	var names []string
	for f := range formats {
		if f.String() == strings.ToLower(name) {
			return f, nil
		}
		names = append(names, f.String())
	}
	return 0, fmt.Errorf("no format %q; there are %s", name, strings.Join(names, ", "))
}

// role is what a matrix does, as far as its element type depends on it.
type role uint8

const (
	plain role = iota
	outputLayer
	moreBits // attn_v and ffn_down
)

// dtype returns the element type of a matrix with rows of cols values in the given layer.
func (f Format) dtype(r role, layer, layers, cols int) tensor.DType {
	dt := formatFacts[f].base
	switch {
	case r == outputLayer && (f == Q4_0 || f == Q4_K_M):
		dt = tensor.Q6_K
	case r == moreBits && f == Q4_K_M && usesMoreBits(layer, layers):
		dt = tensor.Q6_K
	}
	if cols%dt.BlockValues() == 0 {
		return dt
	}
	// Rows that 256 does not divide take types with blocks of 32.
	switch dt {
	case tensor.Q4_K:
		return tensor.Q5_0
	default:
		return tensor.Q8_0
	}
}

// usesMoreBits says which layers' attn_v and ffn_down the mixture stores in Q6_K: the
// first and last eighth and every third between.
func usesMoreBits(i, n int) bool {
	return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2
}
