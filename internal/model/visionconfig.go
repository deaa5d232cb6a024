package model

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// VisionArchitecture is the value of general.architecture of encoder files ("mmproj").
const VisionArchitecture = "clip"

// Projectors: the values of clip.projector_type that can be run.
const (
	ProjectorQwen2VL  = "qwen2vl_merger"
	ProjectorQwen25VL = "qwen2.5vl_merger"
	ProjectorIdefics3 = "idefics3"
)

// Activation is the function inside the feed-forward network of an encoder.
type Activation string

// Activations by their names in llama.cpp's conversion.
const (
	GELU      Activation = "gelu"
	QuickGELU Activation = "quick_gelu"
	SiLU      Activation = "silu" // gated
)

// VisionConfig holds the hyperparameters of an encoder of images: a vision transformer
// whose last features are merged and projected to the width of a language model.
type VisionConfig struct {
	Projector  string
	Width      int // features of the residual stream
	Layers     int
	Heads      int
	FFN        int // features inside the feed-forward network
	Output     int // features of an embedding: the width of the language model
	Patch      int // pixels per side
	Merge      int // patches per side that become one embedding
	ImageSize  int // pixels per side that the encoder was made for: of a tile, for Idefics3
	Eps        float64
	Activation Activation
	// WindowPattern is n where every n-th layer attends to the whole image and the others to
	// windows of Window pixels per side; 0 when all attend to the whole.
	WindowPattern, Window int
	LongestEdge           int // Idefics3: pixels that the longer side is scaled to
	Mean, Std             [3]float32
}

// HeadDim is the number of features of a head.
func (c VisionConfig) HeadDim() int { return c.Width / c.Heads }

// Dynamic says that the encoder takes images of any size, with rotary positions; otherwise
// it takes tiles of ImageSize, with learned positions.
func (c VisionConfig) Dynamic() bool { return c.Projector != ProjectorIdefics3 }

// Grouped is the number of patches of one embedding.
func (c VisionConfig) Grouped() int { return c.Merge * c.Merge }

// What the files of Qwen-VL do not say, as llama.cpp has it.
const (
	QwenMerge                    = 2   // patches per side of an embedding
	qwenWindow                   = 112 // pixels per side
	qwenMinTokens, qwenMaxTokens = 8, 4096
)

const hiddenTensor = "v.blk.0.ffn_up.weight"

// hiddenWidth is the width of the feed-forward network. The converter of Qwen2-VL writes
// another number as feed_forward_length, so only the tensor tells; older files swap the
// network's two layers.
func hiddenWidth(s *Source, width int) int {
	rows, cols, ok := s.layerShape(hiddenTensor)
	switch {
	case !ok:
		return 0
	case cols == width:
		return rows
	case rows == width:
		return cols
	}
	return 0
}

// maxPatch bounds the side of a patch in pixels.
const maxPatch = 256

// ReadVisionConfig reads an encoder's hyperparameters and checks that they can belong
// together.
func ReadVisionConfig(s *Source) (VisionConfig, error) {
	if arch, _ := s.Architecture(); arch != VisionArchitecture {
		return VisionConfig{}, fmt.Errorf("%s: architecture %q is no encoder of images; want %q (a file often named mmproj)", s.Name, arch, VisionArchitecture)
	}
	c := VisionConfig{Projector: s.Text("clip.projector_type")}
	if c.Projector == "" {
		c.Projector = s.Text("clip.vision.projector_type") // files that hold an encoder of sound too
	}
	switch c.Projector {
	case ProjectorQwen2VL, ProjectorQwen25VL, ProjectorIdefics3:
	default:
		return c, fmt.Errorf("%s: projector %q is not supported; there are %s, %s and %s",
			s.Name, c.Projector, ProjectorQwen2VL, ProjectorQwen25VL, ProjectorIdefics3)
	}
	r := configReader{source: s, prefix: "clip.vision."}
	c.Width = r.count("embedding_length", maxFeatures)
	c.Layers = r.count("block_count", maxLayers)
	c.Heads = r.count("attention.head_count", maxHeads)
	c.FFN = hiddenWidth(s, c.Width)
	c.Output = r.count("projection_dim", maxFeatures)
	c.Patch = r.count("patch_size", maxPatch)
	c.ImageSize = r.count("image_size", maxFeatures)
	c.Eps = r.realOr("attention.layer_norm_epsilon", 0, 1, 1e-6)
	c.Mean, c.Std = r.colours("image_mean"), r.colours("image_std")
	if c.Dynamic() {
		c.Merge = r.countOr("spatial_merge_size", maxPatch, QwenMerge)
	} else {
		c.Merge = r.count("projector.scale_factor", maxPatch)
		c.LongestEdge = r.countOr("preproc_image_size", maxFeatures, 0)
	}
	if c.Projector == ProjectorQwen25VL {
		c.WindowPattern, c.Window = r.count("n_wa_pattern", maxLayers), qwenWindow
	}
	c.Activation = r.activation()
	if r.err != nil {
		return c, r.err
	}
	return c, c.check(s.Name)
}

func (c VisionConfig) check(name string) error {
	side := c.Patch * c.Merge
	switch {
	case c.Width%c.Heads != 0:
		return fmt.Errorf("%s: %d features do not divide among %d heads", name, c.Width, c.Heads)
	case c.Dynamic() && c.HeadDim()%4 != 0:
		return fmt.Errorf("%s: heads of %d features; positions in two directions need a multiple of 4", name, c.HeadDim())
	case c.Dynamic() && c.Merge != QwenMerge:
		return fmt.Errorf("%s: %d × %d patches to an embedding; projector %q takes 2 × 2", name, c.Merge, c.Merge, c.Projector)
	case c.FFN < 1 || c.FFN > maxFeatures:
		return fmt.Errorf("%s: tensor %q must have two dimensions, one of them %d", name, hiddenTensor, c.Width)
	case c.WindowPattern > 0 && c.Window < side:
		return fmt.Errorf("%s: windows of %d pixels are smaller than the %d of one embedding", name, c.Window, side)
	}
	if err := c.Contract().Validate(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Contract is what the encoder's preprocessing does to an image. Files name no limit: the
// clamp is the one that llama.cpp gives the projector.
func (c VisionConfig) Contract() imaging.Contract {
	contract := imaging.Contract{
		Family: imaging.FamilyTiles, Patch: c.Patch, Merge: c.Merge, Clamp: imaging.Clamp{Policy: imaging.PolicyTokens},
		Tile: c.ImageSize, LongestEdge: c.LongestEdge, Filter: imaging.FilterBicubic, Pad: true, Mean: c.Mean, Std: c.Std,
	}
	if c.Dynamic() {
		contract.Family, contract.Tile, contract.LongestEdge = imaging.FamilyDynamic, 0, 0
		contract.Filter = imaging.FilterBilinear
		contract.Clamp.MinTokens, contract.Clamp.MaxTokens = qwenMinTokens, qwenMaxTokens
	}
	return contract
}

// colours reads one number per colour channel.
func (r *configReader) colours(key string) (out [3]float32) {
	v, ok := r.source.Value(r.prefix + key)
	i := 0
	for n := range v.All() {
		x, isNumber := n.Float()
		if ok = ok && isNumber && i < len(out); !ok {
			break
		}
		out[i] = float32(x)
		i++
	}
	if !ok || i != len(out) {
		r.keep(fmt.Errorf("%s: metadata %q is %v, want a number for red, green and blue", r.source.Name, r.prefix+key, v))
	}
	return out
}

// activation reads the two switches that choose the function; with neither it is QuickGELU.
func (r *configReader) activation() Activation {
	chosen := QuickGELU
	for _, choice := range []struct {
		key string
		Activation
	}{{"clip.use_gelu", GELU}, {"clip.use_silu", SiLU}} {
		v, ok := r.source.Value(choice.key)
		on, isBool := v.Bool()
		switch {
		case ok && !isBool:
			r.keep(fmt.Errorf("%s: metadata %q is %v, want true or false", r.source.Name, choice.key, v))
		case on && chosen != QuickGELU:
			r.keep(fmt.Errorf("%s: metadata %q and %q are both true: an encoder has one activation", r.source.Name, "clip.use_gelu", choice.key))
		case on:
			chosen = choice.Activation
		}
	}
	return chosen
}
