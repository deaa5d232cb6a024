package heal

import (
	"errors"
	"math/rand/v2"

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
