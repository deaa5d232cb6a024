package shape

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// random is SplitMix64 (Steele, Lea, Flood 2014).
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// chunkBlocks is the number of quantized blocks of one unit of work; each unit has a seed
// of its own, so that the result does not depend on who fills it.
const chunkBlocks = 1 << 13

// fillAll fills all tensors on all cores.
func fillAll(tensors []planned, seed uint64) {
	type chunk struct {
		t    *planned
		fill filler
		n    int
	}
	var chunks []chunk
	for i := range tensors {
		t := &tensors[i]
		if t.values != nil {
			encodeF32(t.Data, t.values)
			continue
		}
		fill := newFiller(t)
		size := chunkBlocks * t.DType.BlockBytes()
		for n := 0; n*size < len(t.Data); n++ {
			chunks = append(chunks, chunk{t, fill, n})
		}
	}
	var next atomic.Int64
	var done sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		done.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(chunks) {
					return
				}
				c := chunks[i]
				size := chunkBlocks * c.t.DType.BlockBytes()
				data := c.t.Data[c.n*size : min((c.n+1)*size, len(c.t.Data))]
				r := chunkSeed(seed, c.t.Name, c.n)
				c.fill(data, &r)
			}
		})
	}
	done.Wait()
}

func chunkSeed(seed uint64, name string, n int) random {
	h := fnv.New64a()
	h.Write([]byte(name))
	r := random(seed ^ h.Sum64() ^ uint64(n)<<32)
	r.next()
	return r
}

// filler writes random blocks over data.
type filler func(data []byte, r *random)

// newFiller returns the filler for the tensor's type. Quantized blocks are made directly:
// random codes, under scales chosen so that the values have the wanted spread and, over
// many blocks, no mean.
func newFiller(t *planned) filler {
	switch t.DType {
	case tensor.F32:
		return tableFiller(t, 4, func(b []byte, v float32) { binary.LittleEndian.PutUint32(b, math.Float32bits(v)) })
	case tensor.F16:
		return tableFiller(t, 2, func(b []byte, v float32) { binary.LittleEndian.PutUint16(b, tensor.F16FromF32(v)) })
	case tensor.BF16:
		return tableFiller(t, 2, func(b []byte, v float32) { binary.LittleEndian.PutUint16(b, tensor.BF16FromF32(v)) })
	case tensor.Q8_0:
		return fillQ8_0(t.sigma)
	case tensor.Q4_0:
		return fillSigned(t.DType.BlockBytes(), t.sigma/spread(-8, 7))
	case tensor.Q5_0:
		return fillSigned(t.DType.BlockBytes(), t.sigma/spread(-16, 15))
	case tensor.Q4_K:
		return fillQ4_K(t.sigma)
	default:
		return fillQ6_K(t.sigma)
	}
}

// spread is the root mean square of the integers from lo to hi.
func spread(lo, hi int) float64 {
	sum := 0.0
	for q := lo; q <= hi; q++ {
		sum += float64(q * q)
	}
	return math.Sqrt(sum / float64(hi-lo+1))
}

// tableFiller draws from a table of the normal distribution's quantiles.
func tableFiller(t *planned, size int, put func([]byte, float32)) filler {
	const bits = 12
	table := make([]byte, size<<bits)
	for i := range 1 << bits {
		p := (float64(i) + 0.5) / (1 << bits)
		v := t.mean + t.sigma*math.Sqrt2*math.Erfinv(2*p-1)
		if t.signs && i%2 == 1 {
			v = -v
		}
		put(table[i*size:], float32(v))
	}
	return func(data []byte, r *random) {
		var draw uint64
		for i := 0; i < len(data); i += size {
			if i/size%4 == 0 {
				draw = r.next()
			}
			at := int(draw&(1<<bits-1)) * size
			draw >>= 16
			copy(data[i:i+size], table[at:at+size])
		}
	}
}

// fillBytes fills whole words and a tail with random bits, each word or'ed with mask.
func fillBytes(data []byte, r *random, mask uint64) {
	i := 0
	for ; i+8 <= len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], r.next()|mask)
	}
	if i < len(data) {
		var tail [8]byte
		binary.LittleEndian.PutUint64(tail[:], r.next()|mask)
		copy(data[i:], tail[:])
	}
}

// fillQ8_0 draws odd codes from −127 to 127, which have no mean and avoid −128.
func fillQ8_0(sigma float64) filler {
	sum := 0.0
	for q := 1; q <= 127; q += 2 {
		sum += float64(q * q)
	}
	scale := tensor.F16FromF32(float32(sigma / math.Sqrt(sum/64)))
	return func(data []byte, r *random) {
		for ; len(data) > 0; data = data[34:] {
			binary.LittleEndian.PutUint16(data, scale)
			fillBytes(data[2:34], r, 0x0101010101010101)
		}
	}
}

// fillSigned serves formats of one float16 scale and codes around zero, whose small mean
// a random sign of the scale takes away.
func fillSigned(size int, scale float64) filler {
	half := tensor.F16FromF32(float32(scale))
	return func(data []byte, r *random) {
		for ; len(data) > 0; data = data[size:] {
			fillBytes(data[2:size], r, 0)
			binary.LittleEndian.PutUint16(data, half|uint16(r.next()>>63)<<15)
		}
	}
}

// fillQ4_K draws 6-bit scales from 32 to 63 and equal minimums: value = d·s·q − dmin·s
// with dmin = 7.5·d has no mean. Bytes 0–3 hold the scales and 4–7 the minimums of the
// first four groups and, in their two high bits, the high bits of the other four; bytes
// 8–11 hold the low halves of those.
func fillQ4_K(sigma float64) filler {
	scale := sigma / (math.Sqrt(255.0/12) * spread(32, 63)) // q uniform on 0…15
	d, dmin := tensor.F16FromF32(float32(scale)), tensor.F16FromF32(float32(7.5*scale))
	return func(data []byte, r *random) {
		for ; len(data) > 0; data = data[144:] {
			binary.LittleEndian.PutUint16(data, d)
			binary.LittleEndian.PutUint16(data[2:], dmin)
			draw := r.next()
			first := uint32(draw) | 0xa0a0a0a0
			low := uint32(draw>>32) & 0x0f0f0f0f
			binary.LittleEndian.PutUint32(data[4:], first)
			binary.LittleEndian.PutUint32(data[8:], first)
			binary.LittleEndian.PutUint32(data[12:], low|low<<4)
			fillBytes(data[16:144], r, 0)
		}
	}
}

// fillQ6_K draws signed 8-bit scales of magnitude 32 to 63 for codes from −32 to 31.
func fillQ6_K(sigma float64) filler {
	d := tensor.F16FromF32(float32(sigma / (spread(-32, 31) * spread(32, 63))))
	return func(data []byte, r *random) {
		for ; len(data) > 0; data = data[210:] {
			fillBytes(data[:192], r, 0)
			for i := 0; i < 16; i += 8 {
				draw := r.next()
				for j := range 8 {
					b := byte(draw >> (8 * j))
					scale := int8(32 + b&31)
					if b&0x80 != 0 {
						scale = -scale
					}
					data[192+i+j] = byte(scale)
				}
			}
			binary.LittleEndian.PutUint16(data[208:], d)
		}
	}
}

func encodeF32(data []byte, values []float32) {
	for i, v := range values {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
}
