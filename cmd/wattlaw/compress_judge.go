package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/compress/heal"
	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/eval"
	"github.com/wattlaw/wattlaw/internal/train"
)

// accept returns what judges trials by how many tasks they are right on, compared with the original.
func (f *compressFlags) accept(ctx context.Context, in compress.Pair) (func(context.Context, compress.Pair) (bool, error), error) {
	tasks, err := readTasks(f.tasks, 0)
	if err != nil {
		return nil, err
	}
	whole, err := f.accuracy(ctx, in, tasks)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, trial compress.Pair) (bool, error) {
		got, err := f.accuracy(ctx, trial, tasks)
		return got >= whole-f.opt.Goal.Drop, err
	}, nil
}

// accuracy writes a model where the engine can load it, and returns the share of tasks that it is right on.
func (f *compressFlags) accuracy(ctx context.Context, p compress.Pair, tasks []eval.Task) (share float64, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(f.out), ".trial-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, opt := filepath.Join(dir, "trial.gguf"), engine.Options{Threads: f.opt.Threads}
	if err := p.Write(path, encoderPath(path)); err != nil {
		return 0, err
	}
	if p.Encoder != nil {
		opt.Projector = encoderPath(path)
	}
	e, err := engine.Load(path, opt)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	result, err := eval.Run(ctx, e, nil, eval.Plan{Tasks: tasks})
	if err != nil {
		return 0, err
	}
	return rightShare(result.Tasks)
}

// rightShare is the share of all tasks that are right: chosen by likelihood per byte, or answered exactly.
func rightShare(r *eval.TaskResult) (float64, error) {
	var right, n float64
	for _, c := range r.Choices {
		n++
		if c.Picked[0].PerByte == c.Right {
			right++
		}
	}
	for _, a := range r.Answers {
		n++
		if a.Exact[0] {
			right++
		}
	}
	if n == 0 {
		return 0, errors.New("the file of tasks is empty")
	}
	return right / n, nil
}

// healing lets the compressed model learn from the original.
func (f *compressFlags) healing(cmd *cobra.Command, in, out compress.Pair, data compress.Calibration, c *calibrator) (*heal.Report, error) {
	opt := heal.Options{Train: train.Options{Threads: f.opt.Threads}, Time: f.heal, Recipe: data.Hash,
		Checkpoint: f.out + healSuffix, Report: healProgress(cmd.ErrOrStderr())}
	r, err := heal.Distill(cmd.Context(), heal.Pair(in), heal.Pair(out), c.learn(data.Held), data.Held, opt)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(opt.Checkpoint); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return &r, nil
}
