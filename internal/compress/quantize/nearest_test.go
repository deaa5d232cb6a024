package quantize

import (
	"errors"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

func TestNearest(t *testing.T) {
	sizes := map[model.Format]int64{model.Q8_0: 850, model.Q4_K: 450, model.IQ4_NL: 450, model.Q4_0: 448, model.Q2_K: 262}
	size := func(f model.Format) (int64, error) { return sizes[f], nil }
	among := []model.Format{model.Q4_0, model.Q2_K, model.IQ4_NL, model.Q4_K, model.Q8_0}
	for _, c := range []struct {
		want   int64
		format model.Format
	}{
		{10_000, model.Q8_0}, {700, model.Q8_0}, {600, model.Q4_K}, {448, model.Q4_K}, {440, model.Q4_K}, {300, model.Q2_K}, {0, model.Q2_K},
	} {
		if f, n, err := Nearest(c.want, among, size); err != nil || f != c.format || n != sizes[f] {
			t.Errorf("%d bytes: %v of %d, %v; want %v", c.want, f, n, err, c.format)
		}
	}
	if _, _, err := Nearest(5, nil, size); err == nil {
		t.Error("a format among none")
	}
	bad := errors.New("bad")
	if _, _, err := Nearest(5, among, func(model.Format) (int64, error) { return 0, bad }); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}

// What is foretold is what is written.
func TestBytes(t *testing.T) {
	in := modelFile(t, "shape:tiny-qwen2@f16")
	src := model.EncoderFromFile(open(t, in))
	for _, format := range []model.Format{model.Q8_0, model.Q4_0} {
		out, _ := run(t, in, Options{Format: format})
		written := model.EncoderFromFile(open(t, out))
		if n, err := Bytes(src, format); err != nil || n != written.Bytes() {
			t.Errorf("%v: %d bytes, %v; the file has %d", format, n, err, written.Bytes())
		}
		if !Same(src, written) {
			t.Errorf("%v is another model", format)
		}
	}
	s, f, err := shape.Parse("shape:tiny@f16")
	if err != nil {
		t.Fatal(err)
	}
	if Same(src, s.Plan(f)) || Same(s.Plan(f), src) {
		t.Error("two models are the same")
	}
}
