package inspect

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model/shape"
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
