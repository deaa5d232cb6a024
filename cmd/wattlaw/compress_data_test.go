package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestCalibrateOnTasks reads control tokens in prompts as such, and weighs answers alone.
func TestCalibrateOnTasks(t *testing.T) {
	in, done, err := openPair("builtin:scribe", "")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	c, err := newCalibrator("builtin:scribe", in, 64, 4)
	if err != nil {
		t.Fatal(err)
	}
	end := c.tokens.EOS()
	line, err := json.Marshal(map[string]any{"type": "answer", "prompt": "One." + in.Language.Vocab.Tokens[end] + "Two.", "answers": []string{"yes"}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tasks.jsonl")
	if err := os.WriteFile(path, append(line, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.tasks(path, 1); err != nil {
		t.Fatal(err)
	}
	s := c.list[0]
	inPrompt, answered := 0, 0
	for i, id := range s.Tokens {
		switch {
		case s.Weights[i] == 1:
			answered++
		case id == end:
			inPrompt++
		}
	}
	if n := len(s.Tokens); inPrompt != 1 || answered < 2 || s.Tokens[n-1] != end || s.Weights[n-1] != 1 {
		t.Errorf("%d ends in the prompt and %d tokens of the answer in %v, weights %v", inPrompt, answered, s.Tokens, s.Weights)
	}
}
