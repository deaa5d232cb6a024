package train

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// product multiplies the factors of a layer out.
func (o *oracle) product(layer string) []float64 {
	if w := o.products[layer]; w != nil {
		return w
	}
	f := o.factors[layer]
	var stages [][]float64
	for _, name := range f.Names {
		stages = append(stages, o.values[name])
	}
	o.products[layer] = tn.Assemble(f.Sites, f.Bonds, f.Schedule, stages).Matrix(linalg.NewMultiplierOf[float64](kernel.Best(), 1)).Data
	return o.products[layer]
}

// factorOracle is the oracle of a model made of the sources.
func factorOracle(t *testing.T, m *Model, sources ...*model.Source) *oracle {
	t.Helper()
	o := newOracle(m)
	o.factors = map[string]*model.Factors{}
	for _, s := range sources {
		layers, list, err := s.Factorized()
		if err != nil {
			t.Fatal(err)
		}
		for i, layer := range layers {
			o.factors[layer] = list[i]
		}
	}
	return o
}

func lowRankCut(rank int, layers ...string) model.Cut {
	return model.Cut{Layers: layers, Limits: tn.UpTo(rank, 2), DType: tensor.F32}
}

func chainCut(bond int, layer string, sites ...tn.Site) model.Cut {
	return model.Cut{Layers: []string{layer}, Sites: sites, Limits: tn.UpTo(bond, len(sites)), DType: tensor.F32}
}

// smallCuts cut a model of the small shape in every way, and leave layers dense.
func smallCuts() []model.Cut {
	return []model.Cut{
		lowRankCut(5, "blk.0.attn_q", "blk.0.attn_v"), lowRankCut(3, "blk.0.attn_k"), lowRankCut(4, "blk.0.ffn_gate", "blk.0.ffn_up"),
		lowRankCut(6, "blk.0.attn_output"),
		chainCut(3, "blk.1.ffn_down", tn.Site{Out: 3, In: 2}, tn.Site{Out: 4, In: 5}),
		chainCut(4, "blk.1.attn_q", tn.Site{Out: 2, In: 3}, tn.Site{Out: 3, In: 2}, tn.Site{Out: 4, In: 2}),
		chainCut(2, "blk.1.ffn_up", tn.Site{Out: 5, In: 2}, tn.Site{Out: 2, In: 6}),
		chainCut(2, "blk.1.ffn_gate", tn.Site{Out: 2, In: 6}, tn.Site{Out: 5, In: 2}),
	}
}

func factorize(t *testing.T, s *model.Source, plan []model.Cut) *model.Source {
	t.Helper()
	src, _, err := model.Factorize(linalg.NewMultiplierOf[float64](kernel.Best(), 1), s, plan)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// stored makes a source of a decoder.
func stored(m *Model) *model.Source {
	meta := append([]model.Entry{{Key: "general.architecture", Value: gguf.ValueOf(m.Config.Architecture)}}, m.Config.Meta()...)
	return &model.Source{Name: "small", Meta: meta, Tensors: m.Tensors()}
}

// TestFactorGradients holds the gradients of factors against differences of the oracle's loss, whose
// layers are the factors' products.
func TestFactorGradients(t *testing.T) {
	plan := append(smallCuts(), lowRankCut(7, "output"))
	src := factorize(t, stored(lively(t, small("qwen2"), false, Options{Threads: 1})), plan)
	fresh := func(opt Options) *Model {
		m, err := New(src, opt)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	batch := examples(19)
	o := factorOracle(t, fresh(Options{Threads: 1}), src)
	want, loss := o.gradients(batch), o.loss(batch)
	for _, set := range kernel.Available() {
		var bits [][]float32
		for _, threads := range []int{1, 3} {
			m := fresh(Options{Kernels: set, Threads: threads, Rows: 20})
			got, err := m.Gradients(background, batch)
			if err != nil {
				t.Fatal(err)
			}
			compareGradients(t, m, got, want, loss)
			for i, p := range m.Params() {
				if threads == 1 {
					bits = append(bits, p.Grad)
				} else if !slices.Equal(p.Grad, bits[i]) {
					t.Errorf("%s: gradients of %s depend on the threads", set.Name(), p.Name)
				}
			}
		}
	}
	if names := paramNames(fresh(Options{})); strings.Count(names, "attn_qkv.lr_a") != 1 || !strings.Contains(names, "blk.1.attn_q.mpo.2") {
		t.Errorf("parameters are %s", names)
	}
}

func paramNames(m *Model) string {
	var names []string
	for _, p := range m.Params() {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

// TestFactorGradientsOfAnEncoder: the same for an encoder of images and its decoder.
func TestFactorGradientsOfAnEncoder(t *testing.T) {
	dense := livelySeeing(t, Options{Threads: 1}, nil)
	v, _ := dense.Vision()
	meta := append([]model.Entry{{Key: "general.architecture", Value: gguf.ValueOf(model.VisionArchitecture)}}, v.Meta()...)
	mmproj := factorize(t, &model.Source{Name: "mmproj", Meta: meta, Tensors: dense.VisionTensors()}, []model.Cut{
		lowRankCut(5, "v.blk.0.attn_q", "v.blk.0.attn_k", "v.blk.0.attn_v"), lowRankCut(4, "v.blk.0.ffn_up"),
		chainCut(3, "v.blk.1.attn_out", tn.Site{Out: 4, In: 4}, tn.Site{Out: 4, In: 4}), lowRankCut(6, "mm.2"),
	})
	src := factorize(t, stored(dense), smallCuts()[:3])
	m, err := NewSeeing(src, mmproj, Options{Threads: 2, Rows: 20})
	if err != nil {
		t.Fatal(err)
	}
	o := factorOracle(t, m, src, mmproj)
	batch := sights()
	want, loss := o.gradients(batch), o.loss(batch)
	got, err := m.Gradients(background, batch)
	if err != nil {
		t.Fatal(err)
	}
	compareGradients(t, m, got, want, loss)
}

// TestFactorizedLogitsEqualTheEngines, before and after training, through a file.
func TestFactorizedLogitsEqualTheEngines(t *testing.T) {
	s, format, err := shape.Parse("shape:tiny@f32")
	if err != nil {
		t.Fatal(err)
	}
	dense, err := s.Build(format, 0)
	if err != nil {
		t.Fatal(err)
	}
	src := factorize(t, dense, []model.Cut{
		lowRankCut(24, "blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_v"), lowRankCut(40, "blk.1.attn_output"),
		chainCut(8, "blk.0.attn_output", tn.Site{Out: 16, In: 16}, tn.Site{Out: 16, In: 16}),
	})
	m, err := New(src, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	shake(m)
	if err := m.Store(src); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := src.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	equalsEngine(t, m, path, 1e-4)
}

// TestWideRowsPassInBlocks: more rows than go through the stages of a chain together give the same bits.
func TestWideRowsPassInBlocks(t *testing.T) {
	sites := []tn.Site{{Out: 32, In: 32}, {Out: 32, In: 32}}
	schedule := tn.NewSchedule(sites, []int{64}, tn.FromLast)
	f := &factors{rows: 1024, cols: 1024, schedule: schedule}
	rng := rand.New(rand.NewPCG(2, 2))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	for _, st := range schedule.Stages {
		n := st.Rows * st.Features()
		f.cores = append(f.cores, &Param{Value: random(n), Grad: make([]float32, n)})
	}
	tool, err := newTools(Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	rows := f.block() + 3
	x, y, one := random(rows*1024), make([]float32, rows*1024), make([]float32, 1024)
	apply := func(y, x []float32) { tool.linear(matrixOf(y, 1024), x, linear{factors: f}) }
	apply(y, x)
	for _, r := range []int{0, f.block() - 1, f.block(), rows - 1} {
		apply(one, x[r*1024:(r+1)*1024])
		for i, v := range one {
			if d := v - y[r*1024+i]; d > 1e-2 || d < -1e-2 {
				t.Fatalf("row %d, output %d is %g, alone %g", r, i, y[r*1024+i], v)
			}
		}
	}
}

func matrixOf(x []float32, cols int) linalg.Matrix { return linalg.Dense(len(x)/cols, cols, x) }
