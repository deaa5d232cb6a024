package progress

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// demo replays the test's run slowly, to watch it in a terminal: build the test binary with
// go test -c and run it with -test.run TestRun -demo 100ms.
var demo = flag.Duration("demo", 0, "pause between the events of TestRun, shown on the terminal")

// events is a short run as bench reports it.
func events() []bench.Event {
	run := store.Run{ID: "20261123T231500-smollm2-135m-7f3a", Machine: store.Machine{Cores: 2}}
	measured := func(v float64) store.Figure { return store.Figure{Value: v, Quality: measure.Measured} }
	out := []bench.Event{
		bench.RunStarted{Run: run, Total: 6},
		bench.StageChanged{Stage: bench.StagePreflight},
		bench.FindingMade{Finding: store.Finding{Severity: "doubt", Subject: "governor", Text: "powersave: clocks follow the load"}},
		bench.FindingMade{Finding: store.Finding{Severity: "info", Subject: "load", Text: "quiet"}},
		bench.StageChanged{Stage: bench.StageBaseline, Text: "waiting for a quiet machine, at most 10 s"},
		bench.WarmUpRepeated{N: 3, Max: 6, Wall: 0.41, CV: 0.02},
		bench.StageChanged{Stage: bench.StageTrials},
	}
	for i := range 6 {
		out = append(out, bench.TrialStarted{Index: i, Total: 6, Seq: i, Config: "native/m", X: 64 << (i % 3), Repeat: i / 3, Complexity: "low", ETA: time.Duration(6-i) * 12 * time.Second})
		for k := range 8 {
			out = append(out, bench.Live{SystemCPU: 1.9 * float64(k) / 8, ProcessCPU: 1.8 * float64(k) / 8, RAM: 1.6e9 + 1e7*float64(k), RSS: 2e8, Power: 3 + float64(k), Estimated: true})
		}
		out = append(out, bench.TrialFinished{Index: i, Total: 6, ETA: time.Duration(5-i) * 12 * time.Second, Trial: store.Trial{
			X: 64 << (i % 3), Complexity: "low", Figures: map[string]store.Figure{
				store.MetricCPUCoreSeconds: measured(0.785), store.MetricWallSeconds: measured(0.407), store.MetricPrefillRate: measured(405),
			}}})
	}
	return append(out, bench.RunEnded{Run: run})
}

// screen is as much of a terminal as the view may use: it fails on any other sequence.
type screen struct {
	t     *testing.T
	rows  []string
	row   int
	width int
}

var sequence = regexp.MustCompile(`^\x1b\[(\??)([0-9;]*)([A-Za-z])`)

func (s *screen) Write(p []byte) (int, error) {
	text := string(p)
	for len(text) > 0 {
		if m := sequence.FindStringSubmatch(text); m != nil {
			switch m[1] + m[3] {
			case "A":
				n, _ := strconv.Atoi(m[2])
				s.row = max(0, s.row-n)
			case "J":
				s.rows = s.rows[:s.row]
			case "m", "?h", "?l":
			default:
				s.t.Fatalf("sequence %q is not allowed", m[0])
			}
			text = text[len(m[0]):]
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		switch r {
		case '\r':
		case '\n':
			for len(s.rows) <= s.row {
				s.rows = append(s.rows, "")
			}
			s.row++
		case '\x1b':
			s.t.Fatalf("stray escape before %q", text)
		default:
			for len(s.rows) <= s.row {
				s.rows = append(s.rows, "")
			}
			s.rows[s.row] += string(r)
			if n := len([]rune(s.rows[s.row])); n >= s.width {
				s.t.Fatalf("line of %d columns on a terminal of %d: %q", n, s.width, s.rows[s.row])
			}
		}
	}
	return len(p), nil
}

func TestRun(t *testing.T) {
	if *demo > 0 {
		view := New(os.Stdout)
		for _, e := range events() {
			view.Event(e)
			time.Sleep(*demo)
		}
		return
	}
	for _, width := range []int{24, 40, 80, 200} {
		for _, colour := range []bool{false, true} {
			s := &screen{t: t, width: width}
			view := NewWith(s, Options{Terminal: true, Color: colour, Width: func() int { return width }})
			all := events()
			for _, e := range all[:len(all)-1] {
				view.Event(e)
			}
			if height := len(view.drawn); len(s.rows) != height+1 && width >= 80 {
				t.Errorf("width %d: %d rows on the screen, want %d drawn and one finding:\n%s", width, len(s.rows), height, strings.Join(s.rows, "\n"))
			}
			text := strings.Join(s.rows, "\n")
			if width >= 80 {
				for _, want := range []string{"doubt: governor: powersave", "trial 6 of 6", "100 %", "256 tokens low, 785 ms of one core, 407 ms, prefill 405 tok/s", "1.66 cores", "10.0 W est.", "█"} {
					if !strings.Contains(text, want) {
						t.Errorf("width %d: the screen lacks %q:\n%s", width, want, text)
					}
				}
			}
			if strings.Contains(text, "quiet") {
				t.Error("an info is not to stay on the screen")
			}
			view.Event(all[len(all)-1])
			if got := strings.Join(s.rows, "\n"); width >= 80 && got != "doubt: governor: powersave: clocks follow the load" {
				t.Errorf("after the end the screen holds %q", got)
			}
		}
	}
}

// A terminal that became narrower has wrapped the old lines: they take more rows.
func TestEraseAfterResize(t *testing.T) {
	width := 80
	var out bytes.Buffer
	view := NewWith(&out, Options{Terminal: true, Width: func() int { return width }})
	view.Event(bench.StageChanged{Stage: bench.StageLoad})
	rows := 0
	for _, w := range view.drawn {
		rows += max(1, int(math.Ceil(float64(w)/30)))
	}
	if rows <= len(view.drawn) {
		t.Fatal("no line is wide enough to wrap")
	}
	width = 30
	out.Reset()
	view.Close()
	if want := fmt.Sprintf("\x1b[%dA\r\x1b[J", rows); out.String() != want {
		t.Errorf("erased with %q, want %q", out.String(), want)
	}
}

func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	view := New(&out)
	for _, e := range events() {
		view.Event(e)
	}
	want := `run 20261123T231500-smollm2-135m-7f3a: 6 trials
pre-flight
doubt: governor: powersave: clocks follow the load
baseline: waiting for a quiet machine, at most 10 s
warm-up: request 3 of at most 6 took 410 ms, last three vary by 2.0 %
trials
trial 1 of 6: 64 tokens low, 785 ms of one core, 407 ms, prefill 405 tok/s, 1 min 00 s left
`
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("got\n%swant it to begin\n%s", out.String(), want)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("escape sequences where there is no terminal")
	}
}

func TestHostileNames(t *testing.T) {
	var out bytes.Buffer
	view := New(&out)
	view.Event(bench.FindingMade{Finding: store.Finding{Severity: "doubt", Subject: "x\x1b]0;owned\x07", Text: "a\nb\u202e"}})
	view.Event(bench.StageChanged{Stage: "\x1b[2J"})
	if strings.ContainsAny(out.String(), "\x1b\x07\u202e") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("a name reached the terminal as it was: %q", out.String())
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteErrorIsKept(t *testing.T) {
	view := New(brokenWriter{})
	view.Event(bench.StageChanged{Stage: bench.StageLoad})
	if err := view.Close(); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("Close returned %v", err)
	}
}

func TestSparkline(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		values []float64
		lo, hi float64
		want   string
	}{
		{[]float64{0, 1, 2}, 0, 2, "▁▅█"},
		{[]float64{0, nan, 2}, nan, nan, "▁ █"},
		{[]float64{5, 5}, nan, nan, "▁▁"},
		{[]float64{nan, nan}, 0, nan, "  "},
		{[]float64{-1, 9}, 0, 2, "▁█"},
		{nil, 0, 1, ""},
	} {
		if got := sparkline(c.values, c.lo, c.hi); got != c.want {
			t.Errorf("sparkline(%v) = %q, want %q", c.values, got, c.want)
		}
	}
}

func TestLeftText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", 300 * time.Millisecond: "1 s left", 59 * time.Second: "59 s left", 130 * time.Second: "2 min 10 s left", 3700 * time.Second: "1 h 01 min left",
	} {
		if got := leftText(d, ""); got != want {
			t.Errorf("leftText(%v) = %q, want %q", d, got, want)
		}
	}
}

// A sweep over resolutions speaks of images, not of tokens.
func TestImages(t *testing.T) {
	size := imaging.Size{Width: 448, Height: 336}
	measured := func(v float64) store.Figure { return store.Figure{Value: v, Quality: measure.Measured} }
	started := bench.TrialStarted{Total: 12, Config: "native/v", X: size.Pixels(), Size: size, Kind: "shapes", Complexity: "low"}
	finished := bench.TrialFinished{Total: 12, Trial: store.Trial{
		X: size.Pixels(), Complexity: "low", Image: &store.Image{Kind: "te\x1bxt", Layout: imaging.Layout{Nominal: size}},
		Figures:      map[string]store.Figure{store.MetricCPUCoreSeconds: measured(2.5), store.MetricWallSeconds: measured(1.3)},
		PhaseFigures: map[string]map[string]store.Figure{measure.PhaseEncode: {store.MetricWallSeconds: measured(0.6)}},
	}}
	s := &screen{t: t, width: 90}
	view := NewWith(s, Options{Terminal: true, Width: func() int { return 90 }})
	var plain bytes.Buffer
	lines := NewWith(&plain, Options{})
	for _, e := range []bench.Event{bench.RunStarted{Run: store.Run{ID: "r"}}, started} {
		view.Event(e)
		lines.Event(e)
	}
	if text := strings.Join(s.rows, "\n"); !strings.Contains(text, "448×336 shapes, low complexity, repeat 1, native/v") || strings.Contains(text, "token") {
		t.Errorf("the view of a running trial:\n%s", text)
	}
	view.Event(finished)
	lines.Event(finished)
	if text := strings.Join(s.rows, "\n"); strings.Contains(text, "token") || !strings.Contains(text, "448×336 te�xt, low complexity") {
		t.Errorf("the view of a finished trial:\n%s", text)
	}
	want := "run r: resolutions follow from the model once it is loaded\n" +
		"trial 1 of 12: 448×336 te�xt, low complexity, 2.50 s of one core, 1.30 s, encode 600 ms\n"
	if plain.String() != want {
		t.Errorf("lines\n%swant\n%s", plain.String(), want)
	}
}
