package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// File is a file of the kernel that is read again and again from its beginning: it stays
// open and its buffer is reused. Reading does not allocate.
type File struct {
	file *os.File
	buf  []byte
}

// OpenFile opens path for readings of at most size bytes.
func OpenFile(path string, size int) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &File{file: f, buf: make([]byte, size)}, nil
}

// Bytes reads the file's present content, at most the size given to OpenFile, in one call,
// so that its parts belong together. The slice is valid until the next call.
func (f *File) Bytes() ([]byte, error) {
	if f == nil || f.file == nil {
		return nil, os.ErrClosed
	}
	n, err := pread(f.file, f.buf)
	if err != nil {
		return nil, err
	}
	return f.buf[:n], nil
}

// ErrFormat is returned for content that is not what the kernel's documentation promises.
var ErrFormat = errors.New("unexpected content")

// Int reads the file as one decimal integer, as most files of /sys are.
func (f *File) Int() (int64, error) {
	b, err := f.Bytes()
	if err != nil {
		return 0, err
	}
	v, rest, ok := ParseInt(b)
	if !ok || len(TrimSpace(rest)) != 0 {
		return 0, ErrFormat
	}
	return v, nil
}

// Close closes the file. Closing twice, or a nil File, is allowed.
func (f *File) Close() error {
	if f == nil || f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// ParseInt reads a decimal integer at the start of b, after blanks, and returns what
// follows it. It fails on anything else and on values beyond int64.
func ParseInt(b []byte) (v int64, rest []byte, ok bool) {
	b = TrimSpace(b)
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		d := int64(b[i] - '0')
		if v > (1<<63-1-d)/10 {
			return 0, b, false
		}
		v = v*10 + d
	}
	if negative {
		v = -v
	}
	return v, b[i:], i > 0
}

// TrimSpace cuts blanks, tabs and line ends from the start of b, and a trailing line end.
func TrimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\n') {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return b
}

// ReadText returns the content of a small file without surrounding white space.
func ReadText(path string) (string, error) {
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}

// Probe returns the state of a file that a source needs: ready when it can be read,
// forbidden when only permission is missing, absent when it does not exist, else faulty.
func Probe(path string) (State, string) {
	f, err := os.Open(path)
	if err == nil {
		_, err = f.Read(make([]byte, 1))
		err = errors.Join(err, f.Close())
	}
	switch {
	case err == nil:
		return Ready, ""
	case errors.Is(err, fs.ErrNotExist):
		return NoHardware, fmt.Sprintf("%s does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return NoPermission, fmt.Sprintf("%s may not be read by this user", path)
	default:
		return Faulty, err.Error()
	}
}
