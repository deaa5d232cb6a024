package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/wattlaw/wattlaw/internal/store"
)

// explain says what an error of SQLite means for the store and what to do about it.
func (s *DB) explain(err error) error {
	if err == nil {
		return nil
	}
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	code := failure.Code()
	switch {
	case code == lib.SQLITE_IOERR_WRITE || code == lib.SQLITE_IOERR_FSYNC || code == lib.SQLITE_IOERR_SHMSIZE:
		// Some file systems report a full disk only as a failed write.
		return fmt.Errorf("store %s: %w or the disk fails: free some space and resume; all earlier trials are safe: %w", s.path, store.ErrFull, err)
	case code&0xff == lib.SQLITE_FULL:
		return fmt.Errorf("store %s: %w: free some space and resume; all earlier trials are safe: %w", s.path, store.ErrFull, err)
	case code&0xff == lib.SQLITE_NOTADB:
		return fmt.Errorf("store %s: %w: this is no SQLite database; move the file away or name another with --store: %w", s.path, store.ErrCorrupt, err)
	case code&0xff == lib.SQLITE_CORRUPT:
		return fmt.Errorf("store %s: %w: move the file away and recover it with \"sqlite3 FILE .recover\", or name another with --store: %w", s.path, store.ErrCorrupt, err)
	case code&0xff == lib.SQLITE_BUSY:
		return fmt.Errorf("store %s: another process keeps it locked; end that process or name another file with --store: %w", s.path, err)
	case code&0xff == lib.SQLITE_CANTOPEN || code&0xff == lib.SQLITE_READONLY || code&0xff == lib.SQLITE_PERM:
		return fmt.Errorf("store %s: cannot be written; check its permissions or name another file with --store: %w", s.path, err)
	}
	return fmt.Errorf("store %s: %w", s.path, err)
}

// taken reports whether err says that a primary key exists already.
func taken(err error) bool {
	var failure *sqlite.Error
	return errors.As(err, &failure) && failure.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY
}
