package quantize

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// entry is what an importance matrix says of one tensor.
type entry struct {
	name   string
	sums   []float32
	counts float32
}

// entriesFor makes entries for all matrices of a model but the embedding.
func entriesFor(t testing.TB, path string) []entry {
	r := rand.New(rand.NewPCG(5, 5))
	var entries []entry
	for _, g := range open(t, path).Tensors() {
		if len(g.Shape) < 2 || g.Name == "token_embd.weight" {
			continue
		}
		e := entry{name: g.Name, sums: make([]float32, g.Shape[0]), counts: 4}
		for i := range e.sums {
			e.sums[i] = float32(math.Exp(1.5 * r.NormFloat64()))
		}
		entries = append(entries, e)
	}
	return entries
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// old writes the older format, whose values are means times calls.
func old(entries []entry) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, uint32(len(entries)))
	for _, e := range entries {
		b = append(le.AppendUint32(b, uint32(len(e.name))), e.name...)
		b = le.AppendUint32(le.AppendUint32(b, 4), uint32(len(e.sums)))
		for _, v := range e.sums {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	}
	return append(le.AppendUint32(le.AppendUint32(b, 7), 5), "a.txt"...)
}

func newer(t testing.TB, entries []entry) []byte {
	t.Helper()
	w := gguf.NewWriter()
	for key, v := range map[string]gguf.Value{
		"general.type": gguf.ValueOf("imatrix"), "imatrix.datasets": gguf.ArrayOf([]string{"a.txt"}),
		"imatrix.chunk_count": gguf.ValueOf(uint32(7)), "imatrix.chunk_size": gguf.ValueOf(uint32(512)),
	} {
		if err := w.Set(key, v); err != nil {
			t.Fatal(err)
		}
	}
	add := func(name string, values []float32) {
		b := make([]byte, 4*len(values))
		if err := tensor.Quantize(b, tensor.F32, values); err != nil {
			t.Fatal(err)
		}
		if err := w.Add(name, tensor.F32, []int{len(values), 1}, gguf.Bytes(b)); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range entries {
		add(e.name+".in_sum2", e.sums)
		add(e.name+".counts", []float32{e.counts})
	}
	var b bytes.Buffer
	if err := w.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Both formats of the same importance give the same file; its weighted error is less than
// without. IMATRIX_KEEP names a folder to write the model and its importance to, for other tools.
func TestImportance(t *testing.T) {
	in := modelFile(t, "shape:tiny@f32")
	entries := entriesFor(t, in)
	paths := []string{write(t, "new.gguf", newer(t, entries)), write(t, "old.dat", old(entries))}
	if dir := os.Getenv("IMATRIX_KEEP"); dir != "" {
		for _, path := range append(paths, in) {
			data, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, filepath.Base(path)), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var outs []string
	for _, path := range paths {
		im, err := ReadImportance(path)
		if err != nil {
			t.Fatal(err)
		}
		if im.Chunks != 7 || im.Dataset != "a.txt" {
			t.Errorf("%+v", im)
		}
		out, _ := run(t, in, Options{Format: model.Q4_K_M, Importance: im})
		outs = append(outs, out)
		if n, _ := open(t, out).Uint("quantize.imatrix.entries_count"); n != uint64(len(entries)) {
			t.Errorf("%d entries are recorded", n)
		}
	}
	plain, _ := run(t, in, Options{Format: model.Q4_K_M})
	for _, e := range entries {
		x := decoded(t, open(t, in), e.name)
		var sums [3]float64
		for i, path := range []string{outs[0], outs[1], plain} {
			for j, y := range decoded(t, open(t, path), e.name) {
				d := float64(x[j]) - float64(y)
				sums[i] += float64(e.sums[j%len(e.sums)]) * d * d
			}
		}
		if sums[0] != sums[1] || sums[0] >= sums[2] {
			t.Errorf("%s: weighted errors %g and %g, without importance %g", e.name, sums[0], sums[1], sums[2])
		}
	}
}

func TestImportanceMustFit(t *testing.T) {
	in := modelFile(t, "shape:tiny@f32")
	whole := entriesFor(t, in)
	narrow := append([]entry{{whole[3].name, whole[3].sums[1:], 4}}, append(whole[:3:3], whole[4:]...)...)
	for name, c := range map[string]struct {
		entries []entry
		want    string
	}{
		"missing": {whole[:len(whole)-2], "has nothing for 2 of 16 matrices, first"},
		"width":   {narrow, "has 255 columns for tensor"},
	} {
		im, err := ReadImportance(write(t, "im.gguf", newer(t, c.entries)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := File(context.Background(), in, filepath.Join(t.TempDir(), "out"), Options{Format: model.Q4_K, Importance: im}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Cut files and files of anything else are refused; none makes the parser panic.
func TestImportanceMalformed(t *testing.T) {
	entries := []entry{{"a.weight", []float32{1, 2, 3}, 2}, {"b.weight", []float32{4}, 2}}
	dat := old(entries)
	body := len(dat) - len("a.txt") - 8 // what follows may be missing
	for n := range dat {
		if _, err := parseImportance(dat[:n], "x"); (err != nil) != (n < body) {
			t.Fatalf("cut to %d of %d bytes: %v", n, body, err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, data := range [][]byte{dat, newer(t, entries)} {
		for range 500 {
			b := bytes.Clone(data)
			for range 1 + r.IntN(3) {
				b[r.IntN(len(b))] = byte(r.Uint32())
			}
			if im, err := parseImportance(b, "x"); err == nil && len(im.values) == 0 {
				t.Fatal("neither values nor an error")
			}
		}
	}
	for _, bad := range []float32{-1, float32(math.NaN()), float32(math.Inf(1))} {
		for _, data := range [][]byte{old([]entry{{"a", []float32{bad}, 1}}), newer(t, []entry{{"a", []float32{bad}, 1}})} {
			if _, err := parseImportance(data, "x"); err == nil || !strings.Contains(err.Error(), `column 0 of "a"`) {
				t.Errorf("importance %v: %v", bad, err)
			}
		}
	}
	if im, err := parseImportance(newer(t, []entry{{"a", []float32{0, 0}, 0}}), "x"); err != nil || im.values["a"][1] != 1 {
		t.Errorf("without terms: %v, %v", im, err)
	}
}
