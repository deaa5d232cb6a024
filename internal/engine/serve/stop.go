package serve

import "strings"

// stopper passes text on until one of the stop strings appears. It holds back the end of
// the text while that may be the beginning of one.
type stopper struct {
	stops []string
	held  string
}

// push returns the text that may go out, and whether a stop string ended it.
func (s *stopper) push(text string) (out string, stopped bool) {
	s.held += text
	if i := s.find(); i >= 0 {
		out, s.held = s.held[:i], ""
		return out, true
	}
	keep := 0
	for _, stop := range s.stops {
		for n := min(len(stop)-1, len(s.held)); n > keep; n-- {
			if strings.HasSuffix(s.held, stop[:n]) {
				keep = n
			}
		}
	}
	cut := len(s.held) - keep
	out, s.held = s.held[:cut], s.held[cut:]
	return out, false
}

// find returns where the first stop string begins, or -1.
func (s *stopper) find() int {
	first := -1
	for _, stop := range s.stops {
		if i := strings.Index(s.held, stop); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	return first
}

// flush returns what is held back when no more text will come.
func (s *stopper) flush() string {
	out := s.held
	s.held = ""
	return out
}
