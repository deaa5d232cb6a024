package world

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Form is how a model is asked.
type Form string

// Forms of tasks.
const (
	// AsAnswer lets the model write its answer.
	AsAnswer Form = "answer"
	// AsChoice has it choose among answers of the same sort that the story offers.
	AsChoice Form = "choice"
)

// Bounds on tasks: those of the files that wattlaw eval reads.
const (
	MaxTasks = 100_000
	MaxShots = 8
	maxBytes = 256 << 20
)

// TaskOptions say how examples become tasks.
type TaskOptions struct {
	N    int
	Form Form
	// Shots is how many short examples of the training split, with their answers, stand before
	// each story to show what is asked for: the same before all. Without any a prompt is what
	// Example.Prompt says, as models that were trained on this world know it.
	Shots int
}

func (o TaskOptions) check(words int) error {
	switch {
	case o.N < 1 || o.N > MaxTasks:
		return fmt.Errorf("%d tasks: want 1 to %d", o.N, MaxTasks)
	case o.Form != AsAnswer && o.Form != AsChoice:
		return fmt.Errorf("form %q: want %q or %q", o.Form, AsAnswer, AsChoice)
	case o.Shots < 0 || o.Shots > MaxShots:
		return fmt.Errorf("%d shots: want 0 to %d", o.Shots, MaxShots)
	case o.N*(max(words, 150)+150*o.Shots+100)*6 > maxBytes:
		return fmt.Errorf("%d tasks of %d words are more than the %d MiB that a file of tasks may have: ask for fewer or shorter ones", o.N, words, maxBytes>>20)
	}
	return nil
}

// task is a line of the file that docs/eval-formats.md describes.
type task struct {
	Type      Form     `json:"type"`
	ID        string   `json:"id"`
	Group     Kind     `json:"group"`
	Image     string   `json:"image,omitempty"`
	Prompt    string   `json:"prompt"`
	Choices   []string `json:"choices,omitempty"`
	Answer    *int     `json:"answer,omitempty"`
	Answers   []string `json:"answers,omitempty"`
	MaxTokens int      `json:"max_tokens,omitempty"`
}

const (
	// instruction stands before solved examples, which without it could be taken for one text.
	instruction = "Answer the question about each story with one word.\n\n"
	// longestAnswer is in tokens: enough for "in the kitchen" in any vocabulary.
	longestAnswer = 16
)

// Prompt is the text that ends where the answer, after a space, begins.
func (e Example) Prompt() string {
	return "Story: " + e.Text + "\n" + e.Ask()
}

// Ask is the part of the prompt behind the text.
func (e Example) Ask() string { return ask(e.Question) }

// ask is how a question is put, whatever it is about.
func ask(question string) string { return "Question: " + question + "\nAnswer:" }

// CheckTasks returns why WriteTasks would refuse the options.
func CheckTasks(stories Options, opt TaskOptions) error {
	err := stories.check()
	if err == nil {
		err = opt.check(stories.Words)
	}
	if err != nil {
		return fmt.Errorf("write tasks: %w", err)
	}
	return nil
}

// WriteTasks writes the first n examples as tasks for wattlaw eval, in JSON Lines: the group
// of each is its kind.
func WriteTasks(w io.Writer, stories Options, opt TaskOptions) error {
	if err := CheckTasks(stories, opt); err != nil {
		return err
	}
	s, err := NewStories(stories)
	if err != nil {
		return err
	}
	shots, err := shots(stories, opt.Shots)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for i := range opt.N {
		e := s.At(uint64(i))
		t := task{Type: opt.Form, ID: fmt.Sprintf("%s-%d-%d", stories.Split, stories.Seed, i), Group: e.Kind, Prompt: shots + e.Prompt()}
		t.answer(e.Answer, e.Also, e.Choices)
		if err := lines.Encode(t); err != nil {
			return fmt.Errorf("write tasks: task %d: %w", i+1, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write tasks: %w", err)
	}
	return nil
}

// answer sets what is right, in the form of the task.
func (t *task) answer(answer string, also, choices []string) {
	if t.Type == AsAnswer {
		t.Answers, t.MaxTokens = append([]string{answer}, also...), longestAnswer
		return
	}
	for i, c := range choices {
		if c == answer {
			t.Answer = &i
		}
		t.Choices = append(t.Choices, " "+c)
	}
}

// shots are an instruction and solved examples of other stories than those asked about, without
// asides; "" for none.
func shots(stories Options, n int) (string, error) {
	if n == 0 {
		return "", nil
	}
	s, err := NewStories(Options{Split: Train, Seed: ^stories.Seed, Kinds: stories.Kinds})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(instruction)
	for range n {
		e := s.Next()
		fmt.Fprintf(&b, "%s %s\n\n", e.Prompt(), e.Answer)
	}
	return b.String(), nil
}
