package sqlite

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullFileSystem fills a real file system of one megabyte. Mounting one takes root;
// without it the test says so and TestFullDisk stands alone.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m")
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skip("mounting a small file system takes root; TestFullDisk covers the same through SQLite's limit of pages")
	} else if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	s := open(t, filepath.Join(dir, "s.db"))
	fill(t, s, 1)
	fillUntilFull(t, s)
}
