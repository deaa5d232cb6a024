package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/world"
)

// worldFlags are what "wattlaw world" is asked for.
type worldFlags struct {
	split, form string
	kinds       []string
	stories     world.Options
	tasks       world.TaskOptions
	out         string
}

func newWorldCmd() *cobra.Command {
	var f worldFlags
	cmd := &cobra.Command{
		Use:   "world [--split test] [--n 200] [--kind KIND,…] [--words 300] [--out FILE]",
		Short: "Write stories with questions, as tasks for wattlaw eval",
		Long: fmt.Sprintf(`Write short stories of people, places and things, each with a question that its text answers, as
tasks for "wattlaw eval --tasks". All is made up by a generator: the same flags yield the same
tasks everywhere, no model has seen them, and --words stretches a story with sentences that
change nothing, to see how a model fares in a long context.

Kinds of questions: %v.
docs/world.md describes them.`, world.Kinds()),
		Example: `  wattlaw world --n 200 --words 300 --out tasks.jsonl
  wattlaw eval -m model.gguf --tasks tasks.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.OutOrStdout()) },
	}
	cmd.AddCommand(newWorldPicturesCmd())
	flags := cmd.Flags()
	flags.StringVar(&f.split, "split", string(world.Test), fmt.Sprintf("which part of the world: %v", world.Splits()))
	flags.Uint64Var(&f.stories.Seed, "seed", 1, "seed; another one yields other tasks")
	flags.IntVar(&f.tasks.N, "n", 200, "number of tasks")
	flags.StringSliceVar(&f.kinds, "kind", nil, "kinds of questions, all equally frequent (default all)")
	flags.IntVar(&f.stories.Words, "words", 0, "most words of a story, which asides fill up; 0 for no asides")
	flags.IntVar(&f.stories.Events, "events", 0, "how much happens in a story; 0 for 4 to 8 events")
	flags.StringVar(&f.form, "form", string(world.AsAnswer), "answer, to be written, or choice among what the story offers")
	flags.IntVar(&f.tasks.Shots, "shots", 2, "solved examples of the training split before each story, with an instruction; 0 for the bare prompt, which the built-in models know")
	flags.StringVar(&f.out, "out", "", "file to write (default standard output)")
	return cmd
}

func (f *worldFlags) run(stdout io.Writer) (err error) {
	f.stories.Split, f.tasks.Form = world.Split(f.split), world.Form(f.form)
	for _, k := range f.kinds {
		f.stories.Kinds = append(f.stories.Kinds, world.Kind(k))
	}
	if f.out == "" {
		return world.WriteTasks(stdout, f.stories, f.tasks)
	}
	// What is asked for is checked before a file that exists is emptied.
	if err := world.CheckTasks(f.stories, f.tasks); err != nil {
		return err
	}
	file, err := os.Create(f.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return world.WriteTasks(file, f.stories, f.tasks)
}
