package eval

import (
	"context"
	"fmt"
	"math"
)

// Embedder turns texts into vectors of one width whose angles tell how alike in meaning the
// texts are.
type Embedder interface {
	// Embed returns one vector per text, in order.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	// Name says which embeddings these are, for the result.
	Name() string
}

// embedBatch is how many texts an Embedder is given at a time.
const embedBatch = 32

// Cosine is the cosine of the angle between two vectors, −1 to 1. It errs for vectors of
// different widths and for those without a direction.
func Cosine(a, b []float32) (float64, error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("cosine: vectors of %d and %d values", len(a), len(b))
	}
	var dot, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
	}
	c := dot / (math.Sqrt(aa) * math.Sqrt(bb))
	if math.IsNaN(c) || math.IsInf(c, 0) {
		return 0, fmt.Errorf("cosine: a vector of length %v and one of %v have no angle", math.Sqrt(aa), math.Sqrt(bb))
	}
	return min(1, max(-1, c)), nil
}

// embed fills in the cosines of all answers. Each different text is embedded once.
func (out *ReferencesResult) embed(ctx context.Context, e Embedder, refs []Reference) error {
	index := map[string]int{}
	var texts []string
	need := func(list []string) {
		for _, text := range list {
			if _, have := index[text]; !have && text != "" {
				index[text] = len(texts)
				texts = append(texts, text)
			}
		}
	}
	for i, ref := range refs {
		need(ref.Texts)
		need(out.Answers[i].Texts)
	}
	vectors, err := embedAll(ctx, e, texts)
	if err != nil {
		return fmt.Errorf("embed with %s: %w", e.Name(), err)
	}
	for i, ref := range refs {
		a := &out.Answers[i]
		for _, text := range a.Texts {
			best := 0.0
			for j, other := range ref.Texts {
				if text == "" {
					break
				}
				c, err := Cosine(vectors[index[text]], vectors[index[other]])
				if err != nil {
					return fmt.Errorf("%s: embeddings of %s: %w", ref.Where, e.Name(), err)
				}
				if j == 0 || c > best {
					best = c
				}
			}
			a.Cosine = append(a.Cosine, best)
		}
	}
	return nil
}

// embedAll embeds in batches and checks what comes back.
func embedAll(ctx context.Context, e Embedder, texts []string) (vectors [][]float32, err error) {
	for first := 0; first < len(texts); first += embedBatch {
		part := texts[first:min(first+embedBatch, len(texts))]
		got, err := e.Embed(ctx, part)
		if err != nil {
			return nil, err
		}
		if len(got) != len(part) {
			return nil, fmt.Errorf("%d vectors for %d texts", len(got), len(part))
		}
		for i, v := range got {
			if len(v) == 0 || len(vectors) > 0 && len(v) != len(vectors[0]) {
				return nil, fmt.Errorf("the vector of text %d has %d values", first+i+1, len(v))
			}
			vectors = append(vectors, v)
		}
	}
	return vectors, nil
}
