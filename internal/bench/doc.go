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
// # Images
//
// A plan with resolutions sweeps the size of an image beside one short prompt; X is then the
// image's nominal pixels. Its image is a pure function of seed, size, kind and repeat: alike
// for all configurations, and different for every other trial, so that no cache helps. It is
// drawn and encoded before the window; that the server decodes the file is part of the cost.
// Clamps on what a model sees are configurations of their own.
//
// # Tasks
//
// A plan with tasks has every configuration answer them, at every resolution of the sweep,
// through the server that the trials measure: greedily, to the end of the answer, and judged at
// once. Each task is a window of its own whose figures are those of a trial's amounts; no samples
// are kept of it. Tasks come in blocks in random order, after the trials, so that the sampler
// need not turn to another server for each.
//
// # Reloading
//
// With Plan.Reload the server is started anew within the window of every trial, and the load
// phase is one of the trial's. A window then holds one request, whatever MinWindow says. All
// prompts are composed beforehand, by servers that also make one request each, so that the
// files are in the system's cache; there is no other warm-up, as no server lives on. The
// idle level of everything is that of the machine without a server. The machine is sampled
// throughout; the server's process is from the moment it is ready, its running totals count
// from zero at its start, and its end is not part of the trial.
//
// # What ends a run and what does not
//
// A model server that fails is started again once per session, with a doubt on the trial
// that follows. A second failure, a full disk and an interruption end the run; finished
// trials are safe, and Resume goes on.
package bench
