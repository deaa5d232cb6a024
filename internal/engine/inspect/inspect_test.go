package inspect

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

func TestWriteDescribesAFile(t *testing.T) {
	s, format, err := shape.Parse("shape:tiny@q4_k_m")
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(format, 1)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := src.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Write(&out, path); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ") // columns have any width
	for _, want := range []string{
		"GGUF version 3", `general.architecture string "llama"`, "llama.block_count uint32 2",
		"tokenizer.ggml.tokens array of 512 string", "512 in all",
		"blk.0.attn_q.weight Q4_K 256 × 256 36.0 KiB", "output_norm.weight F32 256 1.00 KiB", "F32 5 1280 5.00 KiB",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

// described returns what Write says, columns of any width.
func described(t *testing.T, ref string) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, ref); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func TestWriteTellsWhatHappensToImages(t *testing.T) {
	s, format, err := shape.Parse("shape:tiny-qwen2vl@q8_0")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mmproj.gguf")
	if err := s.BuildVision(format, 1).WriteFile(path); err != nil {
		t.Fatal(err)
	}
	text := described(t, path)
	for _, want := range []string{
		"What happens to an image: patch 8 pixels, 2×2 patches become one token of 16×16 pixels",
		"at most 4096 image tokens", "predicted knee at", "448x448 448x448 200704 3136 784", `clip.projector_type string "qwen2vl_merger"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Index(text, "predicted knee") > strings.Index(text, "KEY TYPE VALUE") {
		t.Error("the contract comes behind the tables")
	}
}

func TestWriteDescribesShapesWithoutBuildingThem(t *testing.T) {
	text := described(t, "shape:qwen2-vl-2b@q4_0")
	for _, want := range []string{
		"shape:qwen2-vl-2b@q4_0: shape with random weights", `general.architecture string "qwen2vl"`, "blk.27.attn_q.weight Q4_0",
		"encoder of images", "patch 14 pixels", "predicted knee at 3.21 million pixels for a square image", "v.blk.31.attn_q.weight Q8_0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in what is said of a shape", want)
		}
	}
	if tiles := described(t, "shape:smolvlm-256m@q8_0"); !strings.Contains(tiles, "no knee") {
		t.Error("the tiles of SmolVLM have a knee")
	}
	if plain := described(t, "shape:tiny@q8_0"); strings.Contains(plain, "image") {
		t.Error("a model of text has something to do with images")
	}
	if err := Write(&bytes.Buffer{}, "shape:none@q8_0"); err == nil {
		t.Error("a shape that does not exist was described")
	}
}

// An encoder that cannot be run is described all the same.
func TestWriteDescribesEncodersThatAreNotSupported(t *testing.T) {
	w := gguf.NewWriter()
	for key, value := range map[string]string{"general.architecture": "clip", "clip.projector_type": "resampler"} {
		if err := w.Set(key, gguf.ValueOf(value)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "mmproj.gguf")
	if err := w.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if text := described(t, path); !strings.Contains(text, `is unknown: `+path+`: projector "resampler"`) || !strings.Contains(text, "KEY TYPE VALUE") {
		t.Errorf("described as %s", text)
	}
}

func TestWriteNamesTheFileThatItCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.gguf")
	if err := os.WriteFile(path, []byte("GGUF"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + ".missing"} {
		if err := Write(&bytes.Buffer{}, p); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// TestWriteListsFactors: pairs, a shared factor, chains, and factors that do not fit.
func TestWriteListsFactors(t *testing.T) {
	s, format, err := shape.Parse("shape:tiny@f32")
	if err != nil {
		t.Fatal(err)
	}
	dense, err := s.Build(format, 1)
	if err != nil {
		t.Fatal(err)
	}
	zeros := func(name string, shape ...int) model.Tensor {
		tensor := model.Tensor{Name: name, DType: tensor.F32, Shape: shape}
		tensor.Data = make([]byte, tensor.Bytes())
		return tensor
	}
	src, err := dense.Replace([]model.Replacement{
		{Layers: []string{"blk.0.ffn_down"}, Tensors: []model.Tensor{zeros("blk.0.ffn_down.lr_a", 512, 32), zeros("blk.0.ffn_down.lr_b", 32, 256)}},
		{Layers: []string{"blk.1.ffn_gate", "blk.1.ffn_up"}, Tensors: []model.Tensor{zeros("blk.1.ffn_gate_up.lr_a", 256, 64),
			zeros("blk.1.ffn_gate.lr_b", 64, 512), zeros("blk.1.ffn_up.lr_b", 64, 512)}},
		{Layers: []string{"blk.0.attn_q"}, Tensors: []model.Tensor{zeros("blk.0.attn_q.mpo.0", 16*8, 16), zeros("blk.0.attn_q.mpo.1", 16, 16, 8)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lr.gguf")
	if err := src.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	text := described(t, path)
	for _, want := range []string{`"llama-lr"`, "wattlaw.compress.layers array of 4 string", "wattlaw.compress.ranks",
		"blk.0.ffn_down pair 32 256 × 512 24576 18.8 %", "blk.1.ffn_gate pair 64 512 × 256 49152 37.5 %",
		"blk.1.ffn_up pair 64 512 × 256 32768 25.0 %", "blk.0.attn_q 2 sites 8 256 × 256 4096 6.2 %"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	src.Tensor("blk.1.ffn_up.lr_b").Shape = []int{32, 1024}
	if err := src.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if text = described(t, path); !strings.Contains(text, "do not fit together") || !strings.Contains(text, "blk.1.ffn_up.lr_b") {
		t.Errorf("nothing is said of a wrong rank in\n%s", text)
	}
}
