package tokenizer

import (
	"math/rand/v2"
	"strings"
)

// sampleStrings returns at least 2,000 texts of every sort that tokenizers treat
// in ways of their own: always the same ones. Many hold the given special tokens.
func sampleStrings(specials []string) []string {
	rng := rand.New(rand.NewPCG(1, 2))
	g := stringMaker{rng: rng, prose: strings.Split(corpus(), ". ")}
	texts := strings.Split(handWritten, "\x1f")
	for range 300 {
		texts = append(texts, g.proseText(), g.whitespace(), g.mixture(), g.broken(), g.code())
	}
	for range 150 {
		texts = append(texts, g.numbers(), g.contractions(), g.anyRunes(), g.randomBytes())
	}
	for range 300 {
		texts = append(texts, g.special(specials))
	}
	return texts
}

// handWritten texts are separated by U+001F.
const handWritten = "\x1f \x1f  \x1f\n\x1f\n\n\x1f\r\n\x1f\t\x1fa\x1f a\x1fa \x1f  a\x1fa  \x1f\n a\x1f \n\x1f\u00a0\x1f\u3000x\x1f\u2028\u2029" +
	"\x1f\x00\x1fa\x00b\x1f\x85\x1f\u0085x\x1fHello, world!\x1fhello world\x1f Hello  World\x1f'\x1f''\x1f's\x1f's's\x1f'S\x1f'ſ" +
	"\x1fI'm you're he'LL we'VE it'D don'T 'tis o'clock\x1f'K 'K're\x1f1\x1f12\x1f123\x1f1234\x1f12345 678 9\x1f١٢٣٤٥\x1f½⅓²³\x1f①②③ⅣⅤ" +
	"\x1f3.14159e-10\x1f1,000,000.00\x1f0x1F\x1f99bottles\x1fa1b2c3\x1fé e\u0301 \u0301\x1f👨‍👩‍👧‍👦🏳️‍🌈👍🏽\x1f🇩🇪🇫🇷\x1f▁\x1f▁▁a ▁b\x1f<0x0A>\x1f<0x" +
	"\x1f\xc0\x80\x1f\xe0\x80\x80\x1f\xed\xa0\x80\x1f\xed\xa0\xbd\xed\xb8\x80\x1f\xf0\x8d\xa0\x80\x1f\xff\xfe\x1f\xe2\x82\x1f\xe2\x82a\x1f\xf0\x9f\x98" +
	"\x1f\xf0\x9f\x98 \x80\x1f\x80\x80\x1fabc\xc3\x1f\xc3(\x1f\xf8\x88\x80\x80\x80\x1f\ufeffbom\x1f\ufffd\x1f\U0010ffff\x1f\U0002ebf0\U0002ee5d\U0002ee5e" +
	"\x1f\u3007\u3021\x1f\u2160\u2170\x1f\u1680a\u180eb\u200bc\u2060d\x1f\v\f\x1fa\r\rb\r\n\r\nc\n\rd\x1f \t \n \t x\x1f!!!\n\n\nx\x1f ! \n x\x1f$$ ^^\x1f_a_b\x1fa_b" +
	"\x1fمرحبا بالعالم ١٢٣\x1fשָׁלוֹם עוֹלָם\x1fनमस्ते दुनिया १२३\x1fสวัสดีชาวโลก\x1f你好世界，今天123天气\x1f안녕하세요 세계\x1fПривет, мир! Ёж\x1fΓειά σου Κόσμε\x1fẤ́ Ǆǅǆ ŉ" +
	"\x1fᏣᎳᎩ ꮳꮃꭹ\x1f𝔘𝔫𝔦 𝟘𝟙𝟚\x1fa\u0300\u0301\u0302b"

type stringMaker struct {
	rng   *rand.Rand
	prose []string
}

func (g *stringMaker) one(from ...string) string { return from[g.rng.IntN(len(from))] }

func (g *stringMaker) proseText() string {
	s := g.prose[g.rng.IntN(len(g.prose))]
	if g.rng.IntN(3) == 0 {
		s = strings.ToUpper(s)
	}
	return s[:min(len(s), 20+g.rng.IntN(300))] // may end inside a character
}

func (g *stringMaker) whitespace() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(8) {
		b.WriteString(strings.Repeat(g.one(" ", " ", "\n", "\t", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\v", "\f", "\u0085"), 1+g.rng.IntN(5)))
		b.WriteString(g.one("", "", "x", "word", ".", "7", "é", "—", "'s", "日", "\u0301", "🙂"))
	}
	return b.String()
}

func (g *stringMaker) numbers() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(6) {
		for range 1 + g.rng.IntN(9) {
			b.WriteByte(byte('0' + g.rng.IntN(10)))
		}
		b.WriteString(g.one(" ", "", ".", ",", "-", "e", "%", " €", "\n", "٣", "७", "Ⅷ", "²", "½", "十"))
	}
	return b.String()
}

func (g *stringMaker) contractions() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(6) {
		b.WriteString(g.one("it", "WE", "They", "", " ", "é", "9", "\n"))
		b.WriteString(g.one("'", "'", "'", "’", "''", " '"))
		b.WriteString(g.one("s", "S", "t", "T", "re", "Re", "rE", "RE", "ve", "VE", "m", "M", "ll", "Ll", "LL", "d", "D", "r", "l", "v", "x", "ſ"))
		b.WriteString(g.one("", " ", "tail", "'"))
	}
	return b.String()
}

func (g *stringMaker) code() string {
	at := g.rng.IntN(len(corpusCode))
	s := corpusCode[at:min(len(corpusCode), at+10+g.rng.IntN(200))]
	return strings.ReplaceAll(s, "\t", g.one("\t", "    ", "  ", "\t\t"))
}

// scripts are ranges of code points that mixture draws from.
var scripts = [...][2]rune{
	{0x20, 0x7E}, {0xA0, 0x17F}, {0x300, 0x36F}, {0x370, 0x3FF}, {0x400, 0x52F}, {0x590, 0x5FF}, {0x600, 0x6FF},
	{0x900, 0x97F}, {0xE00, 0xE7F}, {0x10A0, 0x10FF}, {0x1100, 0x11FF}, {0x1E00, 0x1FFF}, {0x2000, 0x206F},
	{0x2070, 0x218F}, {0x2190, 0x27BF}, {0x3000, 0x30FF}, {0x4E00, 0x9FFF}, {0xAC00, 0xD7AF}, {0xFE00, 0xFE0F},
	{0xFF00, 0xFFEF}, {0x10000, 0x100FF}, {0x1D400, 0x1D7FF}, {0x1F300, 0x1FAFF}, {0x20000, 0x2FA1F}, {0xE0000, 0xE01EF},
}

func (g *stringMaker) mixture() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(5) {
		script := scripts[g.rng.IntN(len(scripts))]
		for range 1 + g.rng.IntN(10) {
			b.WriteRune(script[0] + g.rng.Int32N(script[1]-script[0]+1))
		}
		b.WriteString(g.one("", " ", " ", "\u200d", "\ufe0f", "\n", "a", "1"))
	}
	return b.String()
}

func (g *stringMaker) anyRunes() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(20) {
		b.WriteRune(g.rng.Int32N(0x110000))
		b.WriteString(g.one("", "", "a", " ", "5"))
	}
	return b.String()
}

// broken is a text whose bytes are cut, doubled and changed at random.
func (g *stringMaker) broken() string {
	s := []byte(g.mixture() + g.proseText())
	for range 1 + g.rng.IntN(6) {
		i := g.rng.IntN(len(s))
		switch g.rng.IntN(3) {
		case 0:
			s = append(s[:i], s[min(len(s), i+1):]...)
		case 1:
			s = append(s[:i+1], s[i:]...)
		case 2:
			s[i] = byte(g.rng.IntN(256))
		}
	}
	return string(s)
}

func (g *stringMaker) randomBytes() string {
	s := make([]byte, 1+g.rng.IntN(40))
	for i := range s {
		s[i] = byte(g.rng.IntN(256))
		if g.rng.IntN(3) == 0 { // continuation bytes make longer characters
			s[i] = 0x80 | s[i]&0x3F
		}
	}
	return string(s)
}

func (g *stringMaker) special(specials []string) string {
	var b strings.Builder
	for range 1 + g.rng.IntN(6) {
		token := g.one(specials...)
		if g.rng.IntN(6) == 0 {
			token = token[:g.rng.IntN(len(token))]
		}
		b.WriteString(token)
		b.WriteString(g.one("", " ", "  ", "\n", " \t\n", "text", " text ", "user\n", "é", "<", ">", "|", "日本"))
	}
	return b.String()
}

// hasReference reports whether llama.cpp gives ids for s: it fails on sequences
// of four bytes that encode a value above U+10FFFF.
func hasReference(s string) bool {
	for i := range len(s) - 3 {
		tooLarge := s[i] == 0xF4 && s[i+1] >= 0x90 || s[i] >= 0xF5 && s[i] <= 0xF7
		if tooLarge && s[i+1]&0xC0 == 0x80 && s[i+2]&0xC0 == 0x80 && s[i+3]&0xC0 == 0x80 {
			return false
		}
	}
	return true
}
