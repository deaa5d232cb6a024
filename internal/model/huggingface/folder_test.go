package huggingface

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

// fake is a folder to be written: a tiny model with random weights.
type fake struct {
	config    map[string]any
	dtype     string // of all tensors
	shapes    map[string][]int
	tokenizer map[string]any
	settings  map[string]any // tokenizer_config.json
	more      map[string]any // further files
	shards    int            // 1 for a file without index
}

const (
	fakeWidth, fakeFFN, fakeLayers, fakeHeads, fakeKVHeads = 64, 96, 2, 4, 2
	fakeHead                                               = fakeWidth / fakeHeads
	fakeVisionLayers                                       = 3
	fakeVocab, fakeRows                                    = 515, 520 // the embedding has rows to spare
)

// fakeNames are the folders of the tests.
var fakeNames = []string{"llama", "qwen2", "qwen2vl", "qwen2.5vl"}

// fakeOf returns the folder of that name.
func fakeOf(t *testing.T, name string) *fake {
	var f *fake
	vision := map[string]any{
		"depth": fakeVisionLayers, "hidden_size": 64, "num_heads": 2, "patch_size": 8, "spatial_merge_size": 2, "temporal_patch_size": 2,
	}
	switch name {
	case "llama":
		f = newFake(t, "LlamaForCausalLM", "llama-bpe", "BF16")
		f.config["rope_scaling"] = map[string]any{
			"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
		}
		f.config["rope_theta"], f.shards = 5000.0, 3
	case "qwen2":
		f = newFake(t, "Qwen2ForCausalLM", "qwen2", "F16")
		f.config["tie_word_embeddings"] = true
		delete(f.shapes, "lm_head.weight")
	case "qwen2vl":
		f = newFake(t, "Qwen2VLForConditionalGeneration", "qwen2", "F32")
		maps.Copy(vision, map[string]any{"embed_dim": 64, "mlp_ratio": 1.5, "hidden_act": "quick_gelu"})
		f.see(vision)
	case "qwen2.5vl":
		f = newFake(t, "Qwen2_5_VLForConditionalGeneration", "qwen2", "BF16")
		maps.Copy(vision, map[string]any{
			"intermediate_size": 96, "out_hidden_size": fakeWidth, "hidden_act": "silu", "window_size": 112, "fullatt_block_indexes": []int{1},
		})
		f.see(vision)
	default:
		t.Fatalf("no folder %q", name)
	}
	return f
}

func newFake(t *testing.T, architecture, pre, dtype string) *fake {
	f := &fake{dtype: dtype, shards: 1, shapes: map[string][]int{
		"model.embed_tokens.weight": {fakeRows, fakeWidth}, "model.norm.weight": {fakeWidth}, "lm_head.weight": {fakeRows, fakeWidth},
	}}
	f.config = map[string]any{
		"architectures": []string{architecture}, "hidden_size": fakeWidth, "intermediate_size": fakeFFN, "num_hidden_layers": fakeLayers,
		"num_attention_heads": fakeHeads, "num_key_value_heads": fakeKVHeads, "vocab_size": fakeRows, "max_position_embeddings": 512,
		"hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 1e6, "tie_word_embeddings": false, "torch_dtype": dtype,
		"model_type": map[bool]string{true: "llama", false: "qwen2"}[architecture == "LlamaForCausalLM"],
	}
	keys := fakeKVHeads * fakeHead
	for i := range fakeLayers {
		layer := fmt.Sprintf("model.layers.%d.", i)
		for name, shape := range map[string][]int{
			"input_layernorm": {fakeWidth}, "post_attention_layernorm": {fakeWidth},
			"self_attn.q_proj": {fakeWidth, fakeWidth}, "self_attn.k_proj": {keys, fakeWidth}, "self_attn.v_proj": {keys, fakeWidth},
			"self_attn.o_proj": {fakeWidth, fakeWidth},
			"mlp.gate_proj":    {fakeFFN, fakeWidth}, "mlp.up_proj": {fakeFFN, fakeWidth}, "mlp.down_proj": {fakeWidth, fakeFFN},
		} {
			f.shapes[layer+name+".weight"] = shape
		}
		if architecture != "LlamaForCausalLM" {
			f.shapes[layer+"self_attn.q_proj.bias"] = []int{fakeWidth}
			f.shapes[layer+"self_attn.k_proj.bias"] = []int{keys}
			f.shapes[layer+"self_attn.v_proj.bias"] = []int{keys}
		}
	}
	f.tokenize(t, pre)
	return f
}

// see adds an encoder of images.
func (f *fake) see(vision map[string]any) {
	f.config["vision_config"], f.config["rope_scaling"] = vision, map[string]any{"type": "mrope", "mrope_section": []int{2, 3, 3}}
	newer := vision["out_hidden_size"] != nil
	f.config["model_type"] = map[bool]string{true: "qwen2_5_vl", false: "qwen2_vl"}[newer]
	f.more["preprocessor_config.json"] = map[string]any{
		"image_mean": []float64{0.48145466, 0.4578275, 0.40821073}, "image_std": []float64{0.26862954, 0.26130258, 0.27577711},
	}
	linear := func(name string, rows, cols int) {
		f.shapes["visual."+name+".weight"], f.shapes["visual."+name+".bias"] = []int{rows, cols}, []int{rows}
	}
	norm := func(name string) {
		f.shapes["visual."+name+".weight"] = []int{64}
		if !newer {
			f.shapes["visual."+name+".bias"] = []int{64}
		}
	}
	f.shapes["visual.patch_embed.proj.weight"] = []int{64, 3, 2, 8, 8}
	for i := range fakeVisionLayers {
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
	linear("merger.mlp.2", fakeWidth, 256)
}

// tokenize adds the files of a synthetic vocabulary whose last token is an added one.
func (f *fake) tokenize(t *testing.T, pre string) {
	t.Helper()
	v, err := tokenizer.Synthetic(pre, fakeVocab-1, 1, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
	if err != nil {
		t.Fatal(err)
	}
	vocab, added := map[string]int{}, []map[string]any{{"id": fakeVocab - 1, "content": "<tool>", "special": false}}
	for i, text := range v.Tokens {
		if v.Types[i] == int32(tokenizer.Normal) {
			vocab[text] = i
			continue
		}
		added = append(added, map[string]any{"id": i, "content": text, "special": true})
	}
	pattern, post := qwen2Pattern, map[string]any{"type": "ByteLevel"}
	if pre == "llama-bpe" {
		pattern = llama3Pattern
		post = map[string]any{"type": "Sequence", "processors": []any{post, map[string]any{
			"type":   "TemplateProcessing",
			"single": []any{map[string]any{"SpecialToken": map[string]any{"id": v.Tokens[v.BOS]}}, map[string]any{"Sequence": map[string]any{"id": "A"}}},
		}}}
	}
	f.tokenizer = map[string]any{
		"added_tokens": added, "normalizer": map[string]any{"type": "NFC"}, "post_processor": post,
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{
			map[string]any{"type": "Split", "pattern": map[string]any{"Regex": pattern}, "behavior": "Isolated", "invert": false},
			map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
		}},
		"model": map[string]any{"type": "BPE", "vocab": vocab, "merges": v.Merges, "ignore_merges": pre == "llama-bpe"},
	}
	f.settings = map[string]any{"chat_template": "{{ messages }}"}
	f.more = map[string]any{}
	if v.BOS >= 0 {
		f.settings["bos_token"] = v.Tokens[v.BOS]
	}
	if v.EOS >= 0 {
		f.settings["eos_token"] = map[string]any{"content": v.Tokens[v.EOS], "special": true}
	}
}

// write makes the folder.
func (f *fake) write(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]any{configFile: f.config, tokenizerFile: f.tokenizer, tokenizerConfigFile: f.settings}
	maps.Copy(files, f.more)
	names := slices.Sorted(maps.Keys(f.shapes))
	weights := map[string]string{}
	for i := range f.shards {
		part := names[i*len(names)/f.shards : (i+1)*len(names)/f.shards]
		name := weightsFile
		if f.shards > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, f.shards)
			files[indexFile] = map[string]any{"weight_map": weights}
		}
		for _, tensor := range part {
			weights[tensor] = name
		}
		writeFile(t, filepath.Join(dir, name), f.shard(part))
	}
	for name, content := range files {
		data, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), data)
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// shard is a safetensors file of the named tensors.
func (f *fake) shard(names []string) []byte {
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data []byte
	for _, name := range names {
		start := len(data)
		data = append(data, f.values(name)...)
		header[name] = map[string]any{"dtype": f.dtype, "shape": f.shapes[name], "data_offsets": []int{start, len(data)}}
	}
	text, _ := json.Marshal(header) // of strings and numbers alone
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), data...)
}

// values are random numbers that depend on the tensor's name alone, of a spread that keeps activations near one.
func (f *fake) values(name string) []byte {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	random := rand.New(rand.NewPCG(hash.Sum64(), 1))
	shape := f.shapes[name]
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
	dt := map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16}[f.dtype]
	out := make([]byte, n*dt.BlockBytes())
	if err := tensor.Quantize(out, dt, values); err != nil {
		panic(err) // finite values of float types
	}
	return out
}
