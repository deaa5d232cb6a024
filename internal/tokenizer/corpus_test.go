package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The text below, from which the merges of synthetic vocabularies are learned,
// was written for this purpose: word lists, a small grammar that makes sentences
// of them, and snippets of code and of other scripts.

const (
	corpusNouns = `time year people way day man thing woman life child world school state family student group country
problem hand part place case week company system program question work government number night point home water room
mother area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea body information back
parent face level office door health person art war history party result change morning reason research girl guy moment
air teacher force education foot boy age policy process music market sense nation plan college interest death experience
effect use class control field development role effort rate heart drug show leader light voice wife police mind price
report decision son view relationship town road arm difference value building action model season society tax director
position player record paper space ground form event matter center couple site project activity star table need court
oil situation cost industry figure street image phone data picture practice piece land product doctor wall patient worker
news test movie north love step baby computer type attention film tree source hair window culture chance brother energy
period course summer hope machine memory measure token prompt answer engine battery sensor board meter heat fan cable
signal window layer weight matrix vector kernel thread core cache format file folder letter river mountain garden bird
horse dog cat fish bread apple sugar salt coffee tea milk rain snow wind storm sea island bridge train ship plane ticket
village farmer kitchen clock mirror chair lamp stone glass iron gold silver copper wood leaf flower seed forest`
	corpusVerbs = `ask work seem feel leave call try need want play move like live believe hold bring happen provide turn
start show help talk follow begin appear offer remember love consider allow add spend grow open walk win wait serve die
send expect build stay fall cut reach remain suggest raise pass require report decide pull return explain hope develop
carry break receive agree support hit produce eat cover catch draw choose cause point listen learn measure compute
compare record store load run write read plan test check repair count sort join split print watch drive clean cook
answer visit travel paint repeat reduce improve increase describe discover protect remove replace finish connect`
	corpusAdjectives = `new good high old great big small large young different long little important bad early late
public able human local sure low clear white black red blue green hard special open whole strong possible free real true
easy short single common simple recent full hot cold close dark fine happy serious ready left medical current wrong
private past foreign natural quiet warm dry heavy deep slow quick modern ancient empty narrow wide bright careful useful`
	corpusAdverbs = `now then also very well even still often never always really almost again away quickly slowly finally
together perhaps usually clearly already later early today here there ahead quietly carefully exactly`
	corpusFunction = `the of and to a in is it you that he was for on are with as I his they be at one have this from or
had by not but what some we can out other were all there when up use your how said an each she which do their if will
way about many then them would so these her him has more could no than first been who its now did get come made may part
over after before under between through during without against within because while although until since where why`
	corpusPlain = `Don't worry: it's only a test. We're sure that they've seen it, and I'll say what I'd do. He isn't here;
she wasn't either. "Is it true?" she asked. "Yes," he said, "it is." The year was 1998, then 2024; the price rose by 3.5%
to $120,000 (about 12% more). See page 42, section 7.1, or write to office@example.com. WARNING: DO NOT OPEN THE DOOR.
A list - with dashes - and more... and so on! What? Really?! [1] {2} <3> #4 *5* _6_ ~7 & 8 = 9 + 10 / 11.`
	corpusCode = `package main

import (
	"fmt"
	"errors"
	"fmt"
	"os"
)

// sum returns the total of all values.
func sum(values []int) (int, error) {
	if len(values) == 0 {
		return 0, errors.New("no values")
	}
	total := 0
	for i, v := range values {
		total += v * i
	}
	return total, nil
}

def average(items, default=None):
    """Return the mean of items."""
    if not items:
        return default
    result = 0.0
    for index, item in enumerate(items):
        result += float(item.value)
        print(f"{index}: {item.name}")
    return result / len(items)

class Reader:
    def __init__(self, path):
        self.path = path
        self.lines = []

int main(int argc, char **argv) {
    const double *data = NULL;
    for (size_t i = 0; i < n; ++i) {
        if (data[i] != 0 && i >= 10) { continue; }
        printf("%d\n", (int) data[i]);
    }
    return 0;
}

function load(url) {
  const response = await fetch(url);
  let items = response.json().map((item) => item.id === null ? 'none' : item.id);
  return { items, count: items.length };
}

<html><body><div class="note"><p>Text</p></div></body></html>
{"name": "value", "list": [1, 2, 3], "flag": true, "none": null}
SELECT name, count(*) FROM records WHERE id > 10 GROUP BY name ORDER BY name;
`
	corpusScripts = `Der Zug fährt über die Brücke, und wir hören schöne Musik. Les élèves français étaient déjà là où ça
commençait. El niño pequeño comió mañana por la mañana. Não há razão para a decisão. Příliš žluťoučký kůň. Zażółć gęślą.
Вода и хлеб нужны всем людям; сегодня утром мы читали книгу о старом городе. Где находится большая река?
Το νερό και το ψωμί είναι για όλους τους ανθρώπους. Καλημέρα κόσμε, πού είναι το βιβλίο;
הספר על השולחן והמים בכוס. שלום עולם. الكتاب على الطاولة والماء في الكوب. مرحبا بالعالم.
पानी और रोटी सबके लिए हैं। नमस्ते दुनिया। น้ำและขนมปังสำหรับทุกคน สวัสดีชาวโลก
今天早上我们在城里读了一本旧书。水和面包。你好，世界！本を読みます。水とパンはみんなのものです。こんにちは世界。
오늘 아침 우리는 오래된 책을 읽었습니다. 안녕하세요 세계. 🙂 👍 🎉 👩‍💻 ❤️ 🌍 → ≤ ≥ × ÷ ± € £ ° “quoted” ‘text’ – — …
`
)

// corpus returns the training text: always the same.
func corpus() string {
	rng := rand.New(rand.NewPCG(2, 0x776174746c6177))
	w := corpusWriter{
		rng:        rng,
		nouns:      strings.Fields(corpusNouns),
		verbs:      strings.Fields(corpusVerbs),
		adjectives: strings.Fields(corpusAdjectives),
		adverbs:    strings.Fields(corpusAdverbs),
		function:   strings.Fields(corpusFunction),
	}
	for i := range 6000 {
		w.sentence()
		switch {
		case i%150 == 0:
			w.b.WriteString("\n\n" + corpusPlain + "\n")
		case i%100 == 1:
			w.b.WriteString("\n" + corpusCode)
		case i%100 == 2:
			w.b.WriteString("\n" + corpusScripts)
		case i%9 == 0:
			w.b.WriteString("\n\n")
		default:
			w.b.WriteString(" ")
		}
	}
	return w.b.String()
}

type corpusWriter struct {
	rng                                         *rand.Rand
	b                                           strings.Builder
	nouns, verbs, adjectives, adverbs, function []string
}

// pick favours words early in the list, which are the common ones.
func (w *corpusWriter) pick(words []string) string {
	u := w.rng.Float64()
	return words[int(u*u*float64(len(words)))]
}

func (w *corpusWriter) noun() string {
	n := w.pick(w.nouns)
	if w.rng.IntN(4) != 0 {
		return n
	}
	switch {
	case strings.HasSuffix(n, "y") && !strings.HasSuffix(n, "ay") && !strings.HasSuffix(n, "ey"):
		return n[:len(n)-1] + "ies"
	case strings.HasSuffix(n, "s"), strings.HasSuffix(n, "x"), strings.HasSuffix(n, "ch"):
		return n + "es"
	}
	return n + "s"
}

func (w *corpusWriter) verb() string {
	v := w.pick(w.verbs)
	stem := strings.TrimSuffix(v, "e")
	switch w.rng.IntN(5) {
	case 0:
		return v + "s"
	case 1:
		return stem + "ed"
	case 2:
		return "was " + stem + "ing"
	}
	return v
}

func (w *corpusWriter) nounPhrase() string {
	determiners := [...]string{"the", "the", "a", "this", "our", "their", "every", "some", "no", "another"}
	phrase := determiners[w.rng.IntN(len(determiners))] + " "
	if w.rng.IntN(3) == 0 {
		phrase += w.pick(w.adjectives) + " "
	}
	return phrase + w.noun()
}

// number mentions n in one of several ways.
func (w *corpusWriter) number(n int) string {
	switch w.rng.IntN(4) {
	case 0:
		return fmt.Sprintf(" in %d", n)
	case 1:
		return fmt.Sprintf(" (%d.%02d%%)", n, w.rng.IntN(100))
	case 2:
		return fmt.Sprintf(" for $%d,%03d", n, 50*w.rng.IntN(20))
	}
	return fmt.Sprintf(" with %d %s", n, w.noun())
}

func (w *corpusWriter) sentence() {
	subjects := [...]string{"I", "you", "he", "she", "it", "we", "they", "people"}
	s := w.nounPhrase()
	if w.rng.IntN(3) == 0 {
		s = subjects[w.rng.IntN(len(subjects))]
	}
	s = strings.ToUpper(s[:1]) + s[1:] + " " + w.verb() + " " + w.nounPhrase()
	for range w.rng.IntN(4) {
		s += " " + w.pick(w.function) + " " + w.nounPhrase()
	}
	if w.rng.IntN(3) == 0 {
		s += ", " + w.pick(w.adverbs)
	}
	if w.rng.IntN(8) == 0 {
		most := [...]int{10, 100, 1000, 2100}[w.rng.IntN(4)]
		s += w.number(most/2 + w.rng.IntN(most))
	}
	if w.rng.IntN(4) == 0 {
		s += ", and " + w.nounPhrase() + " " + w.verb() + " " + w.pick(w.adverbs)
	}
	w.b.WriteString(s + [...]string{".", ".", ".", "?", "!", ";"}[w.rng.IntN(6)])
}
