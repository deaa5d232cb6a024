package engine

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// picture is an image whose every pixel depends on its place.
func picture(width, height int) imaging.RGB {
	img := imaging.NewRGB(imaging.Size{Width: width, Height: height})
	for i := range img.Pix {
		p := i / 3
		img.Pix[i] = uint8(p%width*(3+i%3) + p/width*(7-i%3))
	}
	return img
}

var tinyVLMs = []string{"shape:tiny-qwen2vl@", "shape:tiny-qwen25vl@", "shape:tiny-smolvlm@"}

// farthest returns the largest |a−b| relative to the root mean square of a.
func farthest(t *testing.T, a, b []float32) float64 {
	t.Helper()
	if len(a) != len(b) || len(a) == 0 {
		t.Fatalf("%d and %d values", len(a), len(b))
	}
	most, squares := 0.0, 0.0
	for i := range a {
		most = max(most, math.Abs(float64(a[i])-float64(b[i])))
		squares += float64(a[i]) * float64(a[i])
	}
	return most / math.Sqrt(squares/float64(len(a)))
}

// rmsDifference returns the root mean square of a−b relative to that of a.
func rmsDifference(t *testing.T, a, b []float32) float64 {
	t.Helper()
	if len(a) != len(b) || len(a) == 0 {
		t.Fatalf("%d and %d values", len(a), len(b))
	}
	difference, squares := 0.0, 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		difference += d * d
		squares += float64(a[i]) * float64(a[i])
	}
	return math.Sqrt(difference / squares)
}

func encodeWith(t *testing.T, ref string, opt Options, img imaging.RGB) ([]float32, ImageUse) {
	t.Helper()
	e := load(t, ref, opt)
	embeddings, use, err := e.EncodeImage(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if want := use.Layout.Tokens * e.graph.Config().Width; len(embeddings) != want {
		t.Fatalf("%d values of embeddings, want %d", len(embeddings), want)
	}
	return embeddings, use
}

// Every kernel set and every number of workers must see the same picture.
func TestEncodingDependsOnNothingElse(t *testing.T) {
	img := picture(150, 90)
	for _, name := range tinyVLMs {
		for _, format := range []string{"f32", "q8_0"} {
			want, _ := encodeWith(t, name+format, Options{Kernel: "ref", Threads: 1}, img)
			limit := 1e-4 // float32 sums in another order
			if format == "q8_0" {
				limit = 0.05 // activations that round to the other side of an eighth bit
			}
			for _, set := range kernel.Available() {
				for _, threads := range []int{1, 2, 3} {
					got, _ := encodeWith(t, name+format, Options{Kernel: set.Name(), Threads: threads}, img)
					if d := farthest(t, want, got); d > limit {
						t.Errorf("%s%s on %s with %d threads: differs by %.2g, limit %g", name, format, set.Name(), threads, d, limit)
					}
				}
			}
		}
	}
}

// The same pixels in other places must be another picture.
func TestEncodingSeesPlaces(t *testing.T) {
	for _, name := range tinyVLMs {
		img := picture(64, 64)
		turned := imaging.NewRGB(img.Size())
		for i := range img.Pix {
			p := i / 3
			x, y := p%64, p/64
			turned.Pix[3*(x*64+y)+i%3] = img.Pix[i]
		}
		a, _ := encodeWith(t, name+"f32", Options{}, img)
		b, _ := encodeWith(t, name+"f32", Options{}, turned)
		if d := farthest(t, a, b); d < 0.01 {
			t.Errorf("%s: an image and its mirror image differ by only %.2g", name, d)
		}
	}
}

func TestGenerateWithImages(t *testing.T) {
	for _, name := range tinyVLMs {
		e := load(t, name+"q8_0", Options{Threads: 2, Batch: 16})
		req := Request{
			Tokens: []int32{5, ImageToken, 7, 8, ImageToken, 9}, MaxTokens: 3, IgnoreEOS: true,
			Images: []imaging.RGB{picture(96, 64), picture(40, 120)},
		}
		result, err := e.Generate(t.Context(), req, nil)
		if err != nil {
			t.Fatal(err)
		}
		sizes := []imaging.Size{req.Images[0].Size(), req.Images[1].Size()}
		want, err := e.ExpandedLength(req.Tokens, sizes)
		if err != nil || result.TokensIn != want || e.Position() != want+2 {
			t.Errorf("%s: %d prompt tokens and %d in the cache, want %d (%v)", name, result.TokensIn, e.Position(), want, err)
		}
		if sum := 4 + result.Images[0].Sequence + result.Images[1].Sequence; sum != want {
			t.Errorf("%s: images take %d and %d of %d tokens", name, result.Images[0].Sequence, result.Images[1].Sequence, want)
		}
		names := ""
		for i, p := range result.Phases {
			names += p.Name + " "
			if p.End < p.Start || i > 0 && p.Start != result.Phases[i-1].End {
				t.Errorf("%s: phases %+v do not follow each other", name, result.Phases)
			}
		}
		if want := strings.Join([]string{measure.PhaseEncode, measure.PhasePrefill, measure.PhaseDecode, ""}, " "); names != want {
			t.Errorf("%s: phases %q, want %q", name, names, want)
		}
		req.Images[1].Pix[0] ^= 0xff
		other, err := e.Generate(t.Context(), req, nil)
		if err != nil || len(other.Tokens) != 3 {
			t.Errorf("%s: a second request gave %v (%v)", name, other.Tokens, err)
		}
	}
}

// Prefill in any split into batches must give the same logits, images included.
func TestImageBatchesAgree(t *testing.T) {
	for _, name := range tinyVLMs {
		var want []float32
		for _, batch := range []int{512, 1, 7} {
			e := load(t, name+"f32", Options{Batch: batch})
			req := Request{Tokens: []int32{3, ImageToken, 4, 11, 2}, Images: []imaging.RGB{picture(100, 60)}}
			parts, _, err := e.expand(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			logits, err := e.prefill(t.Context(), parts)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = append(want, logits...)
			} else if d := farthest(t, want, logits); d > 1e-3 { // keys and values are float16
				t.Errorf("%s in batches of %d: logits differ by %.2g", name, batch, d)
			}
		}
	}
}

func TestClampChangesTheLayout(t *testing.T) {
	img := picture(400, 300)
	_, free := encodeWith(t, "shape:tiny-qwen2vl@f32", Options{}, img)
	_, few := encodeWith(t, "shape:tiny-qwen2vl@f32", Options{Clamp: imaging.Clamp{MaxTokens: 20}}, img)
	_, side := encodeWith(t, "shape:tiny-qwen2vl@f32", Options{Clamp: imaging.Clamp{Policy: imaging.PolicyLongestSide, LongestSide: 160}}, img)
	_, pixels := encodeWith(t, "shape:tiny-qwen2vl@f32", Options{MaxPixels: 20 * 256}, img)
	if free.Layout.Tokens != 25*19 || few.Layout.Tokens > 20 || side.Layout.Resized.Width != 160 || pixels.Layout != few.Layout {
		t.Errorf("layouts %+v, %+v, %+v, %+v", free.Layout, few.Layout, side.Layout, pixels.Layout)
	}
}

func TestEncodersThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	write := func(ref string) (text, encoder string) {
		s, f, err := shape.Parse(ref)
		if err != nil {
			t.Fatal(err)
		}
		text, encoder = filepath.Join(dir, s.Name+".gguf"), filepath.Join(dir, s.Name+".mmproj.gguf")
		src, err := s.Build(f, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := src.WriteFile(text); err != nil {
			t.Fatal(err)
		}
		if s.Vision != nil {
			if err := s.BuildVision(f, 1).WriteFile(encoder); err != nil {
				t.Fatal(err)
			}
		}
		return text, encoder
	}
	text, _ := write("shape:tiny@f16")
	qwen, qwenEye := write("shape:tiny-qwen2vl@f16")
	smol, smolEye := write("shape:tiny-smolvlm@f16")
	cases := []struct {
		model, encoder string
		opt            Options
		want           []string
	}{
		{text, qwenEye, Options{}, []string{"64 features", "projection_dim", "256"}},
		{smol, qwenEye, Options{}, []string{"qwen2vl_merger", `"llama"`}},
		{qwen, smolEye, Options{}, []string{"idefics3", `"qwen2vl"`}},
		{qwen, qwen, Options{}, []string{`"qwen2vl"`, "mmproj"}},
		{qwen, filepath.Join(dir, "none.gguf"), Options{}, []string{"none.gguf"}},
		{qwen, "", Options{MaxPixels: 1000}, []string{"takes no images"}},
		{smol, smolEye, Options{Clamp: imaging.Clamp{Policy: imaging.PolicyLongestSide}}, []string{"longest"}},
	}
	for _, c := range cases {
		c.opt.Projector = c.encoder
		_, err := Load(c.model, c.opt)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s with %s: error %v, want %q in it", filepath.Base(c.model), filepath.Base(c.encoder), err, want)
			}
		}
	}
	e := load(t, qwen, Options{Projector: qwenEye})
	if _, err := os.Stat(qwenEye); err != nil || e.Vision() == nil {
		t.Errorf("the pair that belongs together has no vision: %v", err)
	}
}
