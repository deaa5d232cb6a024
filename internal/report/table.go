package report

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// column is one column of trials.csv.
type column struct {
	name string
	cell func(*TrialResult) string // "" when absent
}

// WriteTrialsCSV writes one row per trial. An absent figure is an empty cell. The columns
// of energies and phases depend on what the run has.
func WriteTrialsCSV(w io.Writer, r *Result) error {
	columns := append(trialColumns(), energyColumns(r.Trials)...)
	columns = append(columns, phaseColumns(r.Trials)...)
	columns = append(columns, imageColumns(r.Trials)...)
	out := csv.NewWriter(w)
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.name
	}
	if err := out.Write(row); err != nil {
		return err
	}
	for i := range r.Trials {
		for j, c := range columns {
			row[j] = c.cell(&r.Trials[i])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteSamplesCSV writes one row per reading, one trial after the other. A failed reading
// has an empty value.
func WriteSamplesCSV(w io.Writer, r *Result, samples SamplesFunc) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"run", "seq", "channel", "kind", "unit", "scope", "quality", "t_ns", "value"}); err != nil {
		return err
	}
	for _, t := range r.Trials {
		s, err := samples(t.Seq)
		if err != nil {
			return fmt.Errorf("samples of trial %d: %w", t.Seq, err)
		}
		for _, series := range s.Series {
			c := series.Channel
			for i := range min(len(series.T), len(series.V)) {
				err := out.Write([]string{
					r.Run.ID, strconv.Itoa(t.Seq), c.Name, string(c.Kind), c.Kind.Unit(), string(c.Scope), c.Quality.String(),
					strconv.FormatInt(series.T[i], 10), cell(present(series.V[i])),
				})
				if err != nil {
					return err
				}
			}
		}
	}
	out.Flush()
	return out.Error()
}

func trialColumns() []column {
	text := func(name string, f func(*TrialResult) string) column { return column{name, f} }
	count := func(name string, f func(*TrialResult) int) column {
		return column{name, func(t *TrialResult) string { return strconv.Itoa(f(t)) }}
	}
	figure := func(name string, f func(*TrialResult) *float64) column {
		return column{name, func(t *TrialResult) string { return cell(f(t)) }}
	}
	return []column{
		count("seq", func(t *TrialResult) int { return t.Seq }),
		text("config", func(t *TrialResult) string { return t.Config }),
		count("x", func(t *TrialResult) int { return t.X }),
		count("repeat", func(t *TrialResult) int { return t.Repeat }),
		text("complexity", func(t *TrialResult) string { return t.Complexity }),
		text("prompt_hash", func(t *TrialResult) string { return t.PromptHash }),
		count("tokens_in", func(t *TrialResult) int { return t.TokensIn }),
		count("tokens_out", func(t *TrialResult) int { return t.TokensOut }),
		count("requests", func(t *TrialResult) int { return t.Requests }),
		text("started", func(t *TrialResult) string { return t.Started.UTC().Format(time.RFC3339Nano) }),
		text("start_ns", func(t *TrialResult) string { return strconv.FormatInt(t.StartNS, 10) }),
		text("end_ns", func(t *TrialResult) string { return strconv.FormatInt(t.EndNS, 10) }),
		figure("wall_s", func(t *TrialResult) *float64 { return t.WallS }),
		figure("cpu_core_s", func(t *TrialResult) *float64 { return t.CPUCoreS }),
		figure("cpu_auc_core_s", func(t *TrialResult) *float64 { return t.CPUAUCCoreS }),
		figure("cpu_auc_pct_s", func(t *TrialResult) *float64 { return t.CPUAUCPctS }),
		figure("ram_auc_gib_s", func(t *TrialResult) *float64 { return t.RAMAUCGiBS }),
		figure("ram_auc_pct_s", func(t *TrialResult) *float64 { return t.RAMAUCPctS }),
		figure("peak_rss_bytes", func(t *TrialResult) *float64 { return t.PeakRSSBytes }),
		figure("prefill_tok_s", func(t *TrialResult) *float64 { return t.PrefillTokS }),
		figure("decode_tok_s", func(t *TrialResult) *float64 { return t.DecodeTokS }),
		figure("closure", func(t *TrialResult) *float64 { return t.Closure }),
		figure("detector_iou", func(t *TrialResult) *float64 { return t.DetectorIoU }),
	}
}

func energyColumns(trials []TrialResult) []column {
	kinds := [...]struct {
		name string
		of   func(*TrialResult) map[string]*float64
	}{
		{"joules", func(t *TrialResult) map[string]*float64 { return t.Joules }},
		{"joules_idle_adjusted", func(t *TrialResult) map[string]*float64 { return t.JoulesIdle }},
		{"joules_estimated", func(t *TrialResult) map[string]*float64 { return t.JoulesEst }},
		{"joules_estimated_idle_adjusted", func(t *TrialResult) map[string]*float64 { return t.JoulesEstIdl }},
	}
	var columns []column
	for _, kind := range kinds {
		channels := map[string]bool{}
		for i := range trials {
			for channel := range kind.of(&trials[i]) {
				channels[channel] = true
			}
		}
		for _, channel := range slices.Sorted(maps.Keys(channels)) {
			columns = append(columns, column{kind.name + "." + channel, func(t *TrialResult) string { return cell(kind.of(t)[channel]) }})
		}
	}
	return columns
}

// phaseColumns gives each phase its mean duration over the requests of a trial.
func phaseColumns(trials []TrialResult) []column {
	var columns []column
	for _, name := range phaseNames(trials) {
		columns = append(columns, column{name + "_s", func(t *TrialResult) string {
			var sum *float64
			for _, p := range t.Phases {
				if p.Name == name {
					sum = present((p.EndS-p.StartS)/float64(max(1, t.Requests)) + deref(sum))
				}
			}
			return cell(sum)
		}})
	}
	return columns
}

// imageColumns describes the images, and the costs without loading, where the run has any.
func imageColumns(trials []TrialResult) []column {
	var columns []column
	image := func(name string, f func(*ImageResult) string) {
		columns = append(columns, column{name, func(t *TrialResult) string {
			if t.Image == nil {
				return ""
			}
			return f(t.Image)
		}})
	}
	if slices.ContainsFunc(trials, func(t TrialResult) bool { return t.Image != nil }) {
		image("image_kind", func(m *ImageResult) string { return m.Kind })
		image("width", func(m *ImageResult) string { return count(&m.Width) })
		image("height", func(m *ImageResult) string { return count(&m.Height) })
		image("effective_px", func(m *ImageResult) string { return count(m.EffectivePixels) })
		image("image_tokens", func(m *ImageResult) string { return count(m.Tokens) })
		image("image_sequence", func(m *ImageResult) string { return count(m.Sequence) })
	}
	names := map[string]bool{}
	for _, t := range trials {
		for name := range t.WithoutLoad {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		columns = append(columns, column{"without_load." + name, func(t *TrialResult) string { return keyed(t.WithoutLoad, name) }})
	}
	return columns
}

// phaseNames lists the phases of the trials in the order in which they come in a request.
func phaseNames(trials []TrialResult) []string {
	first := map[string]float64{}
	for _, t := range trials {
		for _, p := range t.Phases {
			if at, seen := first[p.Name]; !seen || p.StartS < at {
				first[p.Name] = p.StartS
			}
		}
	}
	return slices.SortedFunc(maps.Keys(first), func(a, b string) int {
		return cmp.Or(cmp.Compare(first[a], first[b]), cmp.Compare(a, b))
	})
}

func cell(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

// deref reads an absent summand as nothing to add.
func deref(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}
