package store

import (
	"context"
	"errors"
)

// ErrNotFound is returned, wrapped, when a run or a trial's samples do not exist.
var ErrNotFound = errors.New("not found")

// Store keeps records. Every write is durable when the call returns, or has left no trace.
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
	// Samples returns the series around one trial.
	Samples(ctx context.Context, run string, seq int) (Samples, error)
	Close() error
}
