package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// maxTokenFile bounds a file of token ids.
const maxTokenFile = 64 << 20

// ReadTokens reads token ids: a JSON array, or numbers separated by white space.
func ReadTokens(r io.Reader) ([]int32, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxTokenFile+1))
	if err != nil {
		return nil, fmt.Errorf("read token ids: %w", err)
	}
	if len(data) > maxTokenFile {
		return nil, fmt.Errorf("read token ids: more than %d bytes", maxTokenFile)
	}
	if data = bytes.TrimSpace(data); bytes.HasPrefix(data, []byte("[")) {
		var ids []int32
		if err := json.Unmarshal(data, &ids); err != nil {
			return nil, fmt.Errorf("read token ids: %w", err)
		}
		return ids, nil
	}
	var ids []int32
	for i, field := range bytes.Fields(data) {
		id, err := strconv.ParseInt(string(field), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read token ids: number %d is %q, want a whole number", i+1, field)
		}
		ids = append(ids, int32(id))
	}
	return ids, nil
}

// WriteLogits runs tokens as a new sequence and writes the logits of every position as
// little-endian float32, position by position.
func (e *Engine) WriteLogits(ctx context.Context, tokens []int32, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<20)
	var row []byte
	err := e.AllLogits(ctx, tokens, 0, func(_ int, logits []float32) (err error) {
		if row, err = binary.Append(row[:0], binary.LittleEndian, logits); err != nil {
			return err
		}
		_, err = out.Write(row)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// CheckWeights reads all weights, those of the encoder of images included, and names the first
// tensor that holds a NaN or an infinity: what logits that are no numbers come from.
func (e *Engine) CheckWeights() error {
	if err := e.source.CheckFinite(); err != nil || e.sight == nil {
		return err
	}
	return e.sight.source.CheckFinite()
}
