// Package tensorfile holds what the readers of model files share: read-only memory-mapped
// files, and the error that names a broken field.
package tensorfile

import (
	"fmt"
	"os"
)

// Mapping is a file's contents in memory, paged in by the operating system on first use.
//
// A file that shrinks while it is mapped takes its pages with it, and touching them kills
// the process: replace model files by renaming, as the writers of this project do.
type Mapping struct {
	data []byte
}

// Open maps the file at path. It errs when the file cannot be read, is no regular file,
// is empty, or is too large for the address space.
func Open(path string) (*Mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open model file: %w", err)
	}
	defer f.Close() // the mapping outlives the descriptor
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open model file: %w", err)
	}
	size := info.Size()
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("open model file: %s is no regular file", path)
	case size == 0:
		return nil, &FormatError{File: path, Field: "file", Msg: "is empty: download it again"}
	case int64(int(size)) != size:
		return nil, fmt.Errorf("open model file: %s: %d bytes exceed the address space", path, size)
	}
	data, err := mapFile(f, int(size))
	if err != nil {
		return nil, fmt.Errorf("map model file %s: %w", path, err)
	}
	return &Mapping{data: data}, nil
}

// Bytes returns the contents, nil after Close. They must not be written to, nor be used
// once Close has been called.
func (m *Mapping) Bytes() []byte { return m.data }

// Close unmaps the file; further calls do nothing.
func (m *Mapping) Close() error {
	data := m.data
	m.data = nil
	if data == nil {
		return nil
	}
	if err := unmap(data); err != nil {
		return fmt.Errorf("unmap model file: %w", err)
	}
	return nil
}
