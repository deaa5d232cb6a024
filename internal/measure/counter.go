package measure

// Advance says how a counter came to its new reading.
type Advance uint8

// Ways in which a counter advances.
const (
	First   Advance = iota // the first reading: it has no delta yet
	Delta                  // grew, or stood still
	Wrapped                // passed the end of its range once
	Reset                  // went backwards without a wrap being plausible: the total continues, the step is lost
)

// String returns "first", "delta", "wrapped" or "reset".
func (a Advance) String() string {
	return [...]string{"first", "delta", "wrapped", "reset"}[a&3]
}

// Counter turns raw readings of a hardware counter into a running total. The zero value
// counts without a range, so that any step backwards is a reset.
type Counter struct {
	// Range is the number of distinct raw values (the counter goes 0 … Range−1 and then 0
	// again); 0 when the counter never wraps.
	Range uint64
	// MaxStep is the largest plausible distance through the end of the range; 0 means half
	// the range.
	MaxStep uint64

	last  uint64
	total uint64
	begun bool
}

// Add takes the next raw reading and returns its distance from the one before, in raw
// units, with the way it came about. A step backwards is taken for a wrap when the
// distance through the end of the range is at most MaxStep, else for a reset: a counter
// must be polled at least twice per range, and one that restarts from zero would otherwise
// be read as a huge amount.
func (c *Counter) Add(raw uint64) (delta uint64, how Advance) {
	last := c.last
	c.last = raw
	limit := c.MaxStep
	if limit == 0 {
		limit = c.Range / 2
	}
	switch {
	case !c.begun:
		c.begun = true
		return 0, First
	case raw >= last:
		delta, how = raw-last, Delta
	case c.Range > last && c.Range-last+raw <= limit:
		delta, how = c.Range-last+raw, Wrapped
	default:
		return 0, Reset
	}
	c.total += delta
	return delta, how
}

// Total is the sum of all deltas in raw units.
func (c *Counter) Total() uint64 { return c.total }
