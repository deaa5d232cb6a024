package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/store/storetest"
)

// writerEnv names the store that a child process of the test binary writes trials to.
const writerEnv = "WATTLAW_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForever(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, path string) *DB {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(t.TempDir(), "s.db"))
	})
}

func TestAwkwardPaths(t *testing.T) {
	for _, name := range []string{"with space.db", "100%.db", "a?b#c.db", "ünï.db", "deep/er/s.db"} {
		if runtime.GOOS == "windows" && strings.Contains(name, "?") {
			continue // not a file name there
		}
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		if err := s.PutRun(context.Background(), storetest.SampleRun("r", time.Now())); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: the file is not where it was asked for: %v", name, err)
		}
	}
}

func TestFolderIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("permission bits have no meaning on Windows: only the creation is checked")
	}
	dir := filepath.Join(t.TempDir(), "new")
	open(t, filepath.Join(dir, "s.db"))
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, want 0700", info.Mode().Perm())
	}
}

func TestDefaultPath(t *testing.T) {
	t.Setenv("WATTLAW_STORE", "/x/y.db")
	if got, err := DefaultPath(); err != nil || got != "/x/y.db" {
		t.Errorf("with WATTLAW_STORE: %q, %v", got, err)
	}
	state := t.TempDir()
	t.Setenv("WATTLAW_STORE", "")
	t.Setenv("XDG_STATE_HOME", state)
	if got, err := DefaultPath(); err != nil || got != filepath.Join(state, "wattlaw", "wattlaw.db") {
		t.Errorf("with XDG_STATE_HOME: %q, %v", got, err)
	}
	t.Setenv("XDG_STATE_HOME", "relative") // to be ignored, says the XDG base directory specification
	if got, err := DefaultPath(); err == nil && !filepath.IsAbs(got) {
		t.Errorf("with a relative XDG_STATE_HOME: %q", got)
	}
}

func TestDurability(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func TestTrialsAreNeverChanged(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s.db"))
	fill(t, s, 1)
	if _, err := s.db.Exec("UPDATE trials SET record = '{}'"); err == nil {
		t.Error("a trial was changed")
	}
	if err := s.AddAnswers(context.Background(), []store.Answer{storetest.SampleAnswer("r", 0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("UPDATE answers SET record = '{}'"); err == nil {
		t.Error("an answer was changed")
	}
}

func TestRefusedFiles(t *testing.T) {
	ctx := context.Background()
	cases := map[string]struct {
		make func(t *testing.T, path string)
		is   error
		say  string
	}{
		"text":              {func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("no database ", 50))) }, store.ErrCorrupt, "no SQLite database"},
		"short":             {func(t *testing.T, path string) { write(t, path, []byte("SQLite format 3\x00")) }, store.ErrCorrupt, "no SQLite database"},
		"another program's": {func(t *testing.T, path string) { execute(t, path, "CREATE TABLE songs (name)") }, nil, "another program"},
		"newer": {func(t *testing.T, path string) {
			open(t, path).Close()
			execute(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
		}, store.ErrNewer, "999"},
		"cut off": {func(t *testing.T, path string) {
			s := open(t, path)
			fill(t, s, 20)
			s.Close()
			if err := os.Truncate(path, 8192+100); err != nil {
				t.Fatal(err)
			}
		}, store.ErrCorrupt, "recover"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.db")
			c.make(t, path)
			before := read(t, path)
			s, err := Open(ctx, path)
			if err == nil {
				_, err = s.Trials(ctx, "r")
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.say) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v; want one that names the file and says %q", err, c.say)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v is not of class %v", err, c.is)
			}
			if string(read(t, path)) != string(before) {
				t.Error("the refused file was changed")
			}
		})
	}
}

func TestDamagedRecord(t *testing.T) {
	ctx := context.Background()
	s := open(t, filepath.Join(t.TempDir(), "s.db"))
	fill(t, s, 2)
	if _, err := s.db.Exec("UPDATE samples SET data = x'01ff' WHERE seq = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Samples(ctx, "r", 1); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "trial 1") {
		t.Errorf("damaged samples: %v; want ErrCorrupt that names the trial", err)
	}
	if _, err := s.Samples(ctx, "r", 0); err != nil {
		t.Errorf("the samples beside the damaged ones: %v", err)
	}
	if _, err := s.db.Exec("UPDATE runs SET header = '['"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(ctx, "r"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("damaged header: %v; want ErrCorrupt", err)
	}
}

// TestOpenAtTheSameTime lets many openers find no file: all must end up with the schema.
func TestOpenAtTheSameTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	const openers = 6
	failed := make(chan error, openers)
	for range openers {
		go func() {
			s, err := Open(context.Background(), path)
			if err == nil {
				_, err = s.Runs(context.Background())
				err = errors.Join(err, s.Close())
			}
			failed <- err
		}()
	}
	for range openers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

// TestFullDisk makes the database reach the limit that a full disk would set, at first
// through SQLite's own limit of pages, which works everywhere.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	s.db.SetMaxOpenConns(1) // max_page_count belongs to the connection
	fill(t, s, 1)
	if _, err := s.db.Exec("PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	fillUntilFull(t, s)
}

// fillUntilFull adds trials until the store is full and checks what is left of them.
func fillUntilFull(t *testing.T, s *DB) {
	t.Helper()
	ctx := context.Background()
	stored := 1
	for ; stored < 10_000; stored++ {
		trial, samples := storetest.SampleTrial("r", stored)
		err := s.AddTrial(ctx, trial, samples)
		if err == nil {
			continue
		}
		if !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "free some space") {
			t.Fatalf("full store: %v; want ErrFull that says what to do", err)
		}
		break
	}
	trials, err := s.Trials(ctx, "r")
	if err != nil || len(trials) != stored {
		t.Fatalf("%d trials readable on the full store, %v; want %d", len(trials), err, stored)
	}
	s.Close()
	again := open(t, s.path)
	if trials, err = again.Trials(ctx, "r"); err != nil || len(trials) != stored {
		t.Errorf("%d trials readable after opening again, %v; want %d", len(trials), err, stored)
	}
	if _, err := again.Samples(ctx, "r", stored-1); err != nil {
		t.Errorf("samples of the last trial: %v", err)
	}
}

// TestKilledWriter ends a writing process at random moments with no chance to clean up:
// every trial that it reported as stored must be there, once and whole.
func TestKilledWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	random := rand.New(rand.NewPCG(1, 2))
	acknowledged := -1
	for round := range 6 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), writerEnv+"="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		kill := acknowledged + 1 + random.IntN(15)
		for lines.Scan() {
			if _, err := fmt.Sscanf(lines.Text(), "stored %d", &acknowledged); err != nil {
				t.Fatalf("the writer says %q", lines.Text())
			}
			if acknowledged >= kill {
				time.AfterFunc(time.Duration(random.IntN(3000))*time.Microsecond, func() { child.Process.Kill() })
				kill = 1 << 30
			}
		}
		child.Wait() // its failure is the kill
		checkAfterKill(t, path, round, acknowledged)
	}
	if acknowledged < 6 {
		t.Fatalf("the writers stored only %d trials: the test killed them before they did anything", acknowledged+1)
	}
}

func checkAfterKill(t *testing.T, path string, round, acknowledged int) {
	t.Helper()
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	defer s.Close()
	trials, err := s.Trials(ctx, "r")
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	if len(trials) <= acknowledged {
		t.Fatalf("round %d: %d trials, but number %d was acknowledged", round, len(trials), acknowledged)
	}
	for i, trial := range trials {
		if trial.Seq != i {
			t.Fatalf("round %d: place %d holds trial %d", round, i, trial.Seq)
		}
		if samples, err := s.Samples(ctx, "r", i); err != nil || len(samples.Series) != 2 {
			t.Fatalf("round %d: samples of trial %d: %v", round, i, err)
		}
	}
	var verdict string
	if err := s.db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("round %d: integrity check says %q, %v", round, verdict, err)
	}
}

// writeForever is the child of TestKilledWriter: it goes on where the last one was killed
// and reports every trial once the store has it.
func writeForever(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	if err := s.PutRun(ctx, storetest.SampleRun("r", time.Now())); err != nil {
		return err
	}
	counts, err := s.TrialCounts(ctx)
	if err != nil {
		return err
	}
	for seq := counts["r"]; ; seq++ {
		trial, samples := storetest.SampleTrial("r", seq)
		if err := s.AddTrial(ctx, trial, samples); err != nil {
			return err
		}
		fmt.Println("stored", seq)
	}
}

// fill stores run "r" with n trials.
func fill(t *testing.T, s *DB, n int) {
	t.Helper()
	if err := s.PutRun(context.Background(), storetest.SampleRun("r", time.Now())); err != nil {
		t.Fatal(err)
	}
	for seq := range n {
		trial, samples := storetest.SampleTrial("r", seq)
		if err := s.AddTrial(context.Background(), trial, samples); err != nil {
			t.Fatal(err)
		}
	}
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", fileURL(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
