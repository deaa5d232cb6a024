package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/compress/heal"
	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/eval"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/model/vision"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// What a model is calibrated on where nothing else is asked for.
const (
	defaultSequences = 128 // of text
	defaultWindow    = 512 // tokens of each
)

// calibrator turns texts, tasks and the small world into sequences.
type calibrator struct {
	name    string
	tokens  *tokenizer.Tokenizer
	encoder *vision.Encoder                        // nil for a model that does not see
	window  int                                    // tokens of a sequence of text
	context int                                    // that the model was trained for
	most    int                                    // sequences of that length in all
	list    []train.Sequence                       // to calibrate on
	windows []train.Sequence                       // all of the texts, to learn from
	made    func(i uint64) (train.Sequence, error) // of the small world; nil for files
}

func newCalibrator(ref string, p compress.Pair, window, most int) (*calibrator, error) {
	c := &calibrator{name: ref, window: window, most: most}
	var err error
	if c.tokens, err = tokenizer.New(p.Language.Vocab); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Language.Name, err)
	}
	if p.Encoder != nil {
		if c.encoder, err = vision.New(p.Encoder); err != nil {
			return nil, err
		}
	}
	config, err := model.ReadConfig(p.Language)
	if err != nil {
		return nil, err
	}
	if c.context = config.Context; window < 2 || window > config.Context {
		return nil, fmt.Errorf("--window %d: want 2 to %d, what %s was trained for", window, config.Context, p.Language.Name)
	}
	if most < 2 {
		return nil, fmt.Errorf("--sequences %d: want at least two, one to be held out", most)
	}
	return c, nil
}

// read makes the sequences of files, or of the model's own world where none are named.
func (c *calibrator) read(paths []string) (compress.Calibration, error) {
	if len(paths) == 0 {
		if err := c.world(); err != nil {
			return compress.Calibration{}, err
		}
	}
	for i, path := range paths {
		share := c.most / len(paths)
		if i == len(paths)-1 {
			share = c.most - share*(len(paths)-1)
		}
		read := c.text
		if strings.HasSuffix(path, ".jsonl") {
			read = c.tasks
		}
		if err := read(path, share); err != nil {
			return compress.Calibration{}, err
		}
	}
	return compress.Split(c.list)
}

// text takes windows that are spread over a text evenly.
func (c *calibrator) text(path string, most int) error {
	text, err := readText(path)
	if err != nil {
		return err
	}
	ids := c.tokens.Encode(string(text.Data), tokenizer.EncodeOptions{})
	size := c.window
	var first []int32
	if c.tokens.AddsBOS() {
		size, first = size-1, []int32{c.tokens.BOS()}
	}
	n := len(ids) / size
	if n == 0 {
		return fmt.Errorf("%s: has %d tokens, fewer than a window of %d: calibrate on more text", path, len(ids), c.window)
	}
	var all []train.Sequence
	for at := 0; at+size <= len(ids); at += size {
		all = append(all, train.Sequence{Tokens: append(first[:len(first):len(first)], ids[at:at+size]...)})
	}
	for i := range min(n, most) {
		c.list = append(c.list, all[i*n/min(n, most)])
	}
	c.windows = append(c.windows, all...)
	return nil
}

// learn returns what the model is healed on: sequences that it was calibrated on and more, but none held out.
func (c *calibrator) learn(held []train.Sequence) train.Data {
	if c.made != nil {
		return func(i uint64) (train.Sequence, error) { return c.made(uint64(len(c.list)) + i) }
	}
	out := map[*int32]bool{}
	for _, s := range held {
		out[&s.Tokens[0]] = true
	}
	return heal.Epochs(slices.DeleteFunc(slices.Clone(c.windows), func(s train.Sequence) bool { return out[&s.Tokens[0]] }), 1)
}

// tasks takes the prompts of tasks with their right answers.
func (c *calibrator) tasks(path string, most int) error {
	list, err := eval.ReadTasksFile(path)
	if err != nil {
		return err
	}
	tokens := 0
	for _, t := range list {
		if tokens >= most*c.window {
			break
		}
		var w sequence
		before, after, marked := strings.Cut(t.Prompt, engine.ImageMarker)
		if t.Image == "" {
			c.prompt(&w, t.Prompt, true)
		} else {
			if !marked {
				before, after = "", t.Prompt
			}
			picture, err := t.Picture(imaging.Size{})
			if err == nil && before != "" {
				c.prompt(&w, before, true)
			}
			if err == nil {
				err = c.picture(&w, picture)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", t.Where, err)
			}
			c.prompt(&w, after, false)
		}
		c.answer(&w, right(t))
		if n := len(w.Tokens) - 1; n > c.context {
			return fmt.Errorf("%s: prompt and answer have %d tokens, more than the %d that %s was trained for: shorten the task, or leave it out",
				t.Where, n, c.context, c.name)
		}
		tokens += len(w.Tokens)
		c.list, c.windows = append(c.list, w.Sequence), append(c.windows, w.Sequence)
	}
	return nil
}

// right is the answer to a task as it follows the prompt.
func right(t eval.Task) string {
	if t.Kind == eval.Choice {
		return t.Choices[t.Right]
	}
	return " " + t.Answers[0]
}

// sequence is one in the making.
type sequence struct{ train.Sequence }

func (s *sequence) add(weight float32, ids ...int32) {
	for _, id := range ids {
		s.Tokens, s.Weights = append(s.Tokens, id), append(s.Weights, weight)
	}
}

// prompt writes what is given, in which control tokens are read as such, as wherever a prompt is read.
func (c *calibrator) prompt(w *sequence, text string, begins bool) {
	w.add(0, c.tokens.Encode(text, tokenizer.EncodeOptions{AddSpecial: begins, ParseSpecial: true})...)
}

// answer writes what is to follow, and the end if the model has one.
func (c *calibrator) answer(w *sequence, text string) {
	w.add(1, c.tokens.Encode(text, tokenizer.EncodeOptions{})...)
	if end := c.tokens.EOS(); end >= 0 {
		w.add(1, end)
	}
}

// picture writes the place of a picture as the engine would.
func (c *calibrator) picture(w *sequence, img imaging.RGB) error {
	if c.encoder == nil {
		return fmt.Errorf("the task has an image, and %s was named without an encoder: add --mmproj", c.name)
	}
	views, layout, err := c.encoder.Config().Contract().Apply(img)
	if err != nil {
		return err
	}
	for _, piece := range c.encoder.Markup(layout) {
		if piece.View < 0 {
			c.prompt(w, piece.Text, false)
			continue
		}
		w.Images = append(w.Images, train.Image{At: len(w.Tokens), View: views[piece.View]})
		for range layout.Tokens / len(views) {
			w.add(0, 0)
		}
	}
	return nil
}

// world makes sequences of the training split of the world that a built-in model knows.
func (c *calibrator) world() (err error) {
	switch {
	case !builtin.Is(c.name):
		return fmt.Errorf("name what to calibrate on with --calibrate: text like what the model will read, some %d tokens", c.most*c.window)
	case c.encoder != nil:
		c.made, err = c.scenes()
	default:
		c.made, err = c.stories()
	}
	if err != nil {
		return err
	}
	for tokens := 0; tokens < c.window*c.most; {
		s, err := c.made(uint64(len(c.list)))
		if err != nil {
			return err
		}
		tokens += len(s.Tokens)
		c.list = append(c.list, s)
	}
	return nil
}

// worldSeed is none that a training used.
const worldSeed = 1 << 40

// asked is how many questions there are about one story or picture.
const asked = 12

// stories writes texts with questions and answers, every fourth of 200 words.
func (c *calibrator) stories() (func(i uint64) (train.Sequence, error), error) {
	var kinds [2]*world.Stories
	for i, words := range []int{0, 200} {
		var err error
		if kinds[i], err = world.NewStories(world.Options{Split: world.Train, Seed: worldSeed, Words: words}); err != nil {
			return nil, err
		}
	}
	return func(i uint64) (train.Sequence, error) {
		var w sequence
		for k, e := range kinds[i%4/3].Study(i, asked) {
			if k == 0 {
				c.prompt(&w, e.Prompt(), true)
			} else {
				c.prompt(&w, "\n"+e.Ask(), false)
			}
			c.answer(&w, " "+e.Answer)
		}
		return w.Sequence, nil
	}, nil
}

// scenes asks about pictures, small and large ones.
func (c *calibrator) scenes() (func(i uint64) (train.Sequence, error), error) {
	var kinds []*world.Scenes
	for _, side := range []int{world.MinSide, 2 * world.MinSide, 3 * world.MinSide} {
		s, err := world.NewScenes(world.SceneOptions{Split: world.Train, Seed: worldSeed, Size: imaging.Size{Width: side, Height: side}, Questions: 1})
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, s)
	}
	return func(i uint64) (train.Sequence, error) {
		scene := kinds[i%uint64(len(kinds))].Study(i, asked)
		var w sequence
		if err := c.picture(&w, scene.Image); err != nil {
			return w.Sequence, err
		}
		for k, q := range scene.Questions {
			ask := q.Ask()
			if k > 0 {
				ask = "\n" + ask
			}
			c.prompt(&w, ask, false)
			c.answer(&w, " "+q.Answer)
		}
		return w.Sequence, nil
	}, nil
}
