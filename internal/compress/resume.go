package compress

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/train"
)

// A run keeps a file of every part that it has finished, in a folder that is named by all that the
// result depends on. It goes on from them without their Gram matrices and factorizations: streams are
// computed again, which is a fraction of the time and saves their bytes. So the end is the same to the bit.

// finished is a part that is compressed.
type finished struct {
	Sites   []SiteReport `json:"sites"`
	Carry   float64      `json:"carry"`
	Factors []stored     `json:"factors,omitempty"`
	// Dense names layers and vectors that were replaced by narrower ones.
	Dense []string `json:"dense,omitempty"`

	factors []model.Replacement
	dense   []model.Tensor
}

// stored says which tensors stand for which layers.
type stored struct {
	Layers  []string `json:"layers"`
	Tensors []string `json:"tensors"`
}

const (
	runPrefix = "run-"
	stateKey  = "wattlaw.compress.part"
)

// openWork makes the folder of a run.
func (c *compressor) openWork(d Calibration) error {
	sum := sha256.New()
	for _, s := range c.in.sources() {
		c.hashes[s] = hashSource(s)
		fmt.Fprintln(sum, c.hashes[s])
	}
	format := "kept"
	if c.Format != nil {
		format = c.Format.String()
	}
	fmt.Fprintln(sum, d.Hash, format, c.Without, c.LlamaCpp, c.Sites, c.Ridge, c.Rows, c.Precision, c.Version,
		c.Goal.Measure, c.Goal.Share, c.Goal.Amount, c.Goal.KL, c.Goal.Drop, c.By)
	if c.Dir == "" {
		return nil
	}
	c.work = filepath.Join(c.Dir, runPrefix+hex.EncodeToString(sum.Sum(nil))[:16])
	if err := os.MkdirAll(c.work, 0o755); err != nil {
		return fmt.Errorf("folder for what is finished: %w", err)
	}
	return nil
}

// Clean removes what runs have kept in a folder, and the folder when nothing else is in it.
func Clean(dir string) error {
	list, err := filepath.Glob(filepath.Join(dir, runPrefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range list {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	if left, err := os.ReadDir(dir); err == nil && len(left) == 0 {
		return os.Remove(dir)
	}
	return nil
}

// sharing is what a goal came to: a budget for each site, or the features that networks of the encoder and of
// the decoder keep; and the prices that it was shared by.
type sharing struct {
	Budgets   []float64 `json:"budgets,omitempty"`
	Features  [2]int    `json:"features"`
	PerByte   float64   `json:"per_byte,omitempty"`
	PerMulAdd float64   `json:"per_mul_add,omitempty"`
}

// keepSharing writes what the goal was shared out to.
func (c *compressor) keepSharing() error {
	if c.work == "" {
		return nil
	}
	c.sharing.PerByte, c.sharing.PerMulAdd = c.Goal.speed.perByte, c.Goal.speed.perMulAdd
	text, err := json.Marshal(c.sharing)
	if err == nil {
		err = os.WriteFile(c.sharingFile()+".part", text, 0o644)
	}
	if err == nil {
		err = os.Rename(c.sharingFile()+".part", c.sharingFile())
	}
	if err != nil {
		return fmt.Errorf("keep what the goal was shared out to: %w", err)
	}
	return nil
}

// keptSharing reads it, if there is one.
func (c *compressor) keptSharing() (bool, error) {
	if c.work == "" {
		return false, nil
	}
	text, err := os.ReadFile(c.sharingFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var kept sharing
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err == nil && !c.LlamaCpp && len(kept.Budgets) != len(c.sites) {
		err = fmt.Errorf("has budgets of %d sites for %d", len(kept.Budgets), len(c.sites))
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w; remove the file to share the goal anew", c.sharingFile(), err)
	}
	c.sharing, c.Goal.speed = kept, speed{kept.PerByte, kept.PerMulAdd}
	return true, nil
}

func (c *compressor) sharingFile() string { return filepath.Join(c.work, "budgets.json") }

func (c *compressor) partFile(part int) string {
	return filepath.Join(c.work, fmt.Sprintf("part-%03d.gguf", part))
}

// store writes a finished part.
func (c *compressor) store(part int, f *finished) error {
	if c.work == "" {
		return nil
	}
	w := gguf.NewWriter()
	var all []model.Tensor
	f.Factors, f.Dense = nil, nil
	for _, r := range f.factors {
		s := stored{Layers: r.Layers}
		for _, t := range r.Tensors {
			s.Tensors = append(s.Tensors, t.Name)
		}
		f.Factors, all = append(f.Factors, s), append(all, r.Tensors...)
	}
	for _, t := range f.dense {
		f.Dense, all = append(f.Dense, t.Name), append(all, t)
	}
	text, err := json.Marshal(f)
	if err == nil {
		err = w.Set(stateKey, gguf.ValueOf(string(text)))
	}
	for _, t := range all {
		if err == nil {
			err = w.Add(t.Name, t.DType, t.Shape, gguf.Bytes(t.Data))
		}
	}
	if err == nil {
		err = w.WriteFile(c.partFile(part))
	}
	if err != nil {
		return fmt.Errorf("keep a finished part: %w", err)
	}
	return nil
}

// kept reads a part that an earlier run has finished; nil when there is none.
func (c *compressor) kept(part int) (*finished, error) {
	if c.work == "" {
		return nil, nil
	}
	f, err := gguf.Open(c.partFile(part))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w; remove the file to compress the part again", err)
	}
	defer f.Close() // all is copied
	made := &finished{}
	text, _ := f.String(stateKey)
	if err := json.Unmarshal([]byte(text), made); err != nil {
		return nil, fmt.Errorf("%s: metadata %q: %w; remove the file to compress the part again", f.Name(), stateKey, err)
	}
	read := func(name string) (model.Tensor, error) {
		t, ok := f.Tensor(name)
		if !ok {
			return model.Tensor{}, fmt.Errorf("%s: tensor %q is missing; remove the file to compress the part again", f.Name(), name)
		}
		return model.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape, Data: bytes.Clone(f.Data(t))}, nil
	}
	for _, layer := range made.layers() {
		if !slices.ContainsFunc(c.parts[part].Sites, func(s train.Site) bool { return slices.Contains(s.Layers, layer) }) {
			return nil, fmt.Errorf("%s: is of layer %q, which %s has not; remove the file to compress the part again", f.Name(), layer, c.parts[part].Name)
		}
	}
	for _, s := range made.Factors {
		r := model.Replacement{Layers: s.Layers}
		for _, name := range s.Tensors {
			t, err := read(name)
			if err != nil {
				return nil, err
			}
			r.Tensors = append(r.Tensors, t)
		}
		made.factors = append(made.factors, r)
	}
	for _, name := range made.Dense {
		t, err := read(name)
		if err != nil {
			return nil, err
		}
		made.dense = append(made.dense, t)
	}
	return made, nil
}

// layers lists those of which a file says that it holds them.
func (f *finished) layers() (list []string) {
	for _, s := range f.Factors {
		list = append(list, s.Layers...)
	}
	for _, name := range f.Dense {
		list = append(list, strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias"))
	}
	return list
}

// set puts factors into a part: pairs as they are where each layer's takes fewer multiply-adds than its
// product, else products.
func (c *compressor) set(cut *train.Loaded, r model.Replacement) error {
	first, second, err := model.LowRankNames(r.Layers)
	if err != nil {
		return err
	}
	if r.Tensors[0].Name != first || len(r.Tensors) != len(second)+1 {
		return c.setProduct(cut, r)
	}
	var pair []linalg.Matrix // a, and each layer's b
	for _, t := range r.Tensors {
		m, err := decoded(t)
		if err != nil {
			return err
		}
		pair = append(pair, m)
		switch a := pair[0]; {
		case len(pair) == 1:
		case m.Cols != a.Rows:
			return fmt.Errorf("factors %s have ranks of %d and %d", names(r.Tensors), a.Rows, m.Cols)
		case a.Rows*(a.Cols+m.Rows) >= a.Cols*m.Rows:
			return c.setProduct(cut, r)
		}
	}
	for i, layer := range r.Layers {
		cut.SetFactors(layer, pair[i+1], pair[0])
	}
	return nil
}

// setProduct puts what factors stand for into a part.
func (c *compressor) setProduct(cut *train.Loaded, r model.Replacement) error {
	s := &model.Source{Name: c.in.Language.Name, Tensors: r.Tensors}
	dense, err := model.Expand(c.g64, s)
	if err != nil {
		return err
	}
	for _, layer := range r.Layers {
		t := dense.Tensor(layer + ".weight")
		if t == nil {
			return fmt.Errorf("factors %s do not stand for layer %q", names(r.Tensors), layer)
		}
		w, err := dense.Values(t.Name, t.Shape...)
		if err != nil {
			return err
		}
		cut.Set(layer, linalg.Dense(t.Shape[1], t.Shape[0], w))
	}
	return nil
}

func names(list []model.Tensor) string {
	var texts []string
	for _, t := range list {
		texts = append(texts, t.Name)
	}
	return strings.Join(texts, ", ")
}
