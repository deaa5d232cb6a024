// Package progress shows a run while it happens: a few lines redrawn in place on a
// terminal, plain lines elsewhere.
//
// It draws only when an event arrives and only with one write, since every cycle that it
// takes is measured as load. It neither hides the cursor nor changes a mode of the
// terminal, so there is nothing to restore however the program ends.
package progress

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// history is how many recent values the sparklines keep.
const history = 120

// Options of a view.
type Options struct {
	Terminal bool       // redraw in place; else print one line per event
	Color    bool       // use colours
	Width    func() int // columns of the terminal; nil means 80
}

// View is the state of a run as it is shown. It is used by one goroutine at a time.
type View struct {
	out  io.Writer
	opt  Options
	tint palette

	name        string
	total, done int
	stage       bench.Stage
	text        string
	trial       bench.TrialStarted
	running     bool
	last        string
	eta         time.Duration
	live        bench.Live
	cpu, own    ring
	memory      ring
	power       ring
	cores       int

	drawn []int // widths of the lines that stand on the terminal now
	err   error
}

// New returns a view of a run on w. On a terminal it redraws in place, with colours unless
// NO_COLOR is set.
func New(w io.Writer) *View {
	opt := Options{}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		opt.Terminal, opt.Color = true, os.Getenv("NO_COLOR") == ""
		opt.Width = func() int {
			width, _, err := term.GetSize(int(file.Fd()))
			if err != nil {
				return 80
			}
			return width
		}
	}
	return NewWith(w, opt)
}

// NewWith is New with explicit options.
func NewWith(w io.Writer, opt Options) *View {
	if opt.Width == nil {
		opt.Width = func() int { return 80 }
	}
	v := &View{out: w, opt: opt, cpu: newRing(), own: newRing(), memory: newRing(), power: newRing()}
	v.live = bench.Live{SystemCPU: math.NaN(), ProcessCPU: math.NaN(), RAM: math.NaN(), RSS: math.NaN(), Power: math.NaN()}
	if opt.Color {
		v.tint = colours
	}
	return v
}

// Event takes in what happened; it is a bench.Progress.
func (v *View) Event(e bench.Event) {
	switch e := e.(type) {
	case bench.RunStarted:
		v.start(e)
	case bench.StageChanged:
		v.stage, v.text, v.running = e.Stage, e.Text, v.running && e.Stage == bench.StageTrials
		v.say(strings.TrimSuffix(string(e.Stage)+": "+e.Text, ": "))
	case bench.FindingMade:
		if e.Finding.Severity != "info" {
			v.keep(e.Finding)
		}
	case bench.TrialStarted:
		v.trial, v.running, v.total, v.done, v.eta = e, true, e.Total, e.Index, e.ETA
	case bench.TrialFinished:
		v.running, v.total, v.done, v.eta = false, e.Total, e.Index+1, e.ETA
		v.last = describe(e.Trial)
		v.say(fmt.Sprintf("trial %d of %d: %s%s", v.done, v.total, v.last, leftText(v.eta, ", ")))
	case bench.TasksAnswered:
		v.eta = e.ETA
		v.text = fmt.Sprintf("answer %d of %d: %s right %d of %d", e.Done, e.Total, clean(e.Config), e.Right, e.N)
		if e.Box != (imaging.Size{}) {
			v.text += fmt.Sprintf(" at %d×%d", e.Box.Width, e.Box.Height)
		}
		v.say(v.text + leftText(v.eta, ", "))
	case bench.WarmUpRepeated:
		v.text = fmt.Sprintf("request %d of at most %d took %s", e.N, e.Max, unit.Seconds(e.Wall))
		if !math.IsNaN(e.CV) {
			v.text += fmt.Sprintf(", last three vary by %.1f %%", 100*e.CV)
		}
		v.say(string(bench.StageWarmUp) + ": " + v.text)
	case bench.Live:
		v.live = e
		v.cpu.push(e.SystemCPU)
		v.own.push(e.ProcessCPU)
		v.memory.push(e.RAM)
		v.power.push(e.Power)
	case bench.RunEnded:
		v.Close()
		return
	}
	v.draw()
}

// Close takes the redrawn lines off the terminal. It returns the first error of writing.
func (v *View) Close() error {
	if v.opt.Terminal && len(v.drawn) > 0 {
		v.write(v.erase())
		v.drawn = nil
	}
	return v.err
}

func (v *View) start(e bench.RunStarted) {
	v.name, v.total, v.done, v.cores = clean(e.Run.ID), e.Total, e.Done, e.Run.Machine.Cores
	text := fmt.Sprintf("run %s: %d trials", v.name, v.total)
	if v.total == 0 {
		text = fmt.Sprintf("run %s: resolutions follow from the model once it is loaded", v.name)
	}
	if v.done > 0 {
		text += fmt.Sprintf(", %d of them done before", v.done)
	}
	v.say(text)
}

// say prints a line where there is no terminal to redraw.
func (v *View) say(line string) {
	if !v.opt.Terminal {
		v.write(clean(line) + "\n")
	}
}

// keep prints a finding so that it stays, above the redrawn lines.
func (v *View) keep(f store.Finding) {
	line := clean(fmt.Sprintf("%s: %s: %s", f.Severity, f.Subject, f.Text))
	if !v.opt.Terminal {
		v.write(line + "\n")
		return
	}
	erase := v.erase()
	v.drawn = nil
	line = ansi.Wrap(line, max(20, v.opt.Width())-1, "")
	v.write(erase + v.tint.doubt + line + v.tint.off + "\n")
}

func (v *View) write(text string) {
	if _, err := io.WriteString(v.out, text); err != nil && v.err == nil {
		v.err = fmt.Errorf("progress: %w", err)
	}
}

// describe is one finished trial in a line.
func describe(t store.Trial) string {
	var size imaging.Size
	kind := ""
	if t.Image != nil {
		size, kind = t.Image.Layout.Nominal, t.Image.Kind
	}
	parts := []string{subject(t.X, size, kind)}
	switch {
	case t.Complexity == "":
	case t.Image != nil:
		parts = append(parts, clean(t.Complexity)+" complexity")
	default:
		parts[0] += " " + clean(t.Complexity)
	}
	add := func(metric, of string) {
		if f, ok := t.Figures[metric]; ok && f.OK() {
			parts = append(parts, unit.Seconds(f.Value).String()+of)
		}
	}
	add(store.MetricCPUCoreSeconds, " of one core")
	add(store.MetricWallSeconds, "")
	if f, ok := t.PhaseFigures[measure.PhaseEncode][store.MetricWallSeconds]; ok && f.OK() {
		parts = append(parts, "encode "+unit.Seconds(f.Value).String())
	}
	if f := t.Figures[store.MetricPrefillRate]; f.OK() {
		parts = append(parts, fmt.Sprintf("prefill %.0f tok/s", f.Value))
	}
	if len(t.Doubts) > 0 {
		parts = append(parts, fmt.Sprintf("%d doubts", len(t.Doubts)))
	}
	return strings.Join(parts, ", ")
}

// subject names what is swept: a prompt's length, or an image by size and kind.
func subject(x int, size imaging.Size, kind string) string {
	if size == (imaging.Size{}) {
		return fmt.Sprintf("%d tokens", x)
	}
	text := fmt.Sprintf("%d×%d", size.Width, size.Height)
	if kind != "" {
		text += " " + clean(kind)
	}
	return text
}

// clean replaces what could steer a terminal: names come from model files.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && r != ' ' {
			return '�'
		}
		return r
	}, text)
}

// leftText says how long the run will take, "" while unknown.
func leftText(d time.Duration, before string) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Minute:
		return fmt.Sprintf("%s%d s left", before, int(math.Ceil(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%s%d min %02d s left", before, int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%s%d h %02d min left", before, int(d.Hours()), int(d.Minutes())%60)
}
