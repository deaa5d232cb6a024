package eval

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadTasks(t *testing.T) {
	got, err := ReadTasks("t.jsonl", strings.NewReader(`{"type": "choice", "prompt": "It is", "choices": [" a", " b"], "answer": 1, "id": "x", "group": "g"}

{"type":"answer","prompt":"Q","answers":["4","four"],"max_tokens":8,"stop":["\n","Q"]}
  {"type":"answer","prompt":"Q\u00e9","answers":["4"],"stop":[]}
{"type":"answer","prompt":"Q","answers":["4"]}`), nil)
	want := []Task{
		{Kind: Choice, Prompt: "It is", Choices: []string{" a", " b"}, Right: 1, ID: "x", Group: "g", Where: "t.jsonl:1"},
		{Kind: Answer, Prompt: "Q", Answers: []string{"4", "four"}, MaxTokens: 8, Stop: []string{"\n", "Q"}, Where: "t.jsonl:3"},
		{Kind: Answer, Prompt: "Qé", Answers: []string{"4"}, MaxTokens: 64, Where: "t.jsonl:4"},
		{Kind: Answer, Prompt: "Q", Answers: []string{"4"}, MaxTokens: 64, Stop: []string{"\n"}, Where: "t.jsonl:5"},
	}
	same := cmpopts.IgnoreUnexported(Task{})
	if err != nil || !cmp.Equal(got, want, same) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got, same))
	}
}

// TestReadTasksRefuses has every mistake in the second line.
func TestReadTasksRefuses(t *testing.T) {
	const good = `{"type": "answer", "id": "first", "prompt": "Q", "answers": ["4"]}`
	many := `"x0"`
	for i := 1; i < 65; i++ {
		many += fmt.Sprintf(`,"x%d"`, i)
	}
	for _, c := range []struct{ line, want string }{
		{`{`, "does not end"},
		{`{"type"`, "not JSON"},
		{`{"type": "answer",}`, "not JSON"},
		{`{"type": }`, `field "type": not JSON`},
		{`["type"]`, "want a JSON object"},
		{`17`, "want a JSON object"},
		{`nonsense`, "want a JSON object"},
		{good + good, "something follows"},
		{"{\"type\": \"answer\", \"prompt\": \"\xff\"}", "not UTF-8"},
		{`{}`, `field "type": is missing`},
		{`{"type": "essay", "prompt": "Q"}`, `field "type": is "essay", want "choice" or "answer"`},
		{`{"type": 3, "prompt": "Q"}`, `field "type": is 3, want a string`},
		{`{"type": null, "prompt": "Q"}`, `field "type": is null, want a string`},
		{`{"type": "answer", "answers": ["4"]}`, `field "prompt": is missing`},
		{`{"type": "answer", "prompt": " ", "answers": ["4"]}`, `field "prompt": is empty`},
		{`{"type": "answer", "prompt": "Q"}`, `field "answers": is missing`},
		{`{"type": "answer", "prompt": "Q", "answers": []}`, `field "answers": has 0 texts`},
		{`{"type": "answer", "prompt": "Q", "answers": [""]}`, `field "answers": text 1 is empty`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4", null]}`, `field "answers": text 2 is null`},
		{`{"type": "answer", "prompt": "Q", "answers": "4"}`, `field "answers": is "4", want a list`},
		{`{"type": "answer", "prompt": "Q", "answers": [` + many + `]}`, `field "answers": has 65 texts`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4"], "max_tokens": 0}`, `field "max_tokens": is 0, want 1 to 4096`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4"], "max_tokens": 1.5}`, `field "max_tokens": is 1.5, want a whole number`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4"], "max_tokens": 99999999999999999999}`, `field "max_tokens"`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4"], "stop": [""]}`, `field "stop": text 1 is empty`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4"], "choices": ["a", "b"]}`, `field "choices": there is no such field here; there are answers, group`},
		{`{"type": "answer", "Prompt": "Q", "prompt": "Q", "answers": ["4"]}`, `field "Prompt": there is no such field`},
		{`{"type": "answer", "prompt": "Q", "prompt": "R", "answers": ["4"]}`, `field "prompt": stands twice`},
		{`{"type": "answer", "id": "first", "prompt": "Q", "answers": ["4"]}`, `field "id": "first" stands in line 1 already`},
		{`{"type": "choice", "prompt": "Q", "choices": ["a"], "answer": 0}`, `field "choices": has 1 texts, want at least 2`},
		{`{"type": "choice", "prompt": "Q", "choices": ["a", "b", "a"], "answer": 0}`, `field "choices": text 3 is the same as text 1`},
		{`{"type": "choice", "prompt": "Q", "choices": ["a", "b"]}`, `field "answer": is missing`},
		{`{"type": "choice", "prompt": "Q", "choices": ["a", "b"], "answer": 2}`, `field "answer": is 2, want 0 to 1`},
		{`{"type": "choice", "prompt": "Q", "choices": ["a", "b"], "answer": -1}`, `field "answer": is -1`},
		{`{"type": "choice", "prompt": "Q", "choices": ["a", "b"], "answer": "a"}`, `field "answer": is "a", want a whole number`},
		{`{"type": "answer", "prompt": "<image>Q", "answers": ["4"]}`, `field "prompt": has the marker <image>, and field "image" names no image`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4"], "image": ""}`, `field "image": is empty`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4"], "image": 5}`, `field "image": is 5, want a string`},
		{`{"type": "answer", "prompt": "Q", "answers": ["4"], "image": "a.png"}`, `field "image": "a.png": these tasks come without images`},
		{`{"type": "answer", "prompt": "<image><image>Q", "answers": ["4"], "image": "a.png"}`, `field "prompt": has the marker <image> 2 times`},
		{`{"prompt": "` + strings.Repeat("x", MaxLine) + `"}`, "more than 1048575 bytes"},
	} {
		_, err := ReadTasks("t.jsonl", strings.NewReader(good+"\n"+c.line+"\n"), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "t.jsonl:2: ") {
			t.Errorf("%.60s\n gives %v\n  want %s", c.line, err, c.want)
		}
	}
}

func TestReadEmptyAndBrokenFiles(t *testing.T) {
	for _, text := range []string{"", "\n\n  \n"} {
		if _, err := ReadTasks("t.jsonl", strings.NewReader(text), nil); err == nil || !strings.Contains(err.Error(), "holds no items") {
			t.Errorf("%q: %v", text, err)
		}
	}
	broken := errors.New("the disk is gone")
	if _, err := ReadReferences("r.jsonl", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestReadReferences(t *testing.T) {
	got, err := ReadReferences("r.jsonl", strings.NewReader(`{"prompt":"Why?","references":["Because.","So."],"id":"a","stop":["\n\n"],"max_tokens":9}`))
	want := []Reference{{ID: "a", Prompt: "Why?", Texts: []string{"Because.", "So."}, Stop: []string{"\n\n"}, MaxTokens: 9, Where: "r.jsonl:1"}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	for _, c := range []struct{ line, want string }{
		{`{"prompt":"Why?"}`, `field "references": is missing`},
		{`{"prompt":"Why?","references":[]}`, `field "references": has 0 texts`},
		{`{"prompt":"Why?","references":["  "]}`, `field "references": text 1 is empty`},
		{`{"references":["x"]}`, `field "prompt": is missing`},
		{`{"prompt":"Why?","references":["x"],"answer":"y"}`, `field "answer": there is no such field`},
	} {
		if _, err := ReadReferences("r.jsonl", strings.NewReader("\n"+c.line)); err == nil || !strings.Contains(err.Error(), "r.jsonl:2: "+c.want) {
			t.Errorf("%s: %v, want %s", c.line, err, c.want)
		}
	}
}

func FuzzReadTasks(f *testing.F) {
	f.Add(`{"type": "choice", "prompt": "It is", "choices": [" a", " b"], "answer": 1}`)
	f.Add(`{"type":"answer","prompt":"Q","answers":["4"],"max_tokens":8,"stop":["\n"]}`)
	f.Add(`{"type":{"type":[[]]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		tasks, err := ReadTasks("f", strings.NewReader(text), nil)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("error without a place: %v", err)
			}
			return
		}
		for _, task := range tasks {
			if task.Prompt == "" || task.Kind == Choice && (task.Right < 0 || task.Right >= len(task.Choices)) || task.Kind == Answer && len(task.Answers) == 0 {
				t.Errorf("accepted %+v", task)
			}
		}
	})
}
