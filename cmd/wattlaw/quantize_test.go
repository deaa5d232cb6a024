package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestQuantizeCommand(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.gguf"), filepath.Join(dir, "out.gguf")
	mustRun(t, "models", "write", "shape:tiny@f16", in)
	text := mustRun(t, "quantize", in, out, "Q4_K_M")
	for _, want := range []string{"2.75 MiB → 871 KiB", "4.95 bits each", "13 Q4_K, 3 Q6_K", "root mean square, at most", "kept      5 vectors"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if verbose := mustRun(t, "quantize", "-v", in, out, "q4_k_m"); !strings.Contains(verbose, "blk.0.attn_norm.weight") || !strings.Contains(verbose, "F16 → Q4_K") {
		t.Errorf("verbose: %s", verbose)
	}
	if text := mustRun(t, "inspect", out); !strings.Contains(text, "general.file_type") {
		t.Error(text)
	}
	if _, errs, code := wattlaw(t, "quantize", out, filepath.Join(dir, "twice.gguf"), "q8_0"); code != 0 || !strings.Contains(errs, "13 Q4_K, 3 Q6_K were rounded before") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{in, out, "q9"}, `no format "q9"; there are f32, f16`},
		{[]string{in, in, "q8_0"}, "is input and output"},
		{[]string{in, out, "q8_0", "--imatrix", in}, "no matrix is in it"},
		{[]string{in, out, "q8_0", "--imatrix", filepath.Join(dir, "none.dat")}, "none.dat"},
	} {
		if _, errs, code := wattlaw(t, append([]string{"quantize"}, c.args...)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %q, want %q", c.args, code, errs, c.want)
		}
	}
}
