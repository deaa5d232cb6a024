package recipe

import (
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// exam is a set of validation sequences with the positions of the answers.
type exam struct {
	questions []question
}

// question is the answer to predict in a sequence, behind the right answers before it.
type question struct {
	tokens []int32 // all up to the answer, which is the last
	kind   world.Kind
}

// examTexts is the number of stories, each with one question as a user would ask it.
const examTexts = 200

// exam returns short stories of the validation split.
func (r reader) exam(seed uint64) (exam, error) {
	s, err := world.NewStories(world.Options{Split: world.Validation, Seed: seed})
	if err != nil {
		return exam{}, err
	}
	var x exam
	for i := range uint64(examTexts) {
		e := s.At(i)
		seq := r.sequence([]world.Example{e})
		for at, w := range seq.Weights {
			if w == 1 {
				x.questions = append(x.questions, question{seq.Tokens[:at+1], e.Kind})
				break
			}
		}
	}
	return x, nil
}

// take returns the share of answers whose first token is the likeliest, over all and by kind.
func (x exam) take(m *train.Model) (all float64, byKind map[string]float64, err error) {
	n, right := map[string]float64{}, map[string]float64{}
	for _, q := range x.questions {
		last := len(q.tokens) - 1
		best, err := m.Likeliest(q.tokens[:last])
		if err != nil {
			return 0, nil, err
		}
		n[string(q.kind)]++
		if best == q.tokens[last] {
			right[string(q.kind)]++
			all++
		}
	}
	for k := range n {
		right[k] /= n[k]
	}
	return all / float64(len(x.questions)), right, nil
}
