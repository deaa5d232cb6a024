package law

import (
	"encoding/json"
	"math"
)

// curve is one rival fitted to scaled data.
type curve struct {
	coef []float64 // a, b[, c] or k, p
	rss  float64
}

// at evaluates the curve at a scaled x.
func (c curve) at(kind string, x float64) float64 {
	if kind == Power {
		return c.coef[0] * math.Pow(x, c.coef[1])
	}
	var v float64
	for j := len(c.coef) - 1; j >= 0; j-- {
		v = v*x + c.coef[j]
	}
	return v
}

// rivals fits every kind that the points allow, in the order linear, quadratic, power.
func (d *data) rivals() []Rival {
	var out []Rival
	for _, kind := range []string{Linear, Quadratic, Power} {
		c, ok := d.fitKind(kind)
		if !ok {
			continue
		}
		out = append(out, Rival{
			Kind: kind, Coef: d.unscale(kind, c.coef),
			AICc: aicc(c.rss, len(d.y), len(c.coef)), R2: d.r2(c.rss),
			HeldOutError: d.heldOut(kind),
		})
	}
	return out
}

// fitKind fits one kind by weighted least squares; false when the points do not allow it.
func (d *data) fitKind(kind string) (curve, bool) {
	degree := map[string]int{Linear: 1, Quadratic: 2}[kind]
	if degree == 0 {
		return d.fitPower()
	}
	p, err := newWLS(d.columns(degree), d.w)
	if err != nil {
		return curve{}, false
	}
	coef, residual := p.solve(d.y)
	return curve{coef: coef, rss: rss(d.w, residual)}, true
}

// Exponents that the power law may take, and the grid on which the search begins.
const minPower, maxPower, powerStep = -4.0, 6.0, 0.1

// fitPower minimizes Σ w·(y − k·x^p)², in the cost itself and not in its logarithm. For a
// given p the best k is linear least squares, so only p is searched: a grid over the
// allowed exponents, then golden sections around its best node. It needs x > 0.
//
// Trials at one x enter as their weighted mean: the rest of the sum, their scatter about
// it, is the same for every curve.
func (d *data) fitPower() (curve, bool) {
	groups, scatter := d.groups()
	for _, g := range groups {
		if g.x <= 0 {
			return curve{}, false
		}
	}
	cost := func(p float64) curve {
		var yx, xx, sum float64
		for i, g := range groups {
			v := math.Pow(g.x, p)
			groups[i].power = v
			yx, xx = yx+g.w*g.y*v, xx+g.w*v*v
		}
		k := yx / xx
		for _, g := range groups {
			r := g.y - k*g.power
			sum += g.w * r * r
		}
		return curve{coef: []float64{k, p}, rss: scatter + sum}
	}
	found := cost(minPower)
	for i := 1; i <= int(math.Round((maxPower-minPower)/powerStep)); i++ {
		if c := cost(minPower + float64(i)*powerStep); c.rss < found.rss || math.IsNaN(found.rss) {
			found = c
		}
	}
	found = goldenSection(cost, found)
	k := found.coef[0] * d.yScale / math.Pow(d.xScale, found.coef[1])
	return found, !math.IsNaN(found.rss) && !math.IsInf(k, 0) && !math.IsNaN(k)
}

// goldenSection refines the exponent of start within one step of the grid.
func goldenSection(cost func(p float64) curve, start curve) curve {
	golden := (math.Sqrt(5) - 1) / 2
	lo, hi := start.coef[1]-powerStep, start.coef[1]+powerStep
	l, r := cost(hi-golden*(hi-lo)), cost(lo+golden*(hi-lo))
	for range 50 { // 0.618⁵⁰ of the bracket is below rounding
		if l.rss < r.rss {
			hi, r = r.coef[1], l
			l = cost(hi - golden*(hi-lo))
		} else {
			lo, l = l.coef[1], r
			r = cost(lo + golden*(hi-lo))
		}
	}
	for _, c := range []curve{l, r} {
		if c.rss < start.rss {
			start = c
		}
	}
	return start
}

// group is the trials at one x: their weighted mean and total weight.
type group struct{ x, y, w, power float64 }

// groups returns the trials by x, in the order of their first trial, and their weighted sum of squares
// about the group means.
func (d *data) groups() (out []group, scatter float64) {
	at := map[float64]int{}
	for i, x := range d.x {
		g, ok := at[x]
		if !ok {
			g = len(out)
			at[x] = g
			out = append(out, group{x: x})
		}
		out[g].w += d.w[i]
		out[g].y += d.w[i] * d.y[i]
	}
	for g := range out {
		out[g].y /= out[g].w
	}
	for i, x := range d.x {
		r := d.y[i] - out[at[x]].y
		scatter += d.w[i] * r * r
	}
	return out, scatter
}

// unscale names the coefficients and returns them in the units of the points.
func (d *data) unscale(kind string, coef []float64) map[string]float64 {
	if kind == Power {
		return map[string]float64{"k": coef[0] * d.yScale / math.Pow(d.xScale, coef[1]), "p": coef[1]}
	}
	out := map[string]float64{}
	scale := d.yScale
	for j, c := range coef {
		out[string(rune('a'+j))] = c * scale
		scale /= d.xScale
	}
	return out
}

// heldOut fits the kind without the largest x and returns the relative error of its
// prediction there against the weighted mean of the trials; NaN when the rest is too few.
func (d *data) heldOut(kind string) float64 {
	longest := d.xs[len(d.xs)-1] / d.xScale
	rest := &data{xScale: d.xScale, yScale: d.yScale}
	var sw, swy float64
	distinct := map[float64]bool{}
	for i, x := range d.x {
		if x == longest {
			sw, swy = sw+d.w[i], swy+d.w[i]*d.y[i]
			continue
		}
		distinct[x] = true
		rest.x, rest.y, rest.w = append(rest.x, x), append(rest.y, d.y[i]), append(rest.w, d.w[i])
	}
	need := map[string]int{Linear: 2, Quadratic: 3, Power: 2}[kind]
	if len(distinct) < need || swy == 0 {
		return math.NaN()
	}
	c, ok := rest.fitKind(kind)
	if !ok {
		return math.NaN()
	}
	mean := swy / sw
	return math.Abs(c.at(kind, longest)-mean) / math.Abs(mean)
}

// aicc is Akaike's criterion with the small-sample correction (Hurvich and Tsai, 1989) for
// least squares with k coefficients and an unknown variance. The weights are the same for
// all rivals and drop out of differences. Residuals below rounding count as rounding.
func aicc(rss float64, n, k int) float64 {
	params := float64(k + 1)
	free := float64(n) - params - 1
	if free <= 0 {
		return math.Inf(1)
	}
	variance := max(rss/float64(n), rounding*rounding)
	return float64(n)*math.Log(variance) + 2*params + 2*params*(params+1)/free
}

// best returns the rival with the lowest AICc, the simplest one on a tie.
func best(rivals []Rival) Rival {
	var b Rival
	for i, r := range rivals {
		if i == 0 || r.AICc < b.AICc {
			b = r
		}
	}
	return b
}

// number is a float64 that JSON can hold: null when there is none.
type number float64

func (v number) MarshalJSON() ([]byte, error) {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(v))
}

func (v *number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*v = number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(v))
}

type rivalJSON struct {
	Kind         string             `json:"kind"`
	Coef         map[string]float64 `json:"coef"`
	AICc         number             `json:"aicc"`
	R2           number             `json:"r2"`
	HeldOutError number             `json:"held_out_error"`
}

// MarshalJSON writes numbers that do not exist as null.
func (r Rival) MarshalJSON() ([]byte, error) {
	return json.Marshal(rivalJSON{r.Kind, r.Coef, number(r.AICc), number(r.R2), number(r.HeldOutError)})
}

// UnmarshalJSON reads what MarshalJSON wrote; null becomes NaN.
func (r *Rival) UnmarshalJSON(b []byte) error {
	var j rivalJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*r = Rival{j.Kind, j.Coef, float64(j.AICc), float64(j.R2), float64(j.HeldOutError)}
	return nil
}
