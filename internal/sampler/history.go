package sampler

import (
	"sort"
	"sync"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// chunkTicks is the number of readings per chunk: the loop allocates once in so many ticks.
const chunkTicks = 1024

// chunk holds readings in time order. What lies below n never changes, so that it can be
// read without the lock once n is known.
type chunk struct {
	t []int64
	v []float64 // reading after reading, all channels of one reading together
	n int
}

// history is the bounded record of one group.
type history struct {
	mu     sync.Mutex
	width  int
	most   int // chunks that are kept
	chunks []*chunk
}

// init prepares for readings of width channels at a rate, kept at least so long.
func (h *history) init(width int, rate float64, keep time.Duration) {
	h.width = width
	h.most = int(keep.Seconds()*rate/chunkTicks) + 2
	h.chunks = append(h.chunks, h.fresh())
}

func (h *history) fresh() *chunk {
	return &chunk{t: make([]int64, chunkTicks), v: make([]float64, chunkTicks*h.width)}
}

// append adds one reading; its time is moved behind the previous one's if it is not later.
func (h *history) append(t int64, values []float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := h.chunks[len(h.chunks)-1]
	if last.n > 0 {
		t = max(t, last.t[last.n-1]+1)
	}
	if last.n == chunkTicks {
		if len(h.chunks) == h.most {
			h.chunks = h.chunks[1:]
		}
		last = h.fresh()
		h.chunks = append(h.chunks, last)
	}
	last.t[last.n] = t
	copy(last.v[last.n*h.width:], values)
	last.n++
}

// discard drops the chunks that hold nothing at or after a time, but for the newest.
func (h *history) discard(before int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	keep := 0
	for keep < len(h.chunks)-1 && h.chunks[keep].t[h.chunks[keep].n-1] < before {
		keep++
	}
	h.chunks = h.chunks[keep:]
}

func (h *history) latest(channel int) (Sample, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.chunks) - 1; i >= 0; i-- {
		if c := h.chunks[i]; c.n > 0 {
			return Sample{c.t[c.n-1], c.v[(c.n-1)*h.width+channel]}, true
		}
	}
	return Sample{}, false
}

// snapshot returns the chunks as they are now.
func (h *history) snapshot() []chunk {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]chunk, len(h.chunks))
	for i, c := range h.chunks {
		out[i] = *c
	}
	return out
}

// window copies the readings inside w and one beyond each edge, as one series per channel.
func (h *history) window(w measure.Window, channels []measure.Channel) []measure.Series {
	chunks := h.snapshot()
	count := 0
	for _, c := range chunks {
		count += c.n
	}
	stamp := func(i int) int64 { c, k := locate(chunks, i); return c.t[k] }
	lo := sort.Search(count, func(i int) bool { return stamp(i) >= w.Start })
	hi := sort.Search(count, func(i int) bool { return stamp(i) > w.End })
	lo, hi = max(0, lo-1), min(hi+1, count)
	out := make([]measure.Series, len(channels))
	for ch := range channels {
		out[ch] = measure.Series{Channel: channels[ch], T: make([]int64, 0, hi-lo), V: make([]float64, 0, hi-lo)}
	}
	for i := lo; i < hi; i++ {
		c, k := locate(chunks, i)
		for ch := range channels {
			out[ch].T = append(out[ch].T, c.t[k])
			out[ch].V = append(out[ch].V, c.v[k*h.width+ch])
		}
	}
	return out
}

// locate finds the i-th reading: all chunks but the newest are full.
func locate(chunks []chunk, i int) (*chunk, int) {
	return &chunks[i/chunkTicks], i % chunkTicks
}
