package tokenizer

// symbol is a run of bytes of the text being merged. Symbols form a list in the
// order of the text, linked by index; -1 ends it. A symbol of length 0 has been
// merged into another.
type symbol struct {
	start, length int32
	prev, next    int32
	id            int32 // its token, or -1
}

// joiner decides which neighbours may merge. The pair with the smallest order
// merges first, the leftmost of equals; id is the token of the joined text.
type joiner interface {
	join(left, right symbol) (id int32, order uint32, ok bool)
}

// merger replaces neighbouring symbols by their joined token until no pair is
// left that may merge. Each merge adds at most two candidates, so n symbols cost
// at most 3n candidates and O(n log n) time. Its buffers are reused.
type merger struct {
	symbols []symbol
	queue   candidates
	pushes  int // candidates ever queued: the work done, for tests
}

func (m *merger) reset() {
	m.symbols = m.symbols[:0]
}

// append adds a symbol at the end of the text.
func (m *merger) append(start, length, id int32) {
	i := int32(len(m.symbols))
	if i > 0 {
		m.symbols[i-1].next = i
	}
	m.symbols = append(m.symbols, symbol{start: start, length: length, prev: i - 1, next: -1, id: id})
}

// run merges all symbols. Those left over start at index 0 and follow next.
func (m *merger) run(j joiner) {
	for i := 1; i < len(m.symbols); i++ {
		m.consider(j, int32(i-1), int32(i))
	}
	for len(m.queue) > 0 {
		c := m.queue.pop()
		left, right := &m.symbols[c.left()], &m.symbols[c.right]
		// A candidate is stale when either side has been merged since.
		if left.length == 0 || right.length == 0 || left.length+right.length != c.length {
			continue
		}
		left.length = c.length
		left.id = c.id
		left.next = right.next
		right.length = 0
		if right.next >= 0 {
			m.symbols[right.next].prev = c.left()
		}
		m.consider(j, left.prev, c.left())
		m.consider(j, c.left(), left.next)
	}
}

func (m *merger) consider(j joiner, left, right int32) {
	if left < 0 || right < 0 {
		return
	}
	l, r := m.symbols[left], m.symbols[right]
	id, order, ok := j.join(l, r)
	if !ok {
		return
	}
	m.pushes++
	m.queue.push(candidate{key: uint64(order)<<32 | uint64(uint32(left)), right: right, length: l.length + r.length, id: id})
}

// candidate is a pair that may merge. Its key sorts by order, then by position.
type candidate struct {
	key    uint64
	right  int32
	length int32 // bytes of both sides when queued
	id     int32
}

func (c candidate) left() int32 { return int32(uint32(c.key)) }

// candidates is a binary heap with the smallest key on top.
type candidates []candidate

func (h *candidates) push(c candidate) {
	*h = append(*h, c)
	s := *h
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if s[parent].key <= c.key {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = c
}

func (h *candidates) pop() candidate {
	s := *h
	top, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	if len(s) == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && s[child+1].key < s[child].key {
			child++
		}
		if last.key <= s[child].key {
			break
		}
		s[i] = s[child]
		i = child
	}
	s[i] = last
	return top
}
