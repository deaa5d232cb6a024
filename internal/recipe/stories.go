package recipe

import (
	"strings"

	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/world"
)

// againWeight is that of a token of a story told again, an answer's being one.
const againWeight = 0.1

// stories writes about each text one sequence: every answer is learned behind those before it.
func (r reader) stories(split world.Split, seed uint64, l Lesson, prose float32) (source, error) {
	texts, err := world.NewStories(world.Options{Split: split, Seed: seed, Words: l.Words, Kinds: l.Kinds, Events: l.Events, Cast: l.Cast, Plain: l.Plain})
	if err != nil {
		return nil, err
	}
	return func(i uint64) (writer, error) {
		var w writer
		for k, e := range texts.Study(i, l.Questions) {
			switch {
			case k == 0 && l.Twice:
				r.text(&w, strings.TrimSuffix(e.Prompt(), "\n"+e.Ask()), prose, tokenizer.EncodeOptions{AddSpecial: true})
				r.text(&w, " "+e.Text+"\n", againWeight, tokenizer.EncodeOptions{})
				r.text(&w, e.Ask(), prose, tokenizer.EncodeOptions{})
			case k == 0:
				r.text(&w, e.Prompt(), prose, tokenizer.EncodeOptions{AddSpecial: true})
			default:
				r.text(&w, "\n"+e.Ask(), prose, tokenizer.EncodeOptions{})
			}
			r.answer(&w, e.Answer, e.Kind)
		}
		return w, nil
	}, nil
}

// storyTexts are texts that a vocabulary is learned from.
func storyTexts(seed uint64) (all []string, err error) {
	s, err := world.NewStories(world.Options{Split: world.Train, Seed: seed, Words: 300})
	if err != nil {
		return nil, err
	}
	for i := range uint64(1500) {
		for _, e := range s.Study(i, 8) {
			all = append(all, e.Prompt(), " "+e.Answer)
		}
	}
	return all, nil
}
