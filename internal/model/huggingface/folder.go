// Package huggingface reads a folder in the layout of Hugging Face's hub (config.json, safetensors
// files, tokenizer.json and what belongs to them) as the model that a GGUF file of it would hold:
// the same names, order of rows, types, metadata and vocabulary as llama.cpp's converter gives it.
//
// Llama (with byte-level BPE), Qwen2 and Qwen2.5 are read, and Qwen2-VL and Qwen2.5-VL with their
// encoders of images. Matrices keep their types, F16, BF16 or F32; vectors become F32. Nothing in
// the files is trusted: what they claim is checked against the bytes that are there first.
package huggingface

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/safetensors"
)

const (
	configFile     = "config.json"
	generationFile = "generation_config.json"
	weightsFile    = "model.safetensors"
	indexFile      = "model.safetensors.index.json"

	downloadAgain = "download the folder again"
)

// Folder is an open model folder; its tensors are mapped, not loaded. It is safe for concurrent
// use, Close excepted.
type Folder struct {
	dir     string
	config  config
	files   []*safetensors.File
	tensors map[string]stored
}

// stored is a tensor and the file that it lies in.
type stored struct {
	safetensors.Tensor
	file *safetensors.File
}

// Is reports whether path is a folder that holds a model: one with a config.json.
func Is(path string) bool {
	info, err := os.Stat(filepath.Join(path, configFile))
	return err == nil && info.Mode().IsRegular()
}

// Open reads the folder's configuration and the headers of its safetensors files. It errs when one
// is missing or damaged, and for models that are not supported.
func Open(dir string) (*Folder, error) {
	f := &Folder{dir: dir, tensors: map[string]stored{}}
	if err := f.open(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Folder) open() error {
	if err := f.readConfig(); err != nil {
		return err
	}
	names, index, err := f.shards()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := f.openShard(name, index); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(index)) {
		if _, ok := f.tensors[name]; !ok {
			return fmt.Errorf("%s: tensor %q is missing, which %s places there: %s", f.path(index[name]), name, indexFile, downloadAgain)
		}
	}
	return nil
}

// shards lists the safetensors files and, where there is an index, in which of them each tensor lies.
func (f *Folder) shards() (names []string, index map[string]string, err error) {
	if _, err := os.Stat(f.path(weightsFile)); err == nil {
		return []string{weightsFile}, nil, nil
	}
	var list struct {
		Weights map[string]string `json:"weight_map"`
	}
	switch err := f.readJSON(indexFile, &list); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("%s holds neither %s nor %s; weights in other forms (.bin, .pth) are not read: save the model as safetensors", f.dir, weightsFile, indexFile)
	case err != nil:
		return nil, nil, err
	case len(list.Weights) == 0:
		return nil, nil, fmt.Errorf("%s: %q names no tensor", f.path(indexFile), "weight_map")
	}
	seen := map[string]bool{}
	for tensor, name := range list.Weights {
		if name != filepath.Base(name) || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
			return nil, nil, fmt.Errorf("%s: tensor %q lies in %q, which is no file of this folder", f.path(indexFile), tensor, name)
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, list.Weights, nil
}

// openShard maps one file and takes up its tensors.
func (f *Folder) openShard(name string, index map[string]string) error {
	file, err := safetensors.Open(f.path(name))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: it is named in %s; %s", err, indexFile, downloadAgain)
		}
		return err
	}
	f.files = append(f.files, file)
	for _, t := range file.Tensors() {
		if index != nil && index[t.Name] != name {
			return fmt.Errorf("%s: tensor %q lies here, but %s places it in %q: %s", file.Name(), t.Name, indexFile, index[t.Name], downloadAgain)
		}
		f.tensors[t.Name] = stored{t, file}
	}
	return nil
}

// Close releases the files; sources and what they refer to must not be used any more.
func (f *Folder) Close() error {
	var errs []error
	for _, file := range f.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

func (f *Folder) path(name string) string { return filepath.Join(f.dir, name) }

// name is what the model is called: its folder, whatever the path says of the way there.
func (f *Folder) name() string {
	if abs, err := filepath.Abs(f.dir); err == nil {
		return filepath.Base(abs)
	}
	return filepath.Base(f.dir)
}

// maxText bounds the files of text; the largest published tokenizers take 30 MiB.
const maxText = 256 << 20

// readText reads a file of text whole.
func (f *Folder) readText(name string) ([]byte, error) {
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	defer file.Close() // read-only: nothing is lost
	data, err := io.ReadAll(io.LimitReader(file, maxText+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", f.path(name), err)
	case len(data) > maxText:
		return nil, fmt.Errorf("%s has more than %d bytes: no file of a model's configuration is as large", f.path(name), maxText)
	}
	return data, nil
}

// readJSON reads a file of JSON; its error is fs.ErrNotExist where there is none.
func (f *Folder) readJSON(name string, into any) error {
	data, err := f.readText(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", f.path(name), err)
	}
	return nil
}

// readOptional is readJSON for a file that folders may lack.
func (f *Folder) readOptional(name string, into any) error {
	if err := f.readJSON(name, into); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
