// Package builtin holds the trained models that come with the program, so that accuracy can be
// measured without any file. Their cards say what they know, and the recipes of "wattlaw train" how they came about.
package builtin

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/wattlaw/wattlaw/internal/gguf"
)

// Prefix begins the reference to a built-in model.
const Prefix = "builtin:"

// files holds of every model NAME.gguf, its card NAME.md and, where it takes images,
// its encoder NAME.mmproj.gguf.
//
//go:embed *.gguf *.md
var files embed.FS

// Model is a built-in model.
type Model struct {
	Name    string
	Sees    bool   // takes images
	Summary string // the first line of the card's text
}

// List returns the built-in models, sorted by name.
func List() ([]Model, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var list []Model
	for _, e := range entries {
		name, isModel := strings.CutSuffix(e.Name(), ".gguf")
		if !isModel || strings.HasSuffix(e.Name(), encoderSuffix) {
			continue
		}
		m := Model{Name: name}
		if _, err := fs.Stat(files, name+encoderSuffix); err == nil {
			m.Sees = true
		}
		card, err := files.ReadFile(name + ".md")
		if err != nil {
			return nil, err
		}
		_, text, _ := strings.Cut(string(card), "\n\n")
		m.Summary, _, _ = strings.Cut(text, "\n")
		list = append(list, m)
	}
	return list, nil
}

const encoderSuffix = ".mmproj.gguf"

// find returns the model that a reference names.
func find(ref string) (Model, error) {
	list, err := List()
	if err != nil {
		return Model{}, err
	}
	var names []string
	for _, m := range list {
		if Prefix+m.Name == ref {
			return m, nil
		}
		names = append(names, Prefix+m.Name)
	}
	return Model{}, fmt.Errorf("no built-in model %q; there are %s", ref, strings.Join(names, ", "))
}

// Is reports whether ref names a built-in model, be there one of that name or not.
func Is(ref string) bool { return strings.HasPrefix(ref, Prefix) }

// Open opens the built-in model that ref names, or else the file at the path ref.
func Open(ref string) (*gguf.File, error) {
	if !Is(ref) {
		return gguf.Open(ref)
	}
	data, _, err := Data(ref)
	if err != nil {
		return nil, err
	}
	return gguf.Parse(data, ref)
}

// OpenEncoder opens the encoder of images of the built-in model that ref names; it is nil for models
// without one.
func OpenEncoder(ref string) (*gguf.File, error) {
	_, data, err := Data(ref)
	if err != nil || data == nil {
		return nil, err
	}
	return gguf.Parse(data, ref)
}

// Data returns the GGUF files of the language model that ref names and of its encoder of images,
// which is nil for models without one.
func Data(ref string) (language, encoder []byte, err error) {
	m, err := find(ref)
	if err != nil {
		return nil, nil, err
	}
	if language, err = files.ReadFile(m.Name + ".gguf"); err != nil || !m.Sees {
		return language, nil, err
	}
	encoder, err = files.ReadFile(m.Name + encoderSuffix)
	return language, encoder, err
}

// Card returns what is to be known of the built-in model that ref names, in Markdown.
func Card(ref string) (string, error) {
	m, err := find(ref)
	if err != nil {
		return "", err
	}
	data, err := files.ReadFile(m.Name + ".md")
	return string(data), err
}
