package train

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/qwen2vl"
	"github.com/wattlaw/wattlaw/internal/model/vision"
)

// Image is one image of a sequence.
type Image struct {
	// At is the index of its first token. As many as it has embeddings stand for it, row by row;
	// which ids they have does not matter.
	At int
	// View is what the contract of the encoder makes of it.
	View imaging.View
}

// encoder is the encoder of Qwen2-VL, computed as package vision does.
type encoder struct {
	*tools
	config model.VisionConfig
	namer
	patch     *Param // the sum of the two frames' kernels
	blocks    []visionBlock
	norm      layerNorm
	merge     [2]linear
	attention attention
	angles    angles
	visionBuffers
}

// visionBlock holds the parameters of one layer.
type visionBlock struct {
	before, between layerNorm // of attention, of the feed-forward network
	qkv             [3]linear
	mix, up, down   linear
}

// channels of a colour image.
const channels = 3

// Names of the kernels of the two frames, which a still image fills alike: only their sum matters,
// and the sum is what is trained, as one matrix. Each is stored as half of it, which float32
// halves exactly, so that both together are what was trained.
const (
	firstFrame  = "v.patch_embd.weight"
	secondFrame = "v.patch_embd.weight.1"
)

// ropeBase of the encoder's rotary positions, which files do not say.
const ropeBase = 10000

// checkVision errs for hyperparameters that are no encoder's, or not one for the decoder.
func checkVision(v model.VisionConfig, c model.Config) error {
	if v.Projector != model.ProjectorQwen2VL {
		return fmt.Errorf("train: an encoder with projector %q has no gradients here; there is %q", v.Projector, model.ProjectorQwen2VL)
	}
	err := checkCounts([]count{{"encoder's width", v.Width}, {"encoder's layers", v.Layers}, {"encoder's heads", v.Heads},
		{"encoder's feed-forward features", v.FFN}})
	if err != nil {
		return err
	}
	switch {
	case c.Architecture != qwen2vl.Architecture:
		return fmt.Errorf("train: an encoder with projector %q belongs to architecture %q, not %q", v.Projector, qwen2vl.Architecture, c.Architecture)
	case v.Output != c.Width:
		return fmt.Errorf("train: the encoder makes embeddings of %d features, the decoder takes %d", v.Output, c.Width)
	case v.Width%v.Heads != 0 || v.HeadDim()%4 != 0:
		return fmt.Errorf("train: %d features in %d heads of the encoder: want a multiple of 4 in each", v.Width, v.Heads)
	case v.FFN == v.Width:
		return fmt.Errorf("train: an encoder with as many features in its feed-forward network as outside, %d: files cannot tell its two layers apart", v.FFN)
	case v.Merge != model.QwenMerge:
		return fmt.Errorf("train: %d × %d patches to an embedding; projector %q takes %d × %[4]d", v.Merge, v.Merge, v.Projector, model.QwenMerge)
	case v.Activation != model.GELU && v.Activation != model.QuickGELU:
		return fmt.Errorf("train: an encoder with activation %q has no gradients here; there are %q and %q", v.Activation, model.GELU, model.QuickGELU)
	case !(v.Eps > 0):
		return fmt.Errorf("train: epsilon %v of the encoder: want a positive number", v.Eps)
	}
	if err := v.Contract().Validate(); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// see names the parameters of an encoder and gives it to the model; layers that s, if any, has as
// factors become such.
func (m *Model) see(v model.VisionConfig, s *model.Source) error {
	if err := checkVision(v, m.Config); err != nil {
		return err
	}
	e := &encoder{tools: m.tools, config: v, namer: namer{source: s}, attention: attention{heads: v.Heads, kvHeads: v.Heads, dim: v.HeadDim()}}
	e.patch = e.param(firstFrame, channels*v.Patch*v.Patch, v.Width)
	for i := range v.Layers {
		name := func(part string) string { return fmt.Sprintf("v.blk.%d.%s", i, part) }
		var b visionBlock
		b.before = e.named(name("ln1"))
		for j, part := range []string{"attn_q", "attn_k", "attn_v"} {
			b.qkv[j] = e.layer(name(part), v.Width, v.Width)
		}
		b.mix = e.layer(name("attn_out"), v.Width, v.Width)
		b.between = e.named(name("ln2"))
		b.up, b.down = e.layer(name("ffn_up"), v.Width, v.FFN), e.layer(name("ffn_down"), v.FFN, v.Width)
		e.blocks = append(e.blocks, b)
	}
	e.norm = e.named("v.post_ln")
	merged := v.Width * v.Grouped()
	e.merge = [2]linear{e.layer("mm.0", merged, merged), e.layer("mm.2", merged, v.Output)}
	half := model.Config{RopeDims: v.HeadDim() / 2, RopeBase: ropeBase, RopeScale: 1}.RopeFrequencies(nil)
	for axis := range 2 { // the first half of a head turns with a patch's row, the other with its column
		for _, f := range half {
			e.angles.freqs, e.angles.axes = append(e.angles.freqs, f), append(e.angles.axes, axis)
		}
	}
	m.encoder, m.params = e, append(m.params, e.params...)
	return e.err
}

func (e *encoder) layer(name string, inputs, outputs int) linear {
	l := e.namer.layer(name+".weight", inputs, outputs)
	l.bias = e.param(name+".bias", outputs)
	return l
}

func (e *encoder) named(name string) layerNorm {
	return layerNorm{e.param(name+".weight", e.config.Width), e.param(name+".bias", e.config.Width)}
}

// NewSeeing makes a trainable model of a stored decoder and its encoder of images, a Qwen2-VL's; nil is
// that of a model of text.
func NewSeeing(s, mmproj *model.Source, opt Options) (*Model, error) {
	m, err := New(s, opt)
	if err != nil || mmproj == nil {
		return m, err
	}
	if err := m.outlineEncoder(mmproj, mmproj); err != nil {
		return nil, err
	}
	for _, p := range m.encoder.params {
		if p == m.encoder.patch {
			err = m.encoder.readPatch(mmproj)
		} else {
			p.Value, err = mmproj.Values(p.Name, p.Shape...)
		}
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// outlineEncoder is outline for an encoder, which it gives to the model.
func (m *Model) outlineEncoder(mmproj, factors *model.Source) error {
	e, err := vision.New(mmproj) // what the engine refuses, training does too
	if err != nil {
		return err
	}
	if err := m.see(e.Config(), factors); err != nil {
		return fmt.Errorf("%s: %w", mmproj.Name, err)
	}
	return nil
}

// readPatch reads the kernels of patches.
func (e *encoder) readPatch(mmproj *model.Source) error {
	var frames [2][]float32
	for i, name := range []string{firstFrame, secondFrame} {
		var err error
		if frames[i], err = mmproj.Values(name, e.stored(e.patch)...); err != nil {
			return err
		}
	}
	e.patch.Value = frames[0]
	e.add(e.patch.Value, frames[1])
	return nil
}

// NewRandomSeeing is NewRandom for a decoder and its encoder of images, a Qwen2-VL's. Its patch
// embedding has the deviation 1/√pixels, which keeps normalized pixels at their size.
func NewRandomSeeing(c model.Config, v model.VisionConfig, tied bool, seed uint64, opt Options) (*Model, error) {
	m, err := assemble(c, tied, nil, opt)
	if err != nil {
		return nil, err
	}
	if err := m.see(v, nil); err != nil {
		return nil, err
	}
	m.randomize(seed)
	return m, nil
}

// stored returns the shape of a parameter in a file, where the kernel of patches is a convolution's.
func (e *encoder) stored(p *Param) []int {
	if p == e.patch {
		return []int{e.config.Patch, e.config.Patch, channels, e.config.Width}
	}
	return p.Shape
}

// Vision returns the hyperparameters of the encoder of images; false without one.
func (m *Model) Vision() (model.VisionConfig, bool) {
	if m.encoder == nil {
		return model.VisionConfig{}, false
	}
	return m.encoder.config, true
}

// VisionTensors returns the parameters of the encoder as stored tensors of type F32, under the
// names of its own file; none without an encoder. Their data is a copy.
func (m *Model) VisionTensors() []model.Tensor {
	if m.encoder == nil {
		return nil
	}
	var list []model.Tensor
	for _, p := range m.encoder.params {
		if p != m.encoder.patch {
			list = append(list, model.F32Tensor(p.Name, p.Shape, p.Value))
			continue
		}
		halves := make([]float32, len(p.Value))
		for i, v := range p.Value {
			halves[i] = v / 2
		}
		for _, name := range []string{firstFrame, secondFrame} {
			list = append(list, model.F32Tensor(name, m.encoder.stored(p), halves))
		}
	}
	return list
}

// StoreVision is Store for the encoder's file.
func (m *Model) StoreVision(mmproj *model.Source) error { return store(mmproj, m.VisionTensors()) }

// grid returns the rows and columns of the embeddings of a view.
func (e *encoder) grid(v imaging.View) (rows, columns int) {
	side := e.config.Patch * e.config.Merge
	return v.Size.Height / side, v.Size.Width / side
}

// maxSide bounds the sides of a view, so that their product is an int.
const maxSide = 1 << 16

// checkImages errs for images that have no place in a sequence, and returns which tokens are
// theirs; nil for none.
func (m *Model) checkImages(s Sequence) ([]bool, error) {
	switch {
	case len(s.Images) == 0:
		return nil, nil
	case m.encoder == nil:
		return nil, fmt.Errorf("%d images, but the model was made without an encoder for them", len(s.Images))
	case s.Weights == nil:
		return nil, fmt.Errorf("%d images and no weights: those of their tokens must be 0", len(s.Images))
	}
	seen, end, side := make([]bool, len(s.Tokens)), 0, m.encoder.config.Patch*m.encoder.config.Merge
	for i, im := range s.Images {
		size := im.View.Size
		switch w, h := size.Width, size.Height; {
		case w < side || h < side || w > maxSide || h > maxSide || w%side != 0 || h%side != 0:
			return nil, fmt.Errorf("image %d of %v: want sides that are multiples of %d, at most %d", i, size, side, maxSide)
		case len(im.View.Data) != channels*w*h:
			return nil, fmt.Errorf("image %d of %v with %d values: want %d a pixel", i, size, len(im.View.Data), channels)
		}
		rows, columns := m.encoder.grid(im.View)
		n := rows * columns
		if im.At < end || im.At > len(s.Tokens)-1-n {
			return nil, fmt.Errorf("image %d has %d tokens from position %d of %d: want them behind those of the last image, and a token behind them",
				i, n, im.At, len(s.Tokens))
		}
		for end = im.At; end < im.At+n; end++ {
			if seen[end] = true; end > 0 && s.Weights[end] != 0 {
				return nil, fmt.Errorf("token %d belongs to image %d: it cannot be predicted, so its weight must be 0, not %v", end, i, s.Weights[end])
			}
		}
	}
	return seen, nil
}
