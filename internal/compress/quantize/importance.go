package quantize

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tensor/tensorfile"
)

// Importance is an importance matrix as llama.cpp's llama-imatrix makes it: of every matrix of
// a model the mean squares of what its columns are multiplied with on a calibration text.
type Importance struct {
	// Name is the file's, Dataset that of the text, "" if not stated.
	Name, Dataset string
	// Chunks is the number of pieces of text.
	Chunks int64

	values map[string][]float32
}

// ReadImportance reads an importance matrix, as a GGUF file or in the older format (.dat).
func ReadImportance(path string) (*Importance, error) {
	m, err := tensorfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("importance matrix: %w", err)
	}
	defer m.Close() // all values are copied
	return parseImportance(m.Bytes(), path)
}

func parseImportance(data []byte, name string) (*Importance, error) {
	im := &Importance{Name: name, values: map[string][]float32{}}
	parse := im.parseOld
	if bytes.HasPrefix(data, []byte("GGUF")) {
		parse = im.parseGGUF
	}
	if err := parse(data); err != nil {
		return nil, fmt.Errorf("importance matrix: %w", err)
	}
	if len(im.values) == 0 {
		return nil, fmt.Errorf("importance matrix %s: no matrix is in it", name)
	}
	for tensor, values := range im.values {
		for i, v := range values {
			if !(v >= 0 && v <= math.MaxFloat32) {
				return nil, fmt.Errorf("importance matrix %s: column %d of %q is %v, want a finite number of at least 0", name, i, tensor, v)
			}
		}
	}
	return im, nil
}

// parseGGUF reads NAME.in_sum2, the sums of squares of columns × matrices, and NAME.counts,
// the number of terms for each matrix. A matrix that the text never reached weighs all alike.
func (im *Importance) parseGGUF(data []byte) error {
	f, err := gguf.Parse(data, im.Name)
	if err != nil {
		return err
	}
	if sets, ok := f.Strings("imatrix.datasets"); ok && len(sets) > 0 {
		im.Dataset = sets[0]
	}
	im.Chunks, _ = f.Int("imatrix.chunk_count")
	for _, sums := range f.Tensors() {
		name, ok := strings.CutSuffix(sums.Name, ".in_sum2")
		if !ok {
			continue
		}
		counts, ok := f.Tensor(name + ".counts")
		if !ok || sums.DType != tensor.F32 || counts.DType != tensor.F32 || sums.Elements()%counts.Elements() != 0 {
			return fmt.Errorf("%s: %q has no counts that fit its sums, both F32: make the file anew", im.Name, name)
		}
		values, terms := make([]float32, sums.Elements()), make([]float32, counts.Elements())
		if err := tensor.Dequantize(values, tensor.F32, f.Data(sums)); err != nil {
			return err
		}
		if err := tensor.Dequantize(terms, tensor.F32, f.Data(counts)); err != nil {
			return err
		}
		for i := range values {
			if n := terms[i/(len(values)/len(terms))]; n > 0 {
				values[i] /= n
			} else {
				values[i] = 1
			}
		}
		im.values[name] = values
	}
	return nil
}

// parseOld reads the older format: the number of entries, and of each its name, the number of
// calls, and values summed over the calls; then the number of chunks and the text's name. All
// numbers are little-endian int32 and float32, names follow their length.
func (im *Importance) parseOld(data []byte) error {
	r := reader{data: data}
	entries := r.count()
	for i := 0; i < entries && !r.failed; i++ {
		name := string(r.take(r.count()))
		calls := r.int32()
		n := r.count()
		raw := r.take(4 * n)
		if r.failed || n == 0 || name == "" {
			break
		}
		values := make([]float32, n)
		if err := tensor.Dequantize(values, tensor.F32, raw); err != nil {
			return err
		}
		for j := range values {
			values[j] /= float32(max(calls, 1))
		}
		im.values[name] = values
	}
	if r.failed || len(im.values) != entries {
		return fmt.Errorf("%s: at byte %d: %d of %d entries are there: neither a GGUF file nor a whole one of the older format", im.Name, r.at, len(im.values), entries)
	}
	if r.at < len(data) { // what follows is optional
		im.Chunks = int64(r.int32())
		im.Dataset = string(r.take(r.count()))
	}
	return nil
}

// reader takes numbers and bytes off data until one is not there.
type reader struct {
	data   []byte
	at     int
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.data)-r.at {
		r.failed = true
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// count is an int32 that counts things of at least a byte each in what follows.
func (r *reader) count() int {
	n := int(r.int32())
	if n < 0 || n > len(r.data)-r.at {
		r.failed = true
		return 0
	}
	return n
}

// covers errs when a matrix that is quantized has no values, or not as many as columns. The
// embedding, whose rows are looked up and multiplied with nothing, and the output layer, which
// llama-imatrix leaves out unless told otherwise, may be missing.
func (im *Importance) covers(changes []Change) error {
	var missing []string
	matrices := 0
	for i := range changes {
		c := &changes[i]
		if !c.weighted() {
			continue
		}
		matrices++
		values, ok := im.values[c.Name]
		switch want := c.Shape[0] * int(c.Values()) / (c.Shape[0] * c.Shape[1]); {
		case !ok && c.Name != "token_embd.weight" && c.Name != "output.weight":
			missing = append(missing, c.Name)
		case ok && len(values) != want:
			return fmt.Errorf("importance matrix %s has %d columns for tensor %q, which has %d: it was made from another model", im.Name, len(values), c.Name, want)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("importance matrix %s has nothing for %d of %d matrices, first %q: make it anew from this model", im.Name, len(missing), matrices, missing[0])
	}
	return nil
}

// meta records where the importance came from, under llama.cpp's keys.
func (im *Importance) meta() []model.Entry {
	meta := []model.Entry{
		{Key: "quantize.imatrix.file", Value: gguf.ValueOf(filepath.Base(im.Name))},
		{Key: "quantize.imatrix.entries_count", Value: gguf.ValueOf(uint32(len(im.values)))},
		{Key: "quantize.imatrix.chunks_count", Value: gguf.ValueOf(uint32(max(min(im.Chunks, math.MaxUint32), 0)))},
	}
	if im.Dataset != "" {
		meta = append(meta, model.Entry{Key: "quantize.imatrix.dataset", Value: gguf.ValueOf(filepath.Base(im.Dataset))})
	}
	return meta
}
