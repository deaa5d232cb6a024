package law

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// GroupOffset is how far the trials of one group lie off those of the others at equal x, relative
// to cost. In JSON a number that does not exist is null.
type GroupOffset struct {
	Group   string   `json:"group"`
	Offset  Coef     `json:"offset"`  // 0.02: 2 % above the others; NaN where no x lets it be told
	Shared  int      `json:"shared"`  // x at which other groups have trials too
	Verdict string   `json:"verdict"` // stat.Equivalent, Different or Inconclusive for the margin
	Mean    float64  `json:"mean"`    // mean relative residual of the group about the common curve
	N       int      `json:"n"`
	X       Interval `json:"x"`
}

// Curve is the answer to "do the trials of all groups lie on one curve".
type Curve struct {
	// One says that every group's offset is shown to lie within the margin.
	One    bool          `json:"one"`
	Margin float64       `json:"margin"`
	Groups []GroupOffset `json:"groups"` // in order of name
	Shape  string        `json:"shape"`  // Linear or Quadratic, chosen by AICc
	Coef   []Coef        `json:"coef"`   // of the common curve: a, b[, c]
	R2     float64       `json:"r2"`
	N      int           `json:"n"`
	X      Interval      `json:"x"`
	F      float64       `json:"f"` // of "no group is off the curve"
	P      float64       `json:"p"` // a small one with One true: there is an offset, too small to matter
	// LackF and LackP are the F test for lack of fit: the means of trials of one group and one x
	// about the curve against the trials about their means. NaN without repeats. Worst is the
	// largest relative distance of such a mean from the curve: how much a lack of fit is.
	LackF  float64  `json:"lack_f"`
	LackP  float64  `json:"lack_p"`
	Worst  float64  `json:"worst"`
	Unit   string   `json:"unit"` // what the offsets take as one value: UnitTrial, or UnitX where differences vary from x to x
	Noise  Noise    `json:"noise"`
	Level  float64  `json:"level"`
	Doubts []string `json:"doubts"`
}

// maxGroups bounds the groups of OneCurve.
const maxGroups = 100

// OneCurve says for each group how far its trials lie off those of the others at the same x, and
// fits one curve, a + b·x or a + b·x + c·x², through all of them; groups[i] is the group of
// points[i]. Groups are compared where they meet and nowhere else, so that no error in the
// shape of a curve looks like an offset; a group that shares no x with another has none. An offset
// is a share of cost, taken as the same at all x, and counts as none within ±5 %. Costs scatter in
// proportion to their size. It fails like Fit, and for fewer than two groups.
func OneCurve(points []Point, groups []string, opt Options) (Curve, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return Curve{}, err
	}
	if len(groups) != len(points) {
		return Curve{}, fmt.Errorf("%w: %d groups named for %d points", ErrPoints, len(groups), len(points))
	}
	trials, err := newData(points, opt.Noise)
	if err != nil {
		return Curve{}, err
	}
	names := slices.Compact(slices.Sorted(slices.Values(groups)))
	if len(names) < 2 || len(names) > maxGroups {
		return Curve{}, fmt.Errorf("%w: %d groups; want 2 to %d to compare", ErrPoints, len(names), maxGroups)
	}
	c := Curve{Margin: practical, N: len(points), X: Interval{Lo: trials.xs[0], Hi: trials.xs[len(trials.xs)-1]}, Unit: UnitTrial, Noise: opt.Noise, Level: opt.Level}
	common, err := trials.common()
	if err != nil {
		return Curve{}, fmt.Errorf("%w: %w", ErrPoints, err)
	}
	d := trials
	cells := trials.cells(groups)
	if c.lack(trials, cells, common) {
		if again, err := cells.data.common(); err == nil && len(cells.data.y) > again.degree+2 {
			d, common = cells.data, again
		}
	}
	c.fill(d, common, opt)
	c.pair(points, groups, names, opt.Level)
	c.count(points, groups)
	c.Doubts = c.doubts()
	return c, nil
}

// count fills in the trials and the range of each group, and how they lie about the curve.
func (c *Curve) count(points []Point, groups []string) {
	coef := make([]float64, len(c.Coef))
	for i, v := range c.Coef {
		coef[i] = v.Value
	}
	fitted := curve{coef: coef}
	for i := range c.Groups {
		o := &c.Groups[i]
		o.X = Interval{Lo: math.Inf(1), Hi: math.Inf(-1)}
		sum := 0.0
		for j, p := range points {
			if groups[j] == o.Group {
				o.N++
				o.X = Interval{Lo: min(o.X.Lo, p.X), Hi: max(o.X.Hi, p.X)}
				at := fitted.at(Linear, p.X) // any polynomial
				sum += (p.Y - at) / math.Abs(at)
			}
		}
		o.Mean = sum / float64(o.N)
	}
}

// commonCurve is one polynomial fitted to the data of all groups.
type commonCurve struct {
	*wls
	degree   int
	coef     []float64
	residual []float64
	fitted   []float64
}

// common fits the line and the quadratic curve and returns the one of lower AICc.
func (d *data) common() (commonCurve, error) {
	var found commonCurve
	lowest := math.Inf(1)
	for degree := 1; degree <= 2; degree++ {
		p, err := newWLS(d.columns(degree), d.w)
		if err != nil && degree == 1 {
			return found, err
		}
		if err != nil || len(d.y) < degree+2 {
			continue
		}
		c := commonCurve{wls: p, degree: degree, fitted: make([]float64, len(d.y))}
		c.coef, c.residual = p.solve(d.y)
		if a := aicc(rss(d.w, c.residual), len(d.y), degree+1); degree == 1 || a < lowest {
			found, lowest = c, a
		}
	}
	if found.wls == nil {
		return found, fmt.Errorf("%d points are too few for a curve", len(d.y))
	}
	for i, r := range found.residual {
		found.fitted[i] = d.y[i] - r
	}
	return found, nil
}

// cellMeans is the means of the trials of one group at one x.
type cellMeans struct {
	data    *data
	scatter float64 // weighted sum of squares of the trials about the means
}

func (d *data) cells(groups []string) cellMeans {
	type cell struct {
		group string
		x     float64
	}
	out := cellMeans{data: &data{xScale: d.xScale, yScale: d.yScale, xs: d.xs}}
	at := map[cell]int{}
	m := out.data
	of := make([]int, len(d.x))
	for i, x := range d.x {
		key := cell{groups[i], x}
		g, ok := at[key]
		if !ok {
			g = len(m.x)
			at[key] = g
			m.x, m.y, m.w = append(m.x, x), append(m.y, 0), append(m.w, 0)
		}
		of[i] = g
		m.w[g] += d.w[i]
		m.y[g] += d.w[i] * d.y[i]
	}
	for g := range m.y {
		m.y[g] /= m.w[g]
	}
	for i, g := range of {
		r := d.y[i] - m.y[g]
		out.scatter += d.w[i] * r * r
	}
	m.tss = totalSquares(m.y, m.w)
	return out
}

// lack tests the common curve for lack of fit, and says whether it lacks.
func (c *Curve) lack(trials *data, cells cellMeans, common commonCurve) bool {
	m := cells.data
	var about float64
	for g, x := range m.x {
		v := curve{coef: common.coef}.at(Linear, x) // any polynomial
		about += m.w[g] * (m.y[g] - v) * (m.y[g] - v)
		c.Worst = max(c.Worst, deviation(m.y[g], v))
	}
	freedom, pure := len(m.y)-common.degree-1, len(trials.y)-len(m.y)
	c.LackF, c.LackP = math.NaN(), math.NaN()
	if freedom > 0 && pure > 0 && about > rounding*rounding {
		c.LackF = about / float64(freedom) / max(cells.scatter/float64(pure), rounding*rounding)
		c.LackP = fTail(c.LackF, freedom, pure)
	}
	return lacksFit(about, cells.scatter, freedom, pure)
}

// fill takes the curve from its fit to d.
func (c *Curve) fill(d *data, common commonCurve, opt Options) {
	c.Shape = map[int]string{1: Linear, 2: Quadratic}[common.degree]
	c.R2 = d.r2(rss(d.w, common.residual))
	draws := common.draws(common.coef, common.residual, opt.Resamples, opt.Seed)
	scale := d.yScale
	for j, name := range []string{"a", "b", "c"}[:common.degree+1] {
		c.Coef = append(c.Coef, drawnCoef(name, common.coef[j]*scale, draws, j, scale, opt.Level))
		scale /= d.xScale
	}
}

func (c Curve) doubts() []string {
	out := []string{}
	add := func(format string, args ...any) { out = append(out, doubt(format, args...)) }
	for _, o := range c.Groups {
		switch ci := o.Offset.CI; {
		case o.Shared == 0:
			add("group %q shares no x with another: add sizes that both see alike", o.Group)
		case math.IsNaN(o.Offset.Value):
			add("group %q: costs that are not above zero have no relative offset", o.Group)
		case math.IsNaN(ci.Lo):
			add("group %q: without repeats, or a second shared x, its offset has no interval", o.Group)
		case o.Verdict == stat.Different:
			add("group %q lies %+.1f %% (%+.1f … %+.1f %%) off the others at equal x", o.Group, 100*o.Offset.Value, 100*ci.Lo, 100*ci.Hi)
		case o.Verdict == stat.Inconclusive:
			add("group %q: an offset of %+.1f … %+.1f %% is not settled to lie within %g %%: add repeats, or x that the groups share", o.Group, 100*ci.Lo, 100*ci.Hi, 100*c.Margin)
		}
	}
	if c.LackP < misfit {
		add("means lie off the curve by up to %.1f %%, more than repeats scatter (p = %.2g)", 100*c.Worst, c.LackP)
	}
	if math.IsNaN(c.LackP) {
		out = append(out, "no repeats of a group at one x: whether the curve fits cannot be tested")
	}
	return out
}

// Text says in a sentence whether there is one curve.
func (c Curve) Text(x, y string) string {
	var widest Interval
	for _, o := range c.Groups {
		widest = Interval{Lo: min(widest.Lo, o.Offset.CI.Lo), Hi: max(widest.Hi, o.Offset.CI.Hi)}
	}
	if c.One {
		return fmt.Sprintf("In %s, %s follows one %s curve: every group lies within %g %% of the others (%g %% intervals within %+.1f … %+.1f %%).", x, y, c.Shape, 100*c.Margin, 100*c.Level, 100*widest.Lo, 100*widest.Hi)
	}
	off := map[string]bool{}
	for _, o := range c.Groups {
		off[o.Verdict] = true
	}
	if off[stat.Different] {
		return fmt.Sprintf("In %s, %s does not follow one curve: groups lie off it by more than %g %% allow.", x, y, 100*c.Margin)
	}
	return fmt.Sprintf("Whether %s follows one curve in %s within %g %% is not settled.", y, x, 100*c.Margin)
}

type groupJSON struct {
	groupFields
	Offset coefJSON `json:"offset"`
	Mean   number   `json:"mean"`
}

type groupFields GroupOffset

// MarshalJSON writes numbers that do not exist as null.
func (o GroupOffset) MarshalJSON() ([]byte, error) {
	return json.Marshal(groupJSON{groupFields(o), newCoefJSON(o.Offset), number(o.Mean)})
}

// UnmarshalJSON reads what MarshalJSON wrote; null becomes NaN.
func (o *GroupOffset) UnmarshalJSON(b []byte) error {
	var j groupJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*o = GroupOffset(j.groupFields)
	o.Offset, o.Mean = j.Offset.coef(), float64(j.Mean)
	return nil
}

type curveFields Curve

type curveJSON struct {
	curveFields
	R2    number     `json:"r2"`
	F     number     `json:"f"`
	P     number     `json:"p"`
	LackF number     `json:"lack_f"`
	LackP number     `json:"lack_p"`
	Coef  []coefJSON `json:"coef"`
}

// MarshalJSON writes numbers that do not exist as null.
func (c Curve) MarshalJSON() ([]byte, error) {
	j := curveJSON{curveFields(c), number(c.R2), number(c.F), number(c.P), number(c.LackF), number(c.LackP), []coefJSON{}}
	for _, v := range c.Coef {
		j.Coef = append(j.Coef, newCoefJSON(v))
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote; null becomes NaN.
func (c *Curve) UnmarshalJSON(b []byte) error {
	var j curveJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*c = Curve(j.curveFields)
	c.R2, c.F, c.P, c.LackF, c.LackP = float64(j.R2), float64(j.F), float64(j.P), float64(j.LackF), float64(j.LackP)
	c.Coef = nil
	for _, v := range j.Coef {
		c.Coef = append(c.Coef, v.coef())
	}
	return nil
}
