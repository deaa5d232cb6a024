package recipe

import (
	"slices"

	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// exam is a set of questions like a phase's, of the validation split, each behind its own text or picture.
type exam []question

type question struct {
	sequence train.Sequence // of which only the answer counts
	answer   []int32
	kind     world.Kind
}

// examQuestions is their number: enough to see a model learn, and quickly answered.
const examQuestions = 200

func (r reader) exam(seed uint64, p Phase) (x exam, err error) {
	p.Lessons = slices.Clone(p.Lessons)
	for i := range p.Lessons {
		p.Lessons[i].Questions = 0
	}
	data, err := r.lessons(world.Validation, seed, p)
	if err != nil {
		return x, err
	}
	for i := range uint64(examQuestions) {
		w, err := data(i)
		if err != nil {
			return x, err
		}
		s, answer := w.Sequence, w.answers[0]
		clear(s.Weights)
		for k := answer.first; k < answer.end; k++ {
			s.Weights[k] = 1
		}
		x = append(x, question{s, s.Tokens[answer.first:answer.end], answer.kind})
	}
	return x, nil
}

// take returns the share of answers of which every token is the likeliest, over all and by kind:
// those that the model would write itself.
func (x exam) take(m *train.Model) (all float64, byKind map[string]float64, err error) {
	n, right := map[string]float64{}, map[string]float64{}
	for _, q := range x {
		got, err := m.Likeliest(q.sequence)
		if err != nil {
			return 0, nil, err
		}
		kind := string(q.kind)
		n[kind]++
		if slices.Equal(got, q.answer) {
			right[kind]++
			all++
		}
	}
	for k := range n {
		right[k] /= n[k]
	}
	return all / float64(len(x)), right, nil
}
