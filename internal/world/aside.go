package world

import (
	"math/rand/v2"
	"strings"
)

// aside returns a sentence that changes nothing: about the weather, about people who do not
// belong to the story, or about what its people think of.
func aside(rng *rand.Rand, c cast) string {
	switch r := rng.IntN(100); {
	case r < 40:
		return weather(rng)
	case r < 80:
		return strangers(rng)
	}
	return thought(rng, c)
}

func weather(rng *rand.Rand) string {
	return pick(rng, []string{"The wind", "A thin rain", "The mist", "A pale light", "The smell of wet leaves", "The first snow", "A flock of birds",
		"The sound of bells", "The smoke of many chimneys", "A warm breeze", "The shadow of a cloud", "The rattle of a distant train"}) + " " +
		pick(rng, []string{"drifted over the roofs", "came down from the mountains", "filled the narrow streets", "hung above the fields", "moved along the river",
			"reached the last houses of the village", "passed over the old walls", "settled between the trees", "crept through the open windows"}) +
		pick(rng, []string{".", ".", " and was soon forgotten.", ", as it often did at that time of the year.", ", as on the day before.", ", and no one paid attention.",
			", and the dogs began to bark.", ", although the almanac had said otherwise.", " while the clock struck the hour.", " once more."})
}

func strangers(rng *rand.Rand) string {
	return pick(rng, []string{"A fisherman", "The baker's aunt", "An old soldier", "The postman", "A stranger with a grey beard", "The youngest of the carpenters", "A travelling merchant",
		"The doctor", "A shepherd", "The mayor's nephew", "A painter from the south", "The night watchman", "A woman selling eggs", "The gardener's cousin"}) + " " +
		pick(rng, []string{"told a long tale about the war", "counted the geese", "mended a torn net", "argued about the price of wool", "slept under a tree",
			"complained about the bad roads", "sang an old song", "played cards with two sailors", "painted a fence", "waited for a cart that did not come",
			"asked for the way to the capital", "laughed at a joke nobody else had understood", "sharpened a scythe", "ate bread and cheese"}) +
		pick(rng, []string{".", ".", ".", " and then said goodbye.", ", which took most of the afternoon.", " without looking up.", " as if there were no tomorrow.", ", as every year.",
			" to pass the time.", ", and the neighbours shook their heads.", " in front of the town hall.", " beside the road."})
}

// thought names people, places and things of the story, to tempt readers who look for names
// only.
func thought(rng *rand.Rand, c cast) string {
	s := noSlots()
	s.who, s.what, s.where = rng.IntN(len(c.people)), rng.IntN(len(c.objects)), rng.IntN(len(c.places))
	return capital(c.fill(pick(rng, []string{
		"{P} had always been fond of {L}.", "{P} was thinking about {o}.", "{P} wondered how old {o} might be.", "{P} yawned.",
		"{P} remembered a rainy day {in}.", "people said that {L} was the prettiest spot in the village.", "nobody knew who had made {o}.",
		"{P} hummed a tune.", "{P} did not say a word.", "long ago, {o} had cost a lot of money.", "{P} had never liked {L} in winter.",
		"{P} smiled and looked up at the sky."}), s))
}

func words(text string) int { return len(strings.Fields(text)) }

// stretch puts asides between sentences until the story has almost, and never more than,
// limit words.
func stretch(rng *rand.Rand, c cast, story []sentence, limit int) []sentence {
	total := 0
	var gaps []int // indices of the sentences that something may stand before
	for i, s := range story {
		total += words(s.text)
		if !s.glued {
			gaps = append(gaps, i)
		}
	}
	gaps = append(gaps, len(story))
	before := make([][]sentence, len(story)+1)
	for misses := 0; misses < 8; {
		text := aside(rng, c)
		if total+words(text) > limit {
			misses++
			continue
		}
		total += words(text)
		i := pick(rng, gaps)
		before[i] = append(before[i], sentence{text, false})
	}
	var out []sentence
	for i, asides := range before {
		out = append(out, asides...)
		if i < len(story) {
			out = append(out, story[i])
		}
	}
	return out
}

func join(story []sentence) string {
	texts := make([]string, len(story))
	for i, s := range story {
		texts[i] = s.text
	}
	return strings.Join(texts, " ")
}
