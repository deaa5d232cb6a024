package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// task is what one trial asks of a server, made before its window begins.
type task struct {
	prompt workload.Prompt
	hash   string // of prompt and image
	image  *store.Image
	png    []byte
}

// task composes the prompt of an item and makes its image. The same item gives the same
// image for every configuration, and the same prompt for the same tokenizer.
func (r *runner) task(ctx context.Context, c *config, item workload.Item) (task, error) {
	var t task
	prompt, ready := c.prompts[item.Seq]
	if !ready {
		length := item.X
		if r.plan.Images() {
			length = r.plan.Tokens[0]
		}
		var err error
		if prompt, err = c.composer.Compose(ctx, item.Complexity, length, item.PromptSeed); err != nil {
			return t, err
		}
	}
	t.prompt, t.hash = prompt, prompt.Hash
	if !r.plan.Images() {
		return t, nil
	}
	picture, err := r.gallery.draw(item)
	if err != nil {
		return t, &ownError{err}
	}
	if t.png, err = workload.EncodePNG(picture); err != nil {
		return t, &ownError{fmt.Errorf("image of %s: %w", item.Size, err)}
	}
	sum := sha256.Sum256(append([]byte(prompt.Hash), t.png...))
	t.hash = hex.EncodeToString(sum[:8])
	t.image = &store.Image{Kind: item.Kind, Layout: imaging.Layout{Nominal: item.Size}}
	return t, nil
}

// request asks for one answer of the planned length. The image comes after the text, behind
// whatever special tokens begin a prompt.
func (r *runner) request(t task) backend.Request {
	req := backend.Request{Tokens: t.prompt.Tokens, MaxTokens: r.plan.OutputTokens, IgnoreEOS: true, Seed: r.plan.Seed}
	if t.png != nil {
		req.Tokens = append(slices.Clone(req.Tokens), backend.ImageToken)
		req.Images = [][]byte{t.png}
	}
	return req
}

// gallery makes the images of a sweep: drawn scenes, or cuttings of the user's files.
type gallery struct {
	kinds []string // of scenes, or names of files
	dir   string   // of the files; empty draws scenes
}

// newGallery looks through the folder, if there is one, and refuses what is no image.
func newGallery(plan Plan) (gallery, error) {
	if plan.ImageDir == "" {
		return gallery{kinds: plan.ImageKinds}, nil
	}
	g := gallery{dir: plan.ImageDir}
	entries, err := os.ReadDir(g.dir)
	if err != nil {
		return g, fmt.Errorf("plan: image_dir: %w", err)
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		if _, err := imaging.ReadFile(filepath.Join(g.dir, entry.Name())); err != nil {
			return g, fmt.Errorf("plan: image_dir: %w; take it out of the folder", err)
		}
		g.kinds = append(g.kinds, entry.Name())
	}
	if len(g.kinds) == 0 {
		return g, fmt.Errorf("plan: image_dir: %s holds no images", g.dir)
	}
	return g, nil
}

// draw makes the image of an item.
func (g gallery) draw(item workload.Item) (imaging.RGB, error) {
	if g.dir == "" {
		return workload.Draw(workload.Scene(item.Kind), item.Size, item.ImageSeed)
	}
	data, err := os.ReadFile(filepath.Join(g.dir, item.Kind))
	if err != nil {
		return imaging.RGB{}, fmt.Errorf("image_dir: %w", err)
	}
	picture, _, err := imaging.Decode(data, imaging.Limits{})
	if err != nil {
		return imaging.RGB{}, fmt.Errorf("image_dir: %s: %w", item.Kind, err)
	}
	return imaging.Resize(cutting(picture, item.Size, item.ImageSeed), item.Size, imaging.FilterBicubicPillow), nil
}

// cutting takes a part of the picture with the aspect ratio of to: nine tenths or more of
// the largest there is, at a place that the seed decides, so that no two trials of one file
// see the same pixels.
func cutting(picture imaging.RGB, to imaging.Size, seed uint64) imaging.RGB {
	random := rand.New(rand.NewPCG(seed, 0))
	scale := min(float64(picture.Width)/float64(to.Width), float64(picture.Height)/float64(to.Height))
	scale *= 0.9 + 0.1*random.Float64()
	side := func(n, most int) int { return min(max(1, int(math.Round(scale*float64(n)))), most) }
	part := imaging.Size{Width: side(to.Width, picture.Width), Height: side(to.Height, picture.Height)}
	return picture.Crop(random.IntN(picture.Width-part.Width+1), random.IntN(picture.Height-part.Height+1), part)
}

// noteImages enters into the trial what the server says became of its image.
func noteImages(trial *store.Trial, responses []backend.Response) {
	if trial.Image == nil {
		return
	}
	if uses := responses[0].Images; len(uses) == 1 {
		nominal := trial.Image.Layout.Nominal
		trial.Image.Layout, trial.Image.Sequence = uses[0].Layout, uses[0].Sequence
		trial.Image.Layout.Nominal = nominal
	}
}

// doubtImages lists what the server did with the image that its contract does not say.
func doubtImages(trial *store.Trial, vision *imaging.Contract, responses []backend.Response) (out []string) {
	if trial.Image == nil {
		return nil
	}
	for _, response := range responses {
		if n := len(response.Images); n != 1 {
			return append(out, fmt.Sprintf("the server reports on %d images instead of one: what the model saw is unknown", n))
		}
	}
	want, err := vision.Layout(trial.Image.Layout.Nominal)
	if got := responses[0].Images[0].Layout; err != nil || got != want {
		out = append(out, fmt.Sprintf("the model made %s and %d tokens of an image of %s; its contract says %s and %d",
			got.Resized, got.Tokens, trial.Image.Layout.Nominal, want.Resized, want.Tokens))
	}
	return out
}

// imageKinds are the kinds of scenes that can be drawn.
func imageKinds() (kinds []string) {
	for _, scene := range workload.Scenes() {
		kinds = append(kinds, string(scene))
	}
	return kinds
}
