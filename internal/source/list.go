package source

import (
	"errors"
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// Reading is one channel with the call that reads it. The call must not allocate.
type Reading struct {
	Channel measure.Channel
	Read    func() (float64, error)
}

// List is the part of a source that is the same wherever each channel is read on its own:
// embed it, fill it in Open by Set, and the rest of the contract is met.
type List struct {
	readings []Reading
	failure  []error
	closers  []func() error
}

// Set fixes what is read and what is to be closed.
func (l *List) Set(readings []Reading, closers ...func() error) {
	l.readings, l.closers = readings, closers
	l.failure = make([]error, len(readings))
}

// Channels describes what Read yields, in order.
func (l *List) Channels() []measure.Channel {
	out := make([]measure.Channel, len(l.readings))
	for i, r := range l.readings {
		out[i] = r.Channel
	}
	return out
}

// Read fills dst. It fails when no channel could be read, with the reason of the first.
func (l *List) Read(dst []float64) error {
	if len(l.readings) == 0 {
		return ErrNotOpen
	}
	failed := 0
	for i := range l.readings {
		v, err := l.readings[i].Read()
		if err != nil {
			v, l.failure[i] = math.NaN(), err
			failed++
		}
		dst[i] = v
	}
	if failed == len(l.readings) {
		return l.failure[0]
	}
	return nil
}

// Failure returns why a channel last read as NaN, nil when it never did.
func (l *List) Failure(channel int) error { return l.failure[channel] }

// Close closes what Set was given. Closing twice is allowed.
func (l *List) Close() error {
	var err error
	for _, closer := range l.closers {
		err = errors.Join(err, closer())
	}
	l.readings, l.closers = nil, nil
	return err
}

// Unique tells names apart that occur more than once: the second "x" becomes "x-2".
type Unique map[string]int

// Name returns the name, with a number when it was asked for before.
func (u Unique) Name(name string) string {
	u[name]++
	if n := u[name]; n > 1 {
		return fmt.Sprintf("%s-%d", name, n)
	}
	return name
}
