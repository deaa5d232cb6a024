package shape

import (
	"bytes"
	"math"
	"runtime"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// TestParameterCounts holds the catalogue to the numbers of weights that the models'
// authors publish.
func TestParameterCounts(t *testing.T) {
	published := map[string]int64{
		"smollm2-135m": 134_515_008, "smollm2-360m": 361_821_120, "smollm2-1.7b": 1_711_376_384,
		"qwen2.5-0.5b": 494_032_768, "qwen2.5-1.5b": 1_543_714_304, "qwen2.5-7b": 7_615_616_512,
		"llama-3.2-1b": 1_235_814_400, "llama-3.2-3b": 3_212_749_824, "llama-3.1-8b": 8_030_261_248,
		"qwen2-vl-2b": 2_208_985_600, "qwen2.5-vl-3b": 3_754_622_976,
		"smolvlm-256m": 256_484_928, "smolvlm-500m": 507_482_304, "smolvlm-2.2b": 2_246_272_880,
		"minilm-l6": 22_713_216,
	}
	for _, s := range Catalogue() {
		got := s.Plan(Q8_0).Parameters()
		if s.Vision != nil {
			got += s.PlanVision(Q8_0).Parameters()
		}
		if s.Factor > 0 {
			got -= int64(s.Config.RopeDims / 2) // the frequencies' divisors are no weights
		}
		if s.embeds() {
			got += int64(s.Config.Width * (s.Config.Width + 1)) // a layer that sentence encoders leave out
		}
		if got != published[s.Name] {
			t.Errorf("%s has %d parameters, published are %d", s.Name, got, published[s.Name])
		}
		delete(published, s.Name)
	}
	for name := range published {
		t.Errorf("%s is not in the catalogue", name)
	}
}

// TestMixtureFollowsTheQuantizer holds types of the mixture to those that llama-quantize
// prints for these architectures.
func TestMixtureFollowsTheQuantizer(t *testing.T) {
	cases := []struct {
		ref, name string
		want      tensor.DType
	}{
		{"shape:llama-3.1-8b@q4_k_m", "output.weight", tensor.Q6_K},
		{"shape:llama-3.1-8b@q4_k_m", "token_embd.weight", tensor.Q4_K},
		{"shape:llama-3.1-8b@q4_k_m", "blk.0.attn_v.weight", tensor.Q6_K},
		{"shape:llama-3.1-8b@q4_k_m", "blk.4.ffn_down.weight", tensor.Q4_K},
		{"shape:llama-3.1-8b@q4_k_m", "blk.6.ffn_down.weight", tensor.Q6_K},
		{"shape:llama-3.1-8b@q4_k_m", "blk.31.ffn_down.weight", tensor.Q6_K},
		{"shape:llama-3.1-8b@q4_k_m", "blk.31.ffn_up.weight", tensor.Q4_K},
		{"shape:smollm2-135m@q4_k_m", "token_embd.weight", tensor.Q8_0},
		{"shape:smollm2-135m@q4_k_m", "blk.0.attn_q.weight", tensor.Q5_0},
		{"shape:smollm2-135m@q4_k_m", "blk.0.ffn_down.weight", tensor.Q6_K},
		{"shape:smollm2-135m@q4_0", "token_embd.weight", tensor.Q8_0},
		{"shape:llama-3.2-1b@q4_0", "token_embd.weight", tensor.Q6_K},
		{"shape:llama-3.2-1b@q4_0", "blk.3.ffn_down.weight", tensor.Q4_0},
		{"shape:llama-3.2-1b@bf16", "token_embd.weight", tensor.BF16},
	}
	for _, c := range cases {
		s, f, err := Parse(c.ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Plan(f).Tensor(c.name).DType; got != c.want {
			t.Errorf("%s: %s is %v, want %v", c.ref, c.name, got, c.want)
		}
	}
}

// TestSpread checks mean and standard deviation of random blocks of every type.
func TestSpread(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_0, tensor.Q5_0, tensor.Q4_K, tensor.Q6_K} {
		const n, sigma = 1 << 18, 0.04
		p := planned{Tensor: model.Tensor{Name: "w", DType: dt, Shape: []int{512, n / 512}}, sigma: sigma}
		p.Data = make([]byte, p.Bytes())
		fillAll([]planned{p}, 1)
		values := make([]float32, n)
		if err := tensor.Dequantize(values, dt, p.Data); err != nil {
			t.Fatal(err)
		}
		var sum, squares, zeros float64
		for _, v := range values {
			sum += float64(v)
			squares += float64(v) * float64(v)
			if v == 0 {
				zeros++
			}
		}
		mean, sd := sum/n, math.Sqrt(squares/n)
		if math.Abs(mean) > 0.01*sigma || math.Abs(sd/sigma-1) > 0.02 || zeros > n/10 {
			t.Errorf("%v: mean %g, deviation %g, %g zeros; want 0, %g", dt, mean, sd, zeros, sigma)
		}
	}
}

// TestSeedDecidesAlone builds with one and with several cores.
func TestSeedDecidesAlone(t *testing.T) {
	s, f, err := Parse("shape:tiny@q4_k_m")
	if err != nil {
		t.Fatal(err)
	}
	build := func(seed uint64) *model.Source {
		src, err := s.Build(f, seed)
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	a, other := build(1), build(2)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b := build(1)
	for i := range a.Tensors {
		if !bytes.Equal(a.Tensors[i].Data, b.Tensors[i].Data) {
			t.Errorf("%s differs between two builds of one seed", a.Tensors[i].Name)
		}
		if bytes.Equal(a.Tensors[i].Data, other.Tensors[i].Data) {
			t.Errorf("%s does not depend on the seed", a.Tensors[i].Name)
		}
	}
	if len(a.Vocab.Tokens) != s.Config.Vocab {
		t.Errorf("vocabulary of %d tokens, want %d", len(a.Vocab.Tokens), s.Config.Vocab)
	}
}

func TestParseRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, ref := range []string{"", "shape:", "shape:tiny", "tiny@q8_0", "shape:nobody@q8_0", "shape:tiny@q3", "shape:@"} {
		if _, _, err := Parse(ref); err == nil {
			t.Errorf("%q was accepted", ref)
		}
	}
}

// TestRopeFactors checks llama 3.1's rule where it is known exactly: short waves stay, long
// ones stretch by the factor, and those between lie between, in order.
func TestRopeFactors(t *testing.T) {
	s, _, err := Parse("shape:llama-3.1-8b@q8_0")
	if err != nil {
		t.Fatal(err)
	}
	factors := ropeFactors(s.Config, s.Factor)
	if first, last := factors[0], factors[len(factors)-1]; first != 1 || last != 8 {
		t.Errorf("factors run from %v to %v, want 1 to 8", first, last)
	}
	for i := 1; i < len(factors); i++ {
		if factors[i] < factors[i-1] {
			t.Errorf("factor %d is %v, below %v", i, factors[i], factors[i-1])
		}
	}
}
