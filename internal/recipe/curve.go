package recipe

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Point is a line of the training curve.
type Point struct {
	Phase   string             `json:"phase"`
	Step    int                `json:"step"`              // of the phase
	Of      int                `json:"of"`                // steps of the phase
	Seen    uint64             `json:"seen"`              // sequences of all phases
	Loss    float64            `json:"loss"`              // weighted mean since the last point, nats
	Rate    float64            `json:"rate"`              // the learning rate
	Tokens  int64              `json:"tokens"`            // read since the last point
	Seconds float64            `json:"seconds"`           // since the last point
	Right   float64            `json:"right"`             // share of validation answers that are right, where there is ByKind
	ByKind  map[string]float64 `json:"by_kind,omitempty"` // the same of each kind of question
}

// maxCurve bounds the bytes of a curve.
const maxCurve = 64 << 20

// ReadCurve reads the curve that a training wrote. Errors name the line.
func ReadCurve(path string) (points []Point, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCurve {
		return nil, fmt.Errorf("%s: %d bytes are more than a curve has", path, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	line := 0
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line++
		var p Point
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line, err)
		}
		points = append(points, p)
	}
	return points, nil
}

// appendPoint adds a line to the curve.
func appendPoint(path string, p Point) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
