package engine

import (
	"errors"
	"fmt"
	"io"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/model/huggingface"
)

// OpenModel reads the language model that ref names: the path of a GGUF file or of a folder in the
// layout of Hugging Face's hub, or a built-in model. What it returns is to be closed behind the
// last use of the source.
func OpenModel(ref string) (*model.Source, io.Closer, error) {
	return openStored(ref, model.FromFile)
}

// OpenStored is OpenModel for what needs no tokenizer: a GGUF file may hold anything, an encoder of
// images too, and its vocabulary is among the metadata only.
func OpenStored(ref string) (*model.Source, io.Closer, error) {
	return openStored(ref, func(f *gguf.File) (*model.Source, error) { return model.EncoderFromFile(f), nil })
}

func openStored(ref string, read func(*gguf.File) (*model.Source, error)) (*model.Source, io.Closer, error) {
	if huggingface.Is(ref) {
		return openFolder(ref, (*huggingface.Folder).Language)
	}
	f, err := builtin.Open(ref)
	if err != nil {
		return nil, nil, err
	}
	src, err := read(f)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return src, f, nil
}

// openFolder reads one of the models of a folder; both results are nil where it does not have it.
func openFolder(dir string, read func(*huggingface.Folder) (*model.Source, error)) (*model.Source, io.Closer, error) {
	f, err := huggingface.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	src, err := read(f)
	if err != nil || src == nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return src, f, nil
}

// OpenEncoder reads the encoder of images at the path projector, a GGUF file or a folder, or else
// the one that belongs to the model of ref. Both results are nil where none does.
func OpenEncoder(ref, projector string) (*model.Source, io.Closer, error) {
	switch {
	case huggingface.Is(projector):
		src, f, err := openFolder(projector, (*huggingface.Folder).Encoder)
		if err == nil && src == nil {
			err = fmt.Errorf("%s has no encoder of images", projector)
		}
		return src, f, err
	case projector != "":
		return encoderOf(gguf.Open(projector))
	case huggingface.Is(ref):
		return openFolder(ref, (*huggingface.Folder).Encoder)
	case builtin.Is(ref):
		return encoderOf(builtin.OpenEncoder(ref))
	}
	return nil, nil, nil
}

// encoderOf makes a source of a file, if there is one.
func encoderOf(f *gguf.File, err error) (*model.Source, io.Closer, error) {
	if err != nil || f == nil {
		return nil, nil, err
	}
	return model.EncoderFromFile(f), f, nil
}
