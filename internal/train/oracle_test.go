package train

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
)

// oracle computes a model's mean loss in float64, one token after the other, from formulas alone:
// nothing is shared with the code under test.
type oracle struct {
	m        *Model
	values   map[string][]float64
	factors  map[string]*model.Factors // of factorized layers
	products map[string][]float64      // of the factors, during one loss
	teacher  *oracle                   // nil for none
	share    float64
}

func newOracle(m *Model) *oracle {
	o := &oracle{m: m, values: map[string][]float64{}}
	for _, p := range m.params {
		for _, v := range p.Value {
			o.values[p.Name] = append(o.values[p.Name], float64(v))
		}
	}
	return o
}

func (o *oracle) norm(x []float64, name string) []float64 {
	var squares float64
	for _, v := range x {
		squares += v * v
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v / math.Sqrt(squares/float64(len(x))+o.m.Config.Eps) * o.values[name][i]
	}
	return y
}

func (o *oracle) linear(x []float64, name string) []float64 {
	w := o.values[name+".weight"]
	if o.factors[name] != nil {
		w = o.product(name)
	}
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j, v := range x {
			y[i] += w[i*len(x)+j] * v
		}
	}
	for i, v := range o.values[name+".bias"] {
		y[i] += v
	}
	return y
}

// rope turns the heads of x by a position.
func (o *oracle) rope(x []float64, at [3]int) []float64 {
	c := o.m.Config
	for h := 0; h < len(x); h += c.HeadDim {
		for i := range c.RopeDims / 2 {
			a, b := h+2*i, h+2*i+1
			if o.m.traits.Pairing == kernel.HalfSplit {
				a, b = h+i, h+i+c.RopeDims/2
			}
			axis, sections := 0, c.RopeSections
			if i >= sections[0] && sections != [3]int{} {
				axis = 1
			}
			if i >= sections[0]+sections[1] && sections != [3]int{} {
				axis = 2
			}
			angle := float64(at[axis]) * math.Pow(c.RopeBase, -2*float64(i)/float64(c.RopeDims))
			sin, cos := math.Sincos(angle)
			x[a], x[b] = x[a]*cos-x[b]*sin, x[a]*sin+x[b]*cos
		}
	}
	return x
}

// logits returns those after every token.
func (o *oracle) logits(tokens []int32, images []Image) (out [][]float64) {
	c := o.m.Config
	stream, at := o.stream(tokens, images)
	keys, values := make([][][]float64, c.Layers), make([][][]float64, c.Layers)
	for t, x := range stream {
		for i := range c.Layers {
			blk := fmt.Sprintf("blk.%d.", i)
			n := o.norm(x, blk+"attn_norm.weight")
			q := o.rope(o.linear(n, blk+"attn_q"), at[t])
			keys[i] = append(keys[i], o.rope(o.linear(n, blk+"attn_k"), at[t]))
			values[i] = append(values[i], o.linear(n, blk+"attn_v"))
			for k, v := range o.linear(o.attend(q, keys[i], values[i]), blk+"attn_output") {
				x[k] += v
			}
			n = o.norm(x, blk+"ffn_norm.weight")
			gate, up := o.linear(n, blk+"ffn_gate"), o.linear(n, blk+"ffn_up")
			for k, g := range gate {
				gate[k] = g / (1 + math.Exp(-g)) * up[k]
			}
			for k, v := range o.linear(gate, blk+"ffn_down") {
				x[k] += v
			}
		}
		output := "output"
		if o.values["output.weight"] == nil && o.factors["output"] == nil {
			output = "token_embd"
		}
		out = append(out, o.linear(o.norm(x, "output_norm.weight"), output))
	}
	return out
}

func (o *oracle) attend(q []float64, keys, values [][]float64) []float64 {
	c := o.m.Config
	out := make([]float64, len(q))
	for h := range c.Heads {
		kv := h / (c.Heads / c.KVHeads) * c.HeadDim
		scores, total := make([]float64, len(keys)), 0.0
		for t, k := range keys {
			var s float64
			for d := range c.HeadDim {
				s += q[h*c.HeadDim+d] * k[kv+d]
			}
			scores[t] = math.Exp(s / math.Sqrt(float64(c.HeadDim)))
			total += scores[t]
		}
		for t, v := range values {
			for d := range c.HeadDim {
				out[h*c.HeadDim+d] += scores[t] / total * v[kv+d]
			}
		}
	}
	return out
}

// loss is the weighted mean cross-entropy.
func (o *oracle) loss(batch []Sequence) float64 {
	o.products = map[string][]float64{}
	var sum float64
	var n float64
	for _, s := range batch {
		rows := o.logits(s.Tokens[:len(s.Tokens)-1], s.Images)
		var taught [][]float64
		if o.teacher != nil {
			taught = o.teacher.logits(s.Tokens[:len(s.Tokens)-1], s.Images)
		}
		for t, id := range s.Tokens[1:] {
			w := 1.0
			if s.Weights != nil {
				w = float64(s.Weights[t+1])
			}
			if w == 0 { // its id may be no token
				continue
			}
			p := softmax(rows[t])
			sum -= w * (1 - o.share) * math.Log(p[id])
			if taught != nil {
				for k, q := range softmax(taught[t]) {
					sum += w * o.share * q * math.Log(q/p[k])
				}
			}
			n += w
		}
	}
	return sum / n
}

func softmax(logits []float64) []float64 {
	p := make([]float64, len(logits))
	var total float64
	for i, l := range logits {
		p[i] = math.Exp(l)
		total += p[i]
	}
	for i := range p {
		p[i] /= total
	}
	return p
}

// difference is the central difference quotient of the loss along value i of a parameter.
func (o *oracle) difference(name string, i int, batch []Sequence) float64 {
	const h = 1e-5
	v := o.values[name]
	was := v[i]
	v[i] = was + h
	above := o.loss(batch)
	v[i] = was - h
	below := o.loss(batch)
	v[i] = was
	return (above - below) / (2 * h)
}

// gradients holds the differences of about 10 values of every parameter.
func (o *oracle) gradients(batch []Sequence) map[string]map[int]float64 {
	all := map[string]map[int]float64{}
	for _, p := range o.m.params {
		all[p.Name] = map[int]float64{}
		for i := 0; i < len(p.Value); i += max(1, len(p.Value)/10) {
			all[p.Name][i] = o.difference(p.Name, i, batch)
		}
	}
	return all
}
