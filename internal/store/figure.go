package store

import (
	"encoding/json"
	"math"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// Unavailable returns a figure without a value.
func Unavailable(reason string) Figure {
	return Figure{Value: math.NaN(), Quality: measure.Unavailable, Reason: reason}
}

// figureFields has Figure's fields without its methods, so that the methods can use
// encoding/json themselves.
type figureFields Figure

// figureJSON shadows the value of figureFields with one that may be null.
type figureJSON struct {
	Value *float64 `json:"value"`
	figureFields
}

// MarshalJSON writes a figure that has no finite value with null for it.
func (f Figure) MarshalJSON() ([]byte, error) {
	out := figureJSON{figureFields: figureFields(f)}
	switch {
	case !f.OK():
		out.Uncertainty = 0
	case finite(f.Value) && finite(f.Uncertainty):
		out.Value = &f.Value
	default:
		out.Quality, out.Reason, out.Uncertainty = measure.Unavailable, "no finite value", 0
	}
	return json.Marshal(out)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// UnmarshalJSON reads what MarshalJSON wrote. A figure without a value is unavailable
// whatever quality it claims.
func (f *Figure) UnmarshalJSON(data []byte) error {
	var in figureJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*f = Figure(in.figureFields)
	if in.Value != nil && f.OK() {
		f.Value = *in.Value
		return nil
	}
	f.Value, f.Quality = math.NaN(), measure.Unavailable
	return nil
}
