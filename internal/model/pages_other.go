//go:build !linux

package model

// Allocate returns n zeroed bytes for data that is read from front to back again and again.
func Allocate(n int64) []byte { return make([]byte, n) }
