// Package measure holds what a measurement is: readings, series, counters, baselines,
// windows and areas under curves. Everything here is a pure function of samples, but
// for Now, which reads the one clock that all time stamps share.
package measure

// Quality says how far a value may be trusted. The zero value is Unavailable, so that a
// forgotten field reads as absent and never as a measured zero.
type Quality uint8

// Qualities, worst first.
const (
	Unavailable Quality = iota
	Estimated
	Measured
)

// String returns "unavailable", "estimated" or "measured".
func (q Quality) String() string {
	switch q {
	case Measured:
		return "measured"
	case Estimated:
		return "estimated"
	default:
		return "unavailable"
	}
}

// Scope says what a reading covers.
type Scope string

// Scopes from the smallest to the largest.
const (
	ScopeProcess Scope = "process"
	ScopeCore    Scope = "core"
	ScopeUncore  Scope = "uncore"
	ScopeDRAM    Scope = "dram"
	ScopeRail    Scope = "rail" // one supply line of a board, of an extent that is not known
	ScopePackage Scope = "package"
	ScopePsys    Scope = "psys" // platform as wired by the board maker; differs between boards
	ScopeSoC     Scope = "soc"
	ScopeSystem  Scope = "system"
	ScopeBoard   Scope = "board"
	ScopeWall    Scope = "wall"
)

// Kind is the physical quantity of a channel; each kind has exactly one unit in memory.
type Kind string

// Kinds and their units. Cumulative kinds only ever grow (their sources unwrap them).
const (
	KindCPUTime     Kind = "cpu_time"    // cumulative core-seconds
	KindMemory      Kind = "memory"      // bytes
	KindEnergy      Kind = "energy"      // cumulative joules
	KindPower       Kind = "power"       // watts
	KindFrequency   Kind = "frequency"   // hertz
	KindTemperature Kind = "temperature" // degrees Celsius
	KindLoad        Kind = "load"        // busy cores: the rate of CPU time
)

// Cumulative reports whether readings of this kind are running totals.
func (k Kind) Cumulative() bool { return k == KindCPUTime || k == KindEnergy }

// Rate returns the kind of a cumulative kind's rate of change: load for CPU time, power for
// energy; other kinds are their own.
func (k Kind) Rate() Kind {
	switch k {
	case KindCPUTime:
		return KindLoad
	case KindEnergy:
		return KindPower
	}
	return k
}

// Unit returns the symbol of the unit that values of this kind have in memory.
func (k Kind) Unit() string {
	switch k {
	case KindCPUTime:
		return "core·s"
	case KindMemory:
		return "B"
	case KindEnergy:
		return "J"
	case KindPower:
		return "W"
	case KindFrequency:
		return "Hz"
	case KindTemperature:
		return "°C"
	case KindLoad:
		return "cores"
	}
	return ""
}

// Channel describes one stream of readings: what it is, what it covers and how far it
// can be trusted.
type Channel struct {
	// Name is unique within a run, e.g. "process.cpu" or "powercap.package-0".
	Name string `json:"name"`
	// Source is the name of the source that yields it, e.g. "powercap".
	Source  string  `json:"source"`
	Kind    Kind    `json:"kind"`
	Scope   Scope   `json:"scope"`
	Quality Quality `json:"quality"`
	// Reason says why the channel is unavailable or only estimated.
	Reason string `json:"reason,omitempty"`
	// RateHz is the rate at which the channel yields new values; 0 when it follows the sampler.
	RateHz float64 `json:"rate_hz"`
	// Resolution is the smallest step of the value, in the kind's unit; 0 when unknown.
	Resolution float64 `json:"resolution,omitempty"`
	// Capacity is the value (for CPU time the rate) at which the machine is full: cores or
	// bytes of memory; 0 when unknown or without meaning. Percent figures refer to it.
	Capacity float64 `json:"capacity,omitempty"`
	// Uncertainty is the relative standard uncertainty of an estimate; 0 when unknown.
	Uncertainty float64 `json:"uncertainty,omitempty"`
}

// Series is one channel's samples in time order. T holds nanoseconds of the monotonic
// clock (Now); V holds values in the kind's unit, NaN where a reading was absent.
type Series struct {
	Channel Channel
	T       []int64
	V       []float64
}

// Phase is one marked stretch of a request, in nanoseconds of the monotonic clock.
type Phase struct {
	Name  string `json:"name"` // load, encode, prefill or decode
	Start int64  `json:"start_ns"`
	End   int64  `json:"end_ns"`
}

// The phases of a request.
const (
	PhaseLoad    = "load"
	PhaseEncode  = "encode"
	PhasePrefill = "prefill"
	PhaseDecode  = "decode"
)
