// Package bench carries out experiments: it brings a backend and the sampler together,
// turns each request into a record, and keeps the protocol around them (pre-flight checks,
// idle baseline, warm-up, interleaved order, cool-down, drift).
//
// A run is a Plan carried out by Run. Trials go to the store as they finish, so that a run
// that ends early, for whatever reason, can be resumed without repeating or losing any.
package bench
