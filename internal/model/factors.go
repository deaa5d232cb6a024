package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/tn"
)

// factorizedSuffix marks the architecture of models some of whose layers are factorized, so
// that readers who do not know factors refuse them. Their hyperparameters keep the keys of the
// dense model.
const factorizedSuffix = "-lr"

// Architecture returns the value of general.architecture without the mark of factorized
// models, and whether it bears it.
func (s *Source) Architecture() (dense string, factorized bool) {
	return strings.CutSuffix(s.Text("general.architecture"), factorizedSuffix)
}

// Factors says how a factorized layer is stored: as the cores of a matrix product operator, a
// low-rank pair being the one of the sites {outputs, 1} and {1, inputs}. See
// docs/design/006-factorized-files.md.
type Factors struct {
	Rows, Cols int
	Sites      []tn.Site
	Bonds      []int
	// Schedule applies the cores; Names and Shapes are those of the tensors that its stages
	// multiply with, as matrices of Stage.Rows by Stage.Features().
	Schedule tn.Schedule
	Names    []string
	Shapes   [][]int
	LowRank  bool
	// Shared says that the first factor belongs to a layer before this one, too.
	Shared bool

	place int // of the layer, or of the factor that it shares, among those that read one input
}

// sharing names the first factor that layers which read one input may have in common.
func sharing() map[string][]string {
	return map[string][]string{"attn_qkv": {"attn_q", "attn_k", "attn_v"}, "ffn_gate_up": {"ffn_gate", "ffn_up"}}
}

// places is the number of different middles that the layers which read one input can have: one of
// each layer, and one that they share.
const (
	places      = sharedPlace + 1
	sharedPlace = 3
)

// siblings returns the name of the factor that a layer can share, the layers that can, and its place
// among them; "" for others.
func siblings(layer string) (factor string, layers []string, place int) {
	at := strings.LastIndexByte(layer, '.') + 1
	for name, members := range sharing() {
		if place = slices.Index(members, layer[at:]); place >= 0 {
			for _, m := range members {
				layers = append(layers, layer[:at]+m)
			}
			return layer[:at] + name, layers, place
		}
	}
	return "", nil, 0
}

const (
	firstFactor  = ".lr_a"
	secondFactor = ".lr_b"
	coreFactor   = ".mpo."
	maxSites     = 16
)

// layerName is the name of a layer whose weights are the tensor of that name.
func layerName(tensor string) string { return strings.TrimSuffix(tensor, ".weight") }

// has says whether the model has a layer, dense or factorized.
func (s *Source) has(name string) bool {
	if s.Tensor(name) != nil {
		return true
	}
	_, factorized := s.Architecture()
	return factorized && (s.Tensor(layerName(name)+secondFactor) != nil || s.cores(layerName(name)) > 0)
}

// cores counts the tensors that are cores of a layer.
func (s *Source) cores(layer string) (n int) {
	for i := range s.Tensors {
		if strings.HasPrefix(s.Tensors[i].Name, layer+coreFactor) {
			n++
		}
	}
	return n
}

// Factors returns how the layer of rows by cols is stored that has, in the dense model, weights of
// that name; nil when it is dense here, too, or missing.
func (s *Source) Factors(name string, rows, cols int) (*Factors, error) {
	if _, factorized := s.Architecture(); !factorized {
		return nil, nil
	}
	layer := layerName(name)
	f, err := s.factors(layer)
	switch {
	case err != nil || f == nil:
		return nil, err
	case s.Tensor(name) != nil:
		return nil, fmt.Errorf("%s: tensors %q and %q are both there: a layer is stored once", s.Name, name, f.Names[len(f.Names)-1])
	case f.Rows != rows || f.Cols != cols:
		first, last := f.Names[0], f.Names[len(f.Names)-1]
		return nil, fmt.Errorf("%s: tensors %q and %q of shapes %v and %v make a matrix of %d by %d, want %d by %d; is one missing?",
			s.Name, first, last, f.Shapes[0], f.Shapes[len(f.Shapes)-1], f.Rows, f.Cols, rows, cols)
	}
	left := 1
	for k, bond := range f.Bonds {
		left *= f.Sites[k].Out * f.Sites[k].In
		most := min(left, rows*cols/left)
		if f.place == sharedPlace {
			most = cols
		}
		if bond > most {
			return nil, fmt.Errorf("%s: tensor %q of shape %v has a rank of %d, more than the %d that can matter", s.Name, f.Names[0], f.Shapes[0], bond, most)
		}
	}
	return f, nil
}

// factors reads the shapes of a layer's factors; nil when it has none.
func (s *Source) factors(layer string) (*Factors, error) {
	n := s.cores(layer)
	pair := s.Tensor(layer+firstFactor) != nil || s.Tensor(layer+secondFactor) != nil
	switch {
	case pair && n > 0:
		return nil, fmt.Errorf("%s: layer %q is both a pair %q and a chain %q: a layer is stored once", s.Name, layer, layer+secondFactor, layer+coreFactor+"0")
	case pair:
		return s.pair(layer)
	case n > 0:
		return s.chain(layer, n)
	}
	return nil, nil
}

// pair reads how a low-rank pair is stored: [rank × inputs] and [outputs × rank], the first maybe
// in common with siblings.
func (s *Source) pair(layer string) (*Factors, error) {
	first, second := layer+firstFactor, layer+secondFactor
	common, all, place := siblings(layer)
	f := &Factors{LowRank: true, place: place}
	if s.Tensor(first) == nil && common != "" && s.Tensor(common+firstFactor) != nil {
		first, f.place = common+firstFactor, sharedPlace
		for _, sibling := range all[:place] {
			f.Shared = f.Shared || s.Tensor(sibling+secondFactor) != nil && s.Tensor(sibling+firstFactor) == nil
		}
	}
	a, b := s.Tensor(first), s.Tensor(second)
	switch {
	case a == nil:
		return nil, fmt.Errorf("%s: tensor %q is missing, the other factor of %q", s.Name, first, second)
	case b == nil:
		return nil, fmt.Errorf("%s: tensor %q is missing, the other factor of %q", s.Name, second, first)
	case len(a.Shape) != 2 || !features(a.Shape...):
		return nil, fmt.Errorf("%s: tensor %q has shape %v, want [inputs rank]", s.Name, first, a.Shape)
	case len(b.Shape) != 2 || b.Shape[0] != a.Shape[1] || !features(b.Shape...):
		return nil, fmt.Errorf("%s: tensor %q has shape %v, want [%d outputs]: that is the rank of %q", s.Name, second, b.Shape, a.Shape[1], first)
	}
	rank := a.Shape[1]
	f.Rows, f.Cols, f.Bonds = b.Shape[1], a.Shape[0], []int{rank}
	f.Sites = tn.LowRank(f.Rows, f.Cols)
	f.Schedule = tn.NewSchedule(f.Sites, f.Bonds, tn.FromLast)
	f.Names, f.Shapes = []string{first, second}, [][]int{a.Shape, b.Shape}
	return f, nil
}

// features says whether all dimensions are numbers of features.
func features(shape ...int) bool {
	for _, d := range shape {
		if d < 1 || d > maxFeatures {
			return false
		}
	}
	return true
}

// chain reads how the cores of an operator of n sites are stored: with shape [input · bond that came
// in, output, left bond, right bond]. Of the last two the one is 1 by which values came in; the
// other is open.
func (s *Source) chain(layer string, n int) (*Factors, error) {
	if n > maxSites {
		return nil, fmt.Errorf("%s: layer %q has %d cores, at most %d are supported", s.Name, layer, n, maxSites)
	}
	f := &Factors{Bonds: make([]int, n-1)}
	_, _, f.place = siblings(layer)
	dims := make([][4]int, n)
	order := tn.FromLast
	for k := range n {
		name := fmt.Sprint(layer, coreFactor, k)
		t := s.Tensor(name)
		if t == nil {
			return nil, fmt.Errorf("%s: tensor %q is missing: the layer has %d other cores", s.Name, name, n)
		}
		dims[k] = [4]int{1, 1, 1, 1}
		if len(t.Shape) > 4 || !features(t.Shape...) {
			return nil, fmt.Errorf("%s: tensor %q has shape %v, want [input·bond output left right]", s.Name, name, t.Shape)
		}
		copy(dims[k][:], t.Shape)
		if dims[k][3] > 1 {
			order = tn.FromFirst
		}
	}
	if err := f.join(s, layer, dims, order); err != nil {
		return nil, err
	}
	f.Schedule = tn.NewSchedule(f.Sites, f.Bonds, order)
	for _, st := range f.Schedule.Stages {
		f.Names = append(f.Names, fmt.Sprint(layer, coreFactor, st.Site))
		f.Shapes = append(f.Shapes, s.Tensor(f.Names[len(f.Names)-1]).Shape)
	}
	return f, nil
}

// join settles sites and bonds from the shapes of the cores.
func (f *Factors) join(s *Source, layer string, dims [][4]int, order tn.Order) error {
	n := len(dims)
	for k := range n - 1 {
		f.Bonds[k] = dims[k+1][2]
		if order == tn.FromFirst {
			f.Bonds[k] = dims[k][3]
		}
	}
	outs, ins := 1, 1
	for k, d := range dims {
		in, open, shut := k, 2, 3 // bond that values come in by
		if order == tn.FromFirst {
			in, open, shut = k-1, 3, 2
		}
		bond, wanted := 1, 1
		if in >= 0 && in < n-1 {
			bond = f.Bonds[in]
		}
		if k > 0 && order == tn.FromLast || k < n-1 && order == tn.FromFirst {
			wanted = d[open]
		}
		name := fmt.Sprint(layer, coreFactor, k)
		switch {
		case d[shut] != 1 || d[open] != wanted:
			return fmt.Errorf("%s: tensor %q has shape %v: its bonds do not fit those of its neighbours", s.Name, name, d)
		case d[0]%bond != 0:
			return fmt.Errorf("%s: tensor %q has shape %v, want a first dimension that is a multiple of the bond, %d", s.Name, name, d, bond)
		case outs > maxFeatures/d[1] || ins > maxFeatures/(d[0]/bond):
			return fmt.Errorf("%s: tensor %q has shape %v: the layer becomes too large", s.Name, name, d)
		}
		f.Sites = append(f.Sites, tn.Site{Out: d[1], In: d[0] / bond})
		outs, ins = outs*d[1], ins*(d[0]/bond)
	}
	f.Rows, f.Cols = outs, ins
	return nil
}

// Factorized lists the layers that are stored as factors, in the order of the tensors. It errs for
// the first whose factors do not fit together.
func (s *Source) Factorized() (layers []string, list []*Factors, err error) {
	for i := range s.Tensors {
		layer, ok := strings.CutSuffix(s.Tensors[i].Name, secondFactor)
		if !ok {
			layer, ok = strings.CutSuffix(s.Tensors[i].Name, coreFactor+"0")
		}
		if !ok {
			continue
		}
		f, err := s.factors(layer)
		if err != nil {
			return layers, list, err
		}
		layers, list = append(layers, layer), append(list, f)
	}
	return layers, list, nil
}

// Parameters counts the elements of the factors; a shared one counts for the first layer that reads it.
func (f *Factors) Parameters() int64 {
	n := tn.Parameters(f.Sites, f.Bonds)
	if f.Shared {
		n -= int64(f.Rank()) * int64(f.Cols)
	}
	return n
}

// Rank returns the dimension of the widest bond.
func (f *Factors) Rank() (n int) {
	for _, bond := range f.Bonds {
		n = max(n, bond)
	}
	return n
}

// layerShape returns rows and columns of a stored layer without knowing what they should be.
func (s *Source) layerShape(name string) (rows, cols int, ok bool) {
	if t := s.Tensor(name); t != nil {
		if len(t.Shape) != 2 {
			return 0, 0, false
		}
		return t.Shape[1], t.Shape[0], true
	}
	if f, err := s.factors(layerName(name)); err == nil && f != nil {
		return f.Rows, f.Cols, true
	}
	return 0, 0, false
}
