package bench

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/backend"
)

// Limits of a plan. They are far beyond sense, and keep a slip of the pen from asking for
// a run that takes years or more memory than any machine has.
const (
	maxModels  = 64
	maxTokens  = 1 << 20
	maxLengths = 256
	maxRepeats = 1000
	maxTrials  = 100_000
	maxThreads = 4096
	maxRate    = 1000.0
	maxSeconds = 3600.0
)

// complexities are the kinds of prompts that the generator can write.
var complexities = [...]string{"low", "medium", "high"}

// Validate reports everything that is wrong with the plan, each problem with its key.
func (p Plan) Validate() error {
	var c checker
	c.list("model", p.Model, maxModels)
	for _, model := range p.Model {
		c.want("model", strings.TrimSpace(model) != "", "an empty name")
	}
	p.checkCompare(&c)
	c.want("backend", p.Backend != "", "is empty; \"native\" is the engine of this program")
	c.between("threads", p.Threads, 0, maxThreads)
	c.between("context", p.Context, 0, maxTokens)
	c.between("output_tokens", p.OutputTokens, 1, maxTokens)
	c.between("repeats", p.Repeats, 1, maxRepeats)
	c.want("seed", p.Seed <= math.MaxInt64, "%d is more than 2^63-1, the largest number of TOML", p.Seed)
	c.want("tokens", len(p.Tokens) > 0 && len(p.Tokens) <= maxLengths, "needs 1 to %d lengths, has %d", maxLengths, len(p.Tokens))
	for _, n := range p.Tokens {
		c.between("tokens", n, 1, maxTokens)
	}
	unique(&c, "tokens", p.Tokens)
	c.want("tokens", !p.Images() || len(p.Tokens) == 1, "a sweep over resolutions takes one prompt length, these are %d; use 32, say", len(p.Tokens))
	c.list("complexity", p.Complexity, len(complexities))
	for _, name := range p.Complexity {
		c.want("complexity", slices.Contains(complexities[:], name), "%q is unknown; use %s", name, strings.Join(complexities[:], ", "))
	}
	c.want("context", p.Context == 0 || p.Context >= p.longest(),
		"%d is less than the %d tokens of the longest trial (prompt and answer)", p.Context, p.longest())
	p.checkImages(&c)
	c.between("task_count", p.TaskCount, 0, maxTrials)
	c.want("task_count", p.TaskCount == 0 || p.Tasks != "", "there are no tasks to take %d of", p.TaskCount)
	c.want("tasks", p.Tasks == "" || !p.Reload, "a run that reloads has no server between its trials to ask; leave one of them out")
	// Each factor is bounded by now or reported, so that the product cannot overflow.
	if len(c.problems) == 0 && !p.undecided() {
		c.want("repeats", p.Trials() <= maxTrials, "the plan has %d trials, at most %d are allowed", p.Trials(), maxTrials)
	}
	c.seconds("rate", p.Rate, 0.1, maxRate)
	c.seconds("min_window", p.MinWindow, 0, maxSeconds)
	c.seconds("max_steal", p.MaxSteal, 0, 1)
	if p.Baseline.Seconds != 0 {
		c.seconds("baseline.seconds", p.Baseline.Seconds, 2, maxSeconds)
	}
	c.seconds("baseline.timeout", p.Baseline.Timeout, p.Baseline.Seconds, maxSeconds)
	c.seconds("baseline.threshold", p.Baseline.Threshold, 0, 1)
	c.between("warm_up.max", p.WarmUp.Max, 0, maxRepeats)
	c.seconds("warm_up.cv", p.WarmUp.CV, 0, 10)
	c.seconds("cool_down.seconds", p.CoolDown.Seconds, 0, maxSeconds)
	c.seconds("cool_down.timeout", p.CoolDown.Timeout, p.CoolDown.Seconds, maxSeconds)
	c.seconds("cool_down.sigmas", p.CoolDown.Sigmas, 0, 1000)
	return errors.Join(c.problems...)
}

// fits errs when the model cannot hold the plan's longest trial.
func (p Plan) fits(model backend.ModelInfo) error {
	if model.Context <= 0 || p.longest() <= model.Context {
		return nil
	}
	var beyond []string
	for _, n := range p.Tokens {
		if n+p.OutputTokens > model.Context {
			beyond = append(beyond, fmt.Sprint(n))
		}
	}
	return fmt.Errorf("plan: tokens: %s and %d output tokens do not fit in the context of %d tokens of %s; leave these lengths out",
		strings.Join(beyond, ", "), p.OutputTokens, model.Context, model.Name)
}

// checker collects the problems of a plan.
type checker struct{ problems []error }

func (c *checker) want(key string, ok bool, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, fmt.Errorf("plan: %s: "+format, append([]any{key}, args...)...))
	}
}

func (c *checker) between(key string, v, lo, hi int) {
	c.want(key, v >= lo && v <= hi, "%d is not between %d and %d", v, lo, hi)
}

func (c *checker) seconds(key string, v, lo, hi float64) {
	c.want(key, !math.IsNaN(v) && v >= lo && v <= hi, "%g is not between %g and %g", v, lo, hi)
}

func (c *checker) list(key string, values []string, most int) {
	c.want(key, len(values) > 0 && len(values) <= most, "needs 1 to %d entries, has %d", most, len(values))
	unique(c, key, values)
}

func unique[T cmp.Ordered](c *checker, key string, values []T) {
	sorted := slices.Sorted(slices.Values(values))
	for i := 1; i < len(sorted); i++ {
		c.want(key, sorted[i] != sorted[i-1], "%v is listed twice", sorted[i])
	}
}
