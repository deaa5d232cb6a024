package train

import "math"

// rmsNorm applies a root-mean-square norm to every row.
func (t *tools) rmsNorm(dst, x []float32, w *Param, eps float64) {
	n := len(w.Value)
	t.spread(len(x)/n, rowGrain, func(i, j int) {
		for r := i; r < j; r++ {
			t.kernels.RMSNorm(dst[r*n:(r+1)*n], x[r*n:(r+1)*n], w.Value, float32(eps))
		}
	})
}

// rmsNormBack adds to dx the gradient of x by way of y = x∘w·s, s = 1/√(mean x² + eps), given that
// of y, and to w's gradient Σ_rows dy∘x·s:
//
//	dx = s·(w∘dy) − x·s³·mean(x∘w∘dy)
func (t *tools) rmsNormBack(dx, dy, x []float32, w *Param, eps float64) {
	n := len(w.Value)
	rows := len(x) / n
	spans := (rows + normSpan - 1) / normSpan
	t.sums = resize(t.sums, spans*n)
	clear(t.sums)
	t.spread(rows, normSpan, func(i, j int) {
		dw := t.sums[i/normSpan*n : (i/normSpan+1)*n]
		for r := i; r < j; r++ {
			t.kernels.RMSNormBack(dx[r*n:(r+1)*n], dw, dy[r*n:(r+1)*n], x[r*n:(r+1)*n], w.Value, float32(eps))
		}
	})
	for i := range spans {
		t.kernels.Add(w.Grad, t.sums[i*n:(i+1)*n])
	}
}

// normSpan is the number of rows over which gradients of a norm's weights are summed before these
// sums are, in order.
const normSpan = 64

// layerNorm is a norm by mean and deviation.
type layerNorm struct{ weight, bias *Param }

// layerNorm applies a layer norm to every row.
func (t *tools) layerNorm(dst, x []float32, by layerNorm, eps float64) {
	n := len(by.weight.Value)
	t.spread(len(x)/n, rowGrain, func(i, j int) {
		for r := i; r < j; r++ {
			t.kernels.LayerNorm(dst[r*n:(r+1)*n], x[r*n:(r+1)*n], by.weight.Value, by.bias.Value, float32(eps))
		}
	})
}

// layerNormBack adds to dx the gradient of x by way of y = z∘w + bias, z = (x − mean x)·s,
// s = 1/√(var x + eps), given that of y, and adds those of w, Σ_rows dy∘z, and of the bias (Ba et
// al., "Layer normalization", 2016):
//
//	dx = s·(w∘dy − mean(w∘dy) − z·mean(z∘w∘dy))
func (t *tools) layerNormBack(dx, dy, x []float32, by layerNorm, eps float64) {
	w := by.weight.Value
	n := len(w)
	rows := len(x) / n
	t.scales, t.means = resize(t.scales, rows), resize(t.means, rows)
	t.spread(rows, rowGrain, func(i, j int) {
		for r := i; r < j; r++ {
			x, dy, dx := x[r*n:(r+1)*n], dy[r*n:(r+1)*n], dx[r*n:(r+1)*n]
			mean, s := moments(x, eps)
			var sum, dot float64
			for k, v := range x {
				d := float64(w[k] * dy[k])
				sum += d
				dot += d * float64((v-mean)*s)
			}
			sum, dot = sum/float64(n), dot/float64(n)
			t.means[r], t.scales[r] = mean, s
			for k, v := range x {
				dx[k] += s * (w[k]*dy[k] - float32(sum) - (v-mean)*s*float32(dot))
			}
		}
	})
	t.spread(n, rowGrain, func(i, j int) {
		for r := range rows {
			for k := i; k < j; k++ {
				d := dy[r*n+k]
				by.weight.Grad[k] += d * (x[r*n+k] - t.means[r]) * t.scales[r]
				by.bias.Grad[k] += d
			}
		}
	})
}

// moments returns the mean of x and 1/√(variance + eps).
func moments(x []float32, eps float64) (mean, scale float32) {
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
	}
	middle := sum / float64(len(x))
	for _, v := range x {
		d := float64(v) - middle
		squares += d * d
	}
	return float32(middle), float32(1 / math.Sqrt(squares/float64(len(x))+eps))
}
