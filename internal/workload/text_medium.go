package workload

import "fmt"

// topic is what a paragraph of medium text speaks of: things that do something, and why.
type topic struct {
	things  string   // plural noun
	does    []string // verb phrases that agree with it
	because []string // whole clauses
	when    []string // circumstances
}

func topics() []topic {
	return []topic{
		{"rivers", []string{"carry sand towards the coast", "flood the low meadows", "change their course by a few metres"},
			[]string{"melting snow raises the water level", "loose soil is washed from the slopes", "the bed is wider below the last bridge"},
			[]string{"after a long winter", "during heavy rain", "late in the spring"}},
		{"bees", []string{"visit the same orchard every day", "return to the hive with pollen", "warn each other of wasps"},
			[]string{"the blossom opens for only a week", "the scent of clover reaches far", "cold mornings keep them inside"},
			[]string{"on calm afternoons", "before a storm", "when the lime trees are in flower"}},
		{"bakers", []string{"start work at three in the morning", "let the dough rest overnight", "buy flour from the nearest mill"},
			[]string{"customers expect warm bread at seven", "slow yeast gives a better taste", "the oven needs two hours to heat"},
			[]string{"before a holiday", "in the colder months", "when the market is open"}},
		{"trains", []string{"slow down on the northern line", "stop for a minute at each village", "carry timber as well as passengers"},
			[]string{"the old signals allow only one at a time", "the track climbs steeply behind the station", "drivers have to wait for the ferry"},
			[]string{"on weekdays", "in thick fog", "whenever the tide is high"}},
		{"gardens", []string{"need less water than most people think", "stay cool under tall trees", "attract birds that eat the snails"},
			[]string{"a layer of leaves keeps the soil damp", "deep roots find moisture below the surface", "hedges break the force of the wind"},
			[]string{"in a dry summer", "once the plants are two years old", "at the edge of a town"}},
		{"batteries", []string{"lose some of their charge in storage", "work best at room temperature", "weigh more than the motors they feed"},
			[]string{"chemical reactions slow down in the cold", "the cells age a little with every cycle", "thin wires turn part of the energy into heat"},
			[]string{"after three hundred cycles", "on frosty nights", "under a heavy load"}},
		{"libraries", []string{"lend tools and maps as well as books", "stay open until nine in the evening", "keep the oldest papers in a dry cellar"},
			[]string{"students look for a quiet place to read", "paper turns yellow in bright light", "the town council pays for the heating"},
			[]string{"during the school year", "on the first Monday of the month", "in the weeks before examinations"}},
		{"glaciers", []string{"move a few centimetres a day", "grind the rock beneath them to dust", "shrink faster than they grow"},
			[]string{"water collects under the ice", "dark dust takes up more sunlight", "less snow falls on the upper slopes"},
			[]string{"in a warm August", "below two thousand metres", "after a winter without storms"}},
	}
}

// medium writes a paragraph about one topic, then about another.
func (w *writer) medium() string {
	if w.left == 0 {
		all := topics()
		before := w.at.things
		for w.at.things == before {
			w.at = all[w.rng.IntN(len(all))]
		}
		w.left = w.between(4, 7)
	}
	w.left--
	things, does := w.at.things, w.pick(w.at.does...)
	because, when := w.pick(w.at.because...), w.pick(w.at.when...)
	switch w.rng.IntN(8) {
	case 0:
		return sentence(fmt.Sprintf("most %s %s %s", things, does, when))
	case 1:
		return sentence(fmt.Sprintf("%s %s because %s", things, does, because))
	case 2:
		return sentence(fmt.Sprintf("why do %s %s?", things, does))
	case 3:
		return sentence(fmt.Sprintf("one reason is that %s, at least %s", because, when))
	case 4:
		return sentence(fmt.Sprintf("in %d, %s counted %d %s and found that %d of them %s", w.between(1950, 2020),
			w.pick("two teachers", "a group of students", "the local newspaper"), w.between(60, 900), things, w.between(10, 59), does))
	case 5:
		return sentence(fmt.Sprintf("%s, %s, so %s %s", when, because, things, does))
	case 6:
		return sentence(fmt.Sprintf("people who live nearby say that %s %s, and they explain that %s", things, does, because))
	default:
		return sentence(fmt.Sprintf("what happens to %s %s if %s?", things, when, because))
	}
}
