package eval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

// Kind of a task.
type Kind string

// Kinds of tasks.
const (
	// Choice asks which of several texts follows a prompt; nothing is generated.
	Choice Kind = "choice"
	// Answer asks for a text that is compared with right ones.
	Answer Kind = "answer"
)

// Task is one line of a file of tasks: docs/eval-formats.md.
type Task struct {
	Kind   Kind
	ID     string // "" when the file names none
	Group  string // scores are shown for each group too
	Prompt string
	Where  string // file and line
	// Image names the picture that the prompt is about; "" for none. It stands where the prompt
	// has an engine.ImageMarker, else before it.
	Image  string
	images Images

	Choices []string // of a Choice, as they follow the prompt
	Right   int      // index of the right one

	Answers   []string // of an Answer: any of these is right
	MaxTokens int
	Stop      []string
}

// defaultAnswer is the most tokens of an answer where a line does not say.
const defaultAnswer = 64

// Images returns the image file of a name that tasks use.
type Images func(name string) ([]byte, error)

// ReadTasksFile reads a file of tasks, whose images lie beside it or in folders below.
func ReadTasksFile(path string) ([]Task, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close() // read-only: nothing is lost
	return ReadTasks(path, in, func(name string) ([]byte, error) {
		if !filepath.IsLocal(name) {
			return nil, errors.New("want a path below the folder of the tasks")
		}
		return imaging.ReadFile(filepath.Join(filepath.Dir(path), name))
	})
}

// ReadTasks reads tasks in JSON Lines. Errors name the file, the line and the field. Each image
// is looked at once now, and read again when its task is asked; without images none is taken.
func ReadTasks(name string, r io.Reader, images Images) (tasks []Task, err error) {
	seen, good := ids{}, map[string]bool{}
	err = eachObject(name, r, func(line int, o *object) error {
		t := Task{Where: fmt.Sprintf("%s:%d", name, line), ID: o.text("id", false), Group: o.text("group", false)}
		seen.check(o, t.ID, line)
		t.Kind = Kind(o.text("type", true))
		t.Prompt = o.text("prompt", true)
		t.image(o, images, good)
		switch t.Kind {
		case Choice:
			t.Choices = o.texts("choices", 2, false)
			if !o.has("answer") {
				o.fail("answer", "is missing: want the index of the right choice, the first being 0")
			}
			t.Right = o.number("answer", 0, max(0, len(t.Choices)-1), 0)
			for i, c := range t.Choices {
				if j := slices.Index(t.Choices, c); j < i {
					o.fail("choices", "text %d is the same as text %d", i+1, j+1)
				}
			}
		case Answer:
			t.Answers = o.texts("answers", 1, false)
			t.MaxTokens = o.number("max_tokens", 1, maxAnswer, defaultAnswer)
			t.Stop = stops(o)
		default:
			o.fail("type", "is %q, want %q or %q", string(t.Kind), Choice, Answer)
		}
		tasks = append(tasks, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tasks, nil
}

// image takes the name of the picture, and looks at the file unless it is known to be good.
func (t *Task) image(o *object, images Images, good map[string]bool) {
	t.Image, t.images = o.text("image", false), images
	marks := strings.Count(t.Prompt, engine.ImageMarker)
	switch {
	case t.Image == "" && o.has("image"):
		o.fail("image", "is empty")
	case t.Image == "" && marks > 0:
		o.fail("prompt", "has the marker %s, and field \"image\" names no image", engine.ImageMarker)
	case t.Image == "" || good[t.Image]:
	case marks > 1:
		o.fail("prompt", "has the marker %s %d times: a task has one image", engine.ImageMarker, marks)
	case images == nil:
		o.fail("image", "%q: these tasks come without images", t.Image)
	default:
		data, err := images(t.Image)
		if err == nil {
			err = imaging.CheckFile(data)
		}
		if err != nil {
			o.fail("image", "%q: %w", t.Image, err)
		}
		good[t.Image] = err == nil
	}
}

// ImageFile reads the task's image as it is stored.
func (t Task) ImageFile() ([]byte, error) {
	data, err := t.images(t.Image)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", t.Image, err)
	}
	return data, nil
}

// Picture decodes the task's image, scaled down to fit into the box unless that is zero.
func (t Task) Picture(box imaging.Size) (imaging.RGB, error) {
	data, err := t.ImageFile()
	if err != nil {
		return imaging.RGB{}, err
	}
	picture, _, err := imaging.Decode(data, imaging.Limits{})
	if err != nil {
		return imaging.RGB{}, fmt.Errorf("image %s: %w", t.Image, err)
	}
	if size := picture.Size().Within(box); box != (imaging.Size{}) && size != picture.Size() {
		picture = imaging.Resize(picture, size, imaging.FilterBicubicPillow)
	}
	return picture, nil
}

// stops takes the texts that end an answer: the end of its line where none are named.
func stops(o *object) []string {
	if !o.has("stop") {
		o.texts("stop", 0, true) // known all the same
		return []string{"\n"}
	}
	return o.texts("stop", 0, true)
}

// TaskResult is what the tasks came to.
type TaskResult struct {
	Scores  []Score        `json:"scores"`
	Choices []ChoiceResult `json:"choices,omitempty"`
	Answers []AnswerResult `json:"answers,omitempty"`
}

// ChoiceResult is one task of choice. Slices hold the model first and then the original, where
// there is one.
type ChoiceResult struct {
	Item
	Right  int            `json:"right"`
	Picked []ChoicePicked `json:"picked"`
}

// ChoicePicked is what one model thinks of the choices.
type ChoicePicked struct {
	PerByte int `json:"per_byte"` // likeliest by log-likelihood per byte of its text
	Raw     int `json:"raw"`      // likeliest by log-likelihood
	// LogLikelihoods are ln p of each choice after the prompt, in nats.
	LogLikelihoods []float64 `json:"log_likelihoods"`
}

// Item says which line a result is of.
type Item struct {
	ID    string `json:"id,omitempty"`
	Group string `json:"group,omitempty"`
	Where string `json:"where"`
}

// AnswerResult is one task of answers, the model's text first and then the original's.
type AnswerResult struct {
	Item
	Texts []string  `json:"texts"`
	Exact []bool    `json:"exact"`
	F1    []float64 `json:"f1"`
}

func (t Task) item() Item { return Item{ID: t.ID, Group: t.Group, Where: t.Where} }

// evalTasks asks all tasks of the model and then of the original, so that each keeps the
// caches of the processor to itself for long.
func (r *runner) evalTasks(ctx context.Context) (*TaskResult, error) {
	out := &TaskResult{}
	models := r.models()
	for k, m := range models {
		choice, answered := 0, 0
		read := reader{model: m, box: r.plan.Resolution}
		for i, t := range r.plan.Tasks {
			r.tell("tasks", k*len(r.plan.Tasks)+i, len(models)*len(r.plan.Tasks))
			if k == 0 {
				switch t.Kind {
				case Choice:
					out.Choices = append(out.Choices, ChoiceResult{Item: t.item(), Right: t.Right})
				case Answer:
					out.Answers = append(out.Answers, AnswerResult{Item: t.item()})
				}
			}
			o, prompt, err := read.open(ctx, t)
			switch {
			case err != nil:
			case t.Kind == Choice:
				err = out.Choices[choice].ask(ctx, o, prompt, t)
				choice++
			default:
				err = out.Answers[answered].ask(ctx, o, prompt, t)
				answered++
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", t.Where, m.Info().Name, err)
			}
		}
	}
	r.tell("tasks", len(models)*len(r.plan.Tasks), len(models)*len(r.plan.Tasks))
	var err error
	out.Scores, err = out.scores(len(models))
	return out, err
}

// scores are of all items together and, where there are groups, of each.
func (out *TaskResult) scores(models int) ([]Score, error) {
	perByte, raw := newTable(MetricChoice, models), newTable(MetricChoiceRaw, models)
	exact, f1 := newTable(MetricExact, models), newTable(MetricF1, models)
	var chance []float64
	for _, c := range out.Choices {
		chance = append(chance, 1/float64(len(c.Picked[0].LogLikelihoods)))
		for k, p := range c.Picked {
			perByte.add(k, c.Group, truth(p.PerByte == c.Right))
			raw.add(k, c.Group, truth(p.Raw == c.Right))
		}
	}
	perByte.chance, raw.chance = chance, chance
	for _, a := range out.Answers {
		for k := range a.Texts {
			exact.add(k, a.Group, truth(a.Exact[k]))
			f1.add(k, a.Group, a.F1[k])
		}
	}
	return scoresOf(perByte, raw, exact, f1)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
