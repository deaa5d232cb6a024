package store

import (
	"context"
	"errors"
)

// Classes of failure. They are returned wrapped in an error that says what failed and
// what to do; test for them with errors.Is.
var (
	ErrNotFound  = errors.New("not found")                 // no such run, or no samples of such a trial
	ErrDuplicate = errors.New("already recorded")          // the sequence number is taken
	ErrFull      = errors.New("no space left")             // the write left no trace; all earlier ones are safe
	ErrCorrupt   = errors.New("damaged")                   // the database or a record in it cannot be read
	ErrNewer     = errors.New("written by newer software") // the schema is unknown here
)

// Store keeps records. Every write is durable when the call returns, or has left no trace.
// A Store may be used by several goroutines, and its database by several processes.
type Store interface {
	// PutRun creates the run or replaces its header (status, findings, observer, configs).
	PutRun(ctx context.Context, run Run) error
	// Run returns one run by its id or by a unique prefix of it.
	Run(ctx context.Context, id string) (Run, error)
	// Runs lists all runs, newest first.
	Runs(ctx context.Context) ([]Run, error)
	// AddTrial appends one finished trial with its samples, in one transaction. Adding a
	// sequence number twice is an error.
	AddTrial(ctx context.Context, trial Trial, samples Samples) error
	// Trials returns the trials of a run in order of their sequence number.
	Trials(ctx context.Context, run string) ([]Trial, error)
	// TrialCounts returns the number of trials per run; runs without any are absent.
	TrialCounts(ctx context.Context) (map[string]int, error)
	// AddAnswers appends answers in one transaction. Adding a sequence number twice is an error.
	AddAnswers(ctx context.Context, answers []Answer) error
	// Answers returns the answers of a run in order of their sequence number.
	Answers(ctx context.Context, run string) ([]Answer, error)
	// Samples returns the series around one trial.
	Samples(ctx context.Context, run string, seq int) (Samples, error)
	Close() error
}
