package world

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/eval"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// TestEvalTakesTheTasks reads the tasks with the reader of wattlaw eval.
func TestEvalTakesTheTasks(t *testing.T) {
	for _, form := range []Form{AsAnswer, AsChoice} {
		var b bytes.Buffer
		opt := Options{Split: Test, Seed: 1, Words: 200}
		if err := WriteTasks(&b, opt, TaskOptions{N: 60, Form: form, Shots: 2}); err != nil {
			t.Fatal(err)
		}
		tasks, err := eval.ReadTasks("tasks.jsonl", &b, nil)
		if err != nil || len(tasks) != 60 {
			t.Fatalf("%s: %d tasks, %v", form, len(tasks), err)
		}
		s := stories(t, opt)
		for _, task := range tasks {
			e := s.Next()
			if !strings.HasSuffix(task.Prompt, e.Prompt()) || strings.Count(task.Prompt, "Story: ") != 3 || task.Group != string(e.Kind) || string(task.Kind) != string(form) {
				t.Fatalf("%+v", task)
			}
			if form == AsAnswer && task.Answers[0] != e.Answer || form == AsChoice && task.Choices[task.Right] != " "+e.Answer {
				t.Fatalf("%+v, want answer %q", task, e.Answer)
			}
		}
	}
}

// TestTasksWithoutShots are the prompts that models trained on this world know, and nothing more.
func TestTasksWithoutShots(t *testing.T) {
	var b bytes.Buffer
	opt := Options{Split: Test, Seed: 1}
	if err := WriteTasks(&b, opt, TaskOptions{N: 1, Form: AsAnswer}); err != nil {
		t.Fatal(err)
	}
	tasks, err := eval.ReadTasks("tasks.jsonl", &b, nil)
	if e := stories(t, opt).Next(); err != nil || tasks[0].Prompt != e.Prompt() {
		t.Errorf("%+v, %v", tasks, err)
	}
}

func TestSceneTasks(t *testing.T) {
	s, err := NewScenes(SceneOptions{Split: Test, Size: imaging.Size{Width: 120, Height: 96}})
	if err != nil {
		t.Fatal(err)
	}
	scene := s.Next()
	data, err := workload.EncodePNG(scene.Image)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []Form{AsAnswer, AsChoice} {
		var b bytes.Buffer
		if err := WriteSceneTasks(&b, "a.png", "a", scene, form); err != nil {
			t.Fatal(err)
		}
		tasks, err := eval.ReadTasks("tasks.jsonl", &b, func(string) ([]byte, error) { return data, nil })
		if err != nil || len(tasks) != len(scene.Questions) {
			t.Fatalf("%s: %d tasks, %v", form, len(tasks), err)
		}
		for i, q := range scene.Questions {
			task := tasks[i]
			right := form == AsAnswer && task.Answers[0] == q.Answer || form == AsChoice && task.Choices[task.Right] == " "+q.Answer
			if !right || task.Prompt != "<image>Question: "+q.Question+"\nAnswer:" || task.Image != "a.png" || task.Group != string(q.Kind) {
				t.Errorf("%+v of %+v", task, q)
			}
		}
	}
	if err := WriteSceneTasks(full{}, "a.png", "a", scene, AsAnswer); err == nil || !strings.Contains(err.Error(), "a.png: disk full") {
		t.Errorf("%v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteTasksRefuses(t *testing.T) {
	good := Options{Split: Test}
	for _, c := range []struct {
		opt  Options
		task TaskOptions
		want string
	}{
		{good, TaskOptions{Form: AsAnswer}, "0 tasks"},
		{good, TaskOptions{N: MaxTasks + 1, Form: AsAnswer}, "tasks"},
		{good, TaskOptions{N: 1, Form: "essay"}, "essay"},
		{good, TaskOptions{N: 1, Form: AsAnswer, Shots: -1}, "-1 shots"},
		{Options{Split: Test, Words: MaxWords}, TaskOptions{N: 10000, Form: AsAnswer}, "256 MiB"},
		{Options{Split: "best"}, TaskOptions{N: 1, Form: AsAnswer}, "best"},
		{good, TaskOptions{N: 1, Form: AsAnswer}, "disk full"},
	} {
		if err := WriteTasks(full{}, c.opt, c.task); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.task, err, c.want)
		}
	}
}
