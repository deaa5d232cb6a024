package report

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

// ofTokens finds wording that belongs to sweeps over the length of prompts.
var ofTokens = regexp.MustCompile(`(?i)prompt token|per token|prompt length|\d tokens · `)

func summaryOf(t *testing.T, r *Result, width int) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteSummary(&out, r, SummaryOptions{Width: width}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func mustContain(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q:\n%s", what, want, text)
		}
	}
}

// flow undoes the wrapping of a terminal.
func flow(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestSummaryOfImages(t *testing.T) {
	r := mustBuild(t, newImageFixture(oneClamp))
	for _, width := range []int{60, 80, 120} {
		text := summaryOf(t, r, width)
		for line := range strings.Lines(text) {
			if n := ansi.StringWidth(strings.TrimRight(line, "\n")); n > max(width, 86) { // the chart's axis ends in a word
				t.Errorf("width %d: a line of %d columns: %q", width, n, line)
			}
		}
		mustContain(t, "the summary", flow(text), "An image at full size costs 2.62", "s of one core (95 % interval", "predicted 50,176 from its preprocessing",
			"cost falls with pixels, above it is flat.", "The knee lies where the preprocessing puts it", "▲ knee 50,", "encode", "672×672: CPU time",
			"The model was loaded once, in 412 ms", "What is in the image does not matter", "Pixels set the cost")
		if ofTokens.MatchString(text) {
			t.Errorf("a sweep over images speaks of %q:\n%s", ofTokens.FindString(text), text)
		}
	}
	mustContain(t, "the wide summary", summaryOf(t, r, 120), "per effective Mpx", "56×56: CPU time")
	if strings.Contains(summaryOf(t, r, 60), "per effective Mpx") {
		t.Error("the table does not fit a narrow terminal")
	}
}

// What the trials do not show is not claimed.
func TestSummaryWithoutKnee(t *testing.T) {
	few := oneClamp
	few.repeats = 1
	cases := map[string]struct {
		change func(*imageTruth)
		want   []string
	}{
		"range ends before it": {func(c *imageTruth) { c.sizes = sidesOf(56, 84, 112, 140, 168, 196, 210) },
			[]string{"No knee in the measured range of 3,136 … 44,100 pixels: its preprocessing puts one at 50,176, above the largest image.", "Add --resolutions 252x252", "none"}},
		"coarse": {func(c *imageTruth) { c.sizes = sidesOf(56, 112, 168, 448, 672) }, []string{"The grid is coarse around it: add --resolutions "}},
		"silent": {func(c *imageTruth) { c.silent = true }, []string{"does not tell its preprocessing, so nothing was predicted", "No law in effective pixels: the backend does not tell effective pixels."}},
		"reload": {func(c *imageTruth) { c.reload = true }, []string{"Every trial started the model anew, and the laws contain its loading. Without it an image of 672×672 costs 2.6", "share load "}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			truth := few
			c.change(&truth)
			f := newImageFixture(truth)
			r := mustBuild(t, f)
			text := flow(summaryOf(t, r, 80))
			mustContain(t, "the summary", text, c.want...)
			if strings.Contains(text, "no trial has this figure") || ofTokens.MatchString(text) {
				t.Errorf("a wrong reason or wording:\n%s", text)
			}
			if _, page := elements(t, page(t, f)); ofTokens.MatchString(page) {
				t.Errorf("the page speaks of %q", ofTokens.FindString(page))
			}
		})
	}
}

func TestPageOfImages(t *testing.T) {
	f := newImageFixture(oneClamp)
	html := page(t, f)
	count, text := elements(t, html)
	// Nominal, effective, three further costs, contrasts, order, two of phases, two energies.
	if count["h1"] != 1 || count["svg"] != 11 {
		t.Errorf("elements %v", count)
	}
	if n := len(f.trials); strings.Count(html, `class="pt c0"`)+strings.Count(html, `class="pt c1"`) < 7*n {
		t.Errorf("fewer points than %d trials in seven figures", n)
	}
	for _, class := range []string{`class="knee-band"`, `class="predicted"`, `class="predicted-band"`, `class="band main"`, `class="law main"`} {
		if strings.Count(html, class) < 5 {
			t.Errorf("%d of %s, want one in every figure of a knee", strings.Count(html, class), class)
		}
	}
	mustContain(t, "the page", text, "Below 50,", "predicted 50,176 from its preprocessing", "Predicted knee 50,176 pixels agrees", "seen at its own size", "scaled down by the model",
		"Law in effective pixels", "Each effective megapixel costs 30.", "Does anything but size matter?", "Medians by size of the image", "224×224", "encode",
		"images at most 64 image tokens", "The model was loaded once")
	if ofTokens.MatchString(text) {
		t.Errorf("the page speaks of %q", ofTokens.FindString(text))
	}
	if bare := scripts.ReplaceAllString(html, ""); strings.Contains(bare, "NaN") || strings.Contains(bare, "Inf") {
		t.Error("a number that does not exist is on the page")
	}
}

func TestLimitsAreCompared(t *testing.T) {
	f := newImageFixture(twoClamps)
	r := mustBuild(t, f)
	html := page(t, f)
	_, text := elements(t, html)
	want := []string{"Every knee lies where its limit puts it (2 of 2)", "In effective pixels there is one curve", "longest side of 448 pixels"}
	mustContain(t, "the page", text, want...)
	mustContain(t, "the summary", flow(summaryOf(t, r, 100)), want...)
	if n := strings.Count(html, "knee-mark"); n < 2 {
		t.Errorf("%d knees marked", n)
	}
	for _, class := range []string{`class="law c0"`, `class="law c1"`, `class="predicted c1"`, `class="whisker c1"`} {
		if !strings.Contains(html, class) {
			t.Errorf("the comparison lacks %s", class)
		}
	}
	other := newImageFixture(oneClamp)
	other.run.ID = "20261125T000000-other"
	if _, text := elements(t, page(t, newImageFixture(oneClamp), other)); !strings.Contains(text, "native/shape:qwen2-vl-2b@q4_0 (20261125T000000-other)") {
		t.Error("several runs are not compared")
	}
	mixed := page(t, newImageFixture(oneClamp), newFixture(plain))
	if strings.Contains(mixed, `id="comparison"`) || strings.Contains(mixed, `id="limits-0"`) {
		t.Error("a sweep over images is compared with one over tokens")
	}
}

func TestFiguresOfImages(t *testing.T) {
	dir := t.TempDir()
	if *keep != "" {
		dir = filepath.Join(*keep, "images")
	}
	f := newImageFixture(twoClamps)
	if err := WriteAll(dir, mustBuild(t, f), f.of); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"knee-config-1-cpu_core_s", "effective-config-2-wall_s", "knee-config-1-joules.estimate.cpu-estimated", "config-1-phases",
		"limits", "limits-effective", "timeseries-longest",
	} {
		for _, kind := range []string{".png", ".svg"} {
			if info, err := os.Stat(filepath.Join(dir, "figures", name+kind)); err != nil || info.Size() < 1000 {
				t.Errorf("%s%s: %v", name, kind, err)
			}
		}
	}
	if laws, _ := filepath.Glob(filepath.Join(dir, "figures", "law-*")); len(laws) > 0 {
		t.Errorf("figures of laws of tokens: %v", laws)
	}
}

func TestUnfinishedSweepOfImages(t *testing.T) {
	f := newImageFixture(oneClamp)
	for _, n := range []int{0, 1, 2, 5} {
		part := *f
		part.trials, part.run.Status = f.trials[:n], store.StatusStopped
		_, text := elements(t, page(t, &part))
		if n < 3 {
			mustContain(t, "the page", text, "No law could be fitted.")
		}
		if s := summaryOf(t, mustBuild(t, &part), 80); ofTokens.MatchString(s) || ofTokens.MatchString(text) {
			t.Errorf("%d trials: tokens in\n%s", n, s)
		}
		if err := WriteAll(t.TempDir(), mustBuild(t, &part), part.of); err != nil {
			t.Errorf("%d trials: %v", n, err)
		}
	}
}

// roundKnee is a knee with round numbers, as the fit would return it.
func roundKnee(change func(*law.Knee)) *kneeView {
	k := law.Knee{
		Found: true, At: law.Coef{Value: 1_234_567, CI: law.Interval{Lo: 1_190_000, Hi: 1_280_000}}, Flat: law.Coef{Value: 4.1, CI: law.Interval{Lo: 4.05, Hi: 4.15}},
		Shape: law.Linear, Coef: []law.Coef{{Value: 1}, {Value: 1e-6}}, X: law.Interval{Lo: 5e4, Hi: 4e6}, P: 0.001, Level: 0.95,
		FlatSlope: law.Coef{Value: 0.003, CI: law.Interval{Lo: -0.01, Hi: 0.02}}, FlatVerdict: stat.Equivalent,
		Predicted: 1_254_400, PredictedRange: law.Interval{Lo: 1_254_400, Hi: 1_254_400}, Agrees: true,
	}
	change(&k)
	return &kneeView{metric: store.MetricCPUCoreSeconds, unit: "core·s", quality: measure.Measured, fit: k}
}

func TestStatementsOfKnees(t *testing.T) {
	contract := qwenContract(imaging.Clamp{MaxTokens: 1600})
	tiles := imaging.Contract{Family: imaging.FamilyTiles, LongestEdge: 2048, Patch: 16, Merge: 4, Tile: 512}
	cases := map[string]struct {
		contract *imaging.Contract
		change   func(*law.Knee)
		want     string
	}{
		"agrees": {&contract, func(*law.Knee) {},
			"An image at full size costs 4.10 s of one core (95 % interval 4.05 … 4.15). Below 1.23 million pixels (1.19 … 1.28; predicted 1.25 million from its preprocessing) cost falls with pixels, above it is flat. The knee lies where the preprocessing puts it. From the knee to the largest image cost changes by +0.3 % (−1.0 … +2.0)."},
		"earlier": {&contract, func(k *law.Knee) { k.Agrees, k.Predicted = false, 2e6 }, "This disagrees with the prediction: cost flattens before the preprocessing's limit."},
		"later":   {&contract, func(k *law.Knee) { k.Agrees, k.Predicted = false, 1e6 }, "This disagrees with the prediction: cost goes on growing beyond the preprocessing's limit."},
		"rounded": {&contract, func(k *law.Knee) { k.PredictedRange.Lo = 1.1e6 }, "puts it (1.10 million … 1.25 million with its rounding to patches)."},
		"rising":  {&contract, func(k *law.Knee) { k.FlatVerdict = stat.Different }, "above it is not flat either."},
		"open":    {&contract, func(k *law.Knee) { k.FlatVerdict = stat.Inconclusive }, "above it is not yet shown to be flat."},
		"no slope": {&contract, func(k *law.Knee) { k.FlatSlope.Value, k.FlatVerdict = math.NaN(), stat.Inconclusive },
			"Too few images lie above it to tell whether cost is flat there."},
		"half open":     {&contract, func(k *law.Knee) { k.At.CI.Lo = math.Inf(-1) }, "Below 1.23 million pixels (up to 1.28; predicted"},
		"no limit":      {&imaging.Contract{Family: imaging.FamilyDynamic}, func(k *law.Knee) { k.Predicted, k.Agrees = 0, false }, "Its preprocessing has no limit on pixels, so no knee was predicted."},
		"none, coarse":  {&contract, func(k *law.Knee) { k.Found, k.P, k.TooCoarse, k.Add = false, 0.2, true, []float64{1e6} }, "No knee in the measured range of 50,000 … 4.00 million pixels: the grid is too coarse around the predicted 1.25 million. A curve without one fits as well (p = 0.2). Add --resolutions 1008x1008."},
		"none, tiles":   {&tiles, func(k *law.Knee) { k.Found, k.Predicted, k.Coef = false, 0, nil }, "as predicted, since every image is scaled to a longest edge of 2048 pixels. Cost does not grow towards one anywhere."},
		"none, too low": {&contract, func(k *law.Knee) { k.Found, k.Predicted = false, 1e4 }, "its preprocessing puts one at 10,000, below the smallest image. A smooth curve fits better."},
		"none, endless": {&contract, func(k *law.Knee) { k.Found, k.At.CI.Hi = false, math.Inf(1) }, "puts one at 1.25 million, and cost does not show it. Growth all over fits as well."},
		"none, unknown": {nil, func(k *law.Knee) { k.Found, k.Predicted, k.P = false, 0, 0.3 }, "pixels: a curve without one fits as well (p = 0.3)."},
	}
	for name, c := range cases {
		s := &sweepView{contract: c.contract, sizes: map[int]imaging.Size{}}
		if got := s.statement(roundKnee(c.change)); !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// A comparison counts what was found, and no more.
func TestVerdictOfLimits(t *testing.T) {
	group := func(change func(*law.Knee)) clampGroup {
		return clampGroup{&sweepView{}, roundKnee(change), "x"}
	}
	agrees := group(func(*law.Knee) {})
	differs := group(func(k *law.Knee) { k.Agrees = false })
	missed := group(func(k *law.Knee) { k.Agrees, k.Found = false, false })
	free := group(func(k *law.Knee) { k.Agrees, k.Found, k.Predicted = false, false, 0 })
	for _, c := range []struct {
		groups []clampGroup
		want   string
		agrees string // of the last
	}{
		{[]clampGroup{agrees, agrees}, "Every knee lies where its limit puts it (2 of 2).", "yes"},
		{[]clampGroup{agrees, free}, "Every knee lies where its limit puts it (1 of 1).", "–"},
		{[]clampGroup{agrees, differs}, "1 of 2 knees lie where their limits put them.", "no"},
		{[]clampGroup{agrees, missed}, "1 of 2 knees lie where their limits put them; 1 not found.", "undecided"},
		{[]clampGroup{missed, missed}, "No knee was found under any limit.", "undecided"},
		{[]clampGroup{free, free}, "", "–"},
	} {
		if got := (clampComparison{groups: c.groups}).verdict(); got != c.want {
			t.Errorf("verdict %q, want %q", got, c.want)
		}
		if got := agreesText(c.groups[len(c.groups)-1].knee); got != c.agrees {
			t.Errorf("agrees: %q, want %q", got, c.agrees)
		}
	}
}

func TestPixelsInWords(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 50_176: "50,176", 999_999: "999,999", 2_073_600: "2.07 million", math.NaN(): "–", math.Inf(1): "–"} {
		if got := pixelsText(v); got != want {
			t.Errorf("%v pixels are %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{500: "500", 5000: "5k", 12_500: "12.5k", 1e6: "1M", 2.5e6: "2.5M"} {
		if got := pixelTick(v); got != want {
			t.Errorf("the tick of %v is %q, want %q", v, got, want)
		}
	}
	e := pixelEstimate(law.Coef{Value: 50_312, CI: law.Interval{Lo: 49_120, Hi: 50_633}})
	if e.withUnit() != "50,300 pixels" || e.interval != "49,100 … 50,600" {
		t.Errorf("estimate %+v", e)
	}
	if e := pixelEstimate(law.Coef{Value: math.NaN()}); e.value != "–" {
		t.Errorf("an absent estimate is %+v", e)
	}
}

// A cost above an idle level may be negative: its points stay within the figure.
func TestNegativeCosts(t *testing.T) {
	k := roundKnee(func(*law.Knee) {})
	k.trials = []imageTrial{{nominal: 1e5, effective: 1e5, cost: -2}, {nominal: 2e6, effective: 1e6, cost: 4}}
	html := string(kneeChart(560, 390, k)) + string(effectiveChart(560, 390, k)) + kneeTextChart(k, 72, 12)
	if !strings.Contains(html, ">−2<") || strings.Count(html, "•") != 2 {
		t.Errorf("an axis does not reach the negative cost:\n%s", html)
	}
}

func TestPixelAxes(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		log    bool
		want   string
	}{
		{3136, 451_584, true, "5k 10k 20k 50k 100k 200k 500k"}, {100_000, 300_000, false, "0 50k 100k 150k 200k 250k 300k"},
		{1, 64e6, true, "1 10 100 1k 10k 100k 1M 10M 100M"}, {0, 100, false, "0 20 40 60 80 100"},
	} {
		a := pixelAxis(c.lo, c.hi, 9, "")
		a.from, a.to = 0, 100
		var ticks []string
		for _, v := range a.ticks {
			ticks = append(ticks, a.tickText(v))
		}
		if got := strings.Join(ticks, " "); got != c.want || a.log != c.log {
			t.Errorf("axis of %v … %v: %s (log %v), want %s", c.lo, c.hi, got, a.log, c.want)
		}
		if at := a.at(a.hi); math.Abs(at-100) > 1e-9 || a.at(c.lo) < 0 {
			t.Errorf("axis of %v … %v ends at %v", c.lo, c.hi, at)
		}
	}
}

func TestFates(t *testing.T) {
	n := func(v int) *int { return &v }
	limited := qwenContract(imaging.Clamp{MinTokens: 16, MaxTokens: 64})
	for _, c := range []struct {
		contract *imaging.Contract
		image    ImageResult
		want     int
	}{
		{&limited, ImageResult{Width: 224, Height: 224, NominalPixels: 50_176}, fateWhole},
		{&limited, ImageResult{Width: 225, Height: 225, NominalPixels: 50_625}, fateReduced},
		{&limited, ImageResult{Width: 100, Height: 100, NominalPixels: 10_000}, fateEnlarged},
		{nil, ImageResult{Width: 100, Height: 100, NominalPixels: 10_000}, fateWhole},
		{nil, ImageResult{NominalPixels: 10_000, ResizedWidth: n(50), ResizedHeight: n(50)}, fateReduced},
		{nil, ImageResult{NominalPixels: 10_000, ResizedWidth: n(2048), ResizedHeight: n(2048)}, fateEnlarged},
		{nil, ImageResult{NominalPixels: 10_000, ResizedWidth: n(98), ResizedHeight: n(98)}, fateWhole},
	} {
		if got := fateOf(c.contract, &c.image); got != c.want {
			t.Errorf("%+v: %s, want %s", c.image, fateNames[got], fateNames[c.want])
		}
	}
}
