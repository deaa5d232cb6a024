package recipe

import (
	"slices"

	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// exam is a set of questions of the validation split, each behind its own text or picture.
type exam struct {
	questions []train.Sequence // of which only the answer counts
	kinds     []world.Kind
}

// examQuestions is their number: enough to see a model learn, and quickly answered.
const examQuestions = 200

func (r reader) exam(seed uint64, l Lesson) (x exam, err error) {
	data, err := r.open(world.Validation, seed, l, 0)
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
		x.questions, x.kinds = append(x.questions, s), append(x.kinds, answer.kind)
	}
	return x, nil
}

// take returns the share of answers of which every token is the likeliest, over all and by kind:
// those that the model would write itself.
func (x exam) take(m *train.Model) (all float64, byKind map[string]float64, err error) {
	n, right := map[string]float64{}, map[string]float64{}
	for i, s := range x.questions {
		got, err := m.Likeliest(s)
		if err != nil {
			return 0, nil, err
		}
		kind := string(x.kinds[i])
		n[kind]++
		if end := len(got) + slices.IndexFunc(s.Weights, func(w float32) bool { return w > 0 }); slices.Equal(got, s.Tokens[end-len(got):end]) {
			right[kind]++
			all++
		}
	}
	for k := range n {
		right[k] /= n[k]
	}
	return all / float64(len(x.questions)), right, nil
}
