// Package workload makes what a trial asks of a model: prompts of an exact token length,
// composed by a generator of its own in three degrees of semantic complexity, and the
// seeded, interleaved order in which the trials of a sweep run.
//
// Everything is a pure function of a seed and, for prompts, of the model's tokenizer: the
// same plan gives the same trials on every machine.
package workload

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// Complexity is the semantic complexity of a prompt's text. Length being equal, it should
// not change the cost; the sweep varies it to test that.
type Complexity string

// Degrees of complexity.
const (
	// Low is short, repetitive statements over a small vocabulary.
	Low Complexity = "low"
	// Medium is expository prose with facts, reasons and questions.
	Medium Complexity = "medium"
	// High is nested clauses, abstract vocabulary and reasoning in several steps with numbers.
	High Complexity = "high"
)

// Complexities lists all degrees, lowest first.
func Complexities() []Complexity { return []Complexity{Low, Medium, High} }

// check refuses a degree that does not exist.
func (c Complexity) check() error {
	switch c {
	case Low, Medium, High:
		return nil
	}
	return fmt.Errorf("workload: complexity %q: want low, medium or high", string(c))
}

// Tokenizer is the model's own tokenizer; a running backend has one.
type Tokenizer interface {
	// Tokenize returns the ids of text, with special tokens as the model adds them to a prompt.
	Tokenize(ctx context.Context, text string) ([]int32, error)
	// Detokenize returns the text of ids.
	Detokenize(ctx context.Context, ids []int32) (string, error)
}

// Prompt is what one trial sends.
type Prompt struct {
	// Hash identifies text and ids together: 16 hexadecimal digits of their SHA-256.
	Hash       string
	Complexity Complexity
	// Tokens holds exactly the wanted number of ids, special tokens of the model included.
	Tokens []int32
	// Text is what the ids stand for.
	Text string
	// TextExact is true when tokenizing Text gives Tokens, so that either may be sent; when
	// false (lengths too short for a sentence), only Tokens has the exact length.
	TextExact bool
}

// hash fills in the prompt's identity.
func (p Prompt) hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n%s\n", len(p.Text), p.Text)
	var id [4]byte
	for _, t := range p.Tokens {
		binary.LittleEndian.PutUint32(id[:], uint32(t))
		h.Write(id[:])
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// generator returns the random generator of a seed and a purpose, so that different uses of
// one seed do not repeat each other's numbers.
func generator(seed uint64, purpose string) *rand.Rand {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte(purpose), seed))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])))
}
