//go:build !darwin

package estimate

// brand is the name of the processor; only Apple's profiles depend on it.
func brand() string { return "" }
