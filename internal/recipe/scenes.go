package recipe

import (
	"fmt"
	"strings"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// Marks around the embeddings of a picture, and what stands for each of these.
const (
	visionStart = "<|vision_start|>"
	visionEnd   = "<|vision_end|>"
	imagePad    = "<|image_pad|>"
)

// scenes writes about each picture one sequence: every answer is learned behind those before it.
func (r reader) scenes(split world.Split, seed uint64, l Lesson, prose float32) (source, error) {
	scenes, err := world.NewScenes(world.SceneOptions{Split: split, Seed: seed, Size: imaging.Size{Width: l.Side, Height: l.Side},
		Digits: l.Digits, Kinds: l.Kinds, Questions: 1, Items: l.Items})
	if err != nil {
		return nil, err
	}
	return func(i uint64) (writer, error) {
		scene := scenes.Study(i, l.Questions)
		var w writer
		if err := r.picture(&w, scene.Image, l.Shown); err != nil {
			return w, fmt.Errorf("picture %d: %w", i, err)
		}
		for k, q := range scene.Questions {
			ask := q.Ask()
			if k > 0 {
				ask = "\n" + ask
			}
			r.text(&w, ask, prose, tokenizer.EncodeOptions{})
			r.answer(&w, q.Answer, q.Kind)
		}
		return w, nil
	}, nil
}

// picture writes the place of a picture, of which no more than a square of shown pixels a side is seen
// if that is not 0.
func (r reader) picture(w *writer, img imaging.RGB, shown int) error {
	contract := *r.contract
	if shown > 0 {
		var err error
		if contract, err = contract.WithClamp(imaging.Clamp{}, shown*shown); err != nil {
			return err
		}
	}
	views, layout, err := contract.Apply(img)
	if err != nil {
		return err
	}
	w.Images = append(w.Images, train.Image{At: len(w.Tokens) + 1, View: views[0]}) // behind the mark
	marked := visionStart + strings.Repeat(imagePad, layout.Tokens) + visionEnd
	r.text(w, marked, 0, tokenizer.EncodeOptions{ParseSpecial: true})
	return nil
}

// sceneTexts are texts that a vocabulary is learned from.
func sceneTexts(seed uint64) (all []string, err error) {
	s, err := world.NewScenes(world.SceneOptions{Split: world.Train, Seed: seed, Size: imaging.Size{Width: world.MinSide, Height: world.MinSide},
		Questions: world.MaxQuestions})
	if err != nil {
		return nil, err
	}
	for i := range uint64(2000) {
		for _, q := range s.At(i).Questions {
			all = append(all, q.Ask(), " "+q.Answer)
		}
	}
	return all, nil
}
