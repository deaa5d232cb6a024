package report

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// keep is where to leave the report of the synthetic run, to look at it:
// go test ./internal/report -run TestWriteAll -keep /tmp/report
var keep = flag.String("keep", "", "folder in which TestWriteAll leaves its report")

func mustBuild(t *testing.T, f *fixture) *Result {
	t.Helper()
	r, err := Build(f.run, f.trials, f.of)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWriteAll(t *testing.T) {
	dir := t.TempDir()
	if *keep != "" {
		dir = *keep
	}
	f := newFixture(plain)
	if err := WriteAll(dir, mustBuild(t, f), f.of); err != nil {
		t.Fatal(err)
	}
	page, err := os.Stat(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if page.Size() > 1_500_000 {
		t.Errorf("report.html has %d bytes, at most 1.5 MB", page.Size())
	}
}
