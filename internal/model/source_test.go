package model_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/llama"
	"github.com/wattlaw/wattlaw/internal/model/qwen2"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

func build(t *testing.T, ref string) *model.Source {
	t.Helper()
	s, format, err := shape.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(format, 1)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func set(src *model.Source, key string, v gguf.Value) {
	i := slices.IndexFunc(src.Meta, func(e model.Entry) bool { return e.Key == key })
	if i < 0 {
		src.Meta = append(src.Meta, model.Entry{Key: key, Value: v})
	} else {
		src.Meta[i].Value = v
	}
}

func remove(src *model.Source, tensor string) {
	src.Tensors = slices.DeleteFunc(src.Tensors, func(t model.Tensor) bool { return t.Name == tensor })
}

// TestDamagedModelsAreRefused damages a valid model in one place at a time; the error must
// name the place.
func TestDamagedModelsAreRefused(t *testing.T) {
	cases := []struct {
		name   string
		damage func(*model.Source)
		want   []string
	}{
		{"no layers", func(s *model.Source) { set(s, "llama.block_count", gguf.ValueOf(uint32(0))) }, []string{"llama.block_count", "0"}},
		{"too many layers", func(s *model.Source) { set(s, "llama.block_count", gguf.ValueOf(uint32(3))) }, []string{"blk.2.attn_norm.weight", "missing"}},
		{"absurd width", func(s *model.Source) { set(s, "llama.embedding_length", gguf.ValueOf(uint64(1)<<60)) }, []string{"llama.embedding_length"}},
		{"negative heads", func(s *model.Source) { set(s, "llama.attention.head_count", gguf.ValueOf(int32(-4))) }, []string{"llama.attention.head_count", "-4"}},
		{"text for a number", func(s *model.Source) { set(s, "llama.feed_forward_length", gguf.ValueOf("many")) }, []string{"llama.feed_forward_length", "many"}},
		{"heads do not divide", func(s *model.Source) { set(s, "llama.attention.head_count_kv", gguf.ValueOf(uint32(3))) }, []string{"no multiple"}},
		{"odd head", func(s *model.Source) { set(s, "llama.attention.key_length", gguf.ValueOf(uint32(63))) }, []string{"63"}},
		{"other values", func(s *model.Source) { set(s, "llama.attention.value_length", gguf.ValueOf(uint32(32))) }, []string{"value heads"}},
		{"yarn", func(s *model.Source) { set(s, "llama.rope.scaling.type", gguf.ValueOf("yarn")) }, []string{"yarn"}},
		{"no embedding", func(s *model.Source) { remove(s, "token_embd.weight") }, []string{"token_embd.weight"}},
		{"no norm", func(s *model.Source) { remove(s, "output_norm.weight") }, []string{"output_norm.weight", "[256]"}},
		{"no matrix", func(s *model.Source) { remove(s, "blk.1.ffn_up.weight") }, []string{"blk.1.ffn_up.weight", "[256 512]"}},
		{"turned matrix", func(s *model.Source) { s.Tensor("blk.0.ffn_up.weight").Shape = []int{512, 256} }, []string{"blk.0.ffn_up.weight", "[512 256]", "[256 512]"}},
		{"short data", func(s *model.Source) { t := s.Tensor("blk.0.attn_q.weight"); t.Data = t.Data[:len(t.Data)-1] }, []string{"blk.0.attn_q.weight", "bytes"}},
		{"whole numbers", func(s *model.Source) {
			t := s.Tensor("blk.0.attn_q.weight")
			t.DType, t.Data = tensor.I8, make([]byte, 256*256)
		}, []string{"blk.0.attn_q.weight", "no kernel"}},
		{"a bias that would be left out", func(s *model.Source) {
			s.Tensors = append(s.Tensors, model.Tensor{Name: "blk.0.attn_q.bias", DType: tensor.F32, Shape: []int{256}, Data: make([]byte, 1024)})
		}, []string{"blk.0.attn_q.bias"}},
		{"rope divisor of zero", func(s *model.Source) {
			s.Tensors = append(s.Tensors, model.Tensor{Name: "rope_freqs.weight", DType: tensor.F32, Shape: []int{32}, Data: make([]byte, 128)})
		}, []string{"rope_freqs.weight"}},
	}
	for _, c := range cases {
		src := build(t, "shape:tiny@q8_0")
		if _, err := llama.New(src); err != nil {
			t.Fatal(err)
		}
		src = build(t, "shape:tiny@q8_0")
		c.damage(src)
		_, err := llama.New(src)
		if err == nil {
			t.Errorf("%s: the model was accepted", c.name)
			continue
		}
		for _, want := range append(c.want, src.Name) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", c.name, err, want)
			}
		}
	}
}

func TestQwen2NeedsBiases(t *testing.T) {
	src := build(t, "shape:tiny-qwen2@q8_0")
	remove(src, "blk.0.attn_k.bias")
	if _, err := qwen2.New(src); err == nil || !strings.Contains(err.Error(), "blk.0.attn_k.bias") {
		t.Errorf("without a bias: %v", err)
	}
}

// TestLayersAccountForTheWeights compares what layers say of themselves with the tensors.
func TestLayersAccountForTheWeights(t *testing.T) {
	src := build(t, "shape:tiny@q4_k_m")
	g, err := llama.New(src)
	if err != nil {
		t.Fatal(err)
	}
	var bytes, mulAdds, wantBytes, wantMulAdds int64
	for _, l := range g.Layers() {
		bytes += l.Bytes()
		mulAdds += l.MulAdds()
	}
	for _, tensor := range src.Tensors {
		if len(tensor.Shape) == 2 && tensor.Name != "token_embd.weight" { // looked up, not multiplied
			wantBytes += tensor.Bytes()
			wantMulAdds += tensor.Values()
		}
	}
	if bytes != wantBytes || mulAdds != wantMulAdds {
		t.Errorf("layers hold %d bytes and %d multiply-adds, tensors %d and %d", bytes, mulAdds, wantBytes, wantMulAdds)
	}
}

// TestWrittenModelReadsBack writes a model made in memory and compares it with what is read.
func TestWrittenModelReadsBack(t *testing.T) {
	for _, ref := range []string{"shape:tiny@q4_0", "shape:tiny-qwen2@f16"} {
		src := build(t, ref)
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := src.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		f, err := gguf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		back, err := model.FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		back.Touch()
		if back.Quant != src.Quant || back.Bytes() != src.Bytes() || back.Parameters() != src.Parameters() {
			t.Errorf("%s: read %s, %d bytes, %d parameters; wrote %s, %d, %d", ref,
				back.Quant, back.Bytes(), back.Parameters(), src.Quant, src.Bytes(), src.Parameters())
		}
		for i, tensor := range src.Tensors {
			if got := back.Tensors[i]; got.Name != tensor.Name || got.DType != tensor.DType || !slices.Equal(got.Data, tensor.Data) {
				t.Errorf("%s: tensor %s differs", ref, tensor.Name)
			}
		}
		v, w := back.Vocab, src.Vocab
		if !slices.Equal(v.Tokens, w.Tokens) || !slices.Equal(v.Merges, w.Merges) || !slices.Equal(v.Types, w.Types) ||
			v.Pre != w.Pre || v.BOS != w.BOS || v.EOS != w.EOS || v.EOT != w.EOT {
			t.Errorf("%s: the vocabulary differs", ref)
		}
	}
}
