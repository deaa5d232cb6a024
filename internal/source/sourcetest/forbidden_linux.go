package sourcetest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wattlaw/wattlaw/internal/source"
)

// nobody is the user that owns nothing.
const nobody = 65534

// forbidden: files that exist but may not be read are a matter of permission, and the user
// is told the command that grants it.
func forbidden(t *testing.T, c Case) {
	root := t.TempDir()
	c.Tree.Write(t, root)
	// The directory that holds a test's temporary ones is closed to other users.
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range c.Forbidden {
		if err := os.Chmod(filepath.Join(root, filepath.FromSlash(name)), 0); err != nil {
			t.Fatal(err)
		}
	}
	AsNobody(t, func() {
		s := c.New(root)
		i := s.Info()
		if i.State != source.NoPermission || i.Reason == "" || i.Fix == "" {
			t.Errorf("forbidden files are %+v", i)
		}
		if err := s.Open(); err == nil {
			t.Errorf("open succeeded with channels %v", s.Channels())
		}
	})
}

// AsNobody runs f on a thread whose access to files is that of an ordinary user, also when
// the test runs as root.
func AsNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SetfsuidRetUid(nobody)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setfsuid(before) }()
	f()
}
