package eval

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// trained is an engine that claims to know something, and counts the images that it encodes.
type trained struct {
	*engine.Engine
	begun int
}

func (m *trained) Info() engine.Info {
	info := m.Engine.Info()
	info.Meaningless = false
	return info
}

func (m *trained) Begin(ctx context.Context, tokens []int32, images []imaging.RGB) (int, error) {
	m.begun++
	return m.Engine.Begin(ctx, tokens, images)
}

func loadTrained(t *testing.T, ref string) *trained {
	t.Helper()
	e, err := engine.Load(ref, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return &trained{Engine: e}
}

// pictureTasks writes two pictures and tasks about them, and returns the path of the tasks.
func pictureTasks(t *testing.T, lines string) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range []string{"a.png", "b.png"} {
		img, err := workload.Draw(workload.Shapes, imaging.Size{Width: 120, Height: 96}, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		data, err := workload.EncodePNG(img)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "tasks.jsonl")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestImageTasks holds answers and likelihoods against whole prompts run anew by the engine.
func TestImageTasks(t *testing.T) {
	m := loadTrained(t, "shape:tiny-qwen2vl@q8_0")
	tasks, err := ReadTasksFile(pictureTasks(t, `
{"type": "answer", "prompt": "<image>Question: What is it?\nAnswer:", "image": "a.png", "answers": ["4"], "max_tokens": 4, "stop": []}
{"type": "choice", "prompt": "<image>Question: Which?\nAnswer:", "image": "a.png", "choices": [" red", " a green one"], "answer": 0}
{"type": "answer", "prompt": "What is it?", "image": "b.png", "answers": ["4"], "max_tokens": 4, "stop": []}
{"type": "answer", "prompt": "Look: <image>What is it?", "image": "b.png", "answers": ["4"], "max_tokens": 4, "stop": []}
{"type": "answer", "prompt": "What is it?", "answers": ["4"], "max_tokens": 4, "stop": []}
{"type": "answer", "prompt": "<image>What is it?", "image": "b.png", "answers": ["4"], "max_tokens": 4, "stop": []}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, box := range []imaging.Size{{}, {Width: 64, Height: 64}} {
		m.begun = 0
		result, err := Run(t.Context(), m, nil, Plan{Tasks: tasks, Resolution: box})
		if err != nil {
			t.Fatal(err)
		}
		if m.begun != 4 { // one for the two tasks about a.png, three for b.png
			t.Errorf("%d openings, want 4", m.begun)
		}
		answers, seen := result.Tasks.Answers, 0
		for _, task := range tasks {
			req := engine.Request{MaxTokens: task.MaxTokens}
			if task.Image != "" {
				picture, err := task.Picture(box)
				if err != nil {
					t.Fatal(err)
				}
				if box.Width > 0 && picture.Width > box.Width {
					t.Errorf("a picture of %s in a box of %s", picture.Size(), box)
				}
				req.Images = []imaging.RGB{picture}
			}
			if task.Kind == Choice {
				checkLikelihoods(t, m.Engine, task, req, result.Tasks.Choices[0].Picked[0].LogLikelihoods)
				continue
			}
			if req.Tokens, err = m.EncodePrompt(task.Prompt, len(req.Images)); err != nil {
				t.Fatal(err)
			}
			want, err := m.Generate(t.Context(), req, nil)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.TrimSpace(strings.ToValidUTF8(m.Tokenizer().Decode(want.Tokens, tokenizer.DecodeOptions{}), "\ufffd"))
			if answers[seen].Texts[0] != text {
				t.Errorf("%s: %q, want %q", task.Where, answers[seen].Texts[0], text)
			}
			seen++
		}
	}
}

// checkLikelihoods runs prompt and choice token by token.
func checkLikelihoods(t *testing.T, e *engine.Engine, task Task, req engine.Request, got []float64) {
	t.Helper()
	for i, choice := range task.Choices {
		prompt, err := e.EncodePrompt(task.Prompt, len(req.Images))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := e.EncodePrompt(task.Prompt+choice, len(req.Images))
		if err != nil {
			t.Fatal(err)
		}
		logits, err := e.PromptLogits(t.Context(), engine.Request{Tokens: prompt, Images: req.Images})
		want := 0.0
		for _, id := range whole[len(prompt):] {
			if err != nil {
				t.Fatal(err)
			}
			s, _ := sum(logits)
			want += float64(logits[id]) - s.log
			logits, err = e.Eval(t.Context(), []int32{id})
		}
		if math.Abs(got[i]-want) > 1e-3*math.Abs(want) {
			t.Errorf("%q: ln p = %v, want %v", choice, got[i], want)
		}
	}
}

func TestImageTasksRefuse(t *testing.T) {
	line := func(image string) string {
		return "\n" + `{"type": "answer", "prompt": "Q", "answers": ["4"], "image": "` + image + `"}`
	}
	for _, c := range []struct{ image, want string }{
		{"nosuch.png", `tasks.jsonl:2: field "image": "nosuch.png": open `},
		{"tasks.jsonl", `tasks.jsonl:2: field "image": "tasks.jsonl": `},
		{"../a.png", "below the folder of the tasks"},
		{"/etc/passwd", "below the folder of the tasks"},
	} {
		if _, err := ReadTasksFile(pictureTasks(t, line(c.image))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.image, err, c.want)
		}
	}
	path := pictureTasks(t, line("a.png"))
	tasks, err := ReadTasksFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), newFake(t, nil), nil, Plan{Tasks: tasks}); err == nil || !strings.Contains(err.Error(), "tasks.jsonl:2: the task asks about an image and fake takes none") {
		t.Errorf("a model of text: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "a.png"), []byte("gone"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), loadTrained(t, "shape:tiny-qwen2vl@q8_0"), nil, Plan{Tasks: tasks}); err == nil || !strings.Contains(err.Error(), "image a.png: ") {
		t.Errorf("a picture that was lost meanwhile: %v", err)
	}
}
