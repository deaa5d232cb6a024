package model

// Cache holds the keys and values of one sequence as float16, per layer and head, so that
// attention of a later token reads each head's rows one after the other.
type Cache struct {
	Positions int // capacity
	headDim   int
	keys      [][]uint16 // per layer: [head][position][feature]
	values    [][]uint16
}

// NewCache makes room for the given number of positions.
func NewCache(c Config, positions int) *Cache {
	cache := &Cache{Positions: positions, headDim: c.HeadDim}
	for range c.Layers {
		cache.keys = append(cache.keys, make([]uint16, c.KVHeads*positions*c.HeadDim))
		cache.values = append(cache.values, make([]uint16, c.KVHeads*positions*c.HeadDim))
	}
	return cache
}

// head returns the keys and values of one head, position by position.
func (c *Cache) head(layer, head int) (keys, values []uint16) {
	size := c.Positions * c.headDim
	return c.keys[layer][head*size : (head+1)*size], c.values[layer][head*size : (head+1)*size]
}
