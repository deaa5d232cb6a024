package bert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/bert"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

func build(t *testing.T) *model.Source {
	t.Helper()
	s, format, err := shape.Parse("shape:tiny-bert@f32")
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(format, 1)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func set(src *model.Source, key string, value gguf.Value) {
	i := slices.IndexFunc(src.Meta, func(e model.Entry) bool { return e.Key == key })
	if i < 0 {
		src.Meta = append(src.Meta, model.Entry{Key: key, Value: value})
	} else {
		src.Meta[i].Value = value
	}
}

func remove(src *model.Source, name string) {
	src.Tensors = slices.DeleteFunc(src.Tensors, func(t model.Tensor) bool { return t.Name == name })
}

// TestDamagedModelsAreRefused damages a valid model in one place at a time; the error must
// name the place.
func TestDamagedModelsAreRefused(t *testing.T) {
	count := func(key string, n uint32) func(*model.Source) {
		return func(s *model.Source) { set(s, key, gguf.ValueOf(n)) }
	}
	without := func(name string) func(*model.Source) { return func(s *model.Source) { remove(s, name) } }
	for _, c := range []struct {
		name   string
		damage func(*model.Source)
		want   []string
	}{
		{"other architecture", func(s *model.Source) { set(s, "general.architecture", gguf.ValueOf("llama")) }, []string{`"llama"`, `"bert"`}},
		{"no layers", count("bert.block_count", 0), []string{"bert.block_count", "0"}},
		{"more layers", count("bert.block_count", 3), []string{"blk.2.attn_q.weight", "missing"}},
		{"fewer layers", count("bert.block_count", 1), []string{"blk.1.attn_q.weight", "no place"}},
		{"no width", func(s *model.Source) { set(s, "bert.embedding_length", gguf.ValueOf("wide")) }, []string{"bert.embedding_length", "wide"}},
		{"heads", count("bert.attention.head_count", 5), []string{"64 features do not divide among 5 heads"}},
		{"grouped heads", count("bert.attention.head_count_kv", 2), []string{"4 query heads beside 2"}},
		{"rank", count("bert.pooling_type", 4), []string{"bert.pooling_type", "4", "1 (mean)"}},
		{"last", count("bert.pooling_type", 3), []string{"bert.pooling_type", "3"}},
		{"unknown pooling", count("bert.pooling_type", 9), []string{"bert.pooling_type", "9"}},
		{"causal", func(s *model.Source) { set(s, "bert.attention.causal", gguf.ValueOf(true)) }, []string{"bert.attention.causal"}},
		{"context", count("bert.context_length", 63), []string{"position_embd.weight", "[64 64]", "[64 63]"}},
		{"huge context", count("bert.context_length", 1<<26), []string{"position_embd.weight"}},
		{"no tokens", without("token_embd.weight"), []string{"token_embd.weight"}},
		{"no places", without("position_embd.weight"), []string{"position_embd.weight", "missing"}},
		{"no norm", without("token_embd_norm.bias"), []string{"token_embd_norm.bias", "missing"}},
		{"no bias", without("blk.1.attn_k.bias"), []string{"blk.1.attn_k.bias", "missing"}},
		{"no matrix", without("blk.0.ffn_down.weight"), []string{"blk.0.ffn_down.weight", "[96 64]"}},
		{"turned matrix", func(s *model.Source) { s.Tensor("blk.0.ffn_up.weight").Shape = []int{96, 64} }, []string{"blk.0.ffn_up.weight", "[96 64]", "[64 96]"}},
		{"flat types", func(s *model.Source) { s.Tensor("token_types.weight").Shape = []int{128} }, []string{"token_types.weight", "[128]"}},
		{"short data", func(s *model.Source) { x := s.Tensor("position_embd.weight"); x.Data = x.Data[:8] }, []string{"position_embd.weight", "bytes"}},
		{"a classifier", func(s *model.Source) {
			s.Tensors = append(s.Tensors, model.Tensor{Name: "cls.weight", DType: tensor.F32, Shape: []int{1}, Data: make([]byte, 4)})
		}, []string{"cls.weight"}},
	} {
		src := build(t)
		c.damage(src)
		_, err := bert.New(src)
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

// TestWhatFilesMayLeaveOut loads models without a table of token types, and without a pooling.
func TestWhatFilesMayLeaveOut(t *testing.T) {
	src := build(t)
	remove(src, "token_types.weight")
	set(src, "bert.pooling_type", gguf.ValueOf(uint32(0)))
	e, err := bert.New(src)
	if err != nil {
		t.Fatal(err)
	}
	if c := e.Config(); c.Pooling != model.PoolMean || c.Types != 0 {
		t.Errorf("pooling %v, %d types", c.Pooling, c.Types)
	}
}

func TestBatchesThatCannotBeEncoded(t *testing.T) {
	e, err := bert.New(build(t))
	if err != nil {
		t.Fatal(err)
	}
	st := e.NewState(1)
	for _, c := range []struct {
		texts [][]int32
		want  string
	}{
		{[][]int32{{1}, {}}, "text 1 has 0 tokens"},
		{[][]int32{make([]int32, 65)}, "text 0 has 65 tokens, want 1 to 64"},
		{[][]int32{{0, 515}}, "token 515 at position 1 of text 0"},
		{[][]int32{{-1}}, "token -1"},
	} {
		if err := e.Begin(st, c.texts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
	}
	if e.Bytes(100) <= 0 || len(e.Layers()) != 12 {
		t.Errorf("%d bytes, %d layers", e.Bytes(100), len(e.Layers()))
	}
}
