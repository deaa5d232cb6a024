package law

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// Text says in a few sentences whether there is a knee, where, and what cost does above it. x and
// y name the predictor and the cost.
func (k Knee) Text(x, y string) string {
	var b strings.Builder
	if !k.Found {
		fmt.Fprintf(&b, "No knee: %s is not shown to stop growing within %s = %s … %s", y, x, plain(k.X.Lo), plain(k.X.Hi))
		if k.found() {
			fmt.Fprintf(&b, " (p = %.2g)", k.P)
		}
		b.WriteByte('.')
		if k.Predicted > 0 {
			fmt.Fprintf(&b, " Predicted: %s.", k.predictedText())
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%s grows (%s) up to a knee at %s = %s (%g %%: %s", y, k.Shape, x, plain(k.At.Value), 100*k.Level, boundText(k.At.CI))
	if k.P < 0.001 {
		b.WriteString("; p < 0.001)")
	} else {
		fmt.Fprintf(&b, "; p = %.2g)", k.P)
	}
	switch {
	case k.Agrees:
		fmt.Fprintf(&b, ", as predicted (%s)", k.predictedText())
	case k.Predicted > 0:
		fmt.Fprintf(&b, ", not where predicted (%s)", k.predictedText())
	}
	fmt.Fprintf(&b, ". Above it, %s is %.4g (%s)", y, k.Flat.Value, intervalText(k.Flat.CI))
	if s := k.FlatSlope; !math.IsNaN(s.Value) {
		verdict := map[string]string{
			stat.Equivalent:   fmt.Sprintf("flat within %g %%", 100*practical),
			stat.Different:    "not flat",
			stat.Inconclusive: "whether it is flat is not settled",
		}[k.FlatVerdict]
		fmt.Fprintf(&b, " and changes by %+.1f %% (%+.1f … %+.1f %%) to the largest %s: %s", 100*s.Value, 100*s.CI.Lo, 100*s.CI.Hi, x, verdict)
	}
	b.WriteByte('.')
	return b.String()
}

// predictedText is the predicted knee, with its range where the rules leave one.
func (k Knee) predictedText() string {
	if k.PredictedRange.Width() == 0 {
		return plain(k.Predicted)
	}
	return fmt.Sprintf("%s, within %s", plain(k.Predicted), boundText(k.PredictedRange))
}

// boundText is an interval whose ends may be infinite.
func boundText(ci Interval) string {
	switch lo, hi := math.IsInf(ci.Lo, 0), math.IsInf(ci.Hi, 0); {
	case lo && hi:
		return "unbounded"
	case lo:
		return "up to " + plain(ci.Hi)
	case hi:
		return plain(ci.Lo) + " or more"
	}
	return plain(ci.Lo) + " … " + plain(ci.Hi)
}

type intervalJSON struct {
	Lo number `json:"lo"`
	Hi number `json:"hi"`
}

type coefJSON struct {
	Name  string       `json:"name"`
	Value number       `json:"value"`
	CI    intervalJSON `json:"ci"`
}

func newIntervalJSON(i Interval) intervalJSON { return intervalJSON{number(i.Lo), number(i.Hi)} }

func newCoefJSON(c Coef) coefJSON {
	return coefJSON{c.Name, number(c.Value), newIntervalJSON(c.CI)}
}

// interval turns an absent end into the infinite one that it was.
func (i intervalJSON) interval() Interval { return Interval{Lo: float64(i.Lo), Hi: float64(i.Hi)} }

func (c coefJSON) coef() Coef {
	return Coef{Name: c.Name, Value: float64(c.Value), CI: c.CI.interval()}
}

// kneeFields is a Knee without its methods; kneeJSON hides those of its numbers that may not
// exist behind nullable ones.
type kneeFields Knee

type kneeJSON struct {
	kneeFields
	At        coefJSON     `json:"at"`
	Flat      coefJSON     `json:"flat"`
	FlatSlope coefJSON     `json:"flat_slope"`
	Coef      []coefJSON   `json:"coef"`
	R2        number       `json:"r2"`
	Gap       intervalJSON `json:"gap"`
	Floor     float64      `json:"floor,omitempty"`

	Predicted      number       `json:"predicted"`
	PredictedRange intervalJSON `json:"predicted_range"`
}

// MarshalJSON writes numbers that do not exist, and ends that have no bound, as null.
func (k Knee) MarshalJSON() ([]byte, error) {
	j := kneeJSON{
		kneeFields: kneeFields(k), At: newCoefJSON(k.At), Flat: newCoefJSON(k.Flat), FlatSlope: newCoefJSON(k.FlatSlope),
		Coef: []coefJSON{}, R2: number(k.R2), Gap: newIntervalJSON(k.Gap), Floor: k.floor,
	}
	for _, c := range k.Coef {
		j.Coef = append(j.Coef, newCoefJSON(c))
	}
	j.Predicted, j.PredictedRange = number(k.Predicted), newIntervalJSON(k.PredictedRange)
	if k.Predicted == 0 {
		none := math.NaN()
		j.Predicted, j.PredictedRange = number(none), newIntervalJSON(Interval{Lo: none, Hi: none})
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote; null becomes NaN, or the infinite end that it was.
func (k *Knee) UnmarshalJSON(b []byte) error {
	var j kneeJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*k = Knee(j.kneeFields)
	k.At, k.Flat, k.FlatSlope, k.R2, k.floor = j.At.coef(), j.Flat.coef(), j.FlatSlope.coef(), float64(j.R2), j.Floor
	k.Gap, k.Coef = j.Gap.interval(), []Coef{}
	if p := float64(j.Predicted); !math.IsNaN(p) {
		k.Predicted, k.PredictedRange = p, j.PredictedRange.interval()
	}
	k.At.CI = unbounded(k.At.CI)
	if len(j.Coef) > 0 {
		k.Gap = unbounded(k.Gap)
	}
	for _, c := range j.Coef {
		k.Coef = append(k.Coef, c.coef())
	}
	return nil
}

func unbounded(i Interval) Interval {
	if math.IsNaN(i.Lo) {
		i.Lo = math.Inf(-1)
	}
	if math.IsNaN(i.Hi) {
		i.Hi = math.Inf(1)
	}
	return i
}
