package tensorfile

import "fmt"

// FormatError says what is wrong with a file, and where.
type FormatError struct {
	File   string // name as the caller gave it
	Field  string // the field that is wrong, e.g. "tensor blk.0.attn_q.weight: offset"
	Offset int64  // where in the file the field starts, in bytes
	Msg    string // what is wrong and, where there is a remedy, what to do
}

// Error writes file, field, byte offset and message on one line.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: %s at byte %d: %s", e.File, e.Field, e.Offset, e.Msg)
}
