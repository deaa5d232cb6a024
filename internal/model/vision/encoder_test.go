package vision

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// source builds the encoder file of a tiny shape, its hyperparameters changed first.
func source(t *testing.T, name string, change func(*model.VisionConfig)) *model.Source {
	t.Helper()
	s, format, err := shape.Parse(shape.Prefix + name + "@f32")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(s.Vision)
	}
	return s.BuildVision(format, 1)
}

// set replaces or adds a metadatum.
func set(key string, value gguf.Value) func(*model.Source) {
	return func(s *model.Source) {
		drop(key)(s)
		s.Meta = append(s.Meta, model.Entry{Key: key, Value: value})
	}
}

func count(key string, n uint32) func(*model.Source) {
	return set("clip.vision."+key, gguf.ValueOf(n))
}

func drop(key string) func(*model.Source) {
	return func(s *model.Source) {
		s.Meta = slices.DeleteFunc(s.Meta, func(e model.Entry) bool { return e.Key == key })
	}
}

// reshape gives a tensor another shape and leaves its data.
func reshape(name string, shape ...int) func(*model.Source) {
	return func(s *model.Source) { s.Tensor(name).Shape = shape }
}

func rename(from, to string) func(*model.Source) {
	return func(s *model.Source) { s.Tensor(from).Name = to }
}

// TestNewRefuses: a file with one thing wrong is refused in words that name it.
func TestNewRefuses(t *testing.T) {
	const qwen, windows, tiles = "tiny-qwen2vl", "tiny-qwen25vl", "tiny-smolvlm"
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	three := func(key string, v ...float32) func(*model.Source) { return set("clip.vision."+key, gguf.ArrayOf(v)) }
	cases := []struct {
		shape string
		spoil func(*model.Source)
		want  string
	}{
		{qwen, set("general.architecture", gguf.ValueOf("llama")), `architecture "llama"`},
		{qwen, set("clip.projector_type", gguf.ValueOf("mlp")), `projector "mlp"`},
		{qwen, drop("clip.projector_type"), `projector ""`},
		{qwen, set("clip.projector_type", gguf.ValueOf(uint32(3))), `projector ""`},
		{qwen, drop("clip.vision.embedding_length"), "embedding_length"},
		{qwen, count("embedding_length", 0), "embedding_length"},
		{qwen, count("embedding_length", math.MaxUint32), "embedding_length"},
		{qwen, count("embedding_length", 72), "ffn_up"},
		{qwen, set("clip.vision.embedding_length", gguf.ValueOf(int32(-64))), "embedding_length"},
		{qwen, set("clip.vision.embedding_length", gguf.ValueOf("64")), "embedding_length"},
		{qwen, count("block_count", 0), "block_count"},
		{qwen, count("block_count", math.MaxUint32), "block_count"},
		{qwen, count("block_count", 4), "v.blk.3."},
		{qwen, count("block_count", 2), "v.blk.2."},
		{qwen, count("attention.head_count", 0), "head_count"},
		{qwen, count("attention.head_count", 3), "3 heads"},
		{qwen, count("attention.head_count", 32), "heads of 2 features"},
		{tiles, count("attention.head_count", 65), "65 heads"},
		{qwen, count("projection_dim", 0), "projection_dim"},
		{qwen, count("projection_dim", 63), "mm.2.weight"},
		{qwen, count("patch_size", 0), "patch_size"},
		{qwen, count("patch_size", 257), "patch_size"},
		{qwen, count("patch_size", 16), "v.patch_embd.weight"},
		{qwen, count("image_size", 0), "image_size"},
		{qwen, count("spatial_merge_size", 3), "3 × 3 patches"},
		{qwen, set("clip.vision.attention.layer_norm_epsilon", gguf.ValueOf(nan)), "layer_norm_epsilon"},
		{qwen, set("clip.vision.attention.layer_norm_epsilon", gguf.ValueOf(float32(-1))), "layer_norm_epsilon"},
		{qwen, drop("clip.vision.image_mean"), "image_mean"},
		{qwen, three("image_mean", 0.5, 0.5), "image_mean"},
		{qwen, three("image_mean", 0.5, 0.5, 0.5, 0.5), "image_mean"},
		{qwen, three("image_mean", 0.5, inf, 0.5), "channel 1"},
		{qwen, set("clip.vision.image_mean", gguf.ValueOf(float32(0.5))), "image_mean"},
		{qwen, set("clip.vision.image_std", gguf.ArrayOf([]string{"a", "b", "c"})), "image_std"},
		{qwen, three("image_std", 0.5, 0.5, nan), "channel 2"},
		{qwen, three("image_std", 0, 0.5, 0.5), "channel 0"},
		{qwen, set("clip.use_gelu", gguf.ValueOf("yes")), "clip.use_gelu"},
		{qwen, set("clip.use_silu", gguf.ValueOf(true)), "ffn_gate"},
		{windows, set("clip.use_gelu", gguf.ValueOf(true)), "clip.use_silu"},
		{windows, drop("clip.use_silu"), "ffn_gate"},
		{windows, drop("clip.vision.n_wa_pattern"), "n_wa_pattern"},
		{windows, count("n_wa_pattern", 0), "n_wa_pattern"},
		{windows, count("patch_size", 64), "windows of 112 pixels"},
		{tiles, drop("clip.vision.projector.scale_factor"), "scale_factor"},
		{tiles, count("projector.scale_factor", 0), "scale_factor"},
		{tiles, count("projector.scale_factor", 17), "17 patches per side"},
		{tiles, count("projector.scale_factor", 3), "do not merge by 3"},
		{tiles, count("image_size", 7), "tile of 7 pixels"},
		{tiles, count("image_size", 1<<20), "tile of 1048576 pixels"},
		{tiles, count("image_size", 80), "v.position_embd.weight"},
		{tiles, count("preproc_image_size", 0), "preproc_image_size"},
		{tiles, count("preproc_image_size", 1<<17), "longest edge"},
		{qwen, rename("v.patch_embd.weight.1", "v.patch_embd.weight.2"), "v.patch_embd.weight.1"},
		{qwen, rename("v.blk.0.ffn_up.weight", "other"), "v.blk.0.ffn_up.weight"},
		{qwen, rename("v.post_ln.bias", "v.extra"), "v.extra"},
		{qwen, reshape("v.blk.0.ffn_up.weight", 64*96), "v.blk.0.ffn_up.weight"},
		{qwen, reshape("v.blk.0.ffn_up.weight", 64, 1<<40), "v.blk.0.ffn_up.weight"},
		{qwen, reshape("v.blk.1.ffn_up.weight", 64*96), "v.blk.1.ffn_up.weight"},
		{qwen, reshape("v.blk.1.attn_q.weight"), "v.blk.1.attn_q.weight"},
		{qwen, reshape("v.patch_embd.weight", 8*8*3, 64), "v.patch_embd.weight"},
		{qwen, func(s *model.Source) { s.Tensor("v.blk.2.attn_q.bias").Data = nil }, "v.blk.2.attn_q.bias"},
		{tiles, reshape("v.position_embd.weight", 64, 65), "v.position_embd.weight"},
	}
	for _, c := range cases {
		s := source(t, c.shape, nil)
		c.spoil(s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), s.Name) {
			t.Errorf("%s that should be refused for %q: %v", c.shape, c.want, err)
		}
	}
}

// encode runs an image through all steps on kernels by name.
func encode(t *testing.T, src *model.Source, kernels *kernel.Set, workers int, img imaging.RGB) []float32 {
	t.Helper()
	e, err := New(src)
	if err != nil {
		t.Fatal(err)
	}
	views, layout, err := e.Config().Contract().Apply(img)
	if err != nil {
		t.Fatal(err)
	}
	team := model.NewTeam(workers, kernels)
	defer team.Close()
	st := e.NewState(workers)
	var all []float32
	for _, view := range views {
		if err := e.Begin(st, view); err != nil {
			t.Fatal(err)
		}
		for i := range e.Steps() {
			team.Run(func(w *model.Worker) { e.Step(w, st, i) })
		}
		all = append(all, st.Embeddings...)
	}
	if want := layout.Tokens * e.Config().Output; len(all) != want {
		t.Fatalf("%d values for %d tokens, want %d", len(all), layout.Tokens, want)
	}
	return all
}

// TestOddGeometries: sizes that no kernel likes, and tiles that are no multiple of their
// patches, as SmolVLM 2.2B has them, give what the portable kernels give.
func TestOddGeometries(t *testing.T) {
	portable, err := kernel.ByName("ref")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		shape  string
		change func(*model.VisionConfig)
	}{
		"tiles with a rest":       {"tiny-smolvlm", func(c *model.VisionConfig) { c.Patch, c.Merge, c.ImageSize, c.LongestEdge = 7, 3, 64, 128 }},
		"heads of an odd size":    {"tiny-smolvlm", func(c *model.VisionConfig) { c.Width, c.FFN = 42, 51 }},
		"one patch per tile":      {"tiny-smolvlm", func(c *model.VisionConfig) { c.Merge, c.ImageSize, c.LongestEdge = 1, 8, 16 }},
		"patches of a pixel":      {"tiny-qwen2vl", func(c *model.VisionConfig) { c.Patch, c.Width, c.Heads = 1, 28, 7 }},
		"windows of an embedding": {"tiny-qwen25vl", func(c *model.VisionConfig) { c.Patch = 56 }},
		"wide as its network":     {"tiny-qwen2vl", func(c *model.VisionConfig) { c.FFN = c.Width }},
	}
	img := imaging.NewRGB(imaging.Size{Width: 50, Height: 37})
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			src := source(t, c.shape, c.change)
			want, got := encode(t, src, portable, 1, img), encode(t, src, kernel.Best(), 3, img)
			for i := range want {
				if d := math.Abs(float64(want[i] - got[i])); !(d < 1e-2) {
					t.Fatalf("value %d is %g, want %g", i, got[i], want[i])
				}
			}
		})
	}
}

func TestBeginRefuses(t *testing.T) {
	view := func(w, h, values int) imaging.View {
		return imaging.View{Size: imaging.Size{Width: w, Height: h}, Data: make([]float32, values)}
	}
	cases := []struct {
		shape string
		view  imaging.View
	}{
		{"tiny-qwen2vl", view(0, 0, 0)}, {"tiny-qwen2vl", view(16, 8, 3*16*8)}, {"tiny-qwen2vl", view(16, 16, 3*16*16-1)},
		{"tiny-smolvlm", view(64, 32, 3*64*32)}, {"tiny-smolvlm", view(128, 128, 3*128*128)}, {"tiny-smolvlm", view(64, 64, 64*64)},
	}
	for _, c := range cases {
		e, err := New(source(t, c.shape, nil))
		if err != nil {
			t.Fatal(err)
		}
		if e.Begin(e.NewState(1), c.view) == nil {
			t.Errorf("%s takes a view of %v with %d values", c.shape, c.view.Size, len(c.view.Data))
		}
	}
}
