package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/compress/heal"
	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/eval"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/train"
)

// judge judges models by how many tasks they are right on, compared with the original.
type judge struct {
	*compressFlags
	tasks []eval.Task
	whole float64 // the original's share of right ones
}

func (f *compressFlags) newJudge(ctx context.Context, in compress.Pair) (j *judge, err error) {
	j = &judge{compressFlags: f}
	if j.tasks, err = readTasks(f.tasks, 0); err != nil {
		return nil, err
	}
	j.whole, err = f.accuracy(ctx, in, j.tasks)
	return j, err
}

func (j *judge) accept(ctx context.Context, trial compress.Pair) (bool, error) {
	got, err := j.accuracy(ctx, trial, j.tasks)
	return j.enough(got), err
}

// enough says whether a share of right tasks keeps the goal; shares are quotients, which are not exact.
func (j *judge) enough(got float64) bool { return got >= j.whole-j.opt.Goal.Drop-1e-9 }

// tasksHash identifies the tasks.
func (j *judge) tasksHash() string {
	sum := sha256.New()
	for _, t := range j.tasks {
		fmt.Fprintf(sum, "%q %q %q %q %d %q %d %q\n", t.Kind, t.Prompt, t.Image, t.Choices, t.Right, t.Answers, t.MaxTokens, t.Stop)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// keptGoal says of the model that is written whether it keeps a goal of quality, which trials on a part of the
// calibration were judged by; "" without such a goal.
func (f *compressFlags) keptGoal(ctx context.Context, j *judge, out compress.Pair, r *compress.Report, healed *heal.Report) (string, error) {
	good, text := true, ""
	switch {
	case j != nil:
		got, err := j.accuracy(ctx, out, j.tasks)
		if err != nil {
			return "", err
		}
		good, text = j.enough(got), fmt.Sprintf("right on %.1f %% of the tasks, the original on %.1f %%", 100*got, 100*j.whole)
	case f.kl > 0:
		kl := r.Held.KL
		if healed != nil && healed.Better {
			kl = healed.After
		}
		good, text = kl <= f.kl, fmt.Sprintf("KL %.4g, at most %g wanted", kl, f.kl)
	}
	if !good {
		text += ": missed, though a trial kept it; calibrate on more text, or ask for a little less"
	}
	return text, nil
}

// accuracy writes a model where the engine can load it, and returns the share of tasks that it is right on.
func (f *compressFlags) accuracy(ctx context.Context, p compress.Pair, tasks []eval.Task) (share float64, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(f.out), ".trial-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, opt := filepath.Join(dir, "trial.gguf"), engine.Options{Threads: f.opt.Threads}
	if err := p.Write(path, model.EncoderPath(path)); err != nil {
		return 0, err
	}
	if p.Encoder != nil {
		opt.Projector = model.EncoderPath(path)
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

// healing lets the compressed model learn from the original. Its checkpoint stays until the model is written.
func (f *compressFlags) healing(cmd *cobra.Command, in, out compress.Pair, data compress.Calibration, c *calibrator) (*heal.Report, error) {
	opt := heal.Options{Train: train.Options{Threads: f.opt.Threads}, Time: f.heal, Recipe: data.Hash,
		Checkpoint: f.out + healSuffix, Report: healProgress(cmd.ErrOrStderr())}
	r, err := heal.Distill(cmd.Context(), heal.Pair(in), heal.Pair(out), c.learn(data.Held), data.Held, opt)
	if err != nil && cmd.Context().Err() != nil {
		err = fmt.Errorf("%w; the same command goes on from %s", err, opt.Checkpoint)
	}
	return &r, err
}
