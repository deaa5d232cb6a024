// Package source is the contract of everything that yields readings of CPU, memory,
// power, energy, temperature or frequency. Each source is one folder below this one.
//
// A source takes its root path as an argument, keeps its files open, and reads without
// allocating, so that it can be polled from the sampling loop. The suite in sourcetest
// holds every source to this contract.
package source

import (
	"errors"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// State is the outcome of probing for a source on this machine.
type State string

// States of a source. Forbidden differs from absent: only the first can be granted.
const (
	Ready        State = "ready"
	NoHardware   State = "no hardware"
	NoPermission State = "no permission"
	Faulty       State = "faulty"
)

// Info is what a user is told about a source.
type Info struct {
	Name   string // e.g. "powercap"
	About  string // one line: what it reads
	State  State
	Reason string // why it is not ready; empty when it is
	Fix    string // the exact command that grants permission; empty when there is none
}

// Source yields readings. Probe first (Info), then Open, Read in a loop, Close.
// A Source is used by one goroutine at a time.
type Source interface {
	// Info probes without keeping anything open. It may be called before Open.
	Info() Info
	// Open opens what Read needs and fixes the list of channels.
	Open() error
	// Channels describes what Read yields, in order. Valid after Open.
	Channels() []measure.Channel
	// Read fills dst[i] with the value of Channels()[i], in the unit of its kind, NaN
	// where this one reading failed. Cumulative channels are unwrapped running totals.
	// An error means that nothing could be read at all. Read does not allocate.
	Read(dst []float64) error
	// Close releases what Open took. Closing twice is allowed.
	Close() error
}

// Explainer is implemented by sources that can say why a single reading failed.
type Explainer interface {
	// Failure returns why Channels()[channel] last read as NaN, nil when it never did.
	Failure(channel int) error
}

// ErrNotOpen is returned by Read before Open and after Close.
var ErrNotOpen = errors.New("source is not open")
