package world

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/eval"
)

// TestEvalTakesTheTasks reads the tasks with the reader of wattlaw eval.
func TestEvalTakesTheTasks(t *testing.T) {
	for _, form := range []Form{AsAnswer, AsChoice} {
		var b bytes.Buffer
		opt := Options{Split: Test, Seed: 1, Words: 200}
		if err := WriteTasks(&b, opt, TaskOptions{N: 60, Form: form, Shots: 2}); err != nil {
			t.Fatal(err)
		}
		tasks, err := eval.ReadTasks("tasks.jsonl", &b)
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
