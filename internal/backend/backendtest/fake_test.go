package backendtest

import (
	"testing"
	"time"
)

func TestFake(t *testing.T) {
	Run(t, Fake{Base: time.Millisecond, PerTokenOut: 100 * time.Microsecond}, "any", "missing-model")
}
