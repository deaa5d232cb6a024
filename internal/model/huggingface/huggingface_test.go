package huggingface

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/huggingface/huggingfacetest"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

var keep = flag.String("keep", "", "write the folders of TestConverter here, to make testdata/converter.json anew with llama.cpp's converter")

// hashed is a tensor as llama.cpp's converter wrote it.
type hashed struct {
	Type   string
	Shape  []int
	SHA256 string
}

// TestConverter holds every tensor, bit for bit, against what llama.cpp's convert_hf_to_gguf.py makes of the same folders
// (testdata/README.md).
func TestConverter(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "converter.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string]hashed
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range huggingfacetest.Names() {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name)
			if *keep != "" {
				dir = filepath.Join(*keep, name)
			}
			huggingfacetest.New(t, name).Write(t, dir)
			language, encoder := both(t, dir)
			compare(t, language, want[name])
			if encoder != nil {
				compare(t, encoder, want[name+" mmproj"])
			}
		})
	}
}

// TestRopeFactors holds the divisors against those that llama.cpp's converter computes, in float32.
func TestRopeFactors(t *testing.T) {
	f := huggingfacetest.New(t, "llama")
	dir := t.TempDir()
	f.Write(t, dir)
	language, _ := both(t, dir)
	got, err := language.Vector("rope_freqs.weight", huggingfacetest.Head/2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 1.1657159328460693, 5.3580827713012695, 8, 8, 8, 8, 8} {
		if math.Abs(float64(got[i])/want-1) > 1e-6 {
			t.Errorf("divisor %d is %v, want %v", i, got[i], want)
		}
	}
}

// both reads the models of a folder, which stays open for the test.
func both(t *testing.T, dir string) (language, encoder *model.Source) {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if language, err = f.Language(); err != nil {
		t.Fatal(err)
	}
	if encoder, err = f.Encoder(); err != nil {
		t.Fatal(err)
	}
	return language, encoder
}

func compare(t *testing.T, src *model.Source, want map[string]hashed) {
	t.Helper()
	if len(src.Tensors) != len(want) || len(want) == 0 {
		t.Errorf("%d tensors, want %d", len(src.Tensors), len(want))
	}
	for _, got := range src.Tensors {
		w := want[got.Name]
		if got.Name == "rope_freqs.weight" {
			continue // rounded step by step there: see TestRopeFactors
		}
		if h := fmt.Sprintf("%x", sha256.Sum256(got.Data)); h != w.SHA256 || got.DType.String() != w.Type || fmt.Sprint(got.Shape) != fmt.Sprint(w.Shape) {
			t.Errorf("%s: %v %v %.8s, want %v %v %.8s", got.Name, got.DType, got.Shape, h, w.Type, w.Shape, w.SHA256)
		}
	}
}

// TestVocabulary holds what is read against the vocabulary that the files were made from.
func TestVocabulary(t *testing.T) {
	for name, pre := range map[string]string{"llama": "llama-bpe", "qwen2": "qwen2"} {
		t.Run(name, func(t *testing.T) {
			f := huggingfacetest.New(t, name)
			f.Config["eos_token_id"], f.More[generationFile] = []int{7, 9}, map[string]any{"eos_token_id": 7, "pad_token_id": 3}
			dir := t.TempDir()
			f.Write(t, dir)
			language, _ := both(t, dir)
			want, err := tokenizer.Synthetic(pre, huggingfacetest.Vocab-1, 1, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
			if err != nil {
				t.Fatal(err)
			}
			got := language.Vocab
			for i, text := range want.Tokens {
				if got.Tokens[i] != text || got.Types[i] != want.Types[i] {
					t.Errorf("token %d is %q of type %d, want %q of type %d", i, got.Tokens[i], got.Types[i], text, want.Types[i])
				}
			}
			if got.Tokens[huggingfacetest.Vocab-1] != "<tool>" || got.Types[huggingfacetest.Vocab-1] != int32(tokenizer.UserDefined) {
				t.Errorf("added token: %q of type %d", got.Tokens[huggingfacetest.Vocab-1], got.Types[huggingfacetest.Vocab-1])
			}
			if last := huggingfacetest.Rows - 1; got.Tokens[last] != fmt.Sprintf("[PAD%d]", last) || got.Types[last] != int32(tokenizer.Unused) {
				t.Errorf("spare row: %q of type %d", got.Tokens[last], got.Types[last])
			}
			if got.Pre != pre || got.BOS != want.BOS || got.EOS != want.EOS || got.EOT != 7 || got.PAD != 3 || *got.AddBOS != (name == "llama") {
				t.Errorf("pre %q, BOS %d of %d, EOS %d of %d, EOT %d, PAD %d, add BOS %v", got.Pre, got.BOS, want.BOS, got.EOS, want.EOS, got.EOT, got.PAD, *got.AddBOS)
			}
			if text := language.Text("tokenizer.chat_template"); text != "{{ messages }}" {
				t.Errorf("chat template %q", text)
			}
			if fmt.Sprint(got.Merges) != fmt.Sprint(want.Merges) {
				t.Error("merges differ")
			}
			if _, err := tokenizer.New(got); err != nil {
				t.Error(err)
			}
		})
	}
}
