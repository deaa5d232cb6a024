package tokenizer

import (
	"reflect"
	"strings"
	"testing"
)

func TestSynthetic(t *testing.T) {
	for _, kind := range kinds() {
		for _, size := range []int{262, 300, 1001, 4000, 32000} {
			v := synthetic(t, kind, size, 7)
			tok, err := New(v)
			if err != nil {
				t.Fatalf("%s of %d: %v", kind, size, err)
			}
			if tok.Size() != size {
				t.Errorf("%s of %d has %d tokens", kind, size, tok.Size())
			}
			if again := synthetic(t, kind, size, 7); !reflect.DeepEqual(v, again) {
				t.Errorf("%s of %d differs from one time to the next", kind, size)
			}
		}
		if a, b := synthetic(t, kind, 8000, 1), synthetic(t, kind, 8000, 2); reflect.DeepEqual(a.Tokens, b.Tokens) {
			t.Errorf("%s: the seed changes nothing", kind)
		}
	}
}

// TestSyntheticAnySize cuts the merges at many places.
func TestSyntheticAnySize(t *testing.T) {
	for size := 262; size < 4000; size += 41 {
		for _, kind := range []string{"qwen2", "llama"} {
			if got := newSynthetic(t, kind, size).Size(); got != size {
				t.Errorf("%s of %d has %d tokens", kind, size, got)
			}
		}
	}
}

func TestSyntheticSizesOfModels(t *testing.T) {
	for _, c := range []struct {
		kind string
		size int
	}{{"smollm", 49152}, {"llama-bpe", 128256}, {"qwen2", 151936}, {"llama", 32064}, {"llama", 262144}} {
		if got := newSynthetic(t, c.kind, c.size).Size(); got != c.size {
			t.Errorf("%s: %d tokens, want %d", c.kind, got, c.size)
		}
	}
}

func TestSyntheticRefuses(t *testing.T) {
	for _, c := range []struct {
		kind string
		size int
		want string
	}{
		{"wordpiece", 1000, `no synthetic vocabulary of kind "wordpiece"`},
		{"", 1000, `kind ""`},
		{"gpt-2", 261, "need 262 to 512000"},
		{"llama", 260, "need 261 to 512000"},
		{"llama", -1, "need 261 to 512000"},
		{"llama", 1 << 40, "need 261 to 512000"},
	} {
		if _, err := Synthetic(c.kind, c.size, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Synthetic(%q, %d): %v, want %q", c.kind, c.size, err, c.want)
		}
	}
}

// TestEnglishIsCompact keeps synthetic vocabularies close to real ones, which
// need about four bytes per token of English. The text is not of the corpus.
func TestEnglishIsCompact(t *testing.T) {
	const text = `When the river rose in early spring, the people of the lower town carried their books and tools to the
church on the hill. Nobody had expected so much water. An old woman, who remembered the flood of her childhood, told them
to leave the bridge open so that drifting timber could pass. They listened to her, and by evening the worst was over.
In the following weeks engineers measured how fast the stream ran, and found that a second channel would cost less than
higher walls. The council agreed. Work began in May and lasted until the first frost; since then the cellars are dry.`
	for _, kind := range kinds() {
		tok := newSynthetic(t, kind, 32000)
		n := len(tok.Encode(text, EncodeOptions{}))
		if perToken := float64(len(text)) / float64(n); perToken < 3 || perToken > 5 {
			t.Errorf("%s: %.2f bytes per token", kind, perToken)
		} else {
			t.Logf("%s: %.2f bytes per token", kind, perToken)
		}
	}
}

// TestFillersAreOutOfReach checks that byte-level vocabularies do not produce
// fillers by merging.
func TestFillersAreOutOfReach(t *testing.T) {
	v := synthetic(t, "gpt-2", 6000, 3)
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	reached := make(map[string]bool)
	for _, merge := range v.Merges {
		reached[strings.Replace(merge, " ", "", 1)] = true
	}
	fillers := 0
	for id := 256; id < 6000; id++ {
		text, kind := tok.Token(int32(id))
		if kind != Normal || reached[text] {
			continue
		}
		fillers++
		piece := tok.Piece(int32(id), false)
		if ids := tok.Encode(piece, EncodeOptions{}); len(ids) < 2 {
			t.Errorf("filler %q is one token", piece)
		}
	}
	if fillers < 2000 {
		t.Errorf("%d fillers; the test means to see more", fillers)
	}
}

func BenchmarkEncodeProse(b *testing.B) {
	tok := newSynthetic(b, "llama-bpe", 128256)
	text := corpus()[:100_000]
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tok.Encode(text, EncodeOptions{})
	}
}

func BenchmarkEncodeRun(b *testing.B) {
	tok := newSynthetic(b, "gpt-2", 49152)
	text := strings.Repeat(" ", 1<<20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tok.Encode(text, EncodeOptions{})
	}
}

func BenchmarkSyntheticQwen(b *testing.B) {
	for b.Loop() {
		if _, err := Synthetic("qwen2", 151936, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewQwen(b *testing.B) {
	v := synthetic(b, "qwen2", 151936, 1)
	for b.Loop() {
		if _, err := New(v); err != nil {
			b.Fatal(err)
		}
	}
}
