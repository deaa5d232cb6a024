package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of files of tasks and references.
const (
	MaxLine   = 1 << 20 // bytes
	MaxItems  = 100_000
	maxFile   = 256 << 20 // bytes of all lines
	maxTexts  = 64        // choices, answers, references or stop texts of an item
	maxAnswer = 4096      // tokens of an answer
)

// object is one line: a JSON object whose fields are taken one by one. The first thing that
// is wrong stays in err.
type object struct {
	fields map[string]json.RawMessage
	order  []string
	taken  map[string]bool
	err    error
}

// eachObject calls f with the object of every line that is not blank, and puts the file's
// name and the line before errors. Texts must be UTF-8.
func eachObject(name string, r io.Reader, f func(line int, o *object) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine)
	line, items, size := 0, 0, 0
	for lines.Scan() {
		line++
		data := bytes.TrimSpace(lines.Bytes())
		if size += len(lines.Bytes()) + 1; size > maxFile {
			return fmt.Errorf("%s:%d: the file has more than %d bytes: split it", name, line, maxFile)
		}
		if len(data) == 0 {
			continue
		}
		if items++; items > MaxItems {
			return fmt.Errorf("%s:%d: more than %d items: split the file", name, line, MaxItems)
		}
		o, err := parseObject(data)
		if err == nil {
			if err = f(line, o); err == nil {
				err = o.finish()
			}
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, line, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: the line has more than %d bytes", name, line+1, MaxLine-1)
	} else if err != nil {
		return fmt.Errorf("%s:%d: %w", name, line+1, err)
	}
	if items == 0 {
		return fmt.Errorf("%s: holds no items: want one JSON object per line", name)
	}
	return nil
}

// parseObject reads one object. encoding/json would take a field twice and in any case of
// letters, and repair broken UTF-8; in a file of tasks all of these are mistakes.
func parseObject(data []byte) (*object, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("the line is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, notJSON("want a JSON object, such as {\"prompt\": …}", err)
	}
	o := &object{fields: map[string]json.RawMessage{}, taken: map[string]bool{}}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, notJSON("not JSON", err)
		}
		name, _ := key.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, notJSON(fmt.Sprintf("field %q: not JSON", name), err)
		}
		if _, twice := o.fields[name]; twice {
			return nil, fmt.Errorf("field %q: stands twice", name)
		}
		o.fields[name] = value
		o.order = append(o.order, name)
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON("the object does not end", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object: want one per line")
	}
	return o, nil
}

// notJSON adds what the decoder says; an unexpected end needs no further words.
func notJSON(what string, err error) error {
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New(what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// fail keeps the first error.
func (o *object) fail(field, format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf("field %q: "+format, append([]any{field}, args...)...)
	}
}

// has reports whether a field is given.
func (o *object) has(field string) bool { return o.fields[field] != nil }

// take decodes a field into v and reports whether it is given. Null is not a value.
func (o *object) take(field string, v any, want string) bool {
	o.taken[field] = true
	raw, ok := o.fields[field]
	if !ok {
		return false
	}
	if string(raw) == "null" || json.Unmarshal(raw, v) != nil {
		o.fail(field, "is %s, want %s", shorten(string(raw)), want)
		return false
	}
	return true
}

// text takes a string.
func (o *object) text(field string, required bool) (s string) {
	switch given := o.take(field, &s, "a string"); {
	case !given && required && o.err == nil:
		o.fail(field, "is missing")
	case given && required && strings.TrimSpace(s) == "":
		o.fail(field, "is empty")
	}
	return s
}

// texts takes a list of strings, none of them empty.
func (o *object) texts(field string, least int, blank bool) []string {
	var list []*string
	given := o.take(field, &list, "a list of strings")
	switch {
	case !given && least > 0 && o.err == nil:
		o.fail(field, "is missing")
	case given && len(list) < least:
		o.fail(field, "has %d texts, want at least %d", len(list), least)
	case len(list) > maxTexts:
		o.fail(field, "has %d texts, want at most %d", len(list), maxTexts)
	}
	var out []string
	for i, s := range list {
		if s == nil {
			o.fail(field, "text %d is null, want a string", i+1)
			return nil
		}
		if *s == "" || !blank && strings.TrimSpace(*s) == "" {
			o.fail(field, "text %d is empty", i+1)
		}
		out = append(out, *s)
	}
	return out
}

// number takes a whole number in [lo, hi], or def where it is not given.
func (o *object) number(field string, lo, hi, def int) int {
	n := def
	if o.take(field, &n, "a whole number") && (n < lo || n > hi) {
		o.fail(field, "is %d, want %d to %d", n, lo, hi)
	}
	return n
}

// finish refuses fields that nobody took and returns the first error.
func (o *object) finish() error {
	if o.err != nil {
		return o.err
	}
	var known []string
	for field := range o.taken {
		known = append(known, field)
	}
	slices.Sort(known)
	for _, field := range o.order {
		if !o.taken[field] {
			return fmt.Errorf("field %q: there is no such field here; there are %s", field, strings.Join(known, ", "))
		}
	}
	return nil
}

// shorten cuts a text for an error message.
func shorten(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// ids refuses identifiers that stand twice.
type ids map[string]int

func (seen ids) check(o *object, id string, line int) {
	if id == "" {
		return
	}
	if first, twice := seen[id]; twice {
		o.fail("id", "%q stands in line %d already", id, first)
		return
	}
	seen[id] = line
}
