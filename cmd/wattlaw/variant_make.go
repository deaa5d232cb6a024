package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/compress/heal"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// madeVariant is a variant's files and how they came about, as it is kept beside them.
type madeVariant struct {
	Before compress.Choice     `json:"before"` // of the original: parameters and bytes
	After  compress.Choice     `json:"after"`
	Held   compress.Distance   `json:"held"` // of the cut model
	Times  []compress.StepTime `json:"times"`
	Raised []string            `json:"raised,omitempty"` // sites whose Gram matrices were near singular
	Healed *healedVariant      `json:"healed,omitempty"`

	path  string // of the language model
	again bool   // it was there
}

// healedVariant is what healing came to: divergences in nats a token of held-out sequences.
type healedVariant struct {
	Before float64       `json:"before"`
	After  float64       `json:"after"`
	Steps  int           `json:"steps"`
	Time   time.Duration `json:"time"`
}

// variants makes the models that a plan names by how they come about, once: they are kept in a folder
// under a hash of original, calibration, options and version.
type variants struct {
	dir     string
	mmproj  string
	threads int
	say     func(string)
}

// model is the bench.Maker of a run.
func (f *runFlags) model(ctx context.Context, ref string, say func(string)) (made bench.Made, found []store.Finding, err error) {
	v, ok, err := parseVariant(ref)
	if err != nil || !ok {
		return made, nil, err
	}
	dir, err := f.besideStore("models")
	if err != nil {
		return made, nil, err
	}
	m, err := variants{dir, f.plan.MMProj, f.plan.Threads, say}.get(ctx, v)
	if err != nil {
		return made, nil, err
	}
	made.Model, made.Projector = m.path, model.EncoderBeside(m.path)
	if f.made == nil {
		f.made = map[string]bench.Made{}
	}
	f.made[ref] = made
	return made, m.findings(v), nil
}

// calibrated reads what a variant of a model is calibrated on.
func (v variant) calibrated(in compress.Pair) (c *calibrator, data compress.Calibration, err error) {
	config, err := model.ReadConfig(in.Language)
	if err != nil {
		return nil, data, err
	}
	if c, err = newCalibrator(v.base, in, min(defaultWindow, config.Context), v.sequences); err != nil {
		return nil, data, err
	}
	var files []string
	if v.calibrate != "" {
		files = []string{v.calibrate}
	}
	data, err = c.read(files)
	return c, data, err
}

// get returns a variant from the folder, or makes it.
func (w variants) get(ctx context.Context, v variant) (m madeVariant, err error) {
	in, done, err := openPair(v.base, w.mmproj)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, done()) }()
	calibrator, data, err := v.calibrated(in)
	if err != nil {
		return m, err
	}
	return w.have(ctx, v, in, data, calibrator)
}

// have is get with the original, and what to calibrate on, at hand.
func (w variants) have(ctx context.Context, v variant, in compress.Pair, data compress.Calibration, calibrator *calibrator) (m madeVariant, err error) {
	key, err := v.key(in, data)
	if err != nil {
		return m, err
	}
	m.path = filepath.Join(w.dir, key+".gguf")
	if kept, err := readVariant(m.path, in.Encoder != nil); err != nil || kept != nil {
		if kept != nil {
			m = *kept
		}
		return m, err
	}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return m, err
	}
	if v.heal > 0 {
		err = w.heal(ctx, v, &m, in, data, calibrator)
	} else {
		err = w.compress(ctx, v, &m, in, data)
	}
	return m, err
}

// teller says once a minute how far something is.
func (w variants) teller() func(format string, args ...any) {
	told := time.Now()
	return func(format string, args ...any) {
		if time.Since(told) > time.Minute {
			told = time.Now()
			w.say(fmt.Sprintf(format, args...))
		}
	}
}

// compress cuts a model.
func (w variants) compress(ctx context.Context, v variant, m *madeVariant, in compress.Pair, data compress.Calibration) error {
	w.say("compressing to " + v.text)
	opt := v.opt
	opt.Threads, opt.Version, opt.Dir, opt.Precision = w.threads, version(), m.path+workSuffix, fastest()
	tell := w.teller()
	opt.Report = func(e compress.Event) { tell("%s: %s, %d of %d", v.text, e.What, e.Done+1, e.Parts) }
	out, r, err := compress.Compress(ctx, in, data, opt)
	if err != nil {
		return err
	}
	m.Before, m.After, m.Held, m.Times, m.Raised = r.Before, r.After, r.Held, r.Times, r.Raised()
	if err := m.keep(out); err != nil {
		return err
	}
	return compress.Clean(opt.Dir)
}

// fastest is bfloat16 where the CPU multiplies it: a run waits, and results differ by less than their errors.
func fastest() linalg.Precision {
	if kernel.Best().BFloat16() {
		return linalg.BFloat16
	}
	return linalg.Float32
}

// heal lets the variant without healing, which it makes if need be, learn from the original.
func (w variants) heal(ctx context.Context, v variant, m *madeVariant, in compress.Pair, data compress.Calibration, c *calibrator) (err error) {
	from, err := w.have(ctx, v.unhealed(), in, data, c)
	if err != nil {
		return err
	}
	w.say(fmt.Sprintf("healing to %s, for %v", v.text, v.heal))
	encoder := ""
	if in.Encoder != nil {
		encoder = model.EncoderPath(from.path)
	}
	small, done, err := openPair(from.path, encoder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	opt := heal.Options{Train: train.Options{Threads: w.threads, Precision: fastest()}, Time: v.heal, Recipe: data.Hash, Checkpoint: m.path + healSuffix}
	tell := w.teller()
	opt.Report = func(p heal.Progress) { tell("%s: healing, %.0f %% done, loss %.4f", v.text, 100*p.Done, p.Loss) }
	r, err := heal.Distill(ctx, heal.Pair(in), heal.Pair(small), c.learn(data.Held), data.Held, opt)
	if err != nil {
		return err
	}
	path := m.path
	*m = from
	m.path, m.again, m.Healed = path, false, &healedVariant{r.Before, r.After, r.Steps, v.heal}
	if err := m.keep(compress.Pair(r.Model)); err != nil {
		return err
	}
	return removeIfThere(opt.Checkpoint)
}

// key identifies all that a variant depends on.
func (v variant) key(in compress.Pair, data compress.Calibration) (string, error) {
	build, err := buildOf()
	if err != nil {
		return "", err
	}
	format := ""
	if v.opt.Format != nil {
		format = v.opt.Format.String()
	}
	sum := sha256.New()
	fmt.Fprintln(sum, in.Hash(), data.Hash, v.opt.Goal, v.opt.Without, v.opt.Sites, format, v.heal, build)
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// buildOf tells this program from others: by its version, or by its file where versions are not kept apart.
func buildOf() (string, error) {
	if !strings.HasPrefix(version(), "devel") {
		return version(), nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this executable: %w", err)
	}
	data, err := os.ReadFile(self)
	return fmt.Sprintf("%x", sha256.Sum256(data)), err
}

// recordOf is where it is kept how a variant came about.
func recordOf(path string) string { return strings.TrimSuffix(path, ".gguf") + ".json" }

// keep writes a variant's files, the record last: what has one is whole.
func (m *madeVariant) keep(p compress.Pair) error {
	if err := p.Write(m.path, model.EncoderPath(m.path)); err != nil {
		return err
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = os.WriteFile(recordOf(m.path)+".part", text, 0o600)
	}
	if err == nil {
		err = os.Rename(recordOf(m.path)+".part", recordOf(m.path))
	}
	return err
}

// readVariant returns the variant that is kept at a path; nil for none.
func readVariant(path string, sees bool) (*madeVariant, error) {
	text, err := os.ReadFile(recordOf(path))
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!isFile(path) || sees && !isFile(model.EncoderPath(path))) {
		return nil, nil
	}
	m := &madeVariant{path: path, again: true}
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove the file to make the model again", recordOf(path), err)
	}
	return m, nil
}

// findings says how a variant came about.
func (m *madeVariant) findings(v variant) (list []store.Finding) {
	from := ""
	if m.again {
		from = ", made by an earlier run"
	}
	share := func(part, all int64) string { return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(all)) }
	h := m.Held
	text := fmt.Sprintf("%s%s: %s of the parameters and %s of the bytes (%v); KL %.4g ± %.2g nats a token to %s, same top token %s, on %d held-out tokens",
		v.text, from, share(m.After.Parameters, m.Before.Parameters), share(m.After.Bytes, m.Before.Bytes), unit.Bytes(m.After.Bytes), h.KL, h.KLError, v.base, percent(h.SameTop), h.Tokens)
	if m.Healed != nil {
		text += fmt.Sprintf("; healed for %v: KL %.4g → %.4g in %d steps", m.Healed.Time, m.Healed.Before, m.Healed.After, m.Healed.Steps)
	}
	var all time.Duration
	var steps []string
	for _, s := range m.Times {
		all += s.Time
		steps = append(steps, fmt.Sprintf("%s %.1f s", s.What, s.Time.Seconds()))
	}
	list = append(list, bench.Making(false, "%s; compressed in %.1f s: %s", text, all.Seconds(), strings.Join(steps, ", ")))
	if len(m.Raised) > 0 {
		list = append(list, bench.Making(true, "%s: Gram matrices of %s were near singular and were regularized more: calibrate on more text", v.text, strings.Join(m.Raised, ", ")))
	}
	if m.Healed != nil && !(m.Healed.After < m.Healed.Before) {
		list = append(list, bench.Making(true, "%s: healing made it worse, and it stays as it was: give it more time", v.text))
	}
	return list
}
