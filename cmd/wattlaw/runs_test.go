package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/store/sqlite"
)

func TestRunsCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	list := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := newRunsCmd()
		cmd.SetArgs(append(args, "--store", path))
		cmd.SetOut(&out)
		if err := cmd.ExecuteContext(context.Background()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := list(); !strings.Contains(got, "no runs yet") {
		t.Errorf("an empty store lists as %q", got)
	}
	if got := strings.TrimSpace(list("--json")); got != "[]" {
		t.Errorf("an empty store lists as JSON %q, want []", got)
	}
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, run := range []store.Run{
		{ID: "first", Status: store.StatusComplete, Planned: 1, Plan: []byte(`{"model":["a.gguf","b.gguf"]}`)},
		{ID: "second", Status: store.StatusFailed, Planned: 25, Reason: "disk full\nmore", Plan: []byte(`{}`)},
	} {
		run.Created = time.Unix(int64(1e9+i), 0)
		if err := s.PutRun(context.Background(), run); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddTrial(context.Background(), store.Trial{Run: "first"}, store.Samples{Run: "first"}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(list()), "\n")
	if len(lines) != 3 {
		t.Fatalf("listed as\n%s", strings.Join(lines, "\n"))
	}
	for i, wants := range [][]string{{"RUN", "STATUS"}, {"second", "0 of 25", "failed: disk full"}, {"first", "a.gguf, b.gguf", "1 of 1", "complete"}} {
		for _, want := range wants {
			if !strings.Contains(lines[i], want) {
				t.Errorf("line %q lacks %q", lines[i], want)
			}
		}
	}
	if got := list("--json"); !strings.Contains(got, `"id": "second"`) {
		t.Errorf("JSON %q lacks a run", got)
	}
}
