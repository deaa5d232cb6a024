package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/measure"
)

func start(t *testing.T) *httptest.Server {
	t.Helper()
	return startModel(t, "shape:tiny@q8_0", engine.Options{})
}

func startModel(t *testing.T, ref string, opt engine.Options) *httptest.Server {
	t.Helper()
	begin := measure.Now()
	e, err := engine.Load(ref, opt)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(New(e, measure.Phase{Name: measure.PhaseLoad, Start: begin, End: measure.Now()}).Handler())
	t.Cleanup(func() {
		s.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// post sends body and decodes the answer into v; it returns the status.
func post(t *testing.T, url, body string, v any) int {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return resp.StatusCode
}

func TestCompletionOfTokens(t *testing.T) {
	s := start(t)
	before := measure.Now()
	var r CompletionResponse
	if status := post(t, s.URL+"/v1/completions", `{"prompt":[1,2,3,4,5],"max_tokens":7,"ignore_eos":true,"temperature":0}`, &r); status != 200 {
		t.Fatalf("status %d: %+v", status, r)
	}
	after := measure.Now()
	if r.Object != "text_completion" || *r.Usage != (Usage{5, 7, 12}) || *r.Choices[0].FinishReason != engine.FinishLength || *r.Choices[0].Text == "" {
		t.Errorf("%+v", r)
	}
	marks := r.Wattlaw
	if len(marks.TokenTimes) != 7 || !slices.IsSorted(marks.TokenTimes) || len(marks.Phases) != 2 {
		t.Fatalf("marks %+v", marks)
	}
	if p := marks.Phases[0]; p.Name != "prefill" || p.Start < before || marks.Phases[1].End > after {
		t.Errorf("phases %+v outside of %d to %d", marks.Phases, before, after)
	}
}

func TestStreamCarriesTheSameText(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ path, prompt string }{
		{"/v1/completions", `"prompt":"some words"`},
		{"/v1/chat/completions", `"messages":[{"role":"user","content":[{"type":"text","text":"some words"}]}]`},
	} {
		settings := c.prompt + `,"max_tokens":12,"ignore_eos":true,"seed":7,"temperature":0.8,"top_p":0.9,"top_k":50`
		var whole CompletionResponse
		if status := post(t, s.URL+c.path, "{"+settings+"}", &whole); status != 200 {
			t.Fatalf("%s: status %d", c.path, status)
		}
		text, last, usage := readStream(t, s.URL+c.path, "{"+settings+`,"stream":true,"stream_options":{"include_usage":true}}`)
		if want := choiceText(whole.Choices[0]); text != want {
			t.Errorf("%s: streamed %q, whole %q", c.path, text, want)
		}
		if last.Choices[0].FinishReason == nil || *last.Choices[0].FinishReason != engine.FinishLength || len(last.Wattlaw.TokenTimes) != 12 {
			t.Errorf("%s: last chunk %+v", c.path, last)
		}
		if usage == nil || *usage != *whole.Usage || usage.CompletionTokens != 12 {
			t.Errorf("%s: usage %+v, whole %+v", c.path, usage, whole.Usage)
		}
	}
}

func choiceText(c Choice) string {
	switch {
	case c.Text != nil:
		return *c.Text
	case c.Message != nil:
		return c.Message.Content.Text()
	default:
		return c.Delta.Content
	}
}

func readStream(t *testing.T, url, body string) (text string, last CompletionResponse, usage *Usage) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || data == "[DONE]" {
			if ok {
				return text, last, usage
			}
			continue
		}
		var chunk CompletionResponse
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatal(err)
		}
		if chunk.Usage != nil {
			usage = chunk.Usage
			continue
		}
		text += choiceText(chunk.Choices[0])
		last = chunk
	}
	t.Fatal("the stream ended without [DONE]")
	return
}

func TestStopStringEndsTheText(t *testing.T) {
	s := start(t)
	const settings = `{"prompt":"some words","max_tokens":30,"ignore_eos":true,"temperature":0`
	var whole, cut CompletionResponse
	post(t, s.URL+"/v1/completions", settings+"}", &whole)
	text := *whole.Choices[0].Text
	runes := []rune(text)
	stop := string(runes[len(runes)/2 : len(runes)/2+4])
	quoted, _ := json.Marshal(stop)
	post(t, s.URL+"/v1/completions", settings+`,"stop":`+string(quoted)+"}", &cut)
	want, _, _ := strings.Cut(text, stop)
	if got := *cut.Choices[0].Text; got != want || *cut.Choices[0].FinishReason != engine.FinishStop {
		t.Errorf("stopped at %q: %q of %q, finish %s", stop, got, text, *cut.Choices[0].FinishReason)
	}
	if cut.Usage.CompletionTokens >= 30 {
		t.Errorf("generation ran on for %d tokens", cut.Usage.CompletionTokens)
	}
}

// TestStopperEqualsSearchInTheWholeText feeds a text in all cuts into two parts and byte by byte.
func TestStopperEqualsSearchInTheWholeText(t *testing.T) {
	const text = "abcabdababc-abcabe"
	for _, stops := range [][]string{{"abd"}, {"abe"}, {"zz"}, {"babc", "ab-"}, {"c-a", "dab"}, nil} {
		s := stopper{stops: stops, held: text}
		want := text
		if i := s.find(); i >= 0 {
			want = text[:i]
		}
		feeds := [][]string{strings.Split(text, "")}
		for i := range text {
			feeds = append(feeds, []string{text[:i], text[i:]})
		}
		for _, feed := range feeds {
			s, got, stopped := stopper{stops: stops}, "", false
			for _, part := range feed {
				var out string
				if !stopped {
					out, stopped = s.push(part)
					got += out
				}
			}
			if !stopped {
				got += s.flush()
			}
			if got != want {
				t.Errorf("stops %q, fed %q: %q, want %q", stops, feed, got, want)
			}
		}
	}
}

func TestErrorsHaveTheAPIsForm(t *testing.T) {
	s := start(t)
	long := fmt.Sprintf(`{"prompt":[%s1],"max_tokens":1}`, strings.Repeat("1,", 2048))
	cases := []struct {
		path, body string
		status     int
		want       string
	}{
		{"/v1/completions", `{`, 400, "body"},
		{"/v1/completions", `{"prompt":{}}`, 400, "prompt must be"},
		{"/v1/completions", `{"prompt":[]}`, 400, "prompt is empty"},
		{"/v1/completions", `{"prompt":[999999]}`, 400, "outside the vocabulary"},
		{"/v1/completions", `{"prompt":"x","max_tokens":-1}`, 400, "must not be negative"},
		{"/v1/completions", `{"prompt":"x","n":2}`, 400, "n is 2"},
		{"/v1/completions", `{"prompt":"x","stop":[""]}`, 400, "stop string is empty"},
		{"/v1/completions", `{"prompt":"x","temperature":-1}`, 400, "temperature"},
		{"/v1/completions", long, 400, "do not fit the context of 2048"},
		{"/v1/completions", `{"prompt":"` + strings.Repeat("x", maxBody) + `"}`, 413, "larger than"},
		{"/v1/chat/completions", `{"messages":[]}`, 400, "at least one message"},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, 400, "no image_url"},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}`, 400, "input_audio"},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":7}]}`, 400, "string or an array"},
		{"/detokenize", `{"tokens":[-1]}`, 400, "outside the vocabulary"},
		{"/v1/elsewhere", `{}`, 404, "not served"},
	}
	for _, c := range cases {
		var e APIError
		status := post(t, s.URL+c.path, c.body, &e)
		if status != c.status || !strings.Contains(e.Error.Message, c.want) || e.Error.Type != "invalid_request_error" {
			t.Errorf("%s %.60s: %d %+v, want %d %q", c.path, c.body, status, e.Error, c.status, c.want)
		}
	}
}

func TestTokenizeAndBack(t *testing.T) {
	s := start(t)
	var tokens Tokens
	post(t, s.URL+"/tokenize", `{"content":"Hello, wörld 12 <|im_end|>"}`, &tokens)
	body, _ := json.Marshal(tokens)
	var text Text
	post(t, s.URL+"/detokenize", string(body), &text)
	if text.Content != "Hello, wörld 12 <|im_end|>" || len(tokens.Tokens) == 0 {
		t.Errorf("%v gives %q", tokens, text.Content)
	}
}

func TestModelReport(t *testing.T) {
	s := start(t)
	resp, err := http.Get(s.URL + "/wattlaw/model")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var report ModelReport
	if err := json.NewDecoder(resp.Body).Decode(&report); err != nil {
		t.Fatal(err)
	}
	if m := report.Model; m.Name != "shape:tiny@q8_0" || !m.Meaningless || m.Quant != "Q8_0" || m.Vocabulary != 512 || m.Bytes == 0 {
		t.Errorf("%+v", m)
	}
	if report.Load.Name != "load" || report.Load.End <= report.Load.Start {
		t.Errorf("load phase %+v", report.Load)
	}
}

// TestDisconnectEndsTheGeneration abandons a stream and expects the next request, which has
// to wait for its turn, to be answered long before the first could have run to its end.
func TestDisconnectEndsTheGeneration(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/v1/completions",
		strings.NewReader(`{"prompt":[1],"max_tokens":2000,"ignore_eos":true,"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	var r CompletionResponse
	post(t, s.URL+"/v1/completions", `{"prompt":[1],"max_tokens":1,"ignore_eos":true}`, &r)
	if r.Usage == nil || r.Usage.CompletionTokens != 1 {
		t.Errorf("the request after the abandoned one: %+v", r)
	}
}

// TestRequestsTakeTurns sends several at once; each must get what it would get alone.
func TestRequestsTakeTurns(t *testing.T) {
	s := start(t)
	ask := func(i int) string {
		var r CompletionResponse
		post(t, s.URL+"/v1/completions", fmt.Sprintf(`{"prompt":[%d,2,3],"max_tokens":8,"ignore_eos":true,"temperature":0}`, i), &r)
		return *r.Choices[0].Text
	}
	var alone [4]string
	for i := range alone {
		alone[i] = ask(i + 10)
	}
	var together [4]string
	var all sync.WaitGroup
	for i := range together {
		all.Go(func() { together[i] = ask(i + 10) })
	}
	all.Wait()
	if alone != together {
		t.Errorf("alone %q, together %q", alone, together)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	e, err := engine.Load("shape:tiny@q8_0", engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- New(e, measure.Phase{}).Serve(ctx, l) }()
	resp, err := http.Post("http://"+l.Addr().String()+"/v1/completions", "application/json",
		strings.NewReader(`{"prompt":[1],"max_tokens":2000,"ignore_eos":true,"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server did not end")
	}
}

func TestChatTemplates(t *testing.T) {
	messages := []Message{{"system", TextContent("Be brief.")}, {"user", TextContent("Hi")}}
	cases := []struct{ name, template, want string }{
		{"fallback", "", "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
		{"llama 3 style", "{{ bos_token }}{% for m in messages %}\n    {{ '<|start|>' + m.role + '\n\n' + m['content'] | trim }}{{ eos_token }}\n{% endfor %}\n{% if add_generation_prompt %}\n<|start|>assistant{% endif %}",
			"<s>    <|start|>system\n\nBe brief.</s>\n    <|start|>user\n\nHi</s>\n<|start|>assistant"},
		{"system apart", "{%- if messages[0]['role'] == 'system' %}{%- set rest = messages[1:] %}[{{ messages[0].content }}]{%- else %}{%- set rest = messages %}{%- endif %}{%- for m in rest %}{{ loop.index0 }}{{ m.content }}{%- endfor %}", "[Be brief.]0Hi"},
	}
	for _, c := range cases {
		template, err := newChatTemplate(c.template, "<s>", "</s>")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := template.render(messages)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestChatTemplatesCannotDoHarm(t *testing.T) {
	for name, source := range map[string]string{
		"reads a file": `{% include "/etc/hostname" %}`,
		"refuses":      `{{ raise_exception("no") }}`,
		"loops on":     `{% for i in range(100000000) %}x{% endfor %}`,
		"writes on":    `{% for i in range(100) %}{{ messages[0].content }}{% endfor %}`,
		"broken":       `{% if %}`,
	} {
		template, err := newChatTemplate(source, "", "")
		if err == nil {
			_, err = template.render([]Message{{"user", TextContent(strings.Repeat("x", 1<<20))}})
		}
		if err == nil {
			t.Errorf("a template that %s gave no error", name)
		}
	}
}
