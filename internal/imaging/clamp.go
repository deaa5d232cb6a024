package imaging

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParseClamp reads a limit as people write it: "tokens:256", "tokens:16-256",
// "longest-side:1024" or "pixels:501760", of which the last is a number of pixels for
// WithClamp and no clamp of its own.
func ParseClamp(text string) (k Clamp, maxPixels int, err error) {
	policy, limit, _ := strings.Cut(text, ":")
	lo, hi, ranged := strings.Cut(limit, "-")
	if !ranged {
		lo, hi = "0", limit
	}
	least, errLo := strconv.Atoi(lo)
	most, errHi := strconv.Atoi(hi)
	good := errLo == nil && errHi == nil && least >= 0 && most >= 1
	switch {
	case good && least > most:
		return k, 0, fmt.Errorf("limit %q: at least %d but at most %d: write the smaller number first", text, least, most)
	case good && policy == string(PolicyTokens) && most <= maxTokenLimit:
		return Clamp{Policy: PolicyTokens, MinTokens: least, MaxTokens: most}, 0, nil
	case good && policy == string(PolicyLongestSide) && !ranged && most <= 1<<16:
		return Clamp{Policy: PolicyLongestSide, LongestSide: most}, 0, nil
	case good && policy == "pixels" && !ranged && most <= MaxPixels:
		return k, most, nil
	}
	return k, 0, fmt.Errorf("limit %q: want tokens:256, tokens:16-256, longest-side:1024 or pixels:501760", text)
}

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
