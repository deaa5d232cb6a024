package compress

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/train"
)

// Pair is a model: a decoder, and of one that sees its encoder of images.
type Pair struct{ Language, Encoder *model.Source }

// sources lists what there is.
func (p Pair) sources() []*model.Source {
	if p.Encoder == nil {
		return []*model.Source{p.Language}
	}
	return []*model.Source{p.Language, p.Encoder}
}

// tensor returns the tensor of that name of either, nil without one.
func (p Pair) tensor(name string) *model.Tensor {
	for _, s := range p.sources() {
		if t := s.Tensor(name); t != nil {
			return t
		}
	}
	return nil
}

// Step is a part of the method that can be left out, to see what it is worth.
type Step string

// Steps. Without Whiten, matrices are cut by plain singular values; without Anchor, by what the
// original's layers see and make; without Allocate, all give the same share; without QuantizeLoop, factors
// are rounded as they are; without Share, every layer has a first factor of its own; without Sweep,
// rounded factors are not refitted in turns.
const (
	Whiten       Step = "whiten"
	Anchor       Step = "anchor"
	Allocation   Step = "allocate"
	QuantizeLoop Step = "quantize-loop"
	Share        Step = "share"
	Sweep        Step = "sweep"
)

// Steps lists all.
func Steps() []Step { return []Step{Whiten, Anchor, Allocation, QuantizeLoop, Share, Sweep} }

// ParseSteps reads names with commas between them.
func ParseSteps(text string) (list []Step, err error) {
	for name := range strings.SplitSeq(text, ",") {
		switch step := Step(strings.TrimSpace(name)); {
		case step == "":
		case slices.Contains(Steps(), step):
			list = append(list, step)
		default:
			return nil, fmt.Errorf("no step %q; there are %v", name, Steps())
		}
	}
	return list, nil
}

// Options say how a model is compressed.
type Options struct {
	Goal Goal
	// Format of the factors; nil keeps that of each matrix.
	Format *model.Format
	// Without lists steps to leave out.
	Without []Step
	// LlamaCpp changes nothing but the width of feed-forward networks, the same in all layers, so that the
	// result is a model of its old architecture.
	LlamaCpp bool
	// Sites is the number of cores of a matrix product operator, 0 for low-rank pairs.
	Sites int
	// Ridge regularizes Gram matrices, as a share of their mean diagonal. Default 0.01.
	Ridge   float64
	Threads int // default: one per CPU that Go may use
	Rows    int // tokens computed at once, default 2048
	// Precision of what is multiplied while calibrating and measuring; factorizations are float64.
	Precision linalg.Precision
	// Dir keeps what is finished, from where an interrupted run goes on; "" keeps nothing.
	Dir string
	// Accept, if not nil, says whether a trial is good enough: the smallest model that is, is made. By
	// names what it judges by: a run that was interrupted goes on only with the same.
	Accept func(ctx context.Context, trial Pair) (bool, error)
	By     string
	// Tried, if not nil, is called after every trial of a search.
	Tried func(r *Report, good bool)
	// Version of the program, for the record.
	Version string
	// Report, if not nil, is called as work goes on.
	Report func(Event)
}

// Event says how far a run is.
type Event struct {
	What        string // "compress blk.3"; "probe …" and "try …" come before, to share the goal
	Done, Parts int
	Elapsed     time.Duration
	Left        time.Duration // of this pass over the parts: an estimate, 0 for none
}

const defaultRows = 2048

func (o *Options) defaults() {
	if o.Ridge == 0 {
		o.Ridge = DefaultRidge
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Rows <= 0 {
		o.Rows = defaultRows
	}
}

func (o *Options) does(s Step) bool { return !slices.Contains(o.Without, s) }

// compressor is one run.
type compressor struct {
	Options
	in      Pair
	hashes  map[*model.Source]string
	layered *train.Layered
	parts   []train.Part
	sites   []*site // that can be cut, in order
	g       *linalg.Multiplier
	g64     *Multiplier64
	clock   clock
	stage   time.Duration // when the present pass over the parts began
	doing   string        // in it
	work    string        // folder of finished parts, "" for none
	width   int           // of the decoder
	patch   int           // pixels of one
	grouped int           // patches that become one embedding
	carry   float64       // of the budget that sites before have left
	sharing sharing       // of the goal
	buffers [2][]float32
}

// Compress returns the model with its linear layers cut to the goal, and what was done. The data of the
// tensors that stay is shared with in.
func Compress(ctx context.Context, in Pair, data Calibration, opt Options) (Pair, *Report, error) {
	out, r, err := compress(ctx, in, data, opt)
	if err != nil {
		return Pair{}, nil, fmt.Errorf("compress %s: %w", in.Language.Name, err)
	}
	return out, r, nil
}

// open prepares a run.
func open(in Pair, opt Options) (*compressor, error) {
	opt.defaults()
	c := &compressor{Options: opt, in: in, clock: newClock(), hashes: map[*model.Source]string{}, doing: "compress",
		g64: linalg.NewMultiplierOf[float64](kernel.Best(), opt.Threads)}
	var err error
	if c.g, err = linalg.NewMultiplier(kernel.Best(), opt.Threads).WithPrecision(opt.Precision); err != nil {
		return nil, err
	}
	of := train.Options{Threads: opt.Threads, Rows: opt.Rows, Precision: opt.Precision}
	if c.layered, err = train.OpenLayered(in.Language, in.Encoder, of); err != nil {
		return nil, err
	}
	if in.Encoder != nil {
		v, err := model.ReadVisionConfig(in.Encoder)
		if err != nil {
			return nil, err
		}
		c.patch, c.grouped = v.Patch*v.Patch, v.Grouped()
	}
	config, err := model.ReadConfig(in.Language)
	if err != nil {
		return nil, err
	}
	c.width, c.parts = config.Width, c.layered.Parts()
	c.findSites()
	return c, nil
}

func compress(ctx context.Context, in Pair, data Calibration, opt Options) (Pair, *Report, error) {
	c, err := open(in, opt)
	if err != nil {
		return Pair{}, nil, err
	}
	if opt.Goal.Measure == Energy {
		c.Goal.speed = measureSpeed(kernel.Best())
	}
	c.prune(data)
	if err := c.check(data); err != nil {
		return Pair{}, nil, err
	}
	if err := c.openWork(data); err != nil {
		return Pair{}, nil, err
	}
	if err := c.plan(ctx, data); err != nil {
		return Pair{}, nil, err
	}
	return c.run(ctx, data, c.sharing.Budgets)
}

// plan shares the goal among the sites, as an interrupted run has done before or anew.
func (c *compressor) plan(ctx context.Context, data Calibration) error {
	if kept, err := c.keptSharing(); err != nil || kept {
		return err
	}
	var err error
	switch {
	case c.LlamaCpp:
		c.sharing.Features, err = c.widths()
	case c.Goal.KL > 0 || c.Accept != nil:
		c.sharing.Budgets, err = c.search(ctx, data)
	default:
		var total float64
		if total, err = c.available(); err == nil {
			c.sharing.Budgets, err = c.budgets(ctx, data, total)
		}
	}
	if err != nil {
		return err
	}
	return c.keepSharing()
}

// run compresses part after part with a budget for each site.
func (c *compressor) run(ctx context.Context, data Calibration, budgets []float64) (Pair, *Report, error) {
	lanes, err := c.begin(data)
	if err != nil {
		return Pair{}, nil, err
	}
	c.carry = 0
	r := &Report{}
	var made []*finished
	for i := range c.parts {
		if err := context.Cause(ctx); err != nil {
			return Pair{}, nil, err
		}
		original, err := c.load(i)
		if err != nil {
			return Pair{}, nil, err
		}
		cut := original.Clone()
		f, err := c.part(ctx, lanes.calibration, i, budgets, original, cut)
		if err != nil {
			return Pair{}, nil, err
		}
		made, r.Sites = append(made, f), append(r.Sites, f.Sites...)
		if err := c.advance(ctx, lanes, i, original, cut); err != nil {
			return Pair{}, nil, err
		}
		if i == len(c.parts)-1 {
			if r.Held, err = c.measure(ctx, lanes.held, original, cut); err != nil {
				return Pair{}, nil, err
			}
		}
	}
	out, err := c.assemble(made, data)
	if err != nil {
		return Pair{}, nil, err
	}
	r.finish(c, out)
	return out, r, nil
}

// part compresses a part, or takes it as an earlier run has finished it, and changes cut accordingly.
func (c *compressor) part(ctx context.Context, l *lane, part int, budgets []float64, original, cut *train.Loaded) (*finished, error) {
	f, err := c.kept(part)
	if err != nil {
		return nil, err
	}
	if f != nil {
		c.tell("take up "+c.parts[part].Name, part)
		c.carry = f.Carry
		for _, r := range f.factors {
			err = errors.Join(err, c.set(cut, r))
		}
		for _, t := range f.dense {
			err = errors.Join(err, setDense(cut, t))
		}
		if err != nil {
			err = fmt.Errorf("%s: %w; remove the file to compress the part again", c.partFile(part), err)
		}
		return f, err
	}
	c.tell(c.doing+" "+c.parts[part].Name, part)
	if c.LlamaCpp {
		if f, err = c.narrow(ctx, l, part, original, cut); err != nil {
			return nil, err
		}
		return f, c.store(part, f)
	}
	f = &finished{}
	for _, s := range c.sites {
		if s.part != part {
			continue
		}
		made, report, err := c.site(ctx, l, s, budgets[s.at], original, cut)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(s.layers, ", "), err)
		}
		f.factors, f.Sites = append(f.factors, made...), append(f.Sites, report)
	}
	f.Carry = c.carry
	return f, c.store(part, f)
}

// prune gives the encoder's sites up where there is no picture to calibrate them on.
func (c *compressor) prune(d Calibration) {
	if slices.ContainsFunc(d.Sequences, func(s train.Sequence) bool { return len(s.Images) > 0 }) {
		return
	}
	c.sites = slices.DeleteFunc(c.sites, func(s *site) bool { return c.encoding(s.part) })
	for i, s := range c.sites {
		s.at = i
	}
}

// load reads a part's weights.
func (c *compressor) load(part int) (*train.Loaded, error) {
	defer c.clock.time("load weights")()
	return c.layered.Load(part)
}

// tell reports that a part begins.
func (c *compressor) tell(what string, done int) {
	if c.Report == nil {
		return
	}
	e := Event{What: what, Done: done, Parts: len(c.parts), Elapsed: c.clock.elapsed()}
	if done == 0 {
		c.stage = e.Elapsed
	} else {
		e.Left = (e.Elapsed - c.stage) / time.Duration(done) * time.Duration(len(c.parts)-done)
	}
	c.Report(e)
}
