package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// nameLimit is what llama.cpp takes: 64 bytes with the terminating zero.
const nameLimit = 63

// Writer collects metadata and tensors and writes them as a GGUF file of version 3. The
// data of a tensor is asked for only while it is written, so a file may be larger than
// memory.
type Writer struct {
	keys    []string
	values  map[string]Value
	tensors []pending
	names   map[string]bool
}

type pending struct {
	Tensor // Offset is relative to the data section
	source func(io.Writer) error
}

// NewWriter returns an empty Writer.
func NewWriter() *Writer {
	return &Writer{values: map[string]Value{}, names: map[string]bool{}}
}

// Set sets a metadata value; a key set again keeps its place and takes the new value. It
// errs on an empty or oversized key, a Value that holds nothing, and an alignment that is
// no uint32 power of two from 8 to 2^30.
func (w *Writer) Set(key string, v Value) error {
	switch {
	case key == "" || len(key) > maxName:
		return fmt.Errorf("gguf metadata key of %d bytes: 1 to %d are allowed", len(key), maxName)
	case len(v.raw) == 0:
		return fmt.Errorf("gguf metadata %s: value holds nothing", key)
	}
	if a, ok := v.Uint(); key == alignmentKey && (!ok || v.typ != Uint32 || !validAlignment(a)) {
		return fmt.Errorf("gguf metadata %s: is %v %v, must be a uint32 power of two from %d to %d",
			key, v.typ, v, minAlign, maxHeader)
	}
	if _, ok := w.values[key]; !ok {
		w.keys = append(w.keys, key)
	}
	w.values[key] = v
	return nil
}

// Add appends a tensor. shape has one to four dimensions, the first running fastest and a
// whole number of blocks long. source is called once per written file and must write
// exactly the bytes of that shape.
func (w *Writer) Add(name string, dt tensor.DType, shape []int, source func(io.Writer) error) error {
	switch {
	case name == "" || len(name) > nameLimit:
		return fmt.Errorf("gguf tensor name %q: 1 to %d bytes are allowed", name, nameLimit)
	case w.names[name]:
		return fmt.Errorf("gguf tensor %s: added twice", name)
	case len(shape) == 0 || len(shape) > maxDims:
		return fmt.Errorf("gguf tensor %s: %d dimensions, 1 to %d are allowed", name, len(shape), maxDims)
	case slices.Min(shape) < 1:
		return fmt.Errorf("gguf tensor %s: shape %v: every dimension must be at least 1", name, shape)
	}
	size, err := dt.RowBytes(shape[0])
	if err != nil {
		return fmt.Errorf("gguf tensor %s: %w", name, err)
	}
	for _, d := range shape[1:] {
		if size > maxFile/d {
			return fmt.Errorf("gguf tensor %s: shape %v: size overflows", name, shape)
		}
		size *= d
	}
	w.names[name] = true
	t := Tensor{Name: name, DType: dt, Shape: slices.Clone(shape), Size: int64(size)}
	w.tensors = append(w.tensors, pending{t, source})
	return nil
}

const maxFile = 1 << 60

// Bytes is a source for Add that writes b.
func Bytes(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// Stream is a source for Add that copies r to its end. It serves one file.
func Stream(r io.Reader) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.Copy(w, r)
		return err
	}
}

// Write writes the file to dst, front to back. It errs when dst or a source does, or when
// a source writes more or fewer bytes than its tensor has.
func (w *Writer) Write(dst io.Writer) error {
	align := int64(DefaultAlignment)
	if v, ok := w.values[alignmentKey]; ok {
		a, _ := v.Int() // Set has checked it
		align = a
	}
	header := w.header(align)
	out := &counter{w: dst}
	if err := out.pad(header, alignUp(int64(len(header)), align)); err != nil {
		return fmt.Errorf("write gguf header: %w", err)
	}
	for _, t := range w.tensors {
		start := out.n
		out.limit = start + t.Size
		if err := t.source(out); err != nil {
			return fmt.Errorf("write gguf tensor %s: %w", t.Name, err)
		}
		if out.n != out.limit {
			return fmt.Errorf("write gguf tensor %s: source ended after %d of %d bytes", t.Name, out.n-start, t.Size)
		}
		if err := out.pad(nil, alignUp(out.n, align)); err != nil {
			return fmt.Errorf("write gguf tensor %s: %w", t.Name, err)
		}
	}
	return nil
}

// header encodes everything before the data section, without its padding.
func (w *Writer) header(align int64) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte(magic), 3)
	b = le.AppendUint64(b, uint64(len(w.tensors)))
	b = le.AppendUint64(b, uint64(len(w.keys)))
	for _, key := range w.keys {
		v := w.values[key]
		b = appendScalar(b, key)
		b = le.AppendUint32(b, uint32(v.typ))
		b = append(b, v.raw...)
	}
	var offset int64
	for _, t := range w.tensors {
		b = appendScalar(b, t.Name)
		b = le.AppendUint32(b, uint32(len(t.Shape)))
		for _, d := range t.Shape {
			b = le.AppendUint64(b, uint64(d))
		}
		b = le.AppendUint32(b, uint32(t.DType))
		b = le.AppendUint64(b, uint64(offset))
		offset = alignUp(offset+t.Size, align)
	}
	return b
}

// counter counts what passes and refuses what would exceed the limit.
type counter struct {
	w        io.Writer
	n, limit int64
}

func (c *counter) Write(b []byte) (int, error) {
	if int64(len(b)) > c.limit-c.n {
		return 0, fmt.Errorf("source has more bytes than the tensor")
	}
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// pad writes b and zeros up to position end.
func (c *counter) pad(b []byte, end int64) error {
	c.limit = end
	if _, err := c.Write(b); err != nil {
		return err
	}
	_, err := c.Write(make([]byte, end-c.n))
	return err
}

// WriteFile writes the file to path all or nothing: into a temporary file beside it that is
// renamed once it is complete and on disk.
func (w *Writer) WriteFile(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write gguf file: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	buffered := bufio.NewWriterSize(f, 1<<20)
	if err := w.Write(buffered); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	for _, step := range []func() error{
		buffered.Flush,
		func() error { return f.Chmod(0o644) }, // temporary files are private
		f.Sync,
		f.Close,
		func() error { return os.Rename(f.Name(), path) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("write gguf file: %w", err)
		}
	}
	return nil
}
