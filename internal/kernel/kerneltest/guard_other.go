//go:build !unix

package kerneltest

import "testing"

// guardedBytes returns n bytes; without page protection only writes are noticed.
func guardedBytes(_ testing.TB, n int) []byte { return make([]byte, n) }
