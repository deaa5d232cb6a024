// Package bench carries out experiments: it brings a backend and the sampler together,
// turns each request into a record, and keeps the protocol around them (pre-flight checks,
// idle baseline, warm-up, interleaved order, cool-down, drift).
//
// A run is a Plan carried out by Run. Trials go to the store as they finish, so that a run
// that ends early, for whatever reason, can be resumed without repeating or losing any.
//
// # The window of a trial
//
// A short prompt may be answered in a fraction of a second, which 20 Hz samples do not
// resolve. A trial therefore makes its request again, back to back, until its window is
// Plan.MinWindow long, and divides what the window took by the number of requests. All
// sources are read at both edges of the window, between the ticks, so that differences of
// counters (CPU time, joules) are exact there. The edges of phases are known only afterwards
// and are interpolated; their figures carry the bound of that error as their uncertainty.
//
// # What idle means
//
// The idle level of CPU load and power is that of the machine with the model loaded and its
// server waiting: the state in which a request begins and ends. The idle level of memory is
// that of the machine before the model was loaded, so that the load on memory is what the
// model takes, weights included, for as long as the request lasts. Where several models are
// loaded, each is held against the machine without it.
//
// # What ends a run and what does not
//
// A model server that fails is started again once per session, with a doubt on the trial
// that follows. A second failure, a full disk and an interruption end the run; finished
// trials are safe, and Resume goes on.
package bench
