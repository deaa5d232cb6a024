//go:build !linux

package sourcetest

import "testing"

// forbidden cannot be shown without changing the user of a thread.
func forbidden(t *testing.T, _ Case) { t.Skip("needs Linux: the user of one thread is changed") }
