package train

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Layered computes a stored model part by part, so that only one part's weights are in memory as
// float32, beside buffers for Options.Rows rows. Its forward pass is Model's. It is not safe for
// concurrent use, nor is what is loaded from it.
type Layered struct {
	source, mmproj *model.Source
	outline        *Model // names and shapes; its parameters have no values
	bodies         []body // of the parts, without values
	parts          []Part
	decoder        int          // index of the first part behind the encoder
	logits         [2][]float32 // of two heads that are compared
}

// Part is what is computed with its weights in memory: a block of the encoder of images ("v.blk.0"), what
// merges its patches to embeddings ("v.merger"), a block of the decoder ("blk.0"), or its last norm and
// head ("output").
type Part struct {
	Name  string
	Sites []Site
}

// Site is one input that linear layers read; sites stand in the order of computation.
type Site struct {
	Layers  []string // full names without ".weight": "blk.0.attn_q"
	Inputs  int      // features of the input
	Outputs []int    // of each layer
}

// OpenLayered opens a stored model; mmproj, its encoder of images, is nil for a model of text. It reads
// no weights but those that embed patches. Factorized layers are computed as the products of their factors.
func OpenLayered(s, mmproj *model.Source, opt Options) (*Layered, error) {
	m, err := outline(s, nil, opt)
	if err != nil {
		return nil, err
	}
	l := &Layered{source: s, mmproj: mmproj, outline: m}
	m.buffers.layers = make([]saved, 1)
	if mmproj != nil {
		if err := l.openEncoder(); err != nil {
			return nil, err
		}
	}
	l.decoder = len(l.parts)
	for i := range m.blocks {
		l.list(fmt.Sprintf("blk.%d", i), &m.blocks[i])
	}
	l.list("output", &readout{norm: m.norm, output: m.output, tied: m.output.weight == m.embedding})
	return l, nil
}

func (l *Layered) openEncoder() error {
	if err := l.outline.outlineEncoder(l.mmproj, nil); err != nil {
		return err
	}
	e := l.outline.encoder
	e.layers = make([]visionSaved, 1)
	if err := e.readPatch(l.mmproj); err != nil {
		return err
	}
	for i := range e.blocks {
		l.list(fmt.Sprintf("v.blk.%d", i), &e.blocks[i])
	}
	l.list("v.merger", &merger{norm: e.norm, layers: e.merge})
	return l.mmproj.CheckValues(firstFrame, 0, e.patch.Value)
}

// list appends a part.
func (l *Layered) list(name string, b body) {
	p := Part{Name: name}
	for _, layers := range b.sites() {
		var s Site
		for _, layer := range layers {
			s.Layers, s.Outputs = append(s.Layers, layer.name()), append(s.Outputs, layer.outputs())
			s.Inputs = layer.inputs()
		}
		p.Sites = append(p.Sites, s)
	}
	l.parts, l.bodies = append(l.parts, p), append(l.bodies, b)
}

// Parts lists the parts in the order of computation.
func (l *Layered) Parts() []Part { return l.parts }

// token reads the embedding of a token, which is within the vocabulary.
func (l *Layered) token(row []float32, id int32) error {
	t := l.source.Tensor(l.outline.embedding.Name)
	bytes, err := t.DType.RowBytes(len(row))
	if err == nil {
		err = tensor.Dequantize(row, t.DType, t.Data[int(id)*bytes:(int(id)+1)*bytes])
	}
	if err != nil {
		return fmt.Errorf("%s: tensor %q, row %d: %w", l.source.Name, t.Name, id, err)
	}
	return l.source.CheckValues(fmt.Sprintf("%s, row %d", t.Name, id), 0, row)
}

// fill fills x with the embeddings of a pass, those of images from seen.
func (l *Layered) fill(p *pass, x, seen []float32) (err error) {
	p.fill(x, l.outline.Config.Width, seen, func(row []float32, id int32) {
		if err == nil {
			err = l.token(row, id)
		}
	})
	return err
}
