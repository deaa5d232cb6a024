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
	split, size, form string
	kinds             []string
	n                 int
	scenes            world.SceneOptions
	out               string
}

func newWorldPicturesCmd() *cobra.Command {
	var f picturesFlags
	cmd := &cobra.Command{
		Use:   "pictures --out DIR [--split test] [--n 50] [--size 448x448] [--digits 11,22,64]",
		Short: "Write pictures with questions, as tasks for wattlaw eval",
		Long: fmt.Sprintf(`Write pictures of coloured shapes and a number as PNG files, and questions about them as tasks for
"wattlaw eval --tasks" in tasks.jsonl beside them. The height of the number's digits in pixels is --digits: small ones
vanish where a model shrinks a picture.

Kinds of questions: %v.
docs/world.md describes them.`, world.SceneKinds()),
		Example: `  wattlaw world pictures --n 20 --out pictures
  wattlaw eval -m model.gguf --mmproj mmproj.gguf --tasks pictures/tasks.jsonl
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
	flags.StringVar(&f.form, "form", string(world.AsAnswer), "answer, to be written, or choice among answers of the same sort")
	flags.StringVar(&f.out, "out", "", "folder to write into; made if there is none")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// picturesTasks is the name of the file of tasks beside the pictures.
const picturesTasks = "tasks.jsonl"

func (f *picturesFlags) run() (err error) {
	if f.n < 1 || f.n > world.MaxTasks {
		return fmt.Errorf("--n: %d pictures: want 1 to %d", f.n, world.MaxTasks)
	}
	form := world.Form(f.form)
	if form != world.AsAnswer && form != world.AsChoice {
		return fmt.Errorf("--form: %q: want %q or %q", f.form, world.AsAnswer, world.AsChoice)
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
	tasks, err := os.OpenFile(filepath.Join(f.out, picturesTasks), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s holds pictures with questions already: name another folder", f.out)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tasks.Close()) }()
	for i := range f.n {
		scene, id := scenes.Next(), fmt.Sprintf("%s-%d-%d", f.split, f.scenes.Seed, i)
		name := id + ".png"
		data, err := workload.EncodePNG(scene.Image)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(f.out, name), data, 0o644); err != nil {
			return err
		}
		if err := world.WriteSceneTasks(tasks, name, id, scene, form); err != nil {
			return err
		}
	}
	return nil
}
