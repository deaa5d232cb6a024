package serve

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// chatML is the template of models that name none: OpenAI's chat markup, which the
// SmolLM2 and Qwen2.5 families use.
const chatML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}` +
	`{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// maxRendered bounds what a template may write.
const maxRendered = 16 << 20

// chatTemplate turns messages into a prompt.
type chatTemplate struct {
	template *exec.Template
	bos, eos string
	lists    bool // it takes contents only as lists of parts
}

// maxRange bounds the loops of a template that do not run over the messages.
const maxRange = 1000

// boundedRange is Jinja's range with at most maxRange numbers.
func boundedRange(_ *exec.Evaluator, args *exec.VarArgs) ([]int, error) {
	bounds := []int{0, 0, 1} // first, end, step
	switch n := len(args.Args); n {
	case 1:
		bounds[1] = args.Args[0].Integer()
	case 2, 3:
		for i, v := range args.Args {
			bounds[i] = v.Integer()
		}
	default:
		return nil, fmt.Errorf("range takes one to three numbers, not %d", n)
	}
	var list []int
	step := bounds[2]
	for i := bounds[0]; step > 0 && i < bounds[1] || step < 0 && i > bounds[1]; i += step {
		if len(list) == maxRange {
			return nil, fmt.Errorf("range of more than %d numbers", maxRange)
		}
		list = append(list, i)
	}
	return list, nil
}

// newChatTemplate parses a model's template, or chatML for "". Templates come from model
// files: they can include no other file and call nothing but what is listed here.
func newChatTemplate(source, bos, eos string) (t *chatTemplate, err error) {
	if source == "" {
		source = chatML
	}
	defer recoverTemplate(&err)
	// As the transformers library renders them.
	settings := config.New()
	settings.TrimBlocks, settings.LeftStripBlocks = true, true
	functions := map[string]any{
		"range": boundedRange,
		"raise_exception": func(_ *exec.Evaluator, args *exec.VarArgs) (string, error) {
			return "", errors.New("the model's chat template refuses these messages: " + firstText(args))
		},
		"strftime_now": func(_ *exec.Evaluator, args *exec.VarArgs) string { return strftime(time.Now(), firstText(args)) },
	}
	for _, name := range []string{"namespace", "dict", "joiner", "cycler"} {
		functions[name], _ = builtins.GlobalFunctions.Get(name)
	}
	parsed, err := exec.NewTemplate(onlyTemplate, settings, soleLoader(source), &exec.Environment{
		Context: exec.NewContext(functions), Filters: builtins.Filters, Tests: builtins.Tests,
		ControlStructures: builtins.ControlStructures, Methods: builtins.Methods,
	})
	if err != nil {
		return nil, fmt.Errorf("chat template: %w", err)
	}
	t = &chatTemplate{template: parsed, bos: bos, eos: eos}
	if !t.shows() { // as templates of vision models that loop over the parts of a content
		t.lists = true
		t.lists = t.shows()
	}
	return t, nil
}

// shows reports whether the template shows the text of a message.
func (t *chatTemplate) shows() bool {
	const needle = "a text to be found"
	prompt, err := t.render([]Message{{Role: "user", Content: TextContent(needle)}})
	return err == nil && strings.Contains(prompt, needle)
}

// content is how the template gets what a message says. Images have become text by now:
// their own markers are not the template's business but the engine's.
func (t *chatTemplate) content(c Content) any {
	if !t.lists {
		return c.Text()
	}
	var parts []any
	for _, p := range c {
		parts = append(parts, map[string]any{"type": "text", "text": p.Text})
	}
	return parts
}

// render writes the messages and the beginning of the assistant's turn.
func (t *chatTemplate) render(messages []Message) (prompt string, err error) {
	defer recoverTemplate(&err)
	var list []any
	for _, m := range messages {
		list = append(list, map[string]any{"role": m.Role, "content": t.content(m.Content)})
	}
	out := &boundedText{}
	err = t.template.Execute(out, exec.NewContext(map[string]any{
		"messages": list, "add_generation_prompt": true, "bos_token": t.bos, "eos_token": t.eos, "tools": nil,
	}))
	if err != nil {
		return "", fmt.Errorf("chat template: %w", err)
	}
	return out.text.String(), nil
}

// recoverTemplate turns a panic of the template library into an error: its input comes
// from files and requests.
func recoverTemplate(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("chat template: %v", p)
	}
}

func firstText(args *exec.VarArgs) string {
	if len(args.Args) == 0 {
		return ""
	}
	return args.Args[0].String()
}

// strftime formats the directives that chat templates use; others stay as they are.
func strftime(t time.Time, format string) string {
	return strings.NewReplacer("%d", t.Format("02"), "%b", t.Format("Jan"), "%B", t.Format("January"), "%Y", t.Format("2006"),
		"%m", t.Format("01"), "%H", t.Format("15"), "%M", t.Format("04"), "%S", t.Format("05"), "%A", t.Format("Monday")).Replace(format)
}

// boundedText collects text up to maxRendered bytes.
type boundedText struct{ text strings.Builder }

func (b *boundedText) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxRendered {
		return 0, fmt.Errorf("it writes more than %d bytes", maxRendered)
	}
	return b.text.Write(p)
}

const onlyTemplate = "chat_template"

// soleLoader is a file system with nothing but one template.
type soleLoader string

func (s soleLoader) Read(path string) (io.Reader, error) {
	if path != onlyTemplate {
		return nil, fmt.Errorf("a chat template may not include %q", path)
	}
	return strings.NewReader(string(s)), nil
}

func (s soleLoader) Resolve(path string) (string, error) { return path, nil }

func (s soleLoader) Inherit(string) (loaders.Loader, error) { return s, nil }
