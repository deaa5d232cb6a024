package compress

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/wattlaw/wattlaw/internal/unit"
)

// Measure is what a goal counts.
type Measure string

// Measures.
const (
	Parameters Measure = "parameters"
	Bytes      Measure = "bytes"
	Energy     Measure = "energy"
)

// Goal is how small a model is to become.
type Goal struct {
	Measure Measure
	// Share of what the model has, in (0, 1); or Amount, if that is not 0.
	Share, Amount float64
	// KL, if not 0, asks for the smallest model whose mean divergence is no more, in nats a token.
	KL float64
	// Drop is the share of tasks that may be lost, for the record: Options.Accept judges.
	Drop float64
	// speed prices bytes and multiply-adds, for a goal of energy.
	speed speed
}

// ParseEnergy reads a share of the predicted cost of a token, "0.5" or "50%".
func ParseEnergy(text string) (Goal, error) {
	g, err := ParseParameters(text)
	if err != nil || g.Share == 0 {
		return g, fmt.Errorf("energy to keep, %q: want a share such as 0.5 or 50%%", text)
	}
	g.Measure = Energy
	return g, nil
}

// ParseParameters reads a share, "0.4" or "40%", or a number of parameters, "3.2B" or "500M".
func ParseParameters(text string) (Goal, error) {
	g := Goal{Measure: Parameters}
	number, factor := strings.TrimSpace(text), 1.0
	for suffix, f := range map[string]float64{"%": 0.01, "K": 1e3, "M": 1e6, "B": 1e9} {
		if cut, ok := strings.CutSuffix(strings.ToUpper(number), suffix); ok {
			number, factor = strings.TrimSpace(cut), f
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	switch v *= factor; {
	case err != nil || !(v > 0) || math.IsInf(v, 0):
		return g, fmt.Errorf("parameters to keep, %q: want a share such as 0.4 or 40%%, or a number such as 3.2B", text)
	case factor <= 1 && v < 1:
		g.Share = v
	case factor < 1 || v < 2:
		return g, fmt.Errorf("parameters to keep, %q: a share must be less than all", text)
	default:
		g.Amount = v
	}
	return g, nil
}

// ParseBytes reads a size, "2GiB".
func ParseBytes(text string) (Goal, error) {
	n, err := unit.ParseBytes(text)
	return Goal{Measure: Bytes, Amount: float64(n)}, err
}

// String says the goal as a user does.
func (g Goal) String() string {
	switch {
	case g.KL > 0:
		return fmt.Sprintf("kl %g", g.KL)
	case g.Drop > 0:
		return fmt.Sprintf("accuracy drop %g", g.Drop)
	}
	if g.Amount != 0 {
		return fmt.Sprintf("%s %.0f", g.Measure, g.Amount)
	}
	return fmt.Sprintf("%s %.4g", g.Measure, g.Share)
}

// price returns what a choice counts towards the goal.
func (g Goal) price() func(Choice) float64 {
	switch g.Measure {
	case Bytes:
		return func(c Choice) float64 { return float64(c.Bytes) }
	case Energy:
		return func(c Choice) float64 { return g.speed.seconds(c) }
	}
	return func(c Choice) float64 { return float64(c.Parameters) }
}

// size counts all of a model.
func (p Pair) size() (n Choice) {
	for _, s := range p.sources() {
		n.Parameters, n.Bytes = n.Parameters+s.Parameters(), n.Bytes+s.Bytes()
	}
	return n
}

// whole is what the goal counts in the model as it is. Of embeddings that are no head, too, a token reads one
// row: they take space, but hardly any energy.
func (c *compressor) whole() Choice {
	n := c.in.size()
	if t := c.in.Language.Tensor("token_embd.weight"); c.Goal.Measure == Energy && t != nil && c.in.Language.Tensor("output.weight") != nil {
		n.Parameters, n.Bytes = n.Parameters-t.Values(), n.Bytes-t.Bytes()
	}
	n.MulAdds = n.Parameters
	return n
}

// target returns the price of the whole original, and what is to be left of it.
func (c *compressor) target() (whole, target float64) {
	whole = c.Goal.price()(c.whole())
	if c.Goal.Amount != 0 {
		return whole, c.Goal.Amount
	}
	return whole, c.Goal.Share * whole
}

// available returns what the sites together may take for the goal.
func (c *compressor) available() (float64, error) {
	price := c.Goal.price()
	whole, target := c.target()
	var dense, least float64
	for _, s := range c.sites {
		dense += price(s.dense)
		least += c.least(s)
	}
	if target < whole-dense+least {
		return 0, fmt.Errorf("%s cannot become %.4g of %.4g: what is no linear layer takes %.4g and the layers at their lowest ranks %.4g: ask for at least %.1f %%",
			c.Goal.Measure, target, whole, whole-dense, least, math.Ceil(1000*(whole-dense+least)/whole)/10)
	}
	return target - (whole - dense), nil
}

// least is the lowest price of a site.
func (c *compressor) least(s *site) float64 {
	if c.Sites > 0 {
		return c.leastChains(s)
	}
	price := c.Goal.price()
	least := price(s.dense)
	if list := c.choices(s, 0, len(s.layers)); len(list) > 0 && (len(s.layers) == 1 || c.does(Share)) {
		least = min(least, price(c.cost(s, list[0])))
	}
	if len(s.layers) > 1 {
		var alone float64
		for i := range s.layers {
			one := bundle{i, i + 1, 0}
			if list := c.choices(s, i, i+1); len(list) > 0 {
				one = list[0]
			}
			alone += price(c.cost(s, one))
		}
		least = min(least, alone)
	}
	return least
}

// uniform gives every site the same share of its price, but none less than it can take.
func (c *compressor) uniform(budget float64) []float64 {
	price := c.Goal.price()
	budgets := make([]float64, len(c.sites))
	fixed := make([]bool, len(c.sites))
	for { // sites at their least leave the others less
		var dense, taken float64
		for i, s := range c.sites {
			if fixed[i] {
				taken += budgets[i]
			} else {
				dense += price(s.dense)
			}
		}
		again := false
		for i, s := range c.sites {
			if fixed[i] {
				continue
			}
			budgets[i] = (budget - taken) * price(s.dense) / dense
			if least := c.least(s); budgets[i] < least {
				budgets[i], fixed[i], again = least, true, true
			}
		}
		if !again {
			return budgets
		}
	}
}
