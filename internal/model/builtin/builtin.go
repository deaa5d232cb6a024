// Package builtin holds the trained models that come with the program, so that accuracy can be
// measured without any file. Their cards say what they know, and the recipes of "wattlaw train" how they came about.
package builtin

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
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
	names, err := names()
	if err != nil {
		return nil, err
	}
	var list []Model
	for _, name := range names {
		card, err := files.ReadFile(name + cardSuffix)
		if err != nil {
			return nil, err
		}
		m := Model{Name: name, Sees: sees(name)}
		_, text, _ := strings.Cut(string(card), "\n\n")
		m.Summary, _, _ = strings.Cut(text, "\n")
		list = append(list, m)
	}
	return list, nil
}

const (
	languageSuffix = ".gguf"
	encoderSuffix  = ".mmproj.gguf"
	cardSuffix     = ".md"
)

// names lists the models.
func names() (list []string, err error) {
	entries, err := files.ReadDir(".")
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), cardSuffix); ok {
			list = append(list, name)
		}
	}
	return list, err
}

// sees reports whether the model of a name takes images.
func sees(name string) bool {
	_, err := fs.Stat(files, name+encoderSuffix)
	return err == nil
}

// find returns the name of the model that ref stands for.
func find(ref string) (string, error) {
	names, err := names()
	if err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(ref, Prefix)
	if !ok || !slices.Contains(names, name) {
		return "", fmt.Errorf("no built-in model %q; there are %s%s", ref, Prefix, strings.Join(names, ", "+Prefix))
	}
	return name, nil
}

// Is reports whether ref names a built-in model, be there one of that name or not.
func Is(ref string) bool { return strings.HasPrefix(ref, Prefix) }

// Open opens the built-in model that ref names, or else the file at the path ref.
func Open(ref string) (*gguf.File, error) {
	if !Is(ref) {
		return gguf.Open(ref)
	}
	data, err := Language(ref)
	if err != nil {
		return nil, err
	}
	return gguf.Parse(data, ref)
}

// OpenEncoder opens the encoder of images of the built-in model that ref names; it is nil for models
// without one.
func OpenEncoder(ref string) (*gguf.File, error) {
	data, err := Encoder(ref)
	if err != nil || data == nil {
		return nil, err
	}
	return gguf.Parse(data, ref)
}

// Language returns the GGUF file of the language model that ref names.
func Language(ref string) ([]byte, error) { return read(ref, languageSuffix) }

// Encoder returns the GGUF file of the encoder of images of the model that ref names; it is nil
// for models without one.
func Encoder(ref string) ([]byte, error) {
	name, err := find(ref)
	if err != nil || !sees(name) {
		return nil, err
	}
	return read(ref, encoderSuffix)
}

// Card returns what is to be known of the built-in model that ref names, in Markdown.
func Card(ref string) (string, error) {
	data, err := read(ref, cardSuffix)
	return string(data), err
}

// read returns one of the files of the model that ref names.
func read(ref, suffix string) ([]byte, error) {
	name, err := find(ref)
	if err != nil {
		return nil, err
	}
	return files.ReadFile(name + suffix)
}
