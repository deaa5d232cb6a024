package compress

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// ProfileLevels are the shares that a profile cuts every site to.
func ProfileLevels() []float64 { return []float64{0.75, 0.5, 0.25} }

// NewProfile cuts every site to several shares of its parameters, one at a time, and measures what that does
// to the predictions on held-out sequences and to the time of the layers on this machine.
func NewProfile(ctx context.Context, in Pair, data Calibration, opt Options, levels []float64) (*Profile, error) {
	opt.Goal = Goal{Measure: Parameters}
	c, err := open(in, opt)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", in.Language.Name, err)
	}
	c.prune(data)
	if err := c.check(data); err != nil {
		return nil, fmt.Errorf("profile %s: %w", in.Language.Name, err)
	}
	_, p, err := c.probe(ctx, data, levels)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", in.Language.Name, err)
	}
	timer := &productTimer{set: kernel.Best(), known: map[string]float64{}}
	for i := range p.Cuts {
		k := &p.Cuts[i]
		for _, s := range c.sites {
			if s.layers[0] == k.Layers[0] {
				k.Seconds, k.DenseSeconds = timer.site(c, s, k.Ranks, k.Shared)
			}
		}
	}
	return p, nil
}

// productTimer times products of one token, each shape once.
type productTimer struct {
	set   *kernel.Set
	known map[string]float64
}

// product returns the seconds of one; not a number for types without a kernel.
func (t *productTimer) product(dt tensor.DType, rows, cols int) float64 {
	if !kernel.Supported(dt) {
		return math.NaN()
	}
	key := fmt.Sprint(dt, rows, cols)
	if _, ok := t.known[key]; !ok {
		t.known[key] = timeProduct(t.set, kernel.Matrix{DType: dt, Rows: rows, Cols: cols, Data: make([]byte, matrixBytes(dt, rows, cols))})
	}
	return t.known[key]
}

// site returns the seconds of a site's layers at ranks, and as they are; zeros unless all can be timed.
func (t *productTimer) site(c *compressor, s *site, ranks []int, shared bool) (cut, dense float64) {
	for i, rows := range s.rows {
		whole := t.product(s.types[i], rows, s.inputs)
		dense += whole
		if ranks[i] == 0 {
			cut += whole
			continue
		}
		if !shared || i == 0 {
			cut += t.product(c.factorType(s, i, s.inputs), ranks[i], s.inputs)
		}
		cut += t.product(c.factorType(s, i, ranks[i]), rows, ranks[i])
	}
	if math.IsNaN(cut + dense) {
		return 0, 0
	}
	return cut, dense
}

// WriteTable writes the profile for people.
func (p *Profile) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LAYERS\tLEVEL\tKEPT\tRANK\tKL\tLOST\tBYTES\tTIME OF DENSE")
	for _, k := range p.Cuts {
		time := "not measured"
		if k.DenseSeconds > 0 {
			time = fmt.Sprintf("%.0f %%", 100*k.Seconds/k.DenseSeconds)
		}
		fmt.Fprintf(t, "%s\t%.0f %%\t%.1f %%\t%s\t%.3g ± %.1g\t%.2g %%\t%v\t%s\n", strings.Join(k.Layers, ", "), 100*k.Level, 100*k.Kept,
			strings.Trim(fmt.Sprint(k.Ranks), "[]"), k.KL, k.KLError, 100*k.Loss, unit.Bytes(k.Bytes), time)
	}
	fmt.Fprintf(t, "\nKL in nats a token on %d held-out tokens, everything else being as it was\n", p.Tokens)
	return t.Flush()
}

// WriteJSON writes the profile for programs.
func (p *Profile) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(p)
}
