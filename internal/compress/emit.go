package compress

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/train"
)

// Report is what a run did.
type Report struct {
	Sites         []SiteReport
	Before, After Choice // all parameters and bytes
	Held          Distance
	// Copied lists matrices that were left as they are because they are no layers that can be cut.
	Copied []string
	// Rounded lists the types of blocks that matrices were rounded to before they were cut.
	Rounded map[tensor.DType]int
	Times   []StepTime
}

// StepTime is the time that went into a kind of work.
type StepTime struct {
	What string
	Time time.Duration
}

// Distance is how far a model's predictions are from the original's.
type Distance struct {
	Tokens  int     `json:"tokens"`
	KL      float64 `json:"kl"`       // mean of KL(original‖compressed), in nats
	KLError float64 `json:"kl_error"` // standard error of the mean
	KL99    float64 `json:"kl_99"`    // 99th percentile
	SameTop float64 `json:"same_top"` // share of tokens with the same likeliest prediction
	Loss    float64 `json:"loss"`     // cross-entropy of the compressed model, in nats
}

// summarized is what tokens come to.
func summarized(d train.Divergence) (x Distance) {
	n := float64(len(d.KL))
	if n == 0 {
		return x
	}
	var squares float64
	for i, kl := range d.KL {
		x.KL += kl / n
		x.Loss += d.Loss[i] / n
		if d.SameTop[i] {
			x.SameTop += 1 / n
		}
	}
	for _, kl := range d.KL {
		squares += (kl - x.KL) * (kl - x.KL)
	}
	if n > 1 {
		x.KLError = math.Sqrt(squares / (n - 1) / n)
	}
	sorted := slices.Sorted(slices.Values(d.KL))
	x.KL99, x.Tokens = sorted[int(math.Ceil(0.99*n))-1], len(d.KL)
	return x
}

// measure compares predictions on the held-out sequences, which stand before the last part.
func (c *compressor) measure(ctx context.Context, l *lane, original, cut *train.Loaded) (Distance, error) {
	defer c.clock.time("measure")()
	d, err := original.Divergence(ctx, l.original, cut, l.compressed)
	return summarized(d), err
}

// finish sums up.
func (r *Report) finish(c *compressor, out Pair) {
	r.Before, r.After, r.Times = c.in.size(), out.size(), c.clock.list()
	r.Rounded = map[tensor.DType]int{}
	cuttable := map[string]bool{}
	for _, s := range c.sites {
		for i, layer := range s.layers {
			cuttable[layer+".weight"] = true
			if s.types[i].BlockValues() > 1 {
				r.Rounded[s.types[i]]++
			}
		}
	}
	for _, s := range c.in.sources() {
		for i := range s.Tensors {
			if t := &s.Tensors[i]; len(t.Shape) > 1 && !cuttable[t.Name] {
				r.Copied = append(r.Copied, t.Name)
			}
		}
	}
}

// Dense lists the layers that were left as they are.
func (r *Report) Dense() (layers []string) {
	for _, s := range r.Sites {
		for i, rank := range s.Ranks {
			if rank == 0 && s.Features == 0 {
				layers = append(layers, s.Layers[i])
			}
		}
	}
	return layers
}

// assemble puts replacements into the sources that have their layers, and says how they came about.
func (c *compressor) assemble(made []*finished, d Calibration) (out Pair, err error) {
	out = c.in
	for _, s := range []**model.Source{&out.Language, &out.Encoder} {
		source := *s
		if source == nil {
			continue
		}
		var own []model.Replacement
		for _, f := range made {
			for _, r := range f.factors {
				if source.Tensor(r.Layers[0]+".weight") != nil {
					own = append(own, r)
				}
			}
		}
		narrower, changed := renarrow(source, made)
		if changed {
			*s = narrower
		}
		if len(own) > 0 {
			if *s, err = source.Replace(own); err != nil {
				return out, err
			}
		} else if !changed {
			continue
		}
		c.record(*s, source, d)
	}
	return out, nil
}

// metaPrefix begins the keys that say how a model was compressed.
const metaPrefix = "wattlaw.compress."

// record notes in the metadata how a model came about.
func (c *compressor) record(s, source *model.Source, d Calibration) {
	var steps []string
	for _, step := range Steps() {
		if c.does(step) {
			steps = append(steps, string(step))
		}
	}
	for _, entry := range []model.Entry{
		{Key: metaPrefix + "method", Value: gguf.ValueOf(strings.Join(steps, " "))},
		{Key: metaPrefix + "goal", Value: gguf.ValueOf(c.Goal.String())},
		{Key: metaPrefix + "source", Value: gguf.ValueOf(c.hashes[source])},
		{Key: metaPrefix + "calibration", Value: gguf.ValueOf(d.Hash)},
		{Key: metaPrefix + "version", Value: gguf.ValueOf(c.Version)},
	} {
		s.Meta = slices.DeleteFunc(s.Meta, func(e model.Entry) bool { return e.Key == entry.Key })
		s.Meta = append(s.Meta, entry)
	}
}

// Hash identifies a model's weights.
func (p Pair) Hash() (hash string) {
	for _, s := range p.sources() {
		hash += hashSource(s)
	}
	return hash
}

// hashSource identifies a model's weights.
func hashSource(s *model.Source) string {
	sum := sha256.New()
	s.HashTensors(sum)
	return hex.EncodeToString(sum.Sum(nil))
}

// hashSequences identifies texts and pictures.
func hashSequences(list []train.Sequence) string {
	sum := sha256.New()
	floats := func(values []float32) {
		var chunk []byte
		for len(values) > 0 {
			n := min(len(values), 4096)
			chunk = chunk[:0]
			for _, v := range values[:n] {
				chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
			}
			sum.Write(chunk)
			values = values[n:]
		}
	}
	for _, s := range list {
		fmt.Fprintln(sum, s.Tokens, len(s.Images))
		floats(s.Weights)
		for _, im := range s.Images {
			fmt.Fprintln(sum, im.At, im.View.Size)
			floats(im.View.Data)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Write writes the files of a model: all of them or none.
func (p Pair) Write(language, encoder string) (err error) {
	var made []string
	defer func() {
		for i := range made {
			if err != nil {
				err = errors.Join(err, os.Remove(made[i]))
			}
		}
	}()
	paths := []string{language, encoder}
	for i, s := range p.sources() {
		whole := *s
		if _, ok := whole.Value("tokenizer.ggml.tokens"); ok {
			whole.Vocab.Tokens = nil // it is metadata already
		}
		part := paths[i] + ".part"
		made = append(made, part)
		if err := whole.WriteFile(part); err != nil {
			made = made[:len(made)-1] // a writer leaves nothing behind
			return err
		}
	}
	for i, part := range made {
		if err := os.Rename(part, paths[i]); err != nil {
			made = made[i:]
			return err
		}
	}
	made = nil
	return nil
}

// clock adds up times of kinds of work.
type clock struct {
	began time.Time
	spent *[]StepTime
}

func newClock() clock { return clock{time.Now(), &[]StepTime{}} }

func (c clock) elapsed() time.Duration { return time.Since(c.began) }

// time begins work of a kind, and returns what ends it.
func (c clock) time(what string) func() {
	from := time.Now()
	return func() {
		d := time.Since(from)
		for i := range *c.spent {
			if s := &(*c.spent)[i]; s.What == what {
				s.Time += d
				return
			}
		}
		*c.spent = append(*c.spent, StepTime{what, d})
	}
}

// list returns the times in the order in which the kinds of work were first done.
func (c clock) list() []StepTime { return slices.Clone(*c.spent) }

// Raised lists the first layers of sites whose Gram matrices had to be regularized more than asked for.
func (r *Report) Raised() (layers []string) {
	for _, s := range r.Sites {
		if s.Raised {
			layers = append(layers, s.Layers[0])
		}
	}
	return layers
}
