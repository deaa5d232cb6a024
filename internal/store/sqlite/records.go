package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// PutRun creates the run or replaces its header.
func (s *DB) PutRun(ctx context.Context, run store.Run) error {
	if run.ID == "" {
		return fmt.Errorf("store %s: a run needs an id", s.path)
	}
	header, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("store %s: run %s: %w", s.path, run.ID, err)
	}
	_, err = s.db.ExecContext(ctx, `INSERT INTO runs (id, created_ns, header) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET header = excluded.header`, run.ID, run.Created.UnixNano(), string(header))
	return s.explain(err)
}

// Run returns one run by its id or by a unique prefix of it.
func (s *DB) Run(ctx context.Context, id string) (store.Run, error) {
	if id == "" {
		return store.Run{}, fmt.Errorf("store %s: run \"\": %w; \"wattlaw runs\" lists all", s.path, store.ErrNotFound)
	}
	// substr, not LIKE: an id may hold the wildcards % and _.
	runs, err := s.runs(ctx, "WHERE substr(id, 1, length(?)) = ?", id, id)
	if err != nil {
		return store.Run{}, err
	}
	for _, run := range runs {
		if run.ID == id {
			return run, nil
		}
	}
	switch len(runs) {
	case 0:
		return store.Run{}, fmt.Errorf("store %s: run %q: %w; \"wattlaw runs\" lists all", s.path, id, store.ErrNotFound)
	case 1:
		return runs[0], nil
	}
	var ids []string
	for _, run := range runs {
		ids = append(ids, run.ID)
	}
	return store.Run{}, fmt.Errorf("store %s: run %q could be any of %s", s.path, id, strings.Join(ids, ", "))
}

// Runs lists all runs, newest first.
func (s *DB) Runs(ctx context.Context) ([]store.Run, error) { return s.runs(ctx, "") }

func (s *DB) runs(ctx context.Context, where string, args ...any) ([]store.Run, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, header FROM runs "+where+" ORDER BY created_ns DESC, id DESC", args...)
	if err != nil {
		return nil, s.explain(err)
	}
	return collect(s, rows, func() (store.Run, error) {
		var id string
		var header []byte
		var run store.Run
		if err := rows.Scan(&id, &header); err != nil {
			return run, s.explain(err)
		}
		return run, s.decode("run "+id, header, &run)
	})
}

// AddTrial appends one finished trial with its samples, in one transaction.
func (s *DB) AddTrial(ctx context.Context, trial store.Trial, samples store.Samples) error {
	name := fmt.Sprintf("trial %d of run %s", trial.Seq, trial.Run)
	if samples.Run != trial.Run || samples.Seq != trial.Seq {
		return fmt.Errorf("store %s: %s: the samples are those of trial %d of run %q", s.path, name, samples.Seq, samples.Run)
	}
	record, err := json.Marshal(trial)
	if err != nil {
		return fmt.Errorf("store %s: %s: %w", s.path, name, err)
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	defer tx.Rollback() // after Commit this does nothing
	_, err = tx.ExecContext(ctx, "INSERT INTO trials (run, seq, record) VALUES (?, ?, ?)", trial.Run, trial.Seq, string(record))
	if taken(err) {
		return fmt.Errorf("store %s: %s: %w", s.path, name, store.ErrDuplicate)
	} else if err != nil {
		return s.explain(fmt.Errorf("%s: %w", name, err))
	}
	if err := addSamples(ctx, tx, samples); err != nil {
		return s.explain(fmt.Errorf("%s: %w", name, err))
	}
	if err := tx.Commit(); err != nil {
		return s.explain(fmt.Errorf("%s: %w", name, err))
	}
	return nil
}

func addSamples(ctx context.Context, tx *sql.Tx, samples store.Samples) error {
	for place, series := range samples.Series {
		channel, err := json.Marshal(series.Channel)
		if err != nil {
			return err
		}
		data, err := store.EncodeSeries(series)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO samples (run, seq, place, channel, data) VALUES (?, ?, ?, ?, ?)",
			samples.Run, samples.Seq, place, string(channel), data); err != nil {
			return err
		}
	}
	return nil
}

// Trials returns the trials of a run in order of their sequence number.
func (s *DB) Trials(ctx context.Context, run string) ([]store.Trial, error) {
	return records[store.Trial](ctx, s, "trial", "SELECT seq, record FROM trials WHERE run = ? ORDER BY seq", run)
}

// records returns what a query for the sequence numbers and records of a run finds.
func records[T any](ctx context.Context, s *DB, what, query, run string) ([]T, error) {
	rows, err := s.db.QueryContext(ctx, query, run)
	if err != nil {
		return nil, s.explain(err)
	}
	return collect(s, rows, func() (one T, err error) {
		var seq int
		var record []byte
		if err := rows.Scan(&seq, &record); err != nil {
			return one, s.explain(err)
		}
		return one, s.decode(fmt.Sprintf("%s %d of run %s", what, seq, run), record, &one)
	})
}

// TrialCounts returns the number of trials per run.
func (s *DB) TrialCounts(ctx context.Context) (map[string]int, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT run, count(*) FROM trials GROUP BY run")
	if err != nil {
		return nil, s.explain(err)
	}
	counts := map[string]int{}
	_, err = collect(s, rows, func() (struct{}, error) {
		var run string
		var n int
		err := rows.Scan(&run, &n)
		counts[run] = n
		return struct{}{}, s.explain(err)
	})
	return counts, err
}

// AddAnswers implements store.Store.
func (s *DB) AddAnswers(ctx context.Context, answers []store.Answer) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	defer tx.Rollback() // after Commit this does nothing
	for _, a := range answers {
		name := fmt.Sprintf("answer %d of run %s", a.Seq, a.Run)
		record, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("store %s: %s: %w", s.path, name, err)
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO answers (run, seq, record) VALUES (?, ?, ?)", a.Run, a.Seq, string(record))
		if taken(err) {
			return fmt.Errorf("store %s: %s: %w", s.path, name, store.ErrDuplicate)
		} else if err != nil {
			return s.explain(fmt.Errorf("%s: %w", name, err))
		}
	}
	return s.explain(tx.Commit())
}

// Answers implements store.Store.
func (s *DB) Answers(ctx context.Context, run string) ([]store.Answer, error) {
	return records[store.Answer](ctx, s, "answer", "SELECT seq, record FROM answers WHERE run = ? ORDER BY seq", run)
}

// Samples returns the series around one trial.
func (s *DB) Samples(ctx context.Context, run string, seq int) (store.Samples, error) {
	out := store.Samples{Run: run, Seq: seq}
	var known int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM trials WHERE run = ? AND seq = ?", run, seq).Scan(&known); err != nil {
		return out, s.explain(err)
	}
	if known == 0 {
		return out, fmt.Errorf("store %s: trial %d of run %s: %w", s.path, seq, run, store.ErrNotFound)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT channel, data FROM samples WHERE run = ? AND seq = ? ORDER BY place", run, seq)
	if err != nil {
		return out, s.explain(err)
	}
	out.Series, err = collect(s, rows, func() (measure.Series, error) {
		var text, data []byte
		var channel measure.Channel
		if err := rows.Scan(&text, &data); err != nil {
			return measure.Series{}, s.explain(err)
		}
		name := fmt.Sprintf("samples of trial %d of run %s", seq, run)
		if err := s.decode(name, text, &channel); err != nil {
			return measure.Series{}, err
		}
		series, err := store.DecodeSeries(data, channel)
		if err != nil {
			return series, fmt.Errorf("store %s: %s: %w", s.path, name, err)
		}
		return series, nil
	})
	return out, err
}

// decode reads one JSON column.
func (s *DB) decode(name string, data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("store %s: %s: %w: %w", s.path, name, store.ErrCorrupt, err)
	}
	return nil
}

// collect calls scan for every row and closes rows.
func collect[T any](s *DB, rows *sql.Rows, scan func() (T, error)) ([]T, error) {
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, s.explain(rows.Err())
}
