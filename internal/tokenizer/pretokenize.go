package tokenizer

import (
	"maps"
	"slices"
)

// splitter returns the length in bytes of the first piece of a repaired text
// that is not empty. Merges never cross the border of a piece.
type splitter func(text string) int

// preTokenizer is what the name in tokenizer.ggml.pre decides.
type preTokenizer struct {
	split        splitter
	ignoreMerges bool // a piece that is a token needs no merges to lead to it
	addBOS       bool // default of Vocab.AddBOS
}

// preTokenizers maps the names that llama.cpp gives to models of the supported
// behaviours. Its names for further behaviours are not here, and neither is
// "default", which it uses with a warning when a file names none.
func preTokenizers() map[string]preTokenizer {
	all := make(map[string]preTokenizer)
	add := func(p preTokenizer, names ...string) {
		for _, name := range names {
			all[name] = p
		}
	}
	add(preTokenizer{split: splitGPT2},
		"gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "jina-es", "jina-de", "jina-v2-es",
		"jina-v2-de", "gigachat", "a.x-4.0", "mellum", "modern-bert", "exaone4")
	add(preTokenizer{split: splitSmolLM},
		"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2")
	add(preTokenizer{split: splitQwen2},
		"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2")
	add(preTokenizer{split: splitLlama3},
		"dbrx", "smaug-bpe", "glm4", "chatglm-bpe")
	add(preTokenizer{split: splitLlama3, ignoreMerges: true, addBOS: true},
		"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano")
	return all
}

// PreTokenizers lists the supported values of Vocab.Pre, sorted.
func PreTokenizers() []string {
	return slices.Sorted(maps.Keys(preTokenizers()))
}

// scanner reads characters of a text by position.
type scanner struct {
	text       string
	numberEnds bool // a number reads as the end of the text
}

// at returns the character at byte i, its class and its width. Past the end the
// character is -1 and the width 0.
func (s scanner) at(i int) (r rune, c class, width int) {
	if i >= len(s.text) {
		return -1, end, 0
	}
	r, width = decodeRune(s.text[i:])
	c = classOf(r)
	if c == number && s.numberEnds {
		return -1, end, 0
	}
	return r, c, width
}

// run returns the end of the longest run of class c that starts at byte i.
func (s scanner) run(i int, c class) int {
	for {
		_, got, width := s.at(i)
		if got != c {
			return i
		}
		i += width
	}
}

// contraction returns the length of 's 't 'm 'd 're 've 'll at the start of the
// text, or 0. Only ASCII letters can match even where upper case may.
func (s scanner) contraction(upper bool) int {
	at := func(i int) byte {
		if i >= len(s.text) {
			return 0
		}
		b := s.text[i]
		if upper && 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		return b
	}
	if at(0) != '\'' {
		return 0
	}
	switch at(1) {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if at(2) == 'e' {
			return 3
		}
	case 'l':
		if at(2) == 'l' {
			return 3
		}
	}
	return 0
}

// whitespace splits a run of white space that starts the text: all of it, or all
// but its last character where text follows. That is \s+(?!\S)|\s+.
func (s scanner) whitespace() int {
	last, stop := 0, 0
	for {
		_, c, width := s.at(stop)
		if c == end || (c != space && last == 0) {
			return stop
		}
		if c != space {
			return last
		}
		last, stop = stop, stop+width
	}
}

// splitGPT2 cuts by
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(text string) int {
	return scanner{text: text}.gpt2()
}

// splitSmolLM cuts out every number character, and the text between by the
// pattern of gpt-2.
func splitSmolLM(text string) int {
	if r, n := decodeRune(text); classOf(r) == number {
		return n
	}
	return scanner{text: text, numberEnds: true}.gpt2()
}

func (s scanner) gpt2() int {
	if n := s.contraction(false); n > 0 {
		return n
	}
	r, c, width := s.at(0)
	start := 0
	if r == ' ' {
		start = width
		_, c, _ = s.at(start)
	}
	switch c {
	case letter, number, other:
		return s.run(start, c)
	}
	return s.whitespace()
}

// splitLlama3 cuts by
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//	 ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitLlama3(text string) int {
	return scanner{text: text}.llama3(3)
}

// splitQwen2 cuts like splitLlama3 but for \p{N} in place of \p{N}{1,3}.
func splitQwen2(text string) int {
	return scanner{text: text}.llama3(1)
}

func (s scanner) llama3(digits int) int {
	if n := s.contraction(true); n > 0 {
		return n
	}
	r, c, width := s.at(0)
	if c == number {
		return s.numbers(digits)
	}
	_, nextClass, _ := s.at(width)
	if c == letter || (nextClass == letter && r != '\r' && r != '\n') {
		return s.run(width, letter)
	}
	switch {
	case c == other:
		return s.newlines(s.run(0, other))
	case r == ' ' && nextClass == other:
		return s.newlines(s.run(width, other))
	}
	if n := s.lastNewline(); n > 0 {
		return n
	}
	return s.whitespace()
}

// numbers returns the length of at most count numbers at the start.
func (s scanner) numbers(count int) int {
	i := 0
	for range count {
		_, c, width := s.at(i)
		if c != number {
			break
		}
		i += width
	}
	return i
}

// newlines returns the end of the run of \r and \n at byte i.
func (s scanner) newlines(i int) int {
	for i < len(s.text) && (s.text[i] == '\r' || s.text[i] == '\n') {
		i++
	}
	return i
}

// lastNewline returns the end of the last \r or \n of the white space that
// starts the text, or 0.
func (s scanner) lastNewline() int {
	last := 0
	for i := 0; ; {
		r, c, width := s.at(i)
		if c != space {
			return last
		}
		i += width
		if r == '\r' || r == '\n' {
			last = i
		}
	}
}
