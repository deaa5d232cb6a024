package ref

// The Dot primitives multiply consecutive rows of a matrix, stride bytes apart, with one
// vector of activations: y[r] = Σ_k W[r][k]·x[k] for r < len(y). Integer parts are exact.

// dotGroups is Σ_g scale·d·(Σ codes·q − offset·Σq) + mins·d·Σq over groups of size group,
// with one d per span of perD values and sums over perSum values each.
type dotGroups struct {
	group, perD, perSum int
	offset              int32
	mins                bool
	unpack              func(codes []uint8, scales, mins []float32, row []byte)
}

func (f dotGroups) dot(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	k := len(q)
	codes, scales := make([]uint8, k), make([]float32, k/f.group)
	var mins []float32
	if f.mins {
		mins = make([]float32, k/f.group)
	}
	for r := range y {
		f.unpack(codes, scales, mins, w[r*stride:])
		var total float32
		for b := range d {
			var block float32
			for g := b * f.perD / f.group; g < (b+1)*f.perD/f.group; g++ {
				var n, s int32
				for i := g * f.group; i < (g+1)*f.group; i++ {
					n += int32(codes[i]) * int32(q[i])
				}
				for _, v := range sums[g*f.group/f.perSum : (g+1)*f.group/f.perSum] {
					s += v
				}
				block += scales[g] * float32(n-f.offset*s)
				if f.mins {
					block += mins[g] * float32(s)
				}
			}
			total += d[b] * block
		}
		y[r] = total
	}
}

// DotQ8_0 multiplies Q8_0 rows with activations of QuantizeQ8.
func DotQ8_0(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	dotGroups{32, 32, 32, 128, false, UnpackQ8_0}.dot(y, w, stride, q, d, sums)
}

// DotQ4_0 multiplies Q4_0 rows with activations of QuantizeQ8.
func DotQ4_0(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	dotGroups{32, 32, 32, 8, false, UnpackQ4_0}.dot(y, w, stride, q, d, sums)
}

// DotIQ4NL multiplies IQ4_NL rows with activations of QuantizeQ8.
func DotIQ4NL(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	dotGroups{32, 32, 32, 128, false, UnpackIQ4NL}.dot(y, w, stride, q, d, sums)
}

// DotQ4_K multiplies Q4_K rows with activations of QuantizeQ8K.
func DotQ4_K(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	dotGroups{32, 256, 16, 0, true, UnpackQ4_K}.dot(y, w, stride, q, d, sums)
}

// DotQ5_K multiplies Q5_K rows with activations of QuantizeQ8K.
func DotQ5_K(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	dotGroups{32, 256, 16, 0, true, UnpackQ5_K}.dot(y, w, stride, q, d, sums)
}

// DotQ6_K multiplies Q6_K rows with activations of QuantizeQ8K.
func DotQ6_K(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	dotGroups{16, 256, 16, 32, false, UnpackQ6_K}.dot(y, w, stride, q, d, sums)
}

// DotF32 multiplies float32 rows with x.
func DotF32(y []float32, w []byte, stride int, x []float32) { dotRows(y, w, stride, x, RowF32) }

// DotF16 multiplies binary16 rows with x, each weight converted exactly.
func DotF16(y []float32, w []byte, stride int, x []float32) { dotRows(y, w, stride, x, RowF16) }

// DotBF16 multiplies bfloat16 rows with x, each weight converted exactly.
func DotBF16(y []float32, w []byte, stride int, x []float32) { dotRows(y, w, stride, x, RowBF16) }

func dotRows(y []float32, w []byte, stride int, x []float32, read func([]float32, []byte)) {
	row := make([]float32, len(x))
	for r := range y {
		read(row, w[r*stride:])
		y[r] = DotVec(row, x)
	}
}

// AddTail adds to y the products of rows with x from the from'th value on: those that fill no vector
// of a kernel. Values have size bytes, which value reads; it returns a number rather than fill a
// row, which would have to be allocated.
func AddTail(y []float32, w []byte, stride, size int, x []float32, from int, value func([]byte) float32) {
	if from == len(x) {
		return
	}
	for r := range y {
		var sum float32
		for i := from; i < len(x); i++ {
			sum += value(w[r*stride+i*size:]) * x[i]
		}
		y[r] += sum
	}
}

// DotVec returns Σ a[i]·b[i].
func DotVec(a, b []float32) (sum float32) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
