package huggingface

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// layouts of the language model's names: alone, and in the two ways beside an encoder.
var layouts = [...]struct{ prefix, output string }{
	{"model.", "lm_head.weight"}, {"model.language_model.", "lm_head.weight"}, {"language_model.model.", "language_model.lm_head.weight"},
}

const embedding = "embed_tokens.weight"

// Language returns the language model. Its values are those of the files, which must stay open,
// but for those in another order or type here: norms, and llama's queries and keys.
func (f *Folder) Language() (*model.Source, error) {
	p, err := f.language()
	if err != nil {
		return nil, err
	}
	return p.materialize()
}

// WriteLanguage writes the language model as a GGUF file, all or nothing, one tensor after the other.
func (f *Folder) WriteLanguage(path string) error {
	p, err := f.language()
	if err != nil {
		return err
	}
	if _, err := tokenizer.New(p.source.Vocab); err != nil {
		return fmt.Errorf("%s: %w", f.path(tokenizerFile), err)
	}
	return p.source.WriteStream(path, func(i int) ([]byte, error) { return p.data[i]() })
}

// language plans the language model.
func (f *Folder) language() (*plan, error) {
	layout := layouts[0]
	for _, l := range layouts {
		if _, ok := f.tensors[l.prefix+embedding]; ok {
			layout = l
		}
	}
	architecture := f.family().architecture
	decoder := f.config.decoder(architecture)
	b := f.builder(layout.prefix, decoder.Meta())
	b.matrix("token_embd.weight", b.prefix+embedding, decoder.Vocab, decoder.Width)
	if b.err != nil {
		return nil, b.err
	}
	b.setFormat(architecture, b.source.Tensors[0].DType)
	c, err := model.ReadConfig(b.source) // within its bounds from here on
	if err != nil {
		return nil, err
	}
	b.vector("output_norm.weight", b.prefix+"norm.weight", c.Width)
	spare := layout.output // beside a tied embedding, where some folders have it all the same
	if !f.config.Tied {
		b.matrix("output.weight", layout.output, c.Vocab, c.Width)
		spare = ""
	}
	if r := f.config.Rope; r.kind() == "llama3" {
		b.values("rope_freqs.weight", c.Llama3Factors(r.Factor, r.Original, r.Low, r.High))
	}
	for i := 0; i < c.Layers && b.err == nil; i++ {
		b.layer(c, i)
	}
	b.allUsed(spare)
	if b.err != nil {
		return nil, b.err
	}
	return &b.plan, f.describe(b.source, c.Vocab)
}

// setFormat puts what every file begins with before the metadata.
func (b *builder) setFormat(architecture string, dt tensor.DType) {
	format := map[tensor.DType]model.Format{tensor.F32: model.F32, tensor.F16: model.F16, tensor.BF16: model.BF16}[dt]
	about := "converted from the safetensors of " + b.folder.config.Architectures[0]
	name := b.folder.name()
	b.source.Meta = append(model.GeneralMeta(architecture, name, about, format), b.source.Meta...)
	b.source.Quant = strings.ToUpper(format.String())
}

// describe adds the vocabulary and the chat template.
func (f *Folder) describe(src *model.Source, vocab int) error {
	v, template, err := f.vocabulary(vocab)
	if err != nil {
		return err
	}
	src.Vocab = v
	src.Meta = append(src.Meta, src.VocabMeta()...)
	if template != "" {
		src.Meta = append(src.Meta, model.Entry{Key: "tokenizer.chat_template", Value: gguf.ValueOf(template)})
	}
	return nil
}

// layer plans the tensors of layer i.
func (b *builder) layer(c model.Config, i int) {
	to, from := fmt.Sprintf("blk.%d.", i), fmt.Sprintf("%slayers.%d.", b.prefix, i)
	queries, keys := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	b.vector(to+"attn_norm.weight", from+"input_layernorm.weight", c.Width)
	if c.Architecture == llama {
		b.rotated(to+"attn_q.weight", from+"self_attn.q_proj.weight", c.Heads, queries, c.Width)
		b.rotated(to+"attn_k.weight", from+"self_attn.k_proj.weight", c.KVHeads, keys, c.Width)
	} else {
		b.matrix(to+"attn_q.weight", from+"self_attn.q_proj.weight", queries, c.Width)
		b.vector(to+"attn_q.bias", from+"self_attn.q_proj.bias", queries)
		b.matrix(to+"attn_k.weight", from+"self_attn.k_proj.weight", keys, c.Width)
		b.vector(to+"attn_k.bias", from+"self_attn.k_proj.bias", keys)
		b.vector(to+"attn_v.bias", from+"self_attn.v_proj.bias", keys)
	}
	b.matrix(to+"attn_v.weight", from+"self_attn.v_proj.weight", keys, c.Width)
	b.matrix(to+"attn_output.weight", from+"self_attn.o_proj.weight", c.Width, queries)
	b.vector(to+"ffn_norm.weight", from+"post_attention_layernorm.weight", c.Width)
	b.matrix(to+"ffn_gate.weight", from+"mlp.gate_proj.weight", c.FFN, c.Width)
	b.matrix(to+"ffn_up.weight", from+"mlp.up_proj.weight", c.FFN, c.Width)
	b.matrix(to+"ffn_down.weight", from+"mlp.down_proj.weight", c.Width, c.FFN)
}

// allUsed errs when the folder has tensors that were not planned: leaving them out would compute
// something else than the model. The language model and the encoder of images are planned apart, and
// inverse frequencies follow from the configuration.
func (b *builder) allUsed(spare string) {
	for _, name := range slices.Sorted(maps.Keys(b.folder.tensors)) {
		known := b.used[name] || name == spare || strings.HasSuffix(name, "rotary_emb.inv_freq")
		if !known && b.folder.sees(name) == b.folder.sees(b.prefix) {
			b.keep(fmt.Errorf("%s: tensor %q has no place in %s as implemented here",
				b.folder.tensors[name].file.Name(), name, b.folder.config.Architectures[0]))
		}
	}
}
