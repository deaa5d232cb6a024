package neon

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the encodings of the commented instructions into the assembly")

// wordLine is an instruction that the Go assembler lacks: its encoding, and its text in the
// syntax of the Arm manual as the comment behind it.
var wordLine = regexp.MustCompile(`WORD \$0x([0-9a-f]{8})(;? (?://|/\*) )([^*\\\n]*[^*\\\n ])`)

// TestWords holds every encoded word of the assembly against the instruction in its comment.
func TestWords(t *testing.T) {
	files, err := filepath.Glob("*_arm64.[sh]")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly found: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := wordLine.FindAllStringSubmatch(string(text), -1)
		if n := strings.Count(string(text), "WORD $"); n != len(found) {
			t.Errorf("%s: %d of %d words have an instruction as their comment", name, len(found), n)
		}
		for _, f := range found {
			want, err := encode(f[3])
			if err != nil {
				t.Errorf("%s: %q: %v", name, f[3], err)
			} else if got := f[1]; got != fmt.Sprintf("%08x", want) && !*update {
				t.Errorf("%s: %q is %08x, not %s", name, f[3], want, got)
			}
		}
		if *update && !t.Failed() {
			if err := os.WriteFile(name, wordLine.ReplaceAllFunc(text, rewrite), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// rewrite replaces the word of a line by that of its comment.
func rewrite(line []byte) []byte {
	f := wordLine.FindSubmatch(line)
	word, err := encode(string(f[3]))
	if err != nil {
		return line
	}
	return fmt.Appendf(nil, "WORD $0x%08x%s%s", word, f[2], f[3])
}

// opcodes are the instructions' words with all register fields zero, by mnemonic and the
// operands' kinds, from the Arm Architecture Reference Manual (DDI 0487), chapter C7.2.
var opcodes = map[string]uint32{
	"sdot .4s .16b .16b": 0x4e809400,
	"sdot .4s .16b .4b[": 0x4f80e000,
	"fmla .4s .4s .s[":   0x4f801000,
	"fmla .2d .2d .d[":   0x4fc01000,
	"fmls .4s .4s .s[":   0x4f805000,
	"fmul .4s .4s .s[":   0x4f809000,
	"fadd .4s .4s .4s":   0x4e20d400,
	"fsub .4s .4s .4s":   0x4ea0d400,
	"fmul .4s .4s .4s":   0x6e20dc00,
	"fdiv .4s .4s .4s":   0x6e20fc00,
	"fmax .4s .4s .4s":   0x4e20f400,
	"fmin .4s .4s .4s":   0x4ea0f400,
	"faddp .4s .4s .4s":  0x6e20d400,
	"fmaxv s .4s":        0x6e30f800,
	"fminv s .4s":        0x6eb0f800,
	"fabs .4s .4s":       0x4ea0f800,
	"fneg .4s .4s":       0x6ea0f800,
	"fcmeq .4s .4s .4s":  0x4e20e400,
	"frintn .4s .4s":     0x4e218800,
	"fcvtns .4s .4s":     0x4e21a800,
	"scvtf .4s .4s":      0x4e21d800,
	"fcvtl .4s .4h":      0x0e217800,
	"fcvtl2 .4s .8h":     0x4e217800,
	"fcvtn .4h .4s":      0x0e216800,
	"fcvtn2 .8h .4s":     0x4e216800,
	"sqxtn .4h .4s":      0x0e614800,
	"sqxtn2 .8h .4s":     0x4e614800,
	"sqxtn .8b .8h":      0x0e214800,
	"sqxtn2 .16b .8h":    0x4e214800,
	"sxtl .8h .8b":       0x0f08a400,
	"sxtl2 .8h .16b":     0x4f08a400,
	"sxtl .4s .4h":       0x0f10a400,
	"sxtl2 .4s .8h":      0x4f10a400,
	"mul .4s .4s .4s":    0x4ea09c00,
	"mla .4s .4s .4s":    0x4ea09400,
	"movi .2d #0":        0x6f00e400,
	"sshr .16b .16b #":   0x4f000400,
	"sshr .4s .4s #":     0x4f000400,
	"ldr h [x #":         0x7d400000,
}

var operand = regexp.MustCompile(`^(?:v(\d+)(\.\d*[a-z]+)(?:(\[)(\d)\])?|([sh])(\d+)|#(\d+)|(\[x)(\d+)|#(\d+)\])$`)

// encode assembles one instruction of the table.
func encode(text string) (uint32, error) {
	mnemonic, rest, _ := strings.Cut(text, " ")
	kinds := []string{mnemonic}
	var fields uint32
	for i, o := range strings.Split(rest, ", ") {
		m := operand.FindStringSubmatch(o)
		if m == nil {
			return 0, fmt.Errorf("operand %q is not understood", o)
		}
		number := func(g int) uint32 { n, _ := strconv.ParseUint(m[g], 10, 32); return uint32(n) }
		shift := []int{0, 5, 16}[i]
		switch {
		case m[1] != "":
			kinds = append(kinds, m[2]+m[3])
			fields |= number(1) << shift
			if m[2] == ".d" { // one bit tells the halves apart
				fields |= number(4) << 11
			} else {
				fields |= number(4)&1<<21 | number(4)>>1<<11
			}
		case m[5] != "":
			kinds = append(kinds, m[5])
			fields |= number(6) << shift
		case o == "#0":
			kinds = append(kinds, o)
		case m[7] != "": // shift right of lanes of size bits: 2·size − shift
			kinds = append(kinds, "#")
			size := map[string]uint32{".16b": 8, ".4s": 32}[kinds[1]]
			fields |= (2*size - number(7)) << 16
		case m[8] != "":
			kinds = append(kinds, m[8])
			fields |= number(9) << shift
		default: // offset in halfwords
			kinds = append(kinds, "#")
			fields |= number(10) / 2 << 10
		}
	}
	base, ok := opcodes[strings.Join(kinds, " ")]
	if !ok {
		return 0, fmt.Errorf("no opcode for %q", strings.Join(kinds, " "))
	}
	return base | fields, nil
}

// TestEncode holds the encoder itself against words of GNU as.
func TestEncode(t *testing.T) {
	for text, want := range map[string]uint32{
		"sdot v31.4s, v17.16b, v30.4b[3]": 0x4fbeea3f,
		"sdot v4.4s, v29.16b, v18.16b":    0x4e9297a4,
		"fmla v21.4s, v10.4s, v27.s[2]":   0x4f9b1955,
		"fmla v31.2d, v9.2d, v3.d[1]":     0x4fc3193f,
		"fmls v9.4s, v31.4s, v16.s[1]":    0x4fb053e9,
		"fmul v0.4s, v31.4s, v15.s[0]":    0x4f8f93e0,
		"fsub v31.4s, v0.4s, v21.4s":      0x4eb5d41f,
		"fmaxv s30, v13.4s":               0x6e30f9be,
		"fcvtn2 v19.8h, v28.4s":           0x4e216b93,
		"sxtl2 v20.8h, v11.16b":           0x4f08a574,
		"sshr v22.4s, v9.4s, #9":          0x4f370536,
		"sshr v25.16b, v14.16b, #3":       0x4f0d05d9,
		"ldr h23, [x19, #208]":            0x7d41a277,
	} {
		if got, err := encode(text); err != nil || got != want {
			t.Errorf("encode(%q) = %08x, %v; want %08x", text, got, err, want)
		}
	}
}
