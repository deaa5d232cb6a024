package sampler

import "errors"

// dutyChild needs getrusage; the program of known duty does not run on Windows.
func dutyChild() error { return errors.New("no program of known duty on this platform") }
