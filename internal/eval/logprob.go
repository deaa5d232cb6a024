package eval

import (
	"errors"
	"fmt"
	"math"
	"sync"
)

// summed is what a row of logits comes to.
type summed struct {
	best int     // index of the largest logit, the first of equals
	log  float64 // ln Σ exp(logit): a token's log-likelihood is its logit less this
}

// sum reads a row of logits. It errs for one that is no number or infinite.
func sum(row []float32) (summed, error) {
	best, top := 0, row[0]
	for i, v := range row {
		if v-v != 0 { // NaN, and the infinities
			return summed{}, &noNumber{i, v}
		}
		if v > top {
			best, top = i, v
		}
	}
	total := 0.0
	for _, v := range row {
		total += math.Exp(float64(v) - float64(top))
	}
	return summed{best: best, log: float64(top) + math.Log(total)}, nil
}

// noNumber is the error of a logit that is NaN or infinite.
type noNumber struct {
	token int
	logit float32
}

func (e *noNumber) Error() string {
	return fmt.Sprintf("the logit of token %d is %v: the model's weights are damaged, or overflow in this format", e.token, e.logit)
}

// blame adds to the error of a logit that is no number the tensor that it comes from, for models
// that can look through their weights.
func blame(err error, models ...Model) error {
	var bad *noNumber
	if !errors.As(err, &bad) {
		return err
	}
	for _, m := range models {
		if m, ok := m.(interface{ CheckWeights() error }); ok {
			if why := m.CheckWeights(); why != nil {
				return fmt.Errorf("%w: %w", why, err)
			}
		}
	}
	return err
}

// divergence is what two rows of logits of one position come to.
type divergence struct {
	nll, nllBase float64 // −ln p of the token that follows, in nats
	kl           float64 // Σ p_base ln(p_base/p), in nats
	dp           float64 // p − p_base of the token that follows
	sameTop      bool    // both think the same token the likeliest
}

// diverge compares the rows of the original and of the model, of which target follows.
//
// With l = logit − log Σ, KL = Σ p_base (l_base − l) = Σ p_base (logit_base − logit) − log Σ_base + log Σ.
func diverge(base, row []float32, target int32) (divergence, error) {
	b, err := sum(base)
	if err != nil {
		return divergence{}, fmt.Errorf("of the original: %w", err)
	}
	m, err := sum(row)
	if err != nil {
		return divergence{}, err
	}
	gap := 0.0
	for i, v := range base {
		gap += math.Exp(float64(v)-b.log) * (float64(v) - float64(row[i]))
	}
	d := divergence{
		nll: m.log - float64(row[target]), nllBase: b.log - float64(base[target]),
		kl: max(0, gap-b.log+m.log), sameTop: b.best == m.best, // rounding could leave −1e-16
	}
	d.dp = math.Exp(-d.nll) - math.Exp(-d.nllBase)
	return d, nil
}

// at says at which position an error happened.
func at(position int, err error) error {
	if err != nil {
		return fmt.Errorf("position %d: %w", position, err)
	}
	return nil
}

// eachRow calls f for every row, on several goroutines, and returns the error of the first
// row that has one. A large vocabulary takes about as long to sum up as to compute.
func eachRow(rows []float32, vocab, workers int, f func(i int, row []float32) error) error {
	n := len(rows) / vocab
	workers = max(1, min(workers, n))
	errs := make([]error, workers)
	failed := make([]int, workers)
	work := func(w int) {
		for i := w; i < n; i += workers {
			if err := f(i, rows[i*vocab:(i+1)*vocab]); err != nil {
				errs[w], failed[w] = err, i
				return
			}
		}
	}
	var others sync.WaitGroup
	for w := 1; w < workers; w++ {
		others.Go(func() { work(w) })
	}
	work(0)
	others.Wait()
	first := -1
	for w, err := range errs {
		if err != nil && (first < 0 || failed[w] < failed[first]) {
			first = w
		}
	}
	if first < 0 {
		return nil
	}
	return errs[first]
}
