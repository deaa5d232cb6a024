package compress

import (
	"context"
	"math"
	"testing"
)

// TestProfile cuts every site alone, to no more than each level, and says what was kept.
func TestProfile(t *testing.T) {
	in, data := random(t, "llama", true), calibration(t, sequences(20, false))
	p, err := NewProfile(context.Background(), in, data, Options{Threads: 1}, []float64{0.8, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Cuts) != 2*8 || p.Tokens != 2*47 {
		t.Fatalf("%d cuts on %d tokens, want two of each of 8 sites on 94", len(p.Cuts), p.Tokens)
	}
	for i, k := range p.Cuts {
		var dense int64
		for _, layer := range k.Layers {
			dense += in.Language.Tensor(layer + ".weight").Values()
		}
		if want := float64(k.Parameters) / float64(dense); math.Abs(k.Kept-want) > 1e-12 || k.Kept > k.Level || k.Kept < k.Level-0.2 {
			t.Errorf("%v: %.3f kept, %.3f by parameters, level %g", k.Layers, k.Kept, want, k.Level)
		}
		if !(k.KL > 0 && k.KL < 1) || !(k.Loss > 0 && k.Loss < 1) || k.Bytes <= 0 || !(k.Seconds > 0 && k.DenseSeconds > 0) {
			t.Errorf("%+v", k)
		}
		if i%2 == 1 && (k.KL < p.Cuts[i-1].KL || k.Loss < p.Cuts[i-1].Loss) {
			t.Errorf("%v: a lower level does less: %+v, then %+v", k.Layers, p.Cuts[i-1], k)
		}
	}
}
