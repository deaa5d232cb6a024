package imaging

import (
	"errors"
	"fmt"
)

// WithClamp returns the contract with another limit. Of a clamp by tokens, what is 0 stays
// as it was; a clamp by the longest side without one takes DefaultLongestSide. maxPixels,
// when not 0, is a limit in effective pixels instead: as many tokens as fit in it.
func (c Contract) WithClamp(k Clamp, maxPixels int) (Contract, error) {
	switch {
	case maxPixels != 0 && (k.MaxTokens != 0 || k.Policy == PolicyLongestSide):
		return c, errors.New("clamp: a limit in pixels and another one: give only one of them")
	case maxPixels < 0 || maxPixels != 0 && maxPixels < c.tokenPixels():
		return c, fmt.Errorf("clamp: at most %d pixels: one image token takes %d", maxPixels, c.tokenPixels())
	case maxPixels > 0:
		k.MaxTokens = maxPixels / c.tokenPixels()
	}
	switch {
	case k == Clamp{} || k == Clamp{Policy: PolicyTokens}:
		return c, nil
	case k.Policy == PolicyLongestSide:
		if k.LongestSide == 0 {
			k.LongestSide = DefaultLongestSide
		}
	default:
		if k.MaxTokens == 0 {
			k.MaxTokens = c.Clamp.MaxTokens
		}
		if k.MinTokens == 0 { // a lower maximum takes the model's minimum with it
			k.MinTokens = c.Clamp.MinTokens
			if k.MaxTokens > 0 {
				k.MinTokens = min(k.MinTokens, k.MaxTokens)
			}
		}
	}
	c.Clamp = k
	return c, c.Validate()
}
