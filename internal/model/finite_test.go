package model_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

func TestCheckFiniteNamesTheTensor(t *testing.T) {
	for _, ref := range []string{"shape:tiny@f32", "shape:tiny@q8_0"} {
		s, format, err := shape.Parse(ref)
		if err != nil {
			t.Fatal(err)
		}
		src, err := s.Build(format, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := src.CheckFinite(); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
		last := &src.Tensors[len(src.Tensors)-1]
		switch last.DType {
		case tensor.F32:
			binary.LittleEndian.PutUint32(last.Data[len(last.Data)-4:], math.Float32bits(float32(math.Inf(-1))))
		default: // the scale of the first block
			binary.LittleEndian.PutUint16(last.Data, 0x7e00)
		}
		if err := src.CheckFinite(); err == nil || !strings.Contains(err.Error(), last.Name) || !strings.Contains(err.Error(), "value ") {
			t.Errorf("%s: %v, want the name of %s", ref, err, last.Name)
		}
	}
}
