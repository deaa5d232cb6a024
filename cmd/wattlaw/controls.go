package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/compress/quantize"
	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/store/sqlite"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// Limits of what counts as the same bytes.
const (
	sameBytes    = 0.15 // of the model that a control is for
	worthCopying = 0.25 // of what that model saves
	keptEncoder  = 0.95 // of the original's encoder: one of fewer bytes was compressed too
)

// besideStore is a folder beside the store.
func (f *runFlags) besideStore(names ...string) (string, error) {
	path, err := f.store, error(nil)
	if path == "" {
		path, err = sqlite.DefaultPath()
	}
	if err == nil {
		path, err = filepath.Abs(path) // plans record it, and are resumed from anywhere
	}
	return filepath.Join(append([]string{filepath.Dir(path)}, names...)...), err
}

// stateDir is the folder of a run's files.
func (f *runFlags) stateDir(run string) (string, error) { return f.besideStore("runs", run) }

// clear removes the files of a run that is complete.
func (f *runFlags) clear(run store.Run) error {
	if run.Status != store.StatusComplete {
		return nil // to be resumed
	}
	dir, err := f.stateDir(run.ID)
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// controls makes the controls of a plan that compares.
func (f *runFlags) controls(ctx context.Context, run string, plan bench.Plan, say func(string)) (out []bench.Control, remarks []store.Finding, err error) {
	dir, err := f.stateDir(run)
	if err != nil {
		return nil, nil, err
	}
	original, err := f.weigh(plan.Model[0], plan.MMProj)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, original.close()) }()
	if out = plan.Controls; len(out) == 0 {
		if out, remarks, err = original.choose(plan, dir, f.weigh); err != nil {
			return nil, nil, err
		}
	}
	for i := range out {
		if err := original.copyTo(ctx, &out[i], say); err != nil {
			return nil, nil, err
		}
	}
	found, err := f.diverge(ctx, plan, out, say)
	return out, append(remarks, found...), err
}

// weighed is a model to compare: its tensors, and where they come from.
type weighed struct {
	name        string // in the plan
	ref, mmproj string // what is opened
	language    *model.Source
	encoder     *model.Source // nil without one
	shape       *shape.Shape  // nil but for a shape model
	open        []*gguf.File
}

// weigher opens a model of a plan.
type weigher = func(ref, mmproj string) (*weighed, error)

// weigh opens a model of the plan, from where it was made if it had to be.
func (f *runFlags) weigh(ref, mmproj string) (*weighed, error) {
	made, ok := f.made[ref]
	if !ok {
		return weigh(ref, mmproj)
	}
	w, err := weigh(made.Model, made.Projector)
	if w != nil {
		w.name = ref
	}
	return w, err
}

// weigh opens the model that ref names with the encoder that a run would take.
func weigh(ref, mmproj string) (w *weighed, err error) {
	w = &weighed{name: ref, ref: ref, mmproj: mmproj}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if strings.HasPrefix(ref, shape.Prefix) {
		s, format, err := shape.Parse(ref)
		if err != nil {
			return w, err
		}
		w.shape, w.language = &s, s.Plan(format)
		if s.Vision != nil {
			w.encoder = s.PlanVision(shape.VisionFormat(format))
		}
		return w, nil
	}
	if w.language, err = w.source(builtin.Open(ref)); err != nil {
		return w, err
	}
	beside := model.EncoderPath(ref)
	switch {
	case mmproj != "":
		w.encoder, err = w.source(gguf.Open(mmproj))
	case builtin.Is(ref):
		w.encoder, err = w.source(builtin.OpenEncoder(ref))
	case isFile(beside):
		w.encoder, err = w.source(gguf.Open(beside))
	}
	return w, err
}

// source keeps an open file, if there is one, to be closed.
func (w *weighed) source(f *gguf.File, err error) (*model.Source, error) {
	if err != nil || f == nil {
		return nil, err
	}
	w.open = append(w.open, f)
	return model.EncoderFromFile(f), nil // a vocabulary is metadata like any other here
}

func (w *weighed) close() (err error) {
	for _, f := range w.open {
		err = errors.Join(err, f.Close())
	}
	return err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// bytes is what the weights take, those of the encoder included.
func (w *weighed) bytes() int64 { return w.language.Bytes() + w.encoderBytes() }

func (w *weighed) encoderBytes() int64 {
	if w.encoder == nil {
		return 0
	}
	return w.encoder.Bytes()
}

// in is what the weights would take in a format, the encoder in its own if it is kept.
func (w *weighed) in(f model.Format, keep bool) (int64, error) {
	if w.shape != nil {
		n := w.shape.Plan(f).Bytes()
		if w.shape.Vision != nil {
			n += w.shape.PlanVision(shape.VisionFormat(f)).Bytes()
		}
		return n, nil
	}
	n, err := quantize.Bytes(w.language, f)
	if err != nil || keep || w.encoder == nil {
		return n + w.encoderBytes(), err
	}
	more, err := quantize.Bytes(w.encoder, f)
	return n + more, err
}

// formats are those that a copy can have.
func (w *weighed) formats() []model.Format {
	if w.shape != nil {
		return shape.Formats()
	}
	return model.Formats()
}

// choose finds the controls that a plan needs: for each model that is smaller than the original, and
// not just that in fewer bits, the format that comes nearest to its bytes.
func (w *weighed) choose(plan bench.Plan, dir string, weigh weigher) (out []bench.Control, remarks []store.Finding, err error) {
	for _, ref := range plan.Model[1:] {
		control, remark, err := w.controlFor(ref, plan.MMProj, dir, weigh)
		if err != nil {
			return nil, nil, err
		}
		remarks = append(remarks, remark)
		if control == nil {
			continue
		}
		i := slices.IndexFunc(out, func(c bench.Control) bool {
			return c.Format == control.Format && c.Projector == control.Projector
		})
		if i < 0 {
			out = append(out, *control)
		} else {
			out[i].For = append(out[i].For, ref)
		}
	}
	for i := range out {
		names := titleOf(out[i].For[0])
		if n := len(out[i].For); n > 1 {
			names += fmt.Sprintf(" and %d more", n-1)
		}
		out[i].Name = fmt.Sprintf("%s in %s (same bytes as %s)", titleOf(w.name), out[i].Format, names)
	}
	return out, remarks, nil
}

// titleOf names a model in a few words.
func titleOf(ref string) string {
	switch {
	case builtin.Is(ref):
		return strings.TrimPrefix(ref, builtin.Prefix)
	case strings.HasPrefix(ref, shape.Prefix):
		return strings.TrimPrefix(ref, shape.Prefix)
	}
	base, rest, isCut := strings.Cut(filepath.Base(ref), ".gguf"+variantMark)
	if isCut {
		return base + variantMark + rest
	}
	return strings.TrimSuffix(base, ".gguf")
}

// controlFor chooses the control for one model, nil for none, and says why it is that.
func (w *weighed) controlFor(ref, mmproj, dir string, weigh weigher) (control *bench.Control, remark store.Finding, err error) {
	other, err := weigh(ref, mmproj)
	if err != nil {
		return nil, remark, err
	}
	defer func() { err = errors.Join(err, other.close()) }()
	has, want := w.bytes(), other.bytes()
	switch {
	case want >= has:
		return nil, bench.Remark(false, "%s has %v of weights, %s %v: it needs no control in fewer bits", ref, unit.Bytes(want), w.name, unit.Bytes(has)), nil
	case quantize.Same(w.language, other.language):
		return nil, bench.Remark(false, "%s is %s in fewer bits itself, or of other weights: it needs no control", ref, w.name), nil
	}
	keep := w.encoder == nil || mmproj != "" || float64(other.encoderBytes()) >= keptEncoder*float64(w.encoderBytes())
	format, bytes, err := quantize.Nearest(want, w.formats(), func(f model.Format) (int64, error) { return w.in(f, keep) })
	if err != nil {
		return nil, remark, err
	}
	if float64(has-bytes) < worthCopying*float64(has-want) {
		return nil, bench.Remark(true, "%s has %v of weights; of the formats of %s the nearest, %v, has %v of its %v: no control has about the bytes",
			ref, unit.Bytes(want), w.name, format, unit.Bytes(bytes), unit.Bytes(has)), nil
	}
	control = &bench.Control{Control: store.Control{Of: w.name, Format: format.String(), For: []string{ref}}}
	w.place(control, format, dir, keep)
	off := float64(bytes)/float64(want) - 1
	remark = bench.Remark(false, "%s in %v is the control for %s: %v of weights, %+.1f %%", w.name, format, ref, unit.Bytes(bytes), 100*off)
	if off > sameBytes || off < -sameBytes {
		remark = bench.Remark(true, "%s in %v is the control for %s, but has %v of weights, %+.0f %%: no format comes nearer", w.name, format, ref, unit.Bytes(bytes), 100*off)
	}
	return control, remark, nil
}

// place says where a control lies: the reference to a shape, or files in dir.
func (w *weighed) place(c *bench.Control, format model.Format, dir string, keepEncoder bool) {
	if w.shape != nil {
		c.Model = w.shape.Ref(format)
		return
	}
	c.Model = filepath.Join(dir, c.Format+".gguf")
	switch {
	case w.encoder == nil || w.mmproj != "":
	case !keepEncoder:
		c.Projector = model.EncoderPath(c.Model)
	case builtin.Is(w.ref):
		c.Projector = filepath.Join(dir, "encoder.gguf")
	default:
		c.Projector = model.EncoderPath(w.ref)
	}
}

// copyTo writes the files of a control that are not there.
func (w *weighed) copyTo(ctx context.Context, c *bench.Control, say func(string)) error {
	format, err := model.ParseFormat(c.Format, model.Formats())
	if err != nil || w.shape != nil {
		return err
	}
	say(fmt.Sprintf("writing %s in %s", w.name, c.Format))
	if err := os.MkdirAll(filepath.Dir(c.Model), 0o700); err != nil {
		return err
	}
	if err := writeIn(ctx, w.language, c.Model, format); err != nil {
		return err
	}
	switch c.Projector {
	case "", model.EncoderPath(w.ref):
		return nil
	case model.EncoderPath(c.Model):
		return writeIn(ctx, w.encoder, c.Projector, format)
	}
	data, err := builtin.Encoder(w.ref)
	if err != nil {
		return err
	}
	return os.WriteFile(c.Projector, data, 0o600)
}

// writeIn writes a model in a format, unless it is there.
func writeIn(ctx context.Context, src *model.Source, out string, format model.Format) error {
	if isFile(out) {
		return nil // quantizing leaves whole files or none
	}
	_, err := quantize.Source(ctx, src, out, quantize.Options{Format: format})
	return err
}
