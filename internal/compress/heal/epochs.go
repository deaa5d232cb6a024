package heal

import (
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/train"
)

// Epochs makes endless data of a list: each sequence once, then each again, in an order that the seed
// and the round fix. It must not be called concurrently.
func Epochs(list []train.Sequence, seed uint64) train.Data {
	var order []int
	round := ^uint64(0) // none
	return func(i uint64) (train.Sequence, error) {
		n := uint64(len(list))
		if n == 0 {
			return train.Sequence{}, errors.New("there are no sequences to learn from")
		}
		if i/n != round {
			round = i / n
			order = rand.New(rand.NewPCG(seed, round)).Perm(len(list))
		}
		return list[order[i%n]], nil
	}
}

// promptWeight is what tokens of weight 0 count when a model is healed. What follows a prompt is what is
// judged, but the prompt's own tokens are many, and what the original predicts of them says much about it.
const promptWeight = 0.1

// withPrompts gives tokens of weight 0 a little, but for those of images, which cannot be predicted.
func withPrompts(data train.Data, vision model.VisionConfig) train.Data {
	return func(i uint64) (train.Sequence, error) {
		s, err := data(i)
		if err != nil || s.Weights == nil {
			return s, err
		}
		s.Weights = slices.Clone(s.Weights)
		next := 0
		for at := range s.Weights {
			for next < len(s.Images) && at >= s.Images[next].At+embeddings(s.Images[next], vision) {
				next++
			}
			seen := next < len(s.Images) && at >= s.Images[next].At
			if s.Weights[at] == 0 && !seen {
				s.Weights[at] = promptWeight
			}
		}
		return s, nil
	}
}

// embeddings counts the tokens of an image.
func embeddings(im train.Image, c model.VisionConfig) int {
	side := max(1, c.Patch*c.Merge)
	return im.View.Size.Width / side * (im.View.Size.Height / side)
}
