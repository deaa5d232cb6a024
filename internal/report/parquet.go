package report

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/parquet-go/parquet-go"
)

// TrialRow is one row of trials.parquet. Absent figures are null; an absent energy has no
// key in its map.
type TrialRow struct {
	Run          string             `parquet:"run,dict"`
	Seq          int64              `parquet:"seq"`
	Config       string             `parquet:"config,dict"`
	X            int64              `parquet:"x"`
	Repeat       int64              `parquet:"repeat"`
	Complexity   string             `parquet:"complexity,dict"`
	PromptHash   string             `parquet:"prompt_hash"`
	TokensIn     int64              `parquet:"tokens_in"`
	TokensOut    int64              `parquet:"tokens_out"`
	Requests     int64              `parquet:"requests"`
	Started      time.Time          `parquet:"started,timestamp(microsecond)"`
	StartNS      int64              `parquet:"start_ns"` // monotonic clock, the one of samples.parquet
	EndNS        int64              `parquet:"end_ns"`
	WallS        *float64           `parquet:"wall_s,optional"`
	CPUCoreS     *float64           `parquet:"cpu_core_s,optional"`
	CPUAUCCoreS  *float64           `parquet:"cpu_auc_core_s,optional"`
	CPUAUCPctS   *float64           `parquet:"cpu_auc_pct_s,optional"`
	RAMAUCGiBS   *float64           `parquet:"ram_auc_gib_s,optional"`
	RAMAUCPctS   *float64           `parquet:"ram_auc_pct_s,optional"`
	PeakRSSBytes *float64           `parquet:"peak_rss_bytes,optional"`
	PrefillTokS  *float64           `parquet:"prefill_tok_s,optional"`
	DecodeTokS   *float64           `parquet:"decode_tok_s,optional"`
	Closure      *float64           `parquet:"closure,optional"`
	DetectorIoU  *float64           `parquet:"detector_iou,optional"`
	Joules       map[string]float64 `parquet:"joules"`
	JoulesIdle   map[string]float64 `parquet:"joules_idle_adjusted"`
	JoulesEst    map[string]float64 `parquet:"joules_estimated"`
	JoulesEstIdl map[string]float64 `parquet:"joules_estimated_idle_adjusted"`
	ImageKind    *string            `parquet:"image_kind,optional,dict"`
	Width        *int64             `parquet:"width,optional"`
	Height       *int64             `parquet:"height,optional"`
	EffectivePx  *int64             `parquet:"effective_px,optional"`
	ImageTokens  *int64             `parquet:"image_tokens,optional"`
	ImageSeq     *int64             `parquet:"image_sequence,optional"`
	WithoutLoad  map[string]float64 `parquet:"without_load"`
}

// SampleRow is one row of samples.parquet: one reading of one channel. A failed reading
// has a null value.
type SampleRow struct {
	Run     string   `parquet:"run,dict"`
	Seq     int64    `parquet:"seq"`
	Channel string   `parquet:"channel,dict"`
	Kind    string   `parquet:"kind,dict"`
	Unit    string   `parquet:"unit,dict"`
	Scope   string   `parquet:"scope,dict"`
	Quality string   `parquet:"quality,dict"`
	TimeNS  int64    `parquet:"t_ns,delta"` // monotonic clock; only differences mean anything
	Value   *float64 `parquet:"value,optional"`
}

// WriteTrialsParquet writes one row per trial.
func WriteTrialsParquet(w io.Writer, r *Result) error {
	rows := make([]TrialRow, len(r.Trials))
	for i, t := range r.Trials {
		rows[i] = TrialRow{
			Run: r.Run.ID, Seq: int64(t.Seq), Config: t.Config, X: int64(t.X), Repeat: int64(t.Repeat),
			Complexity: t.Complexity, PromptHash: t.PromptHash, TokensIn: int64(t.TokensIn), TokensOut: int64(t.TokensOut), Requests: int64(t.Requests),
			Started: t.Started.UTC(), StartNS: t.StartNS, EndNS: t.EndNS, WallS: t.WallS, CPUCoreS: t.CPUCoreS, CPUAUCCoreS: t.CPUAUCCoreS, CPUAUCPctS: t.CPUAUCPctS,
			RAMAUCGiBS: t.RAMAUCGiBS, RAMAUCPctS: t.RAMAUCPctS, PeakRSSBytes: t.PeakRSSBytes, PrefillTokS: t.PrefillTokS,
			DecodeTokS: t.DecodeTokS, Closure: t.Closure, DetectorIoU: t.DetectorIoU,
			Joules: known(t.Joules), JoulesIdle: known(t.JoulesIdle), JoulesEst: known(t.JoulesEst), JoulesEstIdl: known(t.JoulesEstIdl),
			WithoutLoad: t.WithoutLoad,
		}
		rows[i].putImage(t.Image)
	}
	out := parquet.NewGenericWriter[TrialRow](w, parquet.Compression(&parquet.Zstd))
	if _, err := out.Write(rows); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return out.Close()
}

// putImage fills in the columns of an image; they stay null without one.
func (r *TrialRow) putImage(image *ImageResult) {
	if image == nil {
		return
	}
	r.ImageKind, r.Width, r.Height = &image.Kind, wide(&image.Width), wide(&image.Height)
	r.EffectivePx, r.ImageTokens, r.ImageSeq = wide(image.EffectivePixels), wide(image.Tokens), wide(image.Sequence)
}

// known drops the absent values.
func known(m map[string]*float64) map[string]float64 {
	result := make(map[string]float64, len(m))
	for name, v := range m {
		if v != nil {
			result[name] = *v
		}
	}
	return result
}

// WriteSamplesParquet writes one row per reading, one trial after the other.
func WriteSamplesParquet(w io.Writer, r *Result, samples SamplesFunc) error {
	out := parquet.NewGenericWriter[SampleRow](w, parquet.Compression(&parquet.Zstd))
	for _, t := range r.Trials {
		s, err := samples(t.Seq)
		if err != nil {
			return fmt.Errorf("samples of trial %d: %w", t.Seq, err)
		}
		for _, series := range s.Series {
			c := series.Channel
			n := min(len(series.T), len(series.V))
			rows := make([]SampleRow, n)
			for i, v := range series.V[:n] {
				rows[i] = SampleRow{
					Run: r.Run.ID, Seq: int64(t.Seq), Channel: c.Name, Kind: string(c.Kind), Unit: c.Kind.Unit(),
					Scope: string(c.Scope), Quality: c.Quality.String(), TimeNS: series.T[i],
				}
				if !math.IsNaN(v) {
					rows[i].Value = &v
				}
			}
			if _, err := out.Write(rows); err != nil {
				return fmt.Errorf("parquet: %w", err)
			}
		}
	}
	return out.Close()
}
