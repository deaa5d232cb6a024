package eval

import (
	"context"
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// Seer is a Model that takes images, as a loaded *engine.Engine with an encoder does.
type Seer interface {
	Model
	// EncodePrompt tokenizes text with an engine.ImageToken for each image.
	EncodePrompt(text string, images int) ([]int32, error)
	// Begin starts a new sequence with tokens and the images that stand among them, and returns
	// its length. Continue may rewind to it.
	Begin(ctx context.Context, tokens []int32, images []imaging.RGB) (length int, err error)
}

// opening is what a model has read of a prompt before the text that is asked: nothing, or all up
// to and with an image.
type opening struct {
	model  Model
	length int // in tokens, those of the image included
}

// encode tokenizes the text behind the opening.
func (o opening) encode(text string) []int32 {
	if o.length == 0 {
		return promptTokens(o.model, text)
	}
	return o.model.Tokenizer().Encode(text, tokenizer.EncodeOptions{ParseSpecial: true})
}

// fits says whether a prompt and what may follow it fit the model's context.
func (o opening) fits(prompt, more int) error {
	if n := o.model.Info().Context; o.length+prompt+more > n {
		return fmt.Errorf("a prompt of %d tokens and an answer of up to %d do not fit the context of %d: shorten it or raise the context (--context)", o.length+prompt, more, n)
	}
	if prompt == 0 {
		return fmt.Errorf("the prompt has no tokens: write some text before the answer")
	}
	return nil
}

// reader opens the prompts of tasks for one model. What it has read of a picture serves all
// tasks in a row that begin alike: most of the work is the picture.
type reader struct {
	model  Model
	box    imaging.Size // pictures are scaled to fit into it; zero: as they are
	before string       // of the opening that the model holds
	image  string
	length int // 0: the model holds no opening
}

// open returns the opening of a task's prompt and the text that follows it.
func (r *reader) open(ctx context.Context, t Task) (o opening, text string, err error) {
	if t.Image == "" {
		r.length = 0
		return opening{model: r.model}, t.Prompt, nil
	}
	before, text, marked := strings.Cut(t.Prompt, engine.ImageMarker)
	if !marked {
		before, text = "", t.Prompt
	}
	if r.length == 0 || r.before != before || r.image != t.Image {
		r.length = 0
		picture, err := t.Picture(r.box)
		if err != nil {
			return o, "", err
		}
		model, ok := r.model.(Seer)
		if !ok {
			return o, "", errNoImages(r.model)
		}
		tokens, err := model.EncodePrompt(before+engine.ImageMarker, 1)
		if err != nil {
			return o, "", err
		}
		n, err := model.Begin(ctx, tokens, []imaging.RGB{picture})
		if err != nil {
			return o, "", fmt.Errorf("image %s: %w", t.Image, err)
		}
		r.before, r.image, r.length = before, t.Image, n
	}
	return opening{model: r.model, length: r.length}, text, nil
}

// errNoImages says that a model of text was asked about a picture.
func errNoImages(m Model) error {
	return fmt.Errorf("the task asks about an image and %s takes none: name its encoder with --mmproj, or take a vision model", m.Info().Name)
}

// checkSight refuses tasks with images for a model that takes none.
func (r *runner) checkSight() error {
	for _, t := range r.plan.Tasks {
		if t.Image == "" {
			continue
		}
		for _, m := range r.models() {
			if _, ok := m.(Seer); !ok || m.Info().Vision == nil {
				return fmt.Errorf("%s: %w", t.Where, errNoImages(m))
			}
		}
	}
	return nil
}
