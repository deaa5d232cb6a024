package train

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/wattlaw/wattlaw/internal/model"
)

// A checkpoint is the magic, the length of a JSON head as uint32, the head, then of every
// parameter its values and both moments, and the SHA-256 of all that; numbers are little-endian.
const (
	magic   = "WLTRAIN1"
	maxHead = 16 << 20
)

// head is the part of a checkpoint that says what it belongs to.
type head struct {
	Plan   Plan         `json:"plan"`
	Config model.Config `json:"config"`
	// Vision is that of the encoder of images; nil without one.
	Vision   *model.VisionConfig `json:"vision,omitempty"`
	Params   []headParam         `json:"params"`
	Step     int                 `json:"step"`
	Position uint64              `json:"position"`
	Spent    time.Duration       `json:"spent,omitempty"`
}

type headParam struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

func (t *Trainer) head() head {
	h := head{Plan: t.plan, Config: t.model.Config, Step: t.step, Position: t.position, Spent: t.spent}
	if v, ok := t.model.Vision(); ok {
		h.Vision = &v
	}
	for _, p := range t.model.params {
		h.Params = append(h.Params, headParam{p.Name, p.Shape})
	}
	return h
}

// Save writes a checkpoint, from which Resume goes on to the same bits. The file is whole or, after
// an error, as it was.
func (t *Trainer) Save(path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("save checkpoint %s: %w", path, err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = errors.Join(t.write(f), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (t *Trainer) write(f io.Writer) error {
	data, err := json.Marshal(t.head())
	if err != nil {
		return err
	}
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<20)
	first := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(data)))
	if _, err := w.Write(append(first, data...)); err != nil {
		return err
	}
	var chunk []byte
	for _, list := range t.state() {
		for len(list) > 0 {
			n := min(len(list), grain)
			chunk = chunk[:0]
			for _, v := range list[:n] {
				chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
			}
			if _, err := w.Write(chunk); err != nil {
				return err
			}
			list = list[n:]
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = f.Write(sum.Sum(nil))
	return err
}

// state lists all floats of a checkpoint in its order.
func (t *Trainer) state() (lists [][]float32) {
	for i, p := range t.model.params {
		lists = append(lists, p.Value, t.moments.first[i], t.moments.second[i])
	}
	return lists
}

// Resume loads a checkpoint of the same model, plan and recipe. After an error the training is as before.
func (t *Trainer) Resume(path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("resume from checkpoint %s: %w", path, err)
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // read-only: nothing is lost
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum := sha256.New()
	r := io.TeeReader(bufio.NewReaderSize(f, 1<<20), sum)
	h, read, err := t.readHead(r)
	if err != nil {
		return err
	}
	floats := 3 * t.model.Parameters()
	if want := read + 4*floats + sha256.Size; info.Size() != want {
		return fmt.Errorf("%d bytes, want %d: the file is cut or was continued", info.Size(), want)
	}
	loaded, err := readFloats(r, t.state())
	if err != nil {
		return err
	}
	want, got := sum.Sum(nil), make([]byte, sha256.Size)
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("its checksum does not fit: the file is damaged")
	}
	for i, list := range t.state() {
		copy(list, loaded[i])
	}
	t.step, t.position, t.spent = h.Step, h.Position, h.Spent
	return nil
}

// readHead reads and compares what the checkpoint belongs to, and returns the bytes it took.
func (t *Trainer) readHead(r io.Reader) (h head, read int64, err error) {
	first := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(r, first); err != nil || string(first[:len(magic)]) != magic {
		return h, 0, errors.New("this is no checkpoint of a training")
	}
	n := binary.LittleEndian.Uint32(first[len(magic):])
	if n > maxHead {
		return h, 0, fmt.Errorf("its head claims %d bytes, more than %d", n, maxHead)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return h, 0, fmt.Errorf("its head is cut: %w", err)
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, 0, fmt.Errorf("its head: %w", err)
	}
	want := t.head()
	switch {
	case !sameJSON(h.Config, want.Config) || !sameJSON(h.Vision, want.Vision) || !sameJSON(h.Params, want.Params):
		return h, 0, errors.New("it belongs to a model of another shape")
	case h.Plan.Recipe != want.Plan.Recipe:
		return h, 0, fmt.Errorf("it belongs to recipe %q, this is %q", h.Plan.Recipe, want.Plan.Recipe)
	case !sameJSON(h.Plan, want.Plan):
		return h, 0, errors.New("it was made under another plan (batch, rates or optimizer)")
	case h.Spent < 0:
		return h, 0, fmt.Errorf("it claims that %d steps took %v", h.Step, h.Spent)
	case h.Step < 0 || h.Position != uint64(h.Step)*uint64(t.plan.Batch):
		return h, 0, fmt.Errorf("it claims %d sequences in %d steps of %d", h.Position, h.Step, t.plan.Batch)
	}
	return h, int64(len(first)) + int64(n), nil
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// readFloats reads lists of the lengths of like.
func readFloats(r io.Reader, like [][]float32) ([][]float32, error) {
	lists := make([][]float32, len(like))
	chunk := make([]byte, 4*grain)
	for i, l := range like {
		lists[i] = make([]float32, len(l))
		for at := 0; at < len(l); at += grain {
			n := min(grain, len(l)-at)
			if _, err := io.ReadFull(r, chunk[:4*n]); err != nil {
				return nil, err
			}
			for k := range n {
				lists[i][at+k] = math.Float32frombits(binary.LittleEndian.Uint32(chunk[4*k:]))
			}
		}
	}
	return lists, nil
}
