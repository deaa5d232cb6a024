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
	if f.OK() && !math.IsNaN(f.Value) && !math.IsInf(f.Value, 0) {
		out.Value = &f.Value
	} else if f.OK() {
		out.Quality, out.Reason = measure.Unavailable, "no finite value"
	}
	return json.Marshal(out)
}

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
