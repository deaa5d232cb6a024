package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine/speed"
	"github.com/wattlaw/wattlaw/internal/eval"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// clampFlags is what the user asks of the clamp command beside the model.
type clampFlags struct {
	plan         speed.ClampPlan
	tokens, side []int
	dir, size    string
	files        []string
	format       string
	tasks        string
	most         int
	list         []eval.Task
}

func newClampCmd() *cobra.Command {
	var f modelFlags
	var c clampFlags
	cmd := &cobra.Command{
		Use:   "clamp -m MODEL [--mmproj FILE] [--image-dir DIR]",
		Short: "Show what a limit on image tokens saves, to choose the smallest safe resolution",
		Long: `Ask a model about images under several limits of what it looks at, and compare what each costs
with the model's own limit. Without images of yours it draws scenes. All runs are interleaved.

A trained model also shows how far its answers stay the same. Whether a limit is safe is a
matter of your task: with --tasks it answers questions under every limit, and the smallest
resolution within one point of full accuracy is named. docs/eval-formats.md describes the file.`,
		Example: `  wattlaw clamp -m shape:smolvlm-256m@q4_0
  wattlaw clamp -m qwen2-vl-2b.gguf --mmproj mmproj.gguf --image-dir photos --max-tokens 128,256,512
  wattlaw clamp -m qwen2-vl-2b.gguf --mmproj mmproj.gguf --tasks pictures/tasks.jsonl
  wattlaw serve -m qwen2-vl-2b.gguf --mmproj mmproj.gguf --image-max-tokens 256`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd, &f) },
	}
	f.register(cmd)
	flags := cmd.Flags()
	projectorFlag(flags, &f.opt)
	flags.IntSliceVar(&c.tokens, "max-tokens", nil, "limits to try, in image tokens (default: 64, 128, 256… below what the images take)")
	flags.IntSliceVar(&c.side, "longest-side", nil, "limits to try, in pixels of the longest side, as older runtimes have them")
	flags.StringVar(&c.tasks, "tasks", "", `tasks about images to answer under every limit: a file in JSON Lines, or "builtin:pictures"`)
	flags.IntVar(&c.most, "task-count", 0, "most tasks to take; 0 takes all of a file, and 200 of the built-in ones")
	flags.StringVar(&c.dir, "image-dir", "", "folder of images")
	imagesFlag(flags, &c.files)
	flags.StringVar(&c.size, "size", "1024x768", "size of the drawn scenes")
	flags.StringVarP(&c.plan.Prompt, "prompt", "p", "Describe this picture.", "what to ask about each image")
	flags.IntVarP(&c.plan.OutputTokens, "tokens", "n", 8, "tokens of each answer")
	flags.IntVarP(&c.plan.Repeats, "repeats", "r", 3, "rounds over all limits and images")
	flags.Uint64Var(&c.plan.Seed, "seed", 1, "seed of the order and the scenes")
	flags.StringVar(&c.format, "format", "table", "output format: "+strings.Join(speed.ClampFormats(), ", "))
	return cmd
}

func (c *clampFlags) run(cmd *cobra.Command, f *modelFlags) (err error) {
	if err := speed.CheckClampFormat(c.format); err != nil {
		return err
	}
	if c.tasks != "" {
		if c.list, err = readTasks(c.tasks, c.most); err != nil {
			return fmt.Errorf("--tasks: %w", err)
		}
	}
	if c.plan.Pictures, err = c.pictures(); err != nil {
		return err
	}
	for _, n := range c.tokens {
		c.plan.Clamps = append(c.plan.Clamps, imaging.Clamp{MaxTokens: n})
	}
	for _, n := range c.side {
		c.plan.Clamps = append(c.plan.Clamps, imaging.Clamp{Policy: imaging.PolicyLongestSide, LongestSide: n})
	}
	if screen, ok := cmd.ErrOrStderr().(*os.File); ok && isTerminal(screen) {
		c.plan.Progress = func(done, all int) {
			fmt.Fprintf(screen, "\ranswer %d of %d%s", done+1, all, strings.Repeat("\n", (done+1)/all))
		}
	}
	e, done, err := f.load()
	if err != nil {
		return err
	}
	defer done(&err)
	if c.tasks != "" {
		if err := eval.CheckTrained(e); err != nil {
			return err
		}
	}
	result, err := speed.SweepClamp(cmd.Context(), e, c.plan)
	if err != nil {
		return err
	}
	if c.tasks != "" {
		var clamps []imaging.Clamp
		for _, t := range result.Tests[1:] { // the first is the model's own
			clamps = append(clamps, t.Clamp)
		}
		if result.Accuracy, err = eval.Limits(cmd.Context(), e, c.list, clamps, nil); err != nil {
			return err
		}
	}
	return result.Write(cmd.OutOrStdout(), c.format)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// maxClampPixels bounds the images that are in memory together.
const maxClampPixels = 1 << 28

// pictures are the user's images, or scenes.
func (c *clampFlags) pictures() (list []speed.Picture, err error) {
	paths := c.files
	if c.dir != "" {
		inside, err := filesOf(c.dir)
		if err != nil {
			return nil, err
		}
		paths = append(paths, inside...)
	}
	switch {
	case len(paths) == 0 && len(c.list) > 0:
		return c.asked()
	case len(paths) == 0:
		return c.scenes()
	}
	pixels := 0
	for _, path := range paths {
		img, err := readImage(path)
		if err != nil {
			return nil, fmt.Errorf("%w; leave it out", err)
		}
		if pixels += img.Size().Pixels(); pixels > maxClampPixels {
			return nil, fmt.Errorf("%s: the images up to this one have more than %d pixels together: take fewer", path, maxClampPixels)
		}
		list = append(list, speed.Picture{Name: filepath.Base(path), Image: img})
	}
	return list, nil
}

// filesOf lists a folder's files, without hidden ones.
func filesOf(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("--image-dir: %w", err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && !strings.HasPrefix(entry.Name(), ".") {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("--image-dir: %s holds no files", dir)
	}
	return paths, nil
}

// maxAsked bounds the pictures of tasks that costs are measured on.
const maxAsked = 4

// asked are the first pictures of the tasks; costs hardly depend on what they show.
func (c *clampFlags) asked() (list []speed.Picture, err error) {
	for _, t := range c.list {
		if t.Image == "" || slices.ContainsFunc(list, func(p speed.Picture) bool { return p.Name == t.Image }) {
			continue
		}
		img, err := t.Picture(imaging.Size{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Where, err)
		}
		if list = append(list, speed.Picture{Name: t.Image, Image: img}); len(list) == maxAsked {
			break
		}
	}
	return list, nil
}

// scenes draws one image of each kind.
func (c *clampFlags) scenes() (list []speed.Picture, err error) {
	size, err := imaging.ParseSize(c.size)
	if err != nil {
		return nil, fmt.Errorf("--size: %w", err)
	}
	for _, kind := range workload.Scenes() {
		img, err := workload.Draw(kind, size, c.plan.Seed)
		if err != nil {
			return nil, err
		}
		list = append(list, speed.Picture{Name: string(kind), Image: img})
	}
	return list, nil
}
