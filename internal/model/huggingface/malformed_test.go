package huggingface

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model/huggingface/huggingfacetest"
)

// read opens the folder and reads both models.
func read(dir string) error {
	f, err := Open(dir)
	if err != nil {
		return err
	}
	defer f.Close() // read-only: nothing is lost
	if _, err := f.Language(); err != nil {
		return err
	}
	_, err = f.Encoder()
	return err
}

// TestRefused breaks one thing at a time; the error must name it.
func TestRefused(t *testing.T) {
	const layer = "model.layers.1.mlp.up_proj.weight"
	for name, c := range map[string]struct {
		folder string
		change func(f *huggingfacetest.Folder)
		after  func(t *testing.T, dir string)
		want   []string
	}{
		"architecture": {change: func(f *huggingfacetest.Folder) { f.Config["architectures"] = []string{"MambaForCausalLM"} },
			want: []string{configFile, "MambaForCausalLM", "Qwen2ForCausalLM"}},
		"no architecture": {change: func(f *huggingfacetest.Folder) { delete(f.Config, "architectures") }, want: []string{configFile, "[]"}},
		"missing tensor":  {change: func(f *huggingfacetest.Folder) { delete(f.Shapes, layer) }, want: []string{layer, "missing", "[96 64]"}},
		"wrong shape":     {change: func(f *huggingfacetest.Folder) { f.Shapes[layer] = []int{64, 96} }, want: []string{"model-0000", layer, "[64 96]", "[96 64]"}},
		"wrong type":      {folder: "qwen2vl", after: replace(weightsFile, `"F32"`, `"I32"`), want: []string{weightsFile, "lm_head.weight", "I32"}},
		"unknown tensor": {change: func(f *huggingfacetest.Folder) { f.Shapes["model.layers.0.self_attn.q_norm.weight"] = []int{16} },
			want: []string{"model.layers.0.self_attn.q_norm.weight", "no place in LlamaForCausalLM"}},
		"more layers":   {change: func(f *huggingfacetest.Folder) { f.Config["num_hidden_layers"] = 3 }, want: []string{"model.layers.2.input_layernorm.weight", "missing"}},
		"a large count": {change: func(f *huggingfacetest.Folder) { f.Config["num_hidden_layers"] = int64(1)<<32 + 2 }, want: []string{configFile, "num_hidden_layers"}},
		"no heads":      {change: func(f *huggingfacetest.Folder) { f.Config["num_attention_heads"] = 0 }, want: []string{"attention.head_count"}},
		"negative":      {change: func(f *huggingfacetest.Folder) { f.Config["head_dim"] = -16 }, want: []string{"attention.key_length"}},
		"vocabulary":    {change: func(f *huggingfacetest.Folder) { f.Config["vocab_size"] = 1 << 30 }, want: []string{"model.embed_tokens.weight", "[520 64]", "[1073741824 64]"}},
		"quantized": {change: func(f *huggingfacetest.Folder) {
			f.Config["quantization_config"] = map[string]any{"quant_method": "gptq"}
		},
			want: []string{"quantized"}},
		"yarn": {change: func(f *huggingfacetest.Folder) {
			f.Config["rope_scaling"] = map[string]any{"type": "yarn", "factor": 4}
		}, want: []string{`rope scaling "yarn"`}},
		"no factor": {change: func(f *huggingfacetest.Folder) {
			f.Config["rope_scaling"] = map[string]any{"rope_type": "llama3", "factor": 8}
		},
			want: []string{"of rope scaling", "want a positive number"}},
		"activation": {change: func(f *huggingfacetest.Folder) { f.Config["hidden_act"] = "gelu" }, want: []string{`hidden_act "gelu"`}},
		"missing shard": {after: remove("model-00002-of-00003.safetensors"),
			want: []string{"model-00002-of-00003.safetensors", indexFile}},
		"no weights":     {folder: "qwen2", after: remove(weightsFile), want: []string{"neither", weightsFile, indexFile}},
		"no config":      {after: remove(configFile), want: []string{configFile}},
		"no tokenizer":   {after: remove(tokenizerFile), want: []string{tokenizerFile}},
		"index outside":  {after: replace(indexFile, `"model-00002-of`, `"../model-00002-of`), want: []string{indexFile, `"../model-00002-of`, "no file of this folder"}},
		"index absolute": {after: replace(indexFile, `"model-00002-of`, `"/etc/model-00002-of`), want: []string{indexFile, "no file of this folder"}},
		"index without":  {after: replace(indexFile, `"weight_map"`, `"weights"`), want: []string{indexFile, "weight_map"}},
		"index astray":   {after: replace(indexFile, `"lm_head.weight"`, `"lm_head.other"`), want: []string{"lm_head.weight", "lies here"}},
		"index promises": {after: replace(indexFile, `{"weight_map":{`, `{"weight_map":{"extra":"model-00001-of-00003.safetensors",`),
			want: []string{"model-00001-of-00003.safetensors", `"extra"`, "missing"}},
		"truncated":       {after: truncate("model-00003-of-00003.safetensors"), want: []string{"model-00003-of-00003.safetensors", "truncated"}},
		"no JSON":         {after: truncate(configFile), want: []string{configFile, "JSON"}},
		"torn tokenizer":  {after: truncate(tokenizerFile), want: []string{tokenizerFile, "JSON"}},
		"pre-tokenizer":   {after: replace(tokenizerFile, `{1,3}`, `{1,4}`), want: []string{tokenizerFile, "pre-tokenizer is none of llama-bpe", "{1,4}"}},
		"normalizer":      {after: replace(tokenizerFile, `"NFC"`, `"Lowercase"`), want: []string{tokenizerFile, `normalizer "Lowercase"`}},
		"unigram":         {after: replace(tokenizerFile, `"BPE"`, `"Unigram"`), want: []string{`"Unigram"`}},
		"sentencepiece":   {after: replace(tokenizerFile, `"ignore_merges"`, `"byte_fallback":true,"ignore_merges"`), want: []string{"SentencePiece"}},
		"token outside":   {after: replace(tokenizerFile, `"id":514`, `"id":520`), want: []string{`"<tool>"`, "520"}},
		"tokens collide":  {after: replace(tokenizerFile, `"id":514`, `"id":3`), want: []string{`"<tool>"`, "same id 3"}},
		"special outside": {change: func(f *huggingfacetest.Folder) { f.Config["pad_token_id"] = 600 }, want: []string{"special token 600"}},
		"no vision":       {folder: "qwen2vl", change: func(f *huggingfacetest.Folder) { delete(f.Config, "vision_config") }, want: []string{"vision_config is missing"}},
		"no preprocessor": {folder: "qwen2vl", after: remove(preprocessorFile), want: []string{preprocessorFile}},
		"colours":         {folder: "qwen2vl", after: replace(preprocessorFile, `[0.48145466,`, `[`), want: []string{preprocessorFile, "image_mean"}},
		"fused": {folder: "qwen2vl", change: func(f *huggingfacetest.Folder) { f.Shapes["visual.blocks.0.attn.qkv.weight"] = []int{128, 64} },
			want: []string{"visual.blocks.0.attn.qkv.weight", "[128 64]", "[192 64]"}},
		"frames": {folder: "qwen2vl", change: func(f *huggingfacetest.Folder) { f.Shapes["visual.patch_embed.proj.weight"] = []int{64, 3, 1, 8, 8} },
			want: []string{"visual.patch_embed.proj.weight", "[64 3 1 8 8]"}},
		"unknown of the encoder": {folder: "qwen2vl", change: func(f *huggingfacetest.Folder) { f.Shapes["visual.extra.weight"] = []int{2} },
			want: []string{"visual.extra.weight", "no place"}},
		"width of the encoder": {folder: "qwen2vl", change: func(f *huggingfacetest.Folder) { f.Config["vision_config"].(map[string]any)["hidden_size"] = 32 },
			want: []string{"32 features", "64"}},
		"windows": {folder: "qwen2.5vl", change: func(f *huggingfacetest.Folder) {
			f.Config["vision_config"].(map[string]any)["fullatt_block_indexes"] = []int{1, 2}
		},
			want: []string{"[1 2]", "every n-th"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := c.folder
			if folder == "" {
				folder = "llama"
			}
			f := huggingfacetest.New(t, folder)
			if c.change != nil {
				c.change(f)
			}
			dir := t.TempDir()
			f.Write(t, dir)
			if c.after != nil {
				c.after(t, dir)
			}
			err := read(dir)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func replace(name, old, with string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(data), old) {
			t.Fatalf("%s: %q is not there: %v", name, old, err)
		}
		huggingfacetest.WriteFile(t, filepath.Join(dir, name), []byte(strings.Replace(string(data), old, with, 1)))
	}
}

func truncate(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err == nil {
			err = os.Truncate(path, info.Size()-5)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestLayouts reads the same model under the names of newer versions and from a folder with pairs for merges.
func TestLayouts(t *testing.T) {
	f := huggingfacetest.New(t, "qwen2vl")
	old, renamed := t.TempDir(), t.TempDir()
	f.Write(t, old)
	want, wantEncoder := both(t, old)
	f.Config["text_config"] = map[string]any{"hidden_size": huggingfacetest.Width, "num_hidden_layers": huggingfacetest.Layers}
	delete(f.Config, "hidden_size")
	var pairs [][]string
	for _, m := range f.Tokenizer["model"].(map[string]any)["merges"].([]string) {
		left, right, _ := strings.Cut(m, " ")
		pairs = append(pairs, []string{left, right})
	}
	f.Tokenizer["model"].(map[string]any)["merges"] = pairs
	f.Write(t, renamed)
	for _, r := range [][2]string{{`"visual.`, `"model.visual.`}, {`"model.layers`, `"model.language_model.layers`}, {`"model.norm`, `"model.language_model.norm`}, {`"model.embed`, `"model.language_model.embed`}} {
		rename(t, filepath.Join(renamed, weightsFile), r[0], r[1])
	}
	got, gotEncoder := both(t, renamed)
	if !slices.Equal(got.Vocab.Merges, want.Vocab.Merges) {
		t.Error("merges differ")
	}
	for i := range want.Tensors {
		if string(got.Tensors[i].Data) != string(want.Tensors[i].Data) {
			t.Errorf("%s differs", want.Tensors[i].Name)
		}
	}
	for i := range wantEncoder.Tensors {
		if string(gotEncoder.Tensors[i].Data) != string(wantEncoder.Tensors[i].Data) {
			t.Errorf("%s differs", wantEncoder.Tensors[i].Name)
		}
	}
}

// rename replaces in the header of a safetensors file.
func rename(t *testing.T, path, old, with string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := int(data[0]) | int(data[1])<<8
	header := strings.ReplaceAll(string(data[8:8+n]), old, with)
	data = append([]byte{byte(len(header)), byte(len(header) >> 8), 0, 0, 0, 0, 0, 0}, append([]byte(header), data[8+n:]...)...)
	huggingfacetest.WriteFile(t, path, data)
}

// TestWrite holds the written files against the models in memory, and leaves nothing behind where writing fails.
func TestWrite(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	huggingfacetest.New(t, "qwen2vl").Write(t, dir)
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	language, encoder := both(t, dir)
	path, mmproj := filepath.Join(out, "a.gguf"), filepath.Join(out, "b.gguf")
	if err := f.WriteLanguage(path); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteEncoder(mmproj); err != nil {
		t.Fatal(err)
	}
	for path, src := range map[string]interface{ Bytes() int64 }{path: language, mmproj: encoder} {
		file, err := gguf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, tensor := range file.Tensors() {
			sum += tensor.Size
		}
		if sum != src.Bytes() {
			t.Errorf("%s has %d bytes of tensors, want %d", path, sum, src.Bytes())
		}
		file.Close()
	}
	if err := f.WriteLanguage(filepath.Join(out, "no folder", "c.gguf")); err == nil {
		t.Error("no error of a folder that is not there")
	}
	if entries, _ := os.ReadDir(out); len(entries) != 2 {
		t.Errorf("%d files, want 2", len(entries))
	}
}
