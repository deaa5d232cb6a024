// Package sourcetest holds every source to the contract of package source. Trees stand in
// for machines: captured or crafted files below a temporary root.
package sourcetest

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// Tree is the files of one machine: content by slash-separated path below the root.
type Tree map[string]string

// LoadTree reads a tree from a txtar archive (testdata/….txtar).
func LoadTree(tb testing.TB, path string) Tree {
	tb.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if len(archive.Files) == 0 {
		tb.Fatalf("%s holds no files", path)
	}
	tree := Tree{}
	for _, f := range archive.Files {
		tree[f.Name] = string(f.Data)
	}
	return tree
}

// With returns a copy of the tree with other files added or replaced.
func (t Tree) With(files Tree) Tree {
	out := maps.Clone(t)
	maps.Copy(out, files)
	return out
}

// Write puts the files below root, into the same inodes where they exist already, so that a
// source which holds them open sees the new content.
func (t Tree) Write(tb testing.TB, root string) {
	tb.Helper()
	for _, name := range slices.Sorted(maps.Keys(t)) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(t[name]), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}

// Case is one source on one tree where it is ready.
type Case struct {
	New  func(root string) source.Source
	Tree Tree
	// Live means that readings come from the machine itself: New ignores its root, and there
	// is no tree to take away or to break.
	Live bool
	// Forbidden are the files whose lack of read permission must be told from their absence;
	// empty when the source needs none.
	Forbidden []string
}

// Run is the suite.
func Run(t *testing.T, c Case) {
	t.Run("life", func(t *testing.T) { life(t, c) })
	if c.Live {
		return
	}
	t.Run("missing tree", func(t *testing.T) { missing(t, c) })
	t.Run("broken files", func(t *testing.T) { broken(t, c) })
	if len(c.Forbidden) > 0 {
		t.Run("no permission", func(t *testing.T) { forbidden(t, c) })
	}
}

// life follows a source from the first probe to the second opening.
func life(t *testing.T, c Case) {
	root := t.TempDir()
	c.Tree.Write(t, root)
	s := c.New(root)
	info := s.Info()
	if info.Name == "" || info.About == "" || info.State != source.Ready || info.Reason != "" {
		t.Fatalf("probe before open: %+v", info)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close before open: %v", err)
	}
	for range 2 {
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
		channels := s.Channels()
		checkChannels(t, info.Name, channels)
		checkReadings(t, s, channels)
		if !slices.Equal(channels, s.Channels()) {
			t.Errorf("channels changed while open")
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if err := s.Read(make([]float64, len(channels))); err == nil {
			t.Error("a closed source can be read")
		}
	}
}

func checkChannels(t *testing.T, name string, channels []measure.Channel) {
	t.Helper()
	if len(channels) == 0 {
		t.Fatal("no channels")
	}
	seen := map[string]bool{}
	for _, c := range channels {
		if c.Name == "" || seen[c.Name] {
			t.Errorf("channel name %q is empty or taken", c.Name)
		}
		seen[c.Name] = true
		if c.Source != name || c.Scope == "" || c.Kind.Unit() == "" || c.RateHz < 0 || c.Resolution < 0 {
			t.Errorf("channel %+v lacks source %q, scope, kind or a sane rate", c, name)
		}
		if c.Quality != measure.Measured && c.Reason == "" {
			t.Errorf("channel %s is %s without a reason", c.Name, c.Quality)
		}
	}
}

func checkReadings(t *testing.T, s source.Source, channels []measure.Channel) {
	t.Helper()
	values := make([]float64, len(channels))
	last := slices.Repeat([]float64{math.Inf(-1)}, len(channels))
	for range 5 {
		if err := s.Read(values); err != nil {
			t.Fatal(err)
		}
		for i, c := range channels {
			if math.IsNaN(values[i]) != (c.Quality == measure.Unavailable) {
				t.Errorf("%s is %s and reads %g", c.Name, c.Quality, values[i])
			}
			if c.Kind.Cumulative() && values[i] < last[i] {
				t.Errorf("%s fell from %g to %g", c.Name, last[i], values[i])
			}
			last[i] = values[i]
		}
	}
	if n := testing.AllocsPerRun(50, func() { _ = s.Read(values) }); n != 0 {
		t.Errorf("Read allocates %.0f times", n)
	}
}

// missing: an empty machine is one without the hardware, neither faulty nor zero.
func missing(t *testing.T, c Case) {
	s := c.New(t.TempDir())
	if i := s.Info(); i.State != source.NoHardware || i.Reason == "" || i.Fix != "" {
		t.Errorf("an empty tree is %+v", i)
	}
	if err := s.Open(); err == nil {
		t.Errorf("open succeeded with channels %v", s.Channels())
	}
}

// broken: what cannot be read is NaN, never zero, and comes back when it can.
func broken(t *testing.T, c Case) {
	root := t.TempDir()
	c.Tree.Write(t, root)
	s := c.New(root)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	values := make([]float64, len(s.Channels()))
	if err := s.Read(values); err != nil {
		t.Fatal(err)
	}
	damaged := Tree{}
	for name := range c.Tree {
		damaged[name] = "?\n"
	}
	for _, content := range []string{"?\n", ""} {
		for name := range damaged {
			damaged[name] = content
		}
		damaged.Write(t, root)
		if err := s.Read(values); err == nil {
			t.Errorf("files of content %q can be read", content)
		}
		for i, v := range values {
			if !math.IsNaN(v) {
				t.Errorf("channel %d reads %g from files of content %q", i, v, content)
			}
		}
	}
	if e, ok := s.(source.Explainer); !ok || e.Failure(0) == nil {
		t.Error("there is no reason for the absent reading")
	}
	c.Tree.Write(t, root)
	if err := s.Read(values); err != nil {
		t.Errorf("the source does not recover: %v", err)
	}
}
