package tokenizer

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// TestMergesAreCurrent learns the merges again and compares them with the
// committed file; -update writes it.
func TestMergesAreCurrent(t *testing.T) {
	want := strings.Join(learn(newLearner(splitLlama3, corpus()), 1<<30), "\n") + "\n"
	if *update {
		if err := os.WriteFile("merges.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("merges.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("merges.txt is stale; run go generate")
	}
}
