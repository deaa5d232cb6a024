package recipe

import (
	"math/rand/v2"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// endWeight is that of the end of an answer, an answer's being one: when to stop is learned at once.
const endWeight = 0.1

// reader turns the world's texts and pictures into sequences.
type reader struct {
	tokens   *tokenizer.Tokenizer
	contract *imaging.Contract // what becomes of pictures; nil for models that do not see
}

// writer is a sequence in the making.
type writer struct {
	train.Sequence
	answers []span
}

// span is where an answer stands in a sequence, its end excluded.
type span struct {
	first, end int
	kind       world.Kind
}

func (r reader) text(w *writer, text string, weight float32, opt tokenizer.EncodeOptions) {
	for _, id := range r.tokens.Encode(text, opt) {
		w.add(id, weight)
	}
}

func (w *writer) add(id int32, weight float32) {
	w.Tokens, w.Weights = append(w.Tokens, id), append(w.Weights, weight)
}

// answer writes an answer and its end.
func (r reader) answer(w *writer, text string, kind world.Kind) {
	first := len(w.Tokens)
	r.text(w, " "+text, 1, tokenizer.EncodeOptions{})
	w.answers = append(w.answers, span{first, len(w.Tokens), kind})
	w.add(r.tokens.EOS(), endWeight)
}

// source returns the sequence of an index.
type source func(i uint64) (writer, error)

// open returns what a lesson draws on.
func (r reader) open(split world.Split, seed uint64, l Lesson, prose float32) (source, error) {
	if r.contract != nil {
		return r.scenes(split, seed, l, prose)
	}
	return r.stories(split, seed, l, prose)
}

// lessons returns what a phase draws on in a split.
func (r reader) lessons(split world.Split, seed uint64, p Phase) (source, error) {
	list := p.Lessons
	var sources []source
	var total float64
	for _, l := range list {
		data, err := r.open(split, seed, l, p.Prose)
		if err != nil {
			return nil, err
		}
		sources, total = append(sources, data), total+l.Share
	}
	return func(i uint64) (writer, error) {
		x, k := rand.New(rand.NewPCG(seed, i)).Float64()*total, 0
		for ; k+1 < len(list); k++ {
			if x -= list[k].Share; x < 0 {
				break
			}
		}
		return sources[k](i)
	}, nil
}
