package measure

import "fmt"

// MarshalText writes the quality as its name, so that records stay readable.
func (q Quality) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (q *Quality) UnmarshalText(text []byte) error {
	for _, known := range []Quality{Unavailable, Estimated, Measured} {
		if known.String() == string(text) {
			*q = known
			return nil
		}
	}
	return fmt.Errorf("quality %q: want measured, estimated or unavailable", text)
}
