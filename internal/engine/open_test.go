package engine

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model/huggingface"
	"github.com/wattlaw/wattlaw/internal/model/huggingface/huggingfacetest"
)

// TestFolders holds folders of safetensors against the GGUF files that are written of them: the same
// logits, and the same embeddings of an image by the encoder that belongs to the folder.
func TestFolders(t *testing.T) {
	img := picture(40, 24)
	for _, name := range huggingfacetest.Names() {
		t.Run(name, func(t *testing.T) {
			dir, path := t.TempDir(), filepath.Join(t.TempDir(), "model.gguf")
			huggingfacetest.New(t, name).Write(t, dir)
			f, err := huggingface.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.WriteLanguage(path); err != nil {
				t.Fatal(err)
			}
			opt := Options{Threads: 1}
			if f.Sees() {
				opt.Projector = filepath.Join(t.TempDir(), "mmproj.gguf")
				if err := f.WriteEncoder(opt.Projector); err != nil {
					t.Fatal(err)
				}
			}
			logits, images := answers(t, dir, Options{Threads: 1}, img)
			wantLogits, wantImages := answers(t, path, opt, img)
			if !slices.Equal(logits, wantLogits) {
				t.Error("the folder's logits are not the file's")
			}
			if !slices.Equal(images, wantImages) || f.Sees() != (images != nil) {
				t.Error("the folder's embeddings of an image are not the file's")
			}
			if _, err := LoadTokenizer(dir); err != nil {
				t.Error(err)
			}
		})
	}
}

// answers returns logits, and the embeddings of an image where the model takes them.
func answers(t *testing.T, ref string, opt Options, img imaging.RGB) (logits, image []float32) {
	t.Helper()
	e := load(t, ref, opt)
	logits, err := e.Eval(t.Context(), []int32{5, 77, 300, 41})
	if err != nil {
		t.Fatal(err)
	}
	if e.Vision() != nil {
		if image, _, err = e.EncodeImage(t.Context(), img); err != nil {
			t.Fatal(err)
		}
	}
	return logits, image
}

// TestFolderWithoutEncoder asks a folder of text for what it does not have.
func TestFolderWithoutEncoder(t *testing.T) {
	dir := t.TempDir()
	huggingfacetest.New(t, "qwen2").Write(t, dir)
	if e, err := Load(dir, Options{Threads: 1, Projector: dir}); err == nil || !strings.Contains(err.Error(), "has no encoder of images") {
		t.Errorf("%v, error %v", e, err)
	}
}
