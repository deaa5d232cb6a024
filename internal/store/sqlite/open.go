// Package sqlite keeps records in one SQLite file.
//
// The file is in WAL mode with synchronous=FULL: readers never wait for the writer, and a
// commit is on disk when it returns, even if the power fails (with NORMAL it would only
// survive the end of the process). The price is one fsync per trial, paid between trials
// and never inside one.
package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/wattlaw/wattlaw/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks the file as ours in SQLite's header: "WATT" in ASCII.
const applicationID = 0x57415454

// DB is a store.Store in one SQLite file.
type DB struct {
	db   *sql.DB
	path string
}

var _ store.Store = (*DB)(nil)

// DefaultPath returns where the store lies unless told otherwise: the value of
// WATTLAW_STORE if set; else wattlaw/wattlaw.db in the folder for state, which is
// $XDG_STATE_HOME or ~/.local/state on Linux and the user's configuration folder
// (~/Library/Application Support, %AppData%) elsewhere.
func DefaultPath() (string, error) {
	if path := os.Getenv("WATTLAW_STORE"); path != "" {
		return path, nil
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" || !filepath.IsAbs(dir) {
		var err error
		if dir, err = stateDir(); err != nil {
			return "", fmt.Errorf("store: no folder for it: %w; name a file with --store or WATTLAW_STORE", err)
		}
	}
	return filepath.Join(dir, "wattlaw", "wattlaw.db"), nil
}

func stateDir() (string, error) {
	if runtime.GOOS != "linux" {
		return os.UserConfigDir()
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state"), err
}

// Open opens the store in the file at path, and creates the file, and its folder with
// permissions for its owner only, where they do not exist. It errs, with ErrCorrupt or
// ErrNewer, on a file that is no store of this program or of a later one.
func Open(ctx context.Context, path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	s := &DB{path: path}
	if err := s.recognize(ctx); err != nil {
		return nil, err
	}
	// Immediate transactions take the write lock at their start, so that a second writer
	// waits its turn instead of failing half-way. Reads use no explicit transaction.
	s.db, err = sql.Open("sqlite", fileURL(path)+"?_txlock=immediate&_dqs=0&_busy_timeout=10000"+
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, s.explain(err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// recognize errs when the file is no store, without touching it, and marks a new one.
// The mark goes in before the switch to WAL, so that it is in the file's first page from
// the beginning, where it can be read without SQLite (sqlite.org/fileformat2.html, 1.3).
func (s *DB) recognize(ctx context.Context) error {
	const magic, idOffset = "SQLite format 3\x00", 68
	head := make([]byte, idOffset+4)
	n, err := readHead(s.path, head)
	switch {
	case err != nil:
		return fmt.Errorf("store %s: %w", s.path, err)
	case n == 0:
		return s.mark(ctx)
	case n < len(head) || !bytes.HasPrefix(head, []byte(magic)):
		return fmt.Errorf("store %s: %w: this is no SQLite database; move the file away or name another with --store", s.path, store.ErrCorrupt)
	case binary.BigEndian.Uint32(head[idOffset:]) != applicationID:
		return fmt.Errorf("store %s: this SQLite database belongs to another program; name another file with --store", s.path)
	}
	return nil
}

// readHead fills head from the file's beginning and returns how much there was: nothing
// when the file does not exist.
func readHead(path string, head []byte) (int, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer file.Close()
	n, err := io.ReadFull(file, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// mark creates the file with our mark in it.
func (s *DB) mark(ctx context.Context) error {
	db, err := sql.Open("sqlite", fileURL(s.path)+"?_busy_timeout=10000")
	if err != nil {
		return s.explain(err)
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	return s.explain(errors.Join(err, db.Close()))
}

// fileURL writes an absolute path as SQLite's URI, escaping '?', '#' and '%'.
func fileURL(path string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/dir becomes /C:/dir
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}

// migrate brings the schema up to date.
func (s *DB) migrate(ctx context.Context) error {
	scripts, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.db, scripts,
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	// Two processes may find a new file at the same moment; the one that loses the race
	// fails on tables that exist by now, and succeeds when it looks again.
	for attempt := 0; ; attempt++ {
		have, want, err := provider.GetVersions(ctx)
		switch {
		case err != nil:
			return s.explain(err)
		case have > want:
			return fmt.Errorf("store %s: %w: its schema is version %d, this program knows %d; install a newer wattlaw or name another file with --store",
				s.path, store.ErrNewer, have, want)
		case have == want:
			return nil
		}
		if _, err := provider.Up(ctx); err != nil && attempt == 3 {
			return s.explain(fmt.Errorf("bring the schema from version %d to %d: %w", have, want, err))
		}
	}
}

// Path returns the file's path.
func (s *DB) Path() string { return s.path }

// Close releases the file. Closing twice is allowed.
func (s *DB) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	return nil
}
