package huggingface

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/model"
)

// config is what is read of config.json. Counts that do not fit are refused by their type.
type config struct {
	Architectures []string        `json:"architectures"`
	Quantization  json.RawMessage `json:"quantization_config"`
	Text          json.RawMessage `json:"text_config"`
	Vision        *visionConfig   `json:"vision_config"`

	Width      int32    `json:"hidden_size"`
	FFN        int32    `json:"intermediate_size"`
	Layers     int32    `json:"num_hidden_layers"`
	Heads      int32    `json:"num_attention_heads"`
	KVHeads    *int32   `json:"num_key_value_heads"`
	HeadDim    *int32   `json:"head_dim"`
	Vocab      int32    `json:"vocab_size"`
	Context    int32    `json:"max_position_embeddings"`
	Activation string   `json:"hidden_act"`
	Eps        *float64 `json:"rms_norm_eps"`
	RopeBase   *float64 `json:"rope_theta"`
	Rope       *rope    `json:"rope_scaling"`
	RopeNew    *rope    `json:"rope_parameters"` // the same, as newer versions write it
	Tied       bool     `json:"tie_word_embeddings"`
	Window     bool     `json:"use_sliding_window"`
	tokenIDs
}

// rope is how positions become angles.
type rope struct {
	Type     string   `json:"rope_type"`
	OldType  string   `json:"type"`
	Base     *float64 `json:"rope_theta"`
	Factor   float64  `json:"factor"`
	Low      float64  `json:"low_freq_factor"`
	High     float64  `json:"high_freq_factor"`
	Original float64  `json:"original_max_position_embeddings"`
	Sections []int    `json:"mrope_section"`
}

// kind is the way of scaling, in the older or the newer spelling; "default" scales nothing, and
// neither does "mrope".
func (r *rope) kind() string {
	kind := r.Type
	if kind == "" {
		kind = r.OldType
	}
	switch kind {
	case "default", "mrope":
		return ""
	}
	return kind
}

// family is what an architecture of the hub is here.
type family struct {
	architecture string // of GGUF
	projector    string // of the encoder of images; "" without one
}

func families() map[string]family {
	return map[string]family{
		"LlamaForCausalLM":                   {architecture: llama},
		"Qwen2ForCausalLM":                   {architecture: "qwen2"},
		"Qwen2VLForConditionalGeneration":    {"qwen2vl", model.ProjectorQwen2VL},
		"Qwen2_5_VLForConditionalGeneration": {"qwen2vl", model.ProjectorQwen25VL},
	}
}

// llama is the architecture whose queries and keys are reordered.
const llama = "llama"

func (f *Folder) family() family { return families()[f.config.Architectures[0]] }

// readConfig reads config.json and refuses what would compute something else than the model.
func (f *Folder) readConfig() error {
	c := &f.config
	if err := f.readJSON(configFile, c); err != nil {
		return err
	}
	path, architectures := f.path(configFile), c.Architectures
	if c.Text != nil { // what it says of the language model stands above what the whole says
		text := c.Text
		c.Text = nil
		if err := json.Unmarshal(text, c); err != nil {
			return fmt.Errorf("%s: text_config: %w", path, err)
		}
		c.Architectures = architectures
	}
	if c.Rope == nil {
		c.Rope = c.RopeNew
	}
	if c.Rope == nil {
		c.Rope = &rope{}
	}
	known := slices.Sorted(maps.Keys(families()))
	switch {
	case len(c.Architectures) != 1 || !slices.Contains(known, c.Architectures[0]):
		return fmt.Errorf("%s: architectures %q are not supported; there are %s", path, c.Architectures, strings.Join(known, ", "))
	case c.Quantization != nil && string(c.Quantization) != "null":
		return fmt.Errorf("%s: the weights are quantized (quantization_config), which is not read: take the model's original", path)
	case c.Activation != "" && c.Activation != "silu":
		return fmt.Errorf("%s: hidden_act %q is not supported, only silu", path, c.Activation)
	case c.Window:
		return fmt.Errorf("%s: use_sliding_window is true: attention within a window is not supported", path)
	}
	return f.checkRope()
}

// checkRope refuses ways of scaling that would be ignored.
func (f *Folder) checkRope() error {
	r := f.config.Rope
	if len(r.Sections) > 4 || len(r.Sections) == 4 && r.Sections[3] != 0 {
		return fmt.Errorf("%s: mrope_section %d has more than time, row and column", f.path(configFile), r.Sections)
	}
	positive := func(what string, x float64) error {
		if !(x > 0 && x < 1e12) {
			return fmt.Errorf("%s: %s of rope scaling %q is %v, want a positive number", f.path(configFile), what, r.kind(), x)
		}
		return nil
	}
	switch kind := r.kind(); {
	case kind == "":
		return nil
	case kind == "linear":
		return positive("factor", r.Factor)
	case kind == "llama3" && f.family().architecture == llama:
		for what, x := range map[string]float64{
			"factor": r.Factor, "low_freq_factor": r.Low, "high_freq_factor": r.High, "original_max_position_embeddings": r.Original,
		} {
			if err := positive(what, x); err != nil {
				return err
			}
		}
		if r.High <= r.Low {
			return fmt.Errorf("%s: high_freq_factor %v of rope scaling is not above low_freq_factor %v", f.path(configFile), r.High, r.Low)
		}
		return nil
	default:
		return fmt.Errorf("%s: rope scaling %q is not supported for this architecture, only linear and, of llama, llama3", f.path(configFile), kind)
	}
}

// decoder translates the hyperparameters; what they may be is checked when they are read back.
func (c *config) decoder(architecture string) model.Config {
	d := model.Config{
		Architecture: architecture, Context: int(c.Context), Width: int(c.Width), Layers: int(c.Layers), FFN: int(c.FFN),
		Heads: int(c.Heads), KVHeads: int(c.Heads), HeadDim: int(c.Width) / max(1, int(c.Heads)), Vocab: int(c.Vocab),
		Eps: 1e-6, RopeBase: 10000, RopeScale: 1, // the defaults of transformers
	}
	if c.KVHeads != nil {
		d.KVHeads = int(*c.KVHeads)
	}
	if c.HeadDim != nil {
		d.HeadDim = int(*c.HeadDim)
	}
	d.RopeDims = d.HeadDim
	if c.Eps != nil {
		d.Eps = *c.Eps
	}
	for _, base := range []*float64{c.RopeBase, c.Rope.Base} {
		if base != nil {
			d.RopeBase = *base
		}
	}
	if c.Rope.kind() == "linear" {
		d.RopeScale = c.Rope.Factor
	}
	copy(d.RopeSections[:], c.Rope.Sections)
	return d
}
