package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/workload"
	"github.com/wattlaw/wattlaw/internal/world"
)

// picturesFlags are what "wattlaw world pictures" is asked for.
type picturesFlags struct {
	split, size string
	kinds       []string
	n           int
	scenes      world.SceneOptions
	out         string
}

func newWorldPicturesCmd() *cobra.Command {
	var f picturesFlags
	cmd := &cobra.Command{
		Use:   "pictures --out DIR [--split test] [--n 50] [--size 448x448] [--digits 11,22,64]",
		Short: "Write pictures with questions",
		Long: fmt.Sprintf(`Write pictures of coloured shapes and a number as PNG files, and questions about them in
questions.jsonl beside them. The height of the number's digits in pixels is --digits: small ones
vanish where a model shrinks a picture.

Kinds of questions: %v.
docs/world.md describes them.`, world.SceneKinds()),
		Example: `  wattlaw world pictures --n 20 --out pictures
  wattlaw generate -m model.gguf --mmproj mmproj.gguf --image pictures/test-1-0.png -p "What number is written on the card?"`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return f.run() },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.split, "split", string(world.Test), fmt.Sprintf("which part of the world: %v", world.Splits()))
	flags.Uint64Var(&f.scenes.Seed, "seed", 1, "seed; another one yields other pictures")
	flags.IntVar(&f.n, "n", 50, "number of pictures")
	flags.StringVar(&f.size, "size", "448x448", "width and height of the pictures in pixels")
	flags.IntSliceVar(&f.scenes.Digits, "digits", nil, "heights of the digits in pixels, all equally frequent (default six, from 1/40 to 1/7 of the shorter side)")
	flags.StringSliceVar(&f.kinds, "kind", nil, "kinds of questions (default all)")
	flags.IntVar(&f.scenes.Questions, "questions", 0, "questions about each picture, each of another kind (default 3, or as many as there are kinds)")
	flags.StringVar(&f.out, "out", "", "folder to write into; made if there is none")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// questionsFile is the name of the file of questions beside the pictures.
const questionsFile = "questions.jsonl"

func (f *picturesFlags) run() (err error) {
	if f.n < 1 || f.n > world.MaxTasks {
		return fmt.Errorf("--n: %d pictures: want 1 to %d", f.n, world.MaxTasks)
	}
	f.scenes.Split = world.Split(f.split)
	for _, k := range f.kinds {
		f.scenes.Kinds = append(f.scenes.Kinds, world.Kind(k))
	}
	if f.scenes.Size, err = imaging.ParseSize(f.size); err != nil {
		return fmt.Errorf("--size: %w", err)
	}
	scenes, err := world.NewScenes(f.scenes)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return err
	}
	questions, err := os.OpenFile(filepath.Join(f.out, questionsFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s holds pictures with questions already: name another folder", f.out)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, questions.Close()) }()
	for i := range f.n {
		scene, name := scenes.Next(), fmt.Sprintf("%s-%d-%d.png", f.split, f.scenes.Seed, i)
		data, err := workload.EncodePNG(scene.Image)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(f.out, name), data, 0o644); err != nil {
			return err
		}
		if err := world.WriteQuestions(questions, name, scene); err != nil {
			return err
		}
	}
	return nil
}
