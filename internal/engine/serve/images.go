package serve

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// Bounds on the images of one request. Their pixels together are bounded as those of one
// image are by default.
const (
	maxImages      = 64
	maxImagePixels = imaging.DefaultMaxPixels
)

// prompt is what a request asks: tokens with an engine.ImageToken for each image.
type prompt struct {
	tokens []int32
	images [][]byte // files, in the order of their tokens
	length int      // in tokens, once images have taken their place
}

// settle finds the prompt's length from its tokens and the headers of its images, before
// anything is decoded.
func (s *Server) settle(p *prompt) error {
	if len(p.images) > 0 && s.engine.Vision() == nil {
		return errors.New("this model takes no images: start the server with its encoder (--mmproj FILE), or send text only")
	}
	if n := len(p.images); n > maxImages {
		return fmt.Errorf("%d images: at most %d are taken in one request", n, maxImages)
	}
	var sizes []imaging.Size
	pixels := 0
	for i, data := range p.images {
		size, err := imaging.DecodeSize(data)
		if err != nil {
			return fmt.Errorf("image %d: %w", i+1, err)
		}
		sizes = append(sizes, size)
		if pixels += size.Pixels(); pixels > maxImagePixels {
			return fmt.Errorf("image %d: %s, with the images before it, exceeds the %d pixels that one request may have: scale it down first",
				i+1, size, maxImagePixels)
		}
	}
	var err error
	p.length, err = s.engine.ExpandedLength(p.tokens, sizes)
	return err
}

func (p *prompt) decode() ([]imaging.RGB, error) {
	var images []imaging.RGB
	for i, data := range p.images {
		img, _, err := imaging.Decode(data, imaging.Limits{MaxPixels: maxImagePixels})
		if err != nil {
			return nil, fmt.Errorf("image %d: %w", i+1, err)
		}
		images = append(images, img)
	}
	return images, nil
}

// completionPrompt places the images of a completion: at the placeholders of token ids, or
// in the text.
func (s *Server) completionPrompt(req *CompletionRequest) (p prompt, err error) {
	for i, text := range req.Images {
		data, err := imageFile(text)
		if err != nil {
			return p, fmt.Errorf("image %d: %w", i+1, err)
		}
		p.images = append(p.images, data)
	}
	if p.tokens = req.Prompt.Tokens; p.tokens == nil {
		if p.tokens, err = s.engine.EncodePrompt(req.Prompt.Text, len(p.images)); err != nil {
			return p, err
		}
	}
	return p, s.settle(&p)
}

// chatPrompt renders the messages. The template sees a marker in place of each image, which
// nobody can guess; where markers stand in its text, the text is cut and images are placed.
func (s *Server) chatPrompt(messages []Message) (p prompt, err error) {
	mark := "[image " + rand.Text() + " %d]"
	var images [][]byte
	flat := make([]Message, len(messages))
	for i, m := range messages {
		flat[i].Role = m.Role
		for _, part := range m.Content {
			text := part.Text
			if part.Image != "" {
				data, err := imageFile(part.Image)
				if err != nil {
					return p, fmt.Errorf("image %d (message %d): %w", len(images)+1, i+1, err)
				}
				text = fmt.Sprintf(mark, len(images))
				images = append(images, data)
			}
			flat[i].Content = append(flat[i].Content, Part{Text: text})
		}
	}
	text, err := s.chat.render(flat)
	if err != nil {
		return p, err
	}
	pieces, order, err := cutAtMarks(text, mark, len(images))
	if err != nil {
		return p, err
	}
	for _, i := range order {
		p.images = append(p.images, images[i])
	}
	p.tokens = s.engine.EncodePieces(pieces...)
	return p, s.settle(&p)
}

// cutAtMarks cuts a rendered text at the marks of n images and returns the images in the
// order in which they appear. Every one must appear once.
func cutAtMarks(text, mark string, n int) (pieces []string, order []int, err error) {
	at := make([]int, n)
	for i := range n {
		m := fmt.Sprintf(mark, i)
		if c := strings.Count(text, m); c != 1 {
			return nil, nil, fmt.Errorf("the model's chat template writes image %d %d times instead of once: send the prompt and images to /v1/completions", i+1, c)
		}
		at[i] = strings.Index(text, m)
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return at[a] - at[b] })
	begin := 0
	for _, i := range order {
		pieces = append(pieces, text[begin:at[i]])
		begin = at[i] + len(fmt.Sprintf(mark, i))
	}
	return append(pieces, text[begin:]), order, nil
}

// imageFile returns the bytes of an image that came in a request: a data URL (RFC 2397) in
// base64, or base64 alone. Nothing is fetched and no file is opened.
func imageFile(text string) ([]byte, error) {
	const want = "send the image itself, as data:image/png;base64,…"
	scheme, rest, isURL := strings.Cut(text, ":")
	switch {
	case !isURL:
	case strings.EqualFold(scheme, "data"):
		header, data, ok := strings.Cut(rest, ",")
		if !ok {
			return nil, fmt.Errorf("the data URL has no comma before its data: %s", want)
		}
		if !strings.HasSuffix(strings.ToLower(strings.TrimSpace(header)), ";base64") {
			return nil, fmt.Errorf("the data URL is not in base64: %s", want)
		}
		text = data
	default:
		return nil, fmt.Errorf("addresses of scheme %.20q are not fetched: %s", scheme, want)
	}
	coding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		coding = base64.RawURLEncoding
	}
	data, err := coding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
	if err != nil {
		return nil, fmt.Errorf("neither a data URL nor base64 (%w); files and addresses are not opened: %s", err, want)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("no data: %s", want)
	}
	return data, nil
}

// run decodes the images of a prompt and answers it. The encode phase begins with the
// decoding: an image in a request costs both, and whole requests are what is counted.
func (s *Server) run(ctx context.Context, p prompt, req engine.Request, emit func(id int32) bool) (engine.Result, error) {
	start := measure.Now()
	var err error
	if req.Images, err = p.decode(); err != nil {
		return engine.Result{}, err
	}
	result, err := s.engine.Generate(ctx, req, emit)
	if len(result.Phases) > 0 && result.Phases[0].Name == measure.PhaseEncode {
		result.Phases[0].Start = start
	}
	return result, err
}
