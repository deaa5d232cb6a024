// Package huggingfacetest writes tiny model folders with random weights, in the layout of Hugging
// Face's hub, for the tests of what reads them.
package huggingfacetest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// Folder is a folder to be written: a tiny model with random weights.
type Folder struct {
	Config    map[string]any
	DType     string           // of all tensors
	Shapes    map[string][]int // of the tensors by name, outermost dimension first
	Tokenizer map[string]any   // tokenizer.json
	Settings  map[string]any   // tokenizer_config.json
	More      map[string]any   // further files
	Shards    int              // 1 for a file without index
}

// The shape of the models; the embedding has more rows than the tokenizer has tokens.
const (
	Width, FFN, Layers, Heads, KVHeads = 64, 96, 2, 4, 2

	Head         = Width / Heads // features of a head
	Vocab, Rows  = 515, 520      // tokens, and rows of the embedding
	visionLayers = 3
)

// Names lists the folders: two of text, two that take images.
func Names() []string { return []string{"llama", "qwen2", "qwen2vl", "qwen2.5vl"} }

// New returns the folder of that name.
func New(t testing.TB, name string) *Folder {
	t.Helper()
	var f *Folder
	vision := map[string]any{
		"depth": visionLayers, "hidden_size": 64, "num_heads": 2, "patch_size": 8, "spatial_merge_size": 2, "temporal_patch_size": 2,
	}
	switch name {
	case "llama":
		f = newFolder(t, "LlamaForCausalLM", "llama-bpe", "BF16")
		f.Config["rope_scaling"] = map[string]any{
			"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
		}
		f.Config["rope_theta"], f.Shards = 5000.0, 3
	case "qwen2":
		f = newFolder(t, "Qwen2ForCausalLM", "qwen2", "F16")
		f.Config["tie_word_embeddings"] = true
		delete(f.Shapes, "lm_head.weight")
	case "qwen2vl":
		f = newFolder(t, "Qwen2VLForConditionalGeneration", "qwen2", "F32")
		maps.Copy(vision, map[string]any{"embed_dim": 64, "mlp_ratio": 1.5, "hidden_act": "quick_gelu"})
		f.see(vision)
	case "qwen2.5vl":
		f = newFolder(t, "Qwen2_5_VLForConditionalGeneration", "qwen2", "BF16")
		maps.Copy(vision, map[string]any{
			"intermediate_size": 96, "out_hidden_size": Width, "hidden_act": "silu", "window_size": 112, "fullatt_block_indexes": []int{1},
		})
		f.see(vision)
	default:
		t.Fatalf("no folder %q", name)
	}
	return f
}

func newFolder(t testing.TB, architecture, pre, dtype string) *Folder {
	f := &Folder{DType: dtype, Shards: 1, Shapes: map[string][]int{
		"model.embed_tokens.weight": {Rows, Width}, "model.norm.weight": {Width}, "lm_head.weight": {Rows, Width},
	}}
	f.Config = map[string]any{
		"architectures": []string{architecture}, "hidden_size": Width, "intermediate_size": FFN, "num_hidden_layers": Layers,
		"num_attention_heads": Heads, "num_key_value_heads": KVHeads, "vocab_size": Rows, "max_position_embeddings": 512,
		"hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 1e6, "tie_word_embeddings": false, "torch_dtype": dtype,
		"model_type": map[bool]string{true: "llama", false: "qwen2"}[architecture == "LlamaForCausalLM"],
	}
	keys := KVHeads * Head
	for i := range Layers {
		layer := fmt.Sprintf("model.layers.%d.", i)
		for name, shape := range map[string][]int{
			"input_layernorm": {Width}, "post_attention_layernorm": {Width},
			"self_attn.q_proj": {Width, Width}, "self_attn.k_proj": {keys, Width}, "self_attn.v_proj": {keys, Width},
			"self_attn.o_proj": {Width, Width},
			"mlp.gate_proj":    {FFN, Width}, "mlp.up_proj": {FFN, Width}, "mlp.down_proj": {Width, FFN},
		} {
			f.Shapes[layer+name+".weight"] = shape
		}
		if architecture != "LlamaForCausalLM" {
			f.Shapes[layer+"self_attn.q_proj.bias"] = []int{Width}
			f.Shapes[layer+"self_attn.k_proj.bias"] = []int{keys}
			f.Shapes[layer+"self_attn.v_proj.bias"] = []int{keys}
		}
	}
	f.tokenize(t, pre)
	return f
}

// see adds an encoder of images.
func (f *Folder) see(vision map[string]any) {
	f.Config["vision_config"], f.Config["rope_scaling"] = vision, map[string]any{"type": "mrope", "mrope_section": []int{2, 3, 3}}
	newer := vision["out_hidden_size"] != nil
	f.Config["model_type"] = map[bool]string{true: "qwen2_5_vl", false: "qwen2_vl"}[newer]
	f.More["preprocessor_config.json"] = map[string]any{
		"image_mean": []float64{0.48145466, 0.4578275, 0.40821073}, "image_std": []float64{0.26862954, 0.26130258, 0.27577711},
	}
	linear := func(name string, rows, cols int) {
		f.Shapes["visual."+name+".weight"], f.Shapes["visual."+name+".bias"] = []int{rows, cols}, []int{rows}
	}
	norm := func(name string) {
		f.Shapes["visual."+name+".weight"] = []int{64}
		if !newer {
			f.Shapes["visual."+name+".bias"] = []int{64}
		}
	}
	f.Shapes["visual.patch_embed.proj.weight"] = []int{64, 3, 2, 8, 8}
	for i := range visionLayers {
		blk := fmt.Sprintf("blocks.%d.", i)
		norm(blk + "norm1")
		norm(blk + "norm2")
		linear(blk+"attn.qkv", 3*64, 64)
		linear(blk+"attn.proj", 64, 64)
		if newer {
			linear(blk+"mlp.gate_proj", 96, 64)
			linear(blk+"mlp.up_proj", 96, 64)
			linear(blk+"mlp.down_proj", 64, 96)
		} else {
			linear(blk+"mlp.fc1", 96, 64)
			linear(blk+"mlp.fc2", 64, 96)
		}
	}
	norm("merger.ln_q")
	linear("merger.mlp.0", 256, 256)
	linear("merger.mlp.2", Width, 256)
}

// Regular expressions by which text is cut, as the published files of Llama 3 and Qwen2 have them.
const (
	llama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// tokenize adds the files of a synthetic vocabulary whose last token is an added one.
func (f *Folder) tokenize(t testing.TB, pre string) {
	t.Helper()
	v, err := tokenizer.Synthetic(pre, Vocab-1, 1, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
	if err != nil {
		t.Fatal(err)
	}
	vocab, added := map[string]int{}, []map[string]any{{"id": Vocab - 1, "content": "<tool>", "special": false}}
	for i, text := range v.Tokens {
		if v.Types[i] == int32(tokenizer.Normal) {
			vocab[text] = i
			continue
		}
		added = append(added, map[string]any{"id": i, "content": text, "special": true})
	}
	pattern, post := qwen2, map[string]any{"type": "ByteLevel"}
	if pre == "llama-bpe" {
		pattern = llama3
		post = map[string]any{"type": "Sequence", "processors": []any{post, map[string]any{
			"type":   "TemplateProcessing",
			"single": []any{map[string]any{"SpecialToken": map[string]any{"id": v.Tokens[v.BOS]}}, map[string]any{"Sequence": map[string]any{"id": "A"}}},
		}}}
	}
	f.Tokenizer = map[string]any{
		"added_tokens": added, "normalizer": map[string]any{"type": "NFC"}, "post_processor": post,
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{
			map[string]any{"type": "Split", "pattern": map[string]any{"Regex": pattern}, "behavior": "Isolated", "invert": false},
			map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
		}},
		"model": map[string]any{"type": "BPE", "vocab": vocab, "merges": v.Merges, "ignore_merges": pre == "llama-bpe"},
	}
	f.Settings = map[string]any{"chat_template": "{{ messages }}"}
	f.More = map[string]any{}
	if v.BOS >= 0 {
		f.Settings["bos_token"] = v.Tokens[v.BOS]
	}
	if v.EOS >= 0 {
		f.Settings["eos_token"] = map[string]any{"content": v.Tokens[v.EOS], "special": true}
	}
}

// Write makes the folder at dir.
func (f *Folder) Write(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]any{"config.json": f.Config, "tokenizer.json": f.Tokenizer, "tokenizer_config.json": f.Settings}
	maps.Copy(files, f.More)
	names := slices.Sorted(maps.Keys(f.Shapes))
	weights := map[string]string{}
	for i := range f.Shards {
		part := names[i*len(names)/f.Shards : (i+1)*len(names)/f.Shards]
		name := "model.safetensors"
		if f.Shards > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, f.Shards)
			files["model.safetensors.index.json"] = map[string]any{"weight_map": weights}
		}
		for _, tensor := range part {
			weights[tensor] = name
		}
		WriteFile(t, filepath.Join(dir, name), f.shard(part))
	}
	for name, content := range files {
		data, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		WriteFile(t, filepath.Join(dir, name), data)
	}
}

// WriteFile writes a file of a folder.
func WriteFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// shard is a safetensors file of the named tensors.
func (f *Folder) shard(names []string) []byte {
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data []byte
	for _, name := range names {
		start := len(data)
		data = append(data, f.values(name)...)
		header[name] = map[string]any{"dtype": f.DType, "shape": f.Shapes[name], "data_offsets": []int{start, len(data)}}
	}
	text, _ := json.Marshal(header) // of strings and numbers alone
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), data...)
}

// values are random numbers that depend on the tensor's name alone, of a spread that keeps activations near one.
func (f *Folder) values(name string) []byte {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	random := rand.New(rand.NewPCG(hash.Sum64(), 1))
	shape := f.Shapes[name]
	n, mean, sigma := 1, 0.0, 0.1
	for _, d := range shape {
		n *= d
	}
	switch {
	case len(shape) > 1:
		sigma = 1 / math.Sqrt(float64(n/shape[0]))
	case strings.HasSuffix(name, ".weight"):
		mean = 1
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(mean + sigma*random.NormFloat64())
	}
	dt := map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16}[f.DType]
	out := make([]byte, n*dt.BlockBytes())
	if err := tensor.Quantize(out, dt, values); err != nil {
		panic(err) // finite values of float types
	}
	return out
}
