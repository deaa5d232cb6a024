package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

func page(t *testing.T, fixtures ...*fixture) string {
	t.Helper()
	var pages []Page
	for _, f := range fixtures {
		pages = append(pages, Page{mustBuild(t, f), f.of})
	}
	var out bytes.Buffer
	if err := WriteHTML(&out, pages); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

var scripts = regexp.MustCompile(`(?s)(<(?:script|style)[^>]*>).*?(</(?:script|style)>)`)

// elements parses a page and returns how often each element occurs and its text. A tag
// that is not closed or closed twice fails.
func elements(t *testing.T, page string) (count map[string]int, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(scripts.ReplaceAllString(page, "$1$2")))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	count = map[string]int{}
	var all strings.Builder
	var open []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			count[token.Name.Local]++
			open = append(open, token.Name.Local)
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != token.Name.Local {
				t.Fatalf("</%s> closes %v", token.Name.Local, open)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			all.Write(token)
			all.WriteByte(' ')
		}
	}
	if len(open) > 0 {
		t.Fatalf("left open: %v", open)
	}
	return count, strings.Join(strings.Fields(strings.ReplaceAll(all.String(), "\u00a0", " ")), " ")
}

func TestPageStructure(t *testing.T) {
	html := page(t, newFixture(plain))
	count, text := elements(t, html)
	// The law with its residuals, three further costs, complexity, order, two of phases and
	// two estimates of energy.
	if count["h1"] != 1 || count["svg"] != 11 || count["script"] != 2 || count["style"] != 1 {
		t.Errorf("elements %v", count)
	}
	if n := strings.Count(html, `class="pt `); n < 75*7 {
		t.Errorf("%d points in the figures, want at least %d", n, 75*7)
	}
	for _, want := range []string{
		"Each prompt token costs 4.10 ms of one core (95 % interval 4.08 … 4.12) , on top of 521 ms fixed",
		"random weights: costs are real, text is not", "Against its rivals", "quadratic", "held-out error",
		"Length sets the cost", "Last third costs the same as first third within 5 %", "Medians by prompt length",
		"No energy was measured in this run", "sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj", "not a measurement",
		"Intel(R) Core(TM) i5-7200U", "0.072 % of one core", "9 of 6214", "the frequency governor is powersave", "output tokens",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// The page loads nothing: no address but in text, and a policy that forbids the rest.
func TestPageIsSelfContained(t *testing.T) {
	html := page(t, newFixture(plain))
	if !strings.Contains(html, `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"`) {
		t.Error("no content security policy")
	}
	for _, forbidden := range []string{" src=", "<link", "@import", "url(http", "url('", "url(\"", "<img", "<iframe", "fetch(", "XMLHttpRequest"} {
		if strings.Contains(html, forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	for _, address := range regexp.MustCompile(`https?://[^"' )]+`).FindAllString(html, -1) {
		if address != "http://www.w3.org/2000/svg" { // the name of a namespace, which nothing loads
			t.Errorf("the page names %s", address)
		}
	}
}

func TestHostileStringsAreEscaped(t *testing.T) {
	const evil = `"><img src=x onerror=alert(1)></script><script>alert(2)</script>{{.}}` + "\u2028'`${x}"
	hostile := plain
	hostile.model, hostile.repeats = evil, 2
	f := newFixture(hostile)
	f.run.ID, f.run.Machine.CPU, f.run.Tool = evil, evil, evil
	f.run.Plan, _ = json.Marshal(map[string]any{evil: evil, "list": []string{evil}})
	f.run.Findings = []store.Finding{{Severity: "doubt", Subject: evil, Text: evil}, {Severity: "info", Subject: evil, Text: evil}}
	f.run.Channels[0].Name, f.run.Channels[0].Reason = evil, evil
	for i := range f.trials {
		f.trials[i].Complexity, f.trials[i].Doubts = evil, []string{evil}
		f.trials[i].Figures["joules."+evil] = store.Figure{Value: float64(i + f.trials[i].X), Quality: measure.Measured}
		f.trials[i].PhaseFigures[evil] = f.trials[i].PhaseFigures[measure.PhaseDecode]
		f.trials[i].Phases[1].Name = evil
		s := f.samples[i]
		s.Series = slices.Clone(s.Series)
		s.Series[0].Channel.Name = evil
		f.samples[i] = s
	}
	html := page(t, f, newFixture(hostile))
	count, text := elements(t, html)
	if count["img"] != 0 || count["script"] != 2 || strings.Contains(html, "<img") {
		t.Errorf("elements %v", count)
	}
	if !strings.Contains(text, `"><img src=x onerror=alert(1)>`) {
		t.Error("the name is not shown as it is")
	}
	data := regexp.MustCompile(`(?s)id="series">(.*?)</script>`).FindStringSubmatch(html)
	var series []map[string]any
	if data == nil || json.Unmarshal([]byte(data[1]), &series) != nil || len(series) != 60 {
		t.Error("the series of the page are no JSON")
	}
	dir := t.TempDir()
	if err := WriteAll(dir, mustBuild(t, f), f.of); err != nil {
		t.Errorf("files of a hostile run: %v", err)
	}
	var summary bytes.Buffer
	f.run.ID = "\x1b[2J"
	f.run.Configs[0].ID = "x\x1b]0;owned\x07"
	if err := WriteSummary(&summary, mustBuild(t, f), SummaryOptions{}); err != nil || strings.ContainsAny(summary.String(), "\x1b\x07") {
		t.Errorf("a name steers the terminal (%v)", err)
	}
}

// What is absent is shown as "–" with its reason.
func TestMissingFiguresOnThePage(t *testing.T) {
	bare := plain
	bare.estimated = false
	f := newFixture(bare)
	for i := range f.trials {
		f.trials[i].Figures[store.MetricRAMAUC] = store.Unavailable("memory could not be read")
		delete(f.trials[i].Figures, store.MetricClosure)
		f.trials[i].PhaseFigures, f.trials[i].Complexity = nil, ""
	}
	f.run.Observer = store.Observer{}
	_, text := elements(t, page(t, f))
	for _, want := range []string{
		"Memory above baseline – no law: memory could not be read", "– no trial has both the samples and the counter",
		"– the sampler did not run", "– the backend marked no phases", "– No estimate was made", "– No energy was measured in this run",
		"– fewer than three trials in two levels of complexity",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	var summary bytes.Buffer
	if err := WriteSummary(&summary, mustBuild(t, f), SummaryOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Memory above baseline: no law: memory could not be read", "closure     –", "observer    –", "energy      –  not measured"} {
		if !strings.Contains(summary.String(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, summary.String())
		}
	}
}

func TestComparisonOverlaysTheLaws(t *testing.T) {
	slow := plain
	slow.slope, slow.model = 0.0082, "shape:other@q4_0"
	html := page(t, newFixture(plain), newFixture(slow))
	count, text := elements(t, html)
	if count["h1"] != 3 || strings.Count(html, `class="law c`) != 2 {
		t.Errorf("%d headings, %d laws overlaid", count["h1"], strings.Count(html, `class="law c`))
	}
	if !strings.Contains(text, "times as much CPU time") {
		t.Error("the headline does not compare")
	}
	ratio := regexp.MustCompile(`0\.999\d (\d\.\d+) \((\d\.\d+) … (\d\.\d+)\)`).FindStringSubmatch(text)
	if ratio == nil || ratio[1][:3] != "2.0" && ratio[1][:3] != "1.9" {
		t.Errorf("slope ratio %v, want about 2", ratio)
	}
}

func TestPageOfUnfinishedRun(t *testing.T) {
	f := newFixture(plain)
	f.run.Status, f.trials = store.StatusStopped, nil
	_, text := elements(t, page(t, f))
	for _, want := range []string{"run is stopped: 0 of 75 trials", "No law could be fitted.", "no trial was finished"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if err := WriteHTML(io.Discard, nil); err == nil {
		t.Error("a page of no run")
	}
}

func TestAxes(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0, 4.72, "0 1 2 3 4 5"}, {0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"}, {-1.8, 1.8, "−2 −1 0 1 2"},
		{5, 5, "2 3 4 5 6 7 8"}, {0, 0, "−0.6 −0.4 −0.2 0.0 0.2 0.4 0.6"}, {1e-7, 3e-7, "0.00000010 0.00000015 0.00000020 0.00000025 0.00000030"},
	} {
		a := newAxis(c.lo, c.hi, 6, "")
		var ticks []string
		for _, v := range a.ticks {
			ticks = append(ticks, a.tickText(v))
		}
		if got := strings.Join(ticks, " "); got != c.want || a.lo > c.lo || a.hi < c.hi {
			t.Errorf("axis of %v … %v runs from %v to %v: %s, want %s", c.lo, c.hi, a.lo, a.hi, got, c.want)
		}
	}
}
