package avx512

import (
	"os"
	"regexp"
	"testing"
)

// TestWords holds the encoded instructions of the assembly against words of GNU as. It needs
// no CPU that has them.
func TestWords(t *testing.T) {
	text, err := os.ReadFile("kernels_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`// (VDPBF16PS .*)\s+LONG\s+\$0x(\w+)\s+WORD\s+\$0x(\w+)`).FindAllStringSubmatch(string(text), -1) {
		got[m[1]] = m[2] + " " + m[3]
	}
	for instruction, want := range map[string]string{
		"VDPBF16PS Z27, Z16, Z0":  "407e9262 c352",
		"VDPBF16PS Z29, Z16, Z7":  "407e9262 fd52",
		"VDPBF16PS Z27, Z24, Z0":  "403e9262 c352",
		"VDPBF16PS Z30, Z24, Z9":  "403e1262 ce52",
		"VDPBF16PS Z31, Z26, Z14": "402e1262 f752",
		"VDPBF16PS Z29, Z26, Z23": "402e8262 fd52",
	} {
		if got[instruction] != want {
			t.Errorf("%s is encoded %q, want %q", instruction, got[instruction], want)
		}
	}
	if len(got) != 32 {
		t.Errorf("%d instructions found, want 8 for one panel and 24 for three", len(got))
	}
}
