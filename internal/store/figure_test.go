package store

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/measure"
)

func TestFigureJSON(t *testing.T) {
	cases := map[string]struct {
		in   Figure
		json string
		want Figure
	}{
		"value": {
			Figure{Value: 1.5, Quality: measure.Estimated, Source: "estimate", Scope: measure.ScopePackage, N: 7},
			`{"value":1.5,"quality":"estimated","source":"estimate","scope":"package","n":7}`,
			Figure{Value: 1.5, Quality: measure.Estimated, Source: "estimate", Scope: measure.ScopePackage, N: 7},
		},
		"zero is a value": {Figure{Quality: measure.Measured}, `{"value":0,"quality":"measured"}`, Figure{Quality: measure.Measured}},
		"absent":          {Unavailable("no hardware"), `{"value":null,"quality":"unavailable","reason":"no hardware"}`, Unavailable("no hardware")},
		"absent, stale value": {
			Figure{Value: 3, Reason: "gone"}, `{"value":null,"quality":"unavailable","reason":"gone"}`, Unavailable("gone"),
		},
		"not finite": {
			Figure{Value: math.Inf(1), Quality: measure.Measured},
			`{"value":null,"quality":"unavailable","reason":"no finite value"}`, Unavailable("no finite value"),
		},
		"unknown uncertainty": {
			Figure{Value: 1, Quality: measure.Measured, Uncertainty: math.Inf(1)},
			`{"value":null,"quality":"unavailable","reason":"no finite value"}`, Unavailable("no finite value"),
		},
		"absent with uncertainty": {
			Figure{Reason: "gone", Uncertainty: math.NaN()}, `{"value":null,"quality":"unavailable","reason":"gone"}`, Unavailable("gone"),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			data, err := json.Marshal(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if string(data) != c.json {
				t.Errorf("JSON\n got %s\nwant %s", data, c.json)
			}
			var got Figure
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			if math.IsNaN(got.Value) != math.IsNaN(c.want.Value) {
				t.Fatalf("value %v, want %v", got.Value, c.want.Value)
			}
			got.Value, c.want.Value = 0, 0
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestFigureJSONClaimingAValue(t *testing.T) {
	var got Figure
	if err := json.Unmarshal([]byte(`{"value":null,"quality":"measured"}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.OK() || !math.IsNaN(got.Value) {
		t.Errorf("a null value reads as %+v, want an unavailable NaN", got)
	}
	err := json.Unmarshal([]byte(`{"value":"1"}`), &got)
	if err == nil || !strings.Contains(err.Error(), "value") {
		t.Errorf("a text for a value: error %v, want one that names the field", err)
	}
}
