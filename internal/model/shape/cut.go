package shape

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// cutMark stands between a format and the parameters that are to be left.
const cutMark = "~"

// cut says how much of a shape is left when the matrices of its blocks are low-rank pairs: what a
// compressed model costs, before anything is compressed. The zero value cuts nothing.
type cut struct {
	text  string  // as in the reference, e.g. "3.2b"
	share float64 // of the parameters of every matrix in blocks
}

// isCut says whether the shape has less than it was published with.
func (s Shape) isCut() bool { return s.cut.share > 0 }

// cutTolerance bounds the difference of the parameters from those wanted: ranks are multiples of blocks.
const cutTolerance = 0.01

// cutTo returns the shape with low-rank pairs in its blocks such that the parameters of language model
// and encoder are those that text names. Embeddings, output layer and projector stay dense.
func (s Shape) cutTo(text string, f Format) (Shape, error) {
	wanted, err := parseCount(text)
	if err != nil {
		return s, err
	}
	if s.embeds() {
		return s, fmt.Errorf("%s embeds texts; only language models can be cut", s.Name)
	}
	all, blocks := s.counts()
	if wanted <= all-blocks || wanted >= all {
		return s, fmt.Errorf("cannot cut to %s parameters: the shape has %s, of which %s are outside the matrices of blocks and stay",
			text, unit.Format(float64(all), ""), unit.Format(float64(all-blocks), ""))
	}
	s.cut = cut{text: text, share: float64(wanted-all+blocks) / float64(blocks)}
	got := s.Plan(f).Parameters()
	if s.Vision != nil {
		got += s.PlanVision(VisionFormat(f)).Parameters()
	}
	if math.Abs(float64(got-wanted)) > cutTolerance*float64(wanted) {
		return s, fmt.Errorf("cannot cut to %s parameters: ranks of whole blocks of the format leave %s; take another number or a float format",
			text, unit.Format(float64(got), ""))
	}
	return s, nil
}

// parseCount reads a number of parameters such as "3.2b", "500m" or "1100000".
func parseCount(text string) (int64, error) {
	number, scale := strings.ToLower(text), 1.0
	for suffix, by := range map[string]float64{"k": 1e3, "m": 1e6, "b": 1e9} {
		if rest, ok := strings.CutSuffix(number, suffix); ok {
			number, scale = rest, by
			break
		}
	}
	const most = 1e15
	n, err := strconv.ParseFloat(number, 64)
	if n *= scale; err != nil || !(n >= 1 && n <= most) {
		return 0, fmt.Errorf("%q is no number of parameters; want one such as 3.2b or 500m behind %q", text, cutMark)
	}
	return int64(math.Round(n)), nil
}

// counts returns the parameters of the dense shape, and those of them in matrices of blocks.
func (s Shape) counts() (all, blocks int64) {
	s.cut = cut{}
	list := s.tensors(F32)
	if s.Vision != nil {
		list = append(list, s.visionTensors(F32)...)
	}
	for i := range list {
		all += list[i].Values()
		if blockLayer(&list[i].Tensor) != "" {
			blocks += list[i].Values()
		}
	}
	return all, blocks
}

// blockLayer returns the name of the layer of a block whose weights t is, "" for other tensors.
func blockLayer(t *model.Tensor) string {
	name := strings.TrimPrefix(t.Name, "v.")
	if layer, ok := strings.CutSuffix(t.Name, ".weight"); ok && strings.HasPrefix(name, "blk.") && t.IsMatrix() {
		return layer
	}
	return ""
}

// factorized returns the tensors of a shape with the matrices of blocks as low-rank pairs; those that
// read one input share their first factor. (At the same number of parameters that leaves a larger part of
// the rank than pairs of their own: a stack of matrices, the first of them square, has fewer parameters
// at full rank when its first factor is there once.)
func (s Shape) factorized(dense []planned, mixture model.Mixture) []planned {
	if !s.isCut() {
		return dense
	}
	groups := groupsOf(dense)
	choose(groups, s.cut.share, mixture)
	var list []planned
	for _, t := range dense {
		layer := blockLayer(&t.Tensor)
		at := slices.IndexFunc(groups, func(g *group) bool { return slices.Contains(g.layers, layer) })
		switch {
		case at < 0 || groups[at].rank == 0:
			list = append(list, t)
		case groups[at].layers[0] == layer:
			list = append(list, groups[at].pair(mixture)...)
		}
	}
	return list
}

// group is matrices that read one input, of rows in all, and the rank that they are cut to; 0 is none.
type group struct {
	layers     []string
	matrices   []planned
	rows, cols int
	rank       int
}

// groupsOf collects the matrices of blocks.
func groupsOf(list []planned) (groups []*group) {
	by := map[string]*group{}
	for _, t := range list {
		layer := blockLayer(&t.Tensor)
		if layer == "" {
			continue
		}
		g := by[layer]
		if g == nil {
			g = &group{cols: t.Shape[0]}
			groups = append(groups, g)
			for _, sibling := range model.Siblings(layer) {
				by[sibling] = g
			}
		}
		g.layers, g.matrices, g.rows = append(g.layers, layer), append(g.matrices, t), g.rows+t.Shape[1]
	}
	return groups
}

// choose gives every group the rank at which it has the share of its parameters, rounded to multiples of
// the format's blocks. What one group has too many the next of its size has fewer, and the smaller
// sizes even out what is left of the larger.
func choose(groups []*group, share float64, mixture model.Mixture) {
	largest := slices.Clone(groups)
	slices.SortStableFunc(largest, func(a, b *group) int { return b.rows + b.cols - a.rows - a.cols })
	lacking := 0.0
	for _, g := range largest {
		each, dense := float64(g.rows+g.cols), float64(g.rows)*float64(g.cols) // parameters of a rank, and of all
		step, wanted := float64(g.step(share, mixture)), share*dense+lacking
		rank := max(math.Round(wanted/each/step), 1) * step
		kept := rank * each
		if kept < dense {
			g.rank = int(rank)
		} else {
			kept = dense
		}
		lacking = wanted - kept
	}
}

// step is what ranks are multiples of: the values of a block, at least 32; of groups that are cut to less,
// half of that and so on, but at least 32 in quantized formats.
func (g *group) step(share float64, mixture model.Mixture) int {
	const wide = 256
	block := mixture.DType(g.layers[0]+".weight", wide).BlockValues()
	rank := share * float64(g.rows) * float64(g.cols) / float64(g.rows+g.cols)
	step := max(block, 32)
	for step > min(block, 32) && float64(step) > rank {
		step /= 2
	}
	return step
}

// pair returns the factors of a group. Of an input of unit variance the first factor makes one of unit
// variance, and the second what the matrix would.
func (g *group) pair(mixture model.Mixture) []planned {
	first, second, err := model.LowRankNames(g.layers)
	if err != nil {
		panic("shape: " + err.Error()) // a group reads one input
	}
	factor := func(name string, sigma float64, cols, rows int) planned {
		return planned{sigma: sigma, Tensor: model.Tensor{Name: name, DType: mixture.DType(name, cols), Shape: []int{cols, rows}}}
	}
	list := []planned{factor(first, 1/math.Sqrt(float64(g.cols)), g.cols, g.rank)}
	for i, t := range g.matrices {
		list = append(list, factor(second[i], t.sigma*math.Sqrt(float64(g.cols)/float64(g.rank)), g.rank, t.Shape[1]))
	}
	return list
}
