package backendtest

import (
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

func TestFake(t *testing.T) {
	Run(t, Fake{Base: time.Millisecond, PerTokenOut: 100 * time.Microsecond}, "any", "missing-model")
}

func TestFakeVision(t *testing.T) {
	contract := imaging.Contract{
		Family: imaging.FamilyDynamic, Patch: 14, Merge: 2, Clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MaxTokens: 64},
		Filter: imaging.FilterBilinear, Pad: true, Std: [3]float32{1, 1, 1},
	}
	f := Fake{PerPixel: 10 * time.Nanosecond, Vision: &contract}
	RunVision(t, f, backend.Config{Model: "any"})
	RunVision(t, f, backend.Config{Model: "any", Clamp: imaging.Clamp{Policy: imaging.PolicyLongestSide, LongestSide: 100}})
}
