package main

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wattlaw runs the program and returns what it writes and its exit code.
func wattlaw(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

// mustRun is wattlaw for a call that has to succeed.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := wattlaw(t, args...)
	if code != 0 {
		t.Fatalf("wattlaw %s: exit %d: %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// writePNG writes a picture whose every pixel depends on its place.
func writePNG(t *testing.T, path string, width, height int) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = uint8(i % 251)
		if i%4 == 3 {
			m.Pix[i] = 255 // opaque
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tinyFiles writes a small model with an encoder as files.
func tinyFiles(t *testing.T, dir string) (model, mmproj string) {
	t.Helper()
	model = filepath.Join(dir, "q.gguf")
	mustRun(t, "models", "write", "shape:tiny-qwen2vl@q8_0", model)
	return model, filepath.Join(dir, "q.mmproj.gguf")
}

func TestImagesOnTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	model, mmproj := tinyFiles(t, dir)
	photo := writePNG(t, filepath.Join(dir, "photo.png"), 300, 200)
	fromFiles := mustRun(t, "generate", "-m", model, "--mmproj", mmproj, "--image", photo, "-p", "What is it?", "-n", "5", "--ignore-eos")
	fromShape := mustRun(t, "generate", "-m", "shape:tiny-qwen2vl@q8_0", "--image", photo, "-p", "<image>What is it?", "-n", "5", "--ignore-eos")
	if fromFiles != fromShape || len(fromFiles) < 2 {
		t.Errorf("files answer %q, the shape %q", fromFiles, fromShape)
	}

	embeddings := filepath.Join(dir, "photo.f32")
	said := mustRun(t, "embed", "-m", model, "--mmproj", mmproj, "--image", photo, "--out", embeddings, "--max-pixels", "20000")
	info, err := os.Stat(embeddings)
	if err != nil || info.Size() != 4*70*64 || !strings.Contains(said, "70 tokens × 64") || !strings.Contains(said, "160x112") {
		t.Errorf("embeddings %v (%v), %q", info, err, said)
	}

	ids, logits := filepath.Join(dir, "ids"), filepath.Join(dir, "logits")
	if err := os.WriteFile(ids, []byte("[1, -1, 5]"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "logits", "-m", model, "--mmproj", mmproj, "--image", photo, "--tokens", ids, "--out", logits)
	if info, err = os.Stat(logits); err != nil || info.Size() != 4*515 {
		t.Errorf("logits %v (%v)", info, err)
	}
}

func TestImagesThatCannotBeShown(t *testing.T) {
	dir := t.TempDir()
	model, mmproj := tinyFiles(t, dir)
	photo := writePNG(t, filepath.Join(dir, "photo.png"), 30, 20)
	text := filepath.Join(dir, "text.png")
	cut := filepath.Join(dir, "cut.png")
	data, err := os.ReadFile(photo)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{text: []byte("no image, but a text"), cut: data[:len(data)/2]} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(dir, "t.gguf")
	mustRun(t, "models", "write", "shape:tiny@q8_0", other)
	ask := []string{"generate", "-p", "x", "-m"}
	cases := []struct {
		args []string
		want []string
	}{
		{[]string{model, "--mmproj", mmproj, "--image", text}, []string{"text.png", "not an image"}},
		{[]string{model, "--mmproj", mmproj, "--image", cut}, []string{"cut.png", "truncated"}},
		{[]string{model, "--mmproj", mmproj, "--image", filepath.Join(dir, "none.png")}, []string{"none.png"}},
		{[]string{model, "--image", photo}, []string{"takes no images"}},
		{[]string{model, "--mmproj", mmproj, "--image", photo, "-p", "<image><image>"}, []string{"2 times for 1 images"}},
		{[]string{other, "--mmproj", mmproj, "--image", photo}, []string{"64 features", "256"}},
		{[]string{model, "--mmproj", model}, []string{"no encoder of images"}},
		{[]string{model, "--max-pixels", "1000"}, []string{"takes no images"}},
		{[]string{model, "--mmproj", mmproj, "--max-pixels", "10"}, []string{"one image token takes 256"}},
		{[]string{model, "--mmproj", mmproj, "--clamp", "middle"}, []string{`"middle"`, "longest-side"}},
		{[]string{model, "--mmproj", mmproj, "--longest-side", "100"}, []string{"--clamp longest-side"}},
		{[]string{model, "--mmproj", mmproj, "--clamp", "longest-side", "--max-pixels", "9999"}, []string{"leave the other limits out"}},
		{[]string{model, "--mmproj", mmproj, "--image-max-tokens", "9", "--max-pixels", "9999"}, []string{"leave one out"}},
	}
	for _, c := range cases {
		_, errs, code := wattlaw(t, append(ask[:len(ask):len(ask)], c.args...)...)
		for _, want := range c.want {
			if code != 1 || !strings.Contains(errs, want) {
				t.Errorf("%v: exit %d, %q; want %q in it", c.args, code, errs, want)
			}
		}
	}
}
