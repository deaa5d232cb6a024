package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// Ready is the line of JSON that a server started as a child prints once it answers.
type Ready struct {
	Address string `json:"address"` // host:port
}

// ModelReport answers GET /wattlaw/model.
type ModelReport struct {
	Model engine.Info   `json:"model"`
	Load  measure.Phase `json:"load"`
}

// CompletionRequest is the body of POST /v1/completions and, with Messages in place of
// Prompt, of POST /v1/chat/completions. Fields of the OpenAI API that are not here are
// ignored, but for those that would change the answer's shape (n, echo, best_of).
type CompletionRequest struct {
	Model               string         `json:"model,omitempty"`
	Prompt              Prompt         `json:"prompt,omitzero"`
	Messages            []Message      `json:"messages,omitempty"`
	MaxTokens           *int           `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int           `json:"max_completion_tokens,omitempty"`
	Temperature         *float64       `json:"temperature,omitempty"` // default 1
	TopP                *float64       `json:"top_p,omitempty"`       // default 1
	Seed                *uint64        `json:"seed,omitempty"`        // default: random
	Stop                OneOrMore      `json:"stop,omitempty"`
	Stream              bool           `json:"stream,omitempty"`
	StreamOptions       *StreamOptions `json:"stream_options,omitempty"`
	N                   *int           `json:"n,omitempty"`
	BestOf              *int           `json:"best_of,omitempty"`
	Echo                bool           `json:"echo,omitempty"`

	// Extensions.

	TopK      int  `json:"top_k,omitempty"`      // 0 keeps all
	IgnoreEOS bool `json:"ignore_eos,omitempty"` // run to max_tokens whatever is generated
	// Images of a completion, as data URLs or base64 alone. Each takes the place of an
	// engine.ImageToken (-1) in the prompt's ids, or of an engine.ImageMarker in its text; a
	// text without markers comes behind its images.
	Images []string `json:"images,omitempty"`
}

// StreamOptions are those of the OpenAI API.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// Message is one turn of a chat.
type Message struct {
	Role    string  `json:"role"`
	Content Content `json:"content"`
}

// Prompt is a text or, as an extension that needs no tokenizer, a list of token ids.
type Prompt struct {
	Text   string
	Tokens []int32
}

// UnmarshalJSON reads a string or an array of integers.
func (p *Prompt) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &p.Text) == nil {
		return nil
	}
	if json.Unmarshal(data, &p.Tokens) == nil {
		return nil
	}
	return errors.New("prompt must be one string or one array of token ids")
}

// MarshalJSON writes the token ids if there are any, and else the text.
func (p Prompt) MarshalJSON() ([]byte, error) {
	if p.Tokens != nil {
		return json.Marshal(p.Tokens)
	}
	return json.Marshal(p.Text)
}

// OneOrMore is a string or an array of strings.
type OneOrMore []string

// UnmarshalJSON reads null, a string or an array of strings.
func (o *OneOrMore) UnmarshalJSON(data []byte) error {
	var one string
	if string(data) == "null" {
		*o = nil
		return nil
	}
	if json.Unmarshal(data, &one) == nil {
		*o = OneOrMore{one}
		return nil
	}
	var more []string
	if json.Unmarshal(data, &more) != nil {
		return errors.New("stop must be a string or an array of strings")
	}
	*o = more
	return nil
}

// Content is what a message says: texts and images in order. As JSON it is a string, or an
// array of parts of type "text" and "image_url".
type Content []Part

// Part is a text or an image.
type Part struct {
	Text  string
	Image string // data URL or base64; empty for a text
}

// TextContent is a content of text alone.
func TextContent(text string) Content { return Content{{Text: text}} }

// Text joins the texts of the content.
func (c Content) Text() string {
	var b strings.Builder
	for _, p := range c {
		b.WriteString(p.Text)
	}
	return b.String()
}

// part is a Part as the API writes it.
type part struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitempty"`
	ImageURL *imageURL `json:"image_url,omitempty"`
}

// imageURL is an object with an address, or the address itself.
type imageURL struct {
	URL string `json:"url"`
}

// UnmarshalJSON reads an object or a string.
func (u *imageURL) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &u.URL) == nil {
		return nil
	}
	type plain imageURL
	if json.Unmarshal(data, (*plain)(u)) != nil {
		return errors.New("image_url must be an object with an url, or the url itself")
	}
	return nil
}

// UnmarshalJSON reads a string or an array of parts.
func (c *Content) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = TextContent(text)
		return nil
	}
	var parts []part
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("content must be a string or an array of parts: %w", err)
	}
	*c = nil
	for i, p := range parts {
		switch {
		case p.Type == "text":
			*c = append(*c, Part{Text: p.Text})
		case p.Type == "image_url" && p.ImageURL != nil && p.ImageURL.URL != "":
			*c = append(*c, Part{Image: p.ImageURL.URL})
		case p.Type == "image_url":
			return fmt.Errorf(`content part %d of type "image_url" has no image_url with an url`, i+1)
		default:
			return fmt.Errorf(`content parts of type %q are not supported, only "text" and "image_url"`, p.Type)
		}
	}
	return nil
}

// MarshalJSON writes a string when there are no images, and else the parts.
func (c Content) MarshalJSON() ([]byte, error) {
	var parts []part
	plain := true
	for _, p := range c {
		if p.Image != "" {
			plain = false
			parts = append(parts, part{Type: "image_url", ImageURL: &imageURL{p.Image}})
			continue
		}
		parts = append(parts, part{Type: "text", Text: p.Text})
	}
	if plain {
		return json.Marshal(c.Text())
	}
	return json.Marshal(parts)
}

// CompletionResponse is the answer, or one chunk of it.
type CompletionResponse struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"` // seconds since 1970
	Model   string   `json:"model"`
	Choices []Choice `json:"choices"`
	Usage   *Usage   `json:"usage,omitempty"`
	Wattlaw *Marks   `json:"wattlaw,omitempty"`
}

// Choice holds Text in completions, Message in chats and Delta in chunks of chats.
type Choice struct {
	Index        int            `json:"index"`
	Text         *string        `json:"text,omitempty"`
	Message      *Message       `json:"message,omitempty"`
	Delta        *Delta         `json:"delta,omitempty"`
	FinishReason *engine.Finish `json:"finish_reason"`
}

// Delta is what a chunk adds to a message.
type Delta struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content,omitempty"`
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

// Marks are this server's extension: when things happened, in nanoseconds of the machine's
// monotonic clock (measure.Now), which other processes can compare with their own.
type Marks struct {
	Phases     []measure.Phase `json:"phases"`
	TokenTimes []int64         `json:"token_times_ns"`
	// Images says what became of each image of the request, in order.
	Images []engine.ImageUse `json:"images,omitempty"`
}

// TokenizeRequest is the body of POST /tokenize, as llama.cpp's server takes it.
type TokenizeRequest struct {
	Content      string `json:"content"`
	AddSpecial   bool   `json:"add_special"`             // as in a prompt
	ParseSpecial *bool  `json:"parse_special,omitempty"` // default true
}

// Tokens is the answer of /tokenize and the body of /detokenize.
type Tokens struct {
	Tokens []int32 `json:"tokens"`
}

// Text is the answer of /detokenize.
type Text struct {
	Content string `json:"content"`
}

// APIError is the form of the OpenAI API's errors.
type APIError struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}
