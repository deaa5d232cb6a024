package engine

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

func TestReadTokens(t *testing.T) {
	for _, text := range []string{"1 2\n3\t4\n", " [1, 2,3,4] ", "1\r\n2\r\n3\r\n4"} {
		ids, err := ReadTokens(strings.NewReader(text))
		if err != nil || !slices.Equal(ids, []int32{1, 2, 3, 4}) {
			t.Errorf("%q: %v, %v", text, ids, err)
		}
	}
	for _, text := range []string{"1 x", "[1,", "4294967296", "[1.5]", "1,2"} {
		if ids, err := ReadTokens(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read as %v", text, ids)
		}
	}
}

func TestWriteLogits(t *testing.T) {
	e := load(t, "shape:tiny-qwen2@q8_0", Options{})
	tokens := prompt(9, e.Info().Vocabulary)
	var out bytes.Buffer
	if err := e.WriteLogits(t.Context(), tokens, &out); err != nil {
		t.Fatal(err)
	}
	vocab := e.Info().Vocabulary
	if out.Len() != 4*9*vocab {
		t.Fatalf("%d bytes for 9 positions × %d", out.Len(), vocab)
	}
	last := make([]float32, vocab)
	if _, err := binary.Decode(out.Bytes()[4*8*vocab:], binary.LittleEndian, last); err != nil {
		t.Fatal(err)
	}
	if want := allLogits(t, e, tokens, 0)[8]; !slices.Equal(last, want) {
		t.Error("the last row is not the last position's")
	}
}
