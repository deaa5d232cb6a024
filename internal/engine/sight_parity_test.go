package engine

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// sightShapes are small models of every family that takes images. The picture makes more
// than one window, the last of them narrow, and several tiles.
func sightShapes() []shape.Shape {
	vision := model.VisionConfig{
		Projector: model.ProjectorQwen2VL, Width: 32, Layers: 2, Heads: 2, FFN: 64, Output: 32, Patch: 8, Merge: 2, ImageSize: 64,
		Eps: 1e-6, Activation: model.QuickGELU, Mean: [3]float32{0.48, 0.46, 0.41}, Std: [3]float32{0.27, 0.26, 0.28},
	}
	text := model.Config{Architecture: "qwen2vl", Context: 512, Width: 32, Layers: 2, FFN: 64, Heads: 2, KVHeads: 1, HeadDim: 16,
		RopeDims: 16, Vocab: 311, Eps: 1e-6, RopeBase: 1e4, RopeScale: 1, RopeSections: [3]int{2, 3, 3}}
	windows := vision
	windows.Projector, windows.Activation, windows.WindowPattern = model.ProjectorQwen25VL, model.SiLU, 2
	tiles := vision
	tiles.Projector, tiles.Activation, tiles.LongestEdge = model.ProjectorIdefics3, model.GELU, 204
	tiles.ImageSize = 68 // half a patch more than 8 of them, as SmolVLM 2.2B has tiles with a rest
	llama := text
	llama.Architecture, llama.RopeSections = "llama", [3]int{}
	llama.Vocab = 401 // holds a token of two line breaks, which stands before the overview
	return []shape.Shape{
		{Name: "qwen2vl", Config: text, Tied: true, Pre: "qwen2", Vision: &vision},
		{Name: "qwen25vl", Config: text, Pre: "qwen2", Vision: &windows},
		{Name: "smolvlm", Config: llama, Pre: "smollm", Vision: &tiles},
	}
}

// sightLimits are, per format, the largest root-mean-square difference of embeddings
// relative to their size, and of the divergence of logits. llama.cpp looks its GELUs up in
// tables of float16, whose rounding is 2⁻¹¹ = 5e-4; in Q8_0 an activation that rounds to the
// other side moves by an eighth bit.
var sightLimits = map[shape.Format]struct{ embeddings, divergence float64 }{
	shape.F32: {1e-3, 1e-6}, shape.F16: {1e-3, 1e-6}, shape.Q8_0: {0.02, 1e-4},
}

// Tokens before and after the image of the reference.
func sightTokens() (before, after []int32) { return []int32{3, 77, 200}, []int32{5, 9, 250, 12, 44} }

func sightPicture() imaging.RGB { return picture(150, 90) }

// TestImagesEqualLlamaCpp compares embeddings of an image, and logits before and behind it,
// with reference numbers of the same files.
func TestImagesEqualLlamaCpp(t *testing.T) {
	if *update {
		writeSightModels(t)
	}
	for _, s := range sightShapes() {
		for f, limit := range sightLimits {
			name := s.Name + "-" + f.String()
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				files := [2]string{filepath.Join(dir, "model.gguf"), filepath.Join(dir, "mmproj.gguf")}
				for i, part := range []string{".gguf.gz", ".mmproj.gguf.gz"} {
					if err := os.WriteFile(files[i], gunzip(t, name+part), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				for _, set := range kernel.Available() {
					e := load(t, files[0], Options{Projector: files[1], Kernel: set.Name(), Threads: 2})
					embeddings, _, err := e.EncodeImage(t.Context(), sightPicture())
					if err != nil {
						t.Fatal(err)
					}
					want := floats(t, gunzip(t, name+".embeddings.gz"))
					difference := rmsDifference(t, want, embeddings)
					rows := logitsAround(t, e)
					reference := split(t, floats(t, gunzip(t, name+".logits.gz")), e.Info().Vocabulary)
					kl := meanDivergence(reference, rows)
					t.Logf("%s: embeddings differ by %.2g, KL %.2g", set.Name(), difference, kl)
					if !(difference <= limit.embeddings) || !(kl <= limit.divergence) {
						t.Errorf("%s: embeddings differ by %.3g (limit %g), KL %.3g (limit %g)", set.Name(), difference, limit.embeddings, kl, limit.divergence)
					}
				}
			})
		}
	}
}

// logitsAround returns the logits after the last token before the image, after the image
// with its markers, and after each token behind it.
func logitsAround(t *testing.T, e *Engine) (rows [][]float32) {
	t.Helper()
	before, after := sightTokens()
	keep := func(logits []float32, err error) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, append([]float32(nil), logits...))
	}
	e.Reset()
	keep(e.Eval(t.Context(), before))
	parts, _, err := e.expand(t.Context(), Request{Tokens: []int32{ImageToken}, Images: []imaging.RGB{sightPicture()}})
	if err != nil {
		t.Fatal(err)
	}
	keep(e.prefill(t.Context(), parts))
	for i := range after {
		keep(e.Eval(t.Context(), after[i:i+1]))
	}
	return rows
}

func floats(t *testing.T, data []byte) []float32 {
	t.Helper()
	v := make([]float32, len(data)/4)
	if _, err := binary.Decode(data, binary.LittleEndian, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func split(t *testing.T, v []float32, n int) (rows [][]float32) {
	t.Helper()
	_, after := sightTokens()
	if len(v) != n*(2+len(after)) {
		t.Fatalf("%d reference logits of a vocabulary of %d", len(v), n)
	}
	for ; len(v) > 0; v = v[n:] {
		rows = append(rows, v[:n])
	}
	return rows
}

// writeSightModels writes the models and the picture; see the README of testdata.
func writeSightModels(t *testing.T) {
	for _, s := range sightShapes() {
		for f := range sightLimits {
			src, err := s.Build(f, 1)
			if err != nil {
				t.Fatal(err)
			}
			writePacked(t, src, s.Name+"-"+f.String()+".gguf.gz")
			writePacked(t, s.BuildVision(f, 1), s.Name+"-"+f.String()+".mmproj.gguf.gz")
		}
	}
	img := sightPicture()
	data := append(fmt.Appendf(nil, "P6\n%d %d\n255\n", img.Width, img.Height), img.Pix...)
	if err := os.WriteFile(filepath.Join("testdata", "picture.ppm"), data, 0o644); err != nil {
		t.Fatal(err)
	}
}
