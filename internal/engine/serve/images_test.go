package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/measure"
)

var tinyVLMs = []string{"shape:tiny-qwen2vl@q8_0", "shape:tiny-qwen25vl@q8_0", "shape:tiny-smolvlm@q8_0"}

// photo is a picture whose every pixel depends on its place.
func photo(width, height int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetNRGBA(x, y, color.NRGBA{uint8(3 * x), uint8(5 * y), uint8(x + y), 255})
		}
	}
	return m
}

func pngFile(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, photo(width, height)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dataURL(kind string, data []byte) string {
	return "data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// body makes a request of settings that give the same answer every time.
func body(t *testing.T, fields map[string]any) string {
	t.Helper()
	fields["max_tokens"], fields["ignore_eos"], fields["temperature"] = 3, true, 0
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func userSays(parts ...any) map[string]any {
	return map[string]any{"messages": []any{map[string]any{"role": "user", "content": parts}}}
}

func textPart(text string) any { return map[string]any{"type": "text", "text": text} }

func imagePart(url string) any {
	return map[string]any{"type": "image_url", "image_url": map[string]any{"url": url}}
}

func TestCompletionsWithImages(t *testing.T) {
	for _, ref := range tinyVLMs {
		s := startModel(t, ref, engine.Options{})
		one, two := dataURL("png", pngFile(t, 96, 64)), dataURL("png", pngFile(t, 40, 120))
		bare := base64.RawURLEncoding.EncodeToString(pngFile(t, 40, 120))
		var texts []string
		for _, fields := range []map[string]any{
			{"prompt": []int{-1, -1, 7, 8}, "images": []string{one, two}},
			{"prompt": []int{-1, -1, 7, 8}, "images": []string{one, bare}},
		} {
			before := measure.Now()
			var r CompletionResponse
			if status := post(t, s.URL+"/v1/completions", body(t, fields), &r); status != 200 {
				t.Fatalf("%s: status %d", ref, status)
			}
			texts = append(texts, *r.Choices[0].Text)
			checkImages(t, r, before, 2, 2)
			if r.Wattlaw.Images[0].Layout.Nominal.Width != 96 || r.Wattlaw.Images[1].Layout.Nominal.Width != 40 {
				t.Errorf("%s: images %+v", ref, r.Wattlaw.Images)
			}
		}
		if texts[0] != texts[1] {
			t.Errorf("%s: a data URL gives %q, base64 alone %q", ref, texts[0], texts[1])
		}
	}
}

// checkImages holds usage and marks of an answer to each other: the prompt is so many tokens
// of text and the images.
func checkImages(t *testing.T, r CompletionResponse, before int64, text, images int) {
	t.Helper()
	if r.Wattlaw == nil || len(r.Wattlaw.Images) != images {
		t.Fatalf("marks %+v, want %d images", r.Wattlaw, images)
	}
	want := text
	for _, use := range r.Wattlaw.Images {
		want += use.Sequence
	}
	if r.Usage.PromptTokens != want || r.Usage.TotalTokens != want+3 {
		t.Errorf("usage %+v, want %d prompt tokens", *r.Usage, want)
	}
	var names []string
	end := before
	for _, p := range r.Wattlaw.Phases {
		names = append(names, p.Name)
		if p.Start < end || p.End < p.Start {
			t.Errorf("phases %+v do not follow each other", r.Wattlaw.Phases)
		}
		end = p.End
	}
	if !slices.Equal(names, []string{measure.PhaseEncode, measure.PhasePrefill, measure.PhaseDecode}) {
		t.Errorf("phases %q", names)
	}
}

// The same prompt in text with a marker, without one and as chat must place the image where
// it belongs.
func TestImagesAreWhereTheTextSays(t *testing.T) {
	s := startModel(t, "shape:tiny-qwen2vl@q8_0", engine.Options{})
	url := dataURL("png", pngFile(t, 96, 64))
	ask := func(path string, fields map[string]any) (string, int) {
		var r CompletionResponse
		if status := post(t, s.URL+path, body(t, fields), &r); status != 200 {
			t.Fatalf("%s %v: status %d", path, fields["prompt"], status)
		}
		return choiceText(r.Choices[0]), r.Usage.PromptTokens
	}
	images := []string{url}
	first, n := ask("/v1/completions", map[string]any{"prompt": "What is it?", "images": images})
	marked, m := ask("/v1/completions", map[string]any{"prompt": "<image>What is it?", "images": images})
	last, k := ask("/v1/completions", map[string]any{"prompt": "What is it?<image>", "images": images})
	if first != marked || n != m || last == first || k != n {
		t.Errorf("image first %q, marked first %q, last %q; lengths %d, %d, %d", first, marked, last, n, m, k)
	}
	const frame = "<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n"
	rendered, n := ask("/v1/completions", map[string]any{"prompt": fmt.Sprintf(frame, "This<image>and <image>?"), "images": []string{url, url}})
	chat, m := ask("/v1/chat/completions", userSays(textPart("This"), imagePart(url), textPart("and "), imagePart(url), textPart("?")))
	if rendered != chat || n != m {
		t.Errorf("completion %q of %d, chat %q of %d", rendered, n, chat, m)
	}
	streamed, final, _ := readStream(t, s.URL+"/v1/chat/completions", body(t, map[string]any{
		"messages": userSays(textPart("This"), imagePart(url), textPart("and "), imagePart(url), textPart("?"))["messages"], "stream": true}))
	if streamed != chat || len(final.Wattlaw.Images) != 2 {
		t.Errorf("streamed %q with %+v, whole %q", streamed, final.Wattlaw, chat)
	}
}

// bomb is a PNG whose header claims a picture of the given side.
func bomb(t *testing.T, side uint32) []byte {
	data := pngFile(t, 1, 1)
	for i := range 4 {
		data[16+i], data[20+i] = byte(side>>(24-8*i)), byte(side>>(24-8*i))
	}
	sum := crc32.ChecksumIEEE(data[12:29])
	for i := range 4 {
		data[29+i] = byte(sum >> (24 - 8*i))
	}
	return data
}

func TestBadImages(t *testing.T) {
	s := startModel(t, "shape:tiny-qwen2vl@q8_0", engine.Options{})
	good := pngFile(t, 96, 64)
	var photograph bytes.Buffer
	if err := jpeg.Encode(&photograph, photo(100, 80), nil); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, image, want string }{
		{"no image", dataURL("png", []byte("this is a text of some length")), "not an image"},
		{"empty", "data:image/png;base64,", "no data"},
		{"truncated PNG", dataURL("png", good[:len(good)/2]), "truncated"},
		{"truncated JPEG", dataURL("jpeg", photograph.Bytes()[:photograph.Len()/2]), "truncated"},
		{"bomb", dataURL("png", bomb(t, 50000)), "50000x50000"},
		{"bomb within the bounds of sides", dataURL("png", bomb(t, 12000)), "12000x12000"},
		{"small file of a large claim", dataURL("png", bomb(t, 8000)), "truncated"},
		{"address", "https://example.com/a.png", "not fetched"},
		{"file address", "file:///etc/hostname", "not fetched"},
		{"path", "../photo.png", "files and addresses are not opened"},
		{"no comma", "data:image/png;base64", "comma"},
		{"not base64", "data:image/png,%89PNG", "not in base64"},
		{"broken base64", "data:image/png;base64,AA*A", "base64"},
	}
	for _, c := range cases {
		for path, fields := range map[string]map[string]any{
			"/v1/completions":      {"prompt": []int{1, -1}, "images": []string{c.image}},
			"/v1/chat/completions": userSays(textPart("look"), imagePart(c.image)),
		} {
			var e APIError
			status := post(t, s.URL+path, body(t, fields), &e)
			if status != 400 || !strings.Contains(e.Error.Message, c.want) || !strings.Contains(e.Error.Message, "image 1") || len(e.Error.Message) > 400 {
				t.Errorf("%s %s: %d %q, want 400 with %q", path, c.name, status, e.Error.Message, c.want)
			}
		}
	}
	var r CompletionResponse // the engine must be free and whole
	if status := post(t, s.URL+"/v1/completions", body(t, map[string]any{"prompt": []int{1, -1}, "images": []string{dataURL("png", good)}}), &r); status != 200 {
		t.Errorf("a good image after the bad ones: status %d", status)
	}
}

func TestImagesThatDoNotMatchTheirPrompt(t *testing.T) {
	vision := startModel(t, "shape:tiny-qwen2vl@q8_0", engine.Options{Context: 200})
	blind := start(t)
	url := dataURL("png", pngFile(t, 96, 64))
	cases := []struct {
		name, url string
		fields    map[string]any
		want      string
	}{
		{"ids without a place", vision.URL, map[string]any{"prompt": []int{1, 2}, "images": []string{url}}, "places for 0 images, and 1"},
		{"a place too many", vision.URL, map[string]any{"prompt": []int{-1, -1}, "images": []string{url}}, "places for 2 images, and 1"},
		{"a place without images", vision.URL, map[string]any{"prompt": []int{-1}}, "places for 1 images, and 0"},
		{"markers too few", vision.URL, map[string]any{"prompt": "a <image>", "images": []string{url, url}}, "1 times for 2 images"},
		{"an id below", vision.URL, map[string]any{"prompt": []int{-2}}, "outside the vocabulary"},
		{"too large for the context", vision.URL, map[string]any{"prompt": "a", "images": []string{dataURL("png", pngFile(t, 400, 400))}}, "do not fit the context of 200"},
		{"too elongated", vision.URL, map[string]any{"prompt": "a", "images": []string{dataURL("png", pngFile(t, 1, 10000))}}, "do not fit the context of 200"},
		{"too many", vision.URL, map[string]any{"prompt": "a", "images": slices.Repeat([]string{url}, maxImages+1)}, "at most 64"},
		{"a model of text", blind.URL, map[string]any{"prompt": "a", "images": []string{url}}, "takes no images"},
	}
	for _, c := range cases {
		var e APIError
		if status := post(t, c.url+"/v1/completions", body(t, c.fields), &e); status != 400 || !strings.Contains(e.Error.Message, c.want) {
			t.Errorf("%s: %d %q, want 400 with %q", c.name, status, e.Error.Message, c.want)
		}
	}
	var e APIError
	if status := post(t, blind.URL+"/v1/chat/completions", body(t, userSays(imagePart(url))), &e); status != 400 || !strings.Contains(e.Error.Message, "takes no images") {
		t.Errorf("chat with a model of text: %d %q", status, e.Error.Message)
	}
}

func TestTheReportCarriesTheContract(t *testing.T) {
	e, err := engine.Load("shape:tiny-qwen2vl@q8_0", engine.Options{MaxPixels: 20 * 256})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	data, err := json.Marshal(ModelReport{Model: e.Info()})
	if err != nil {
		t.Fatal(err)
	}
	var back ModelReport
	if err := json.Unmarshal(data, &back); err != nil || back.Model.Vision == nil || back.Model.Vision.Clamp.MaxTokens != 20 {
		t.Errorf("%s (%v)", data, err)
	}
}

// Templates as Qwen2-VL and SmolVLM carry them, in short: the first takes a string or parts,
// the second only parts.
func TestTemplatesOfVisionModels(t *testing.T) {
	const qwen = `{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}<|im_end|>
{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`
	const smol = `<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>
{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}`
	messages := []Message{{"user", Content{{Text: "See "}, {Text: "[mark]"}, {Text: "?"}}}}
	for _, c := range []struct{ template, want string }{
		{qwen, "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nSee [mark]?<|im_end|>\n<|im_start|>assistant\n"},
		{smol, "<|im_start|>User: See [mark]?<end_of_utterance>\nAssistant:"},
	} {
		template, err := newChatTemplate(c.template, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := template.render(messages); err != nil || got != c.want {
			t.Errorf("%q (%v), want %q", got, err, c.want)
		}
	}
}

func TestCutAtMarks(t *testing.T) {
	const mark = "[%d]"
	pieces, order, err := cutAtMarks("a[1]b[0]", mark, 2)
	if err != nil || !slices.Equal(pieces, []string{"a", "b", ""}) || !slices.Equal(order, []int{1, 0}) {
		t.Errorf("%q, %v, %v", pieces, order, err)
	}
	for _, text := range []string{"a[0]", "[0][0][1]"} {
		if _, _, err := cutAtMarks(text, mark, 2); err == nil {
			t.Errorf("%q was cut", text)
		}
	}
}

// FuzzContent holds what is read of a message to what is written of it.
func FuzzContent(f *testing.F) {
	for _, seed := range []string{`"a"`, `null`, `[]`, `[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,"}}]`,
		`[{"type":"image_url","image_url":"data:image/png;base64,AAAA"}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c, again Content
		if json.Unmarshal([]byte(text), &c) != nil {
			return
		}
		for _, p := range c {
			if data, err := imageFile(p.Image); p.Image == "" && err == nil {
				t.Errorf("%d bytes of nothing", len(data))
			}
		}
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &again); err != nil || again.Text() != c.Text() {
			t.Errorf("%q became %s and then %q (%v)", c, data, again, err)
		}
	})
}
