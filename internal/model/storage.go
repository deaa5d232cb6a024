package model

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// FromFile makes a source of an open GGUF file, whose data it refers to.
func FromFile(f *gguf.File) (*Source, error) {
	s := fileSource(f)
	return s, s.readVocab(f)
}

// EncoderFromFile is FromFile for a file that holds an encoder of images and no vocabulary.
func EncoderFromFile(f *gguf.File) *Source { return fileSource(f) }

// EncoderPath is where the encoder of images that belongs to the model in the file at path lies:
// FILE.mmproj.gguf beside FILE.gguf.
func EncoderPath(path string) string { return strings.TrimSuffix(path, ".gguf") + ".mmproj.gguf" }

// EncoderBeside is EncoderPath if a file lies there, else "".
func EncoderBeside(path string) string {
	beside := EncoderPath(path)
	if info, err := os.Stat(beside); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return beside
}

func fileSource(f *gguf.File) *Source {
	s := &Source{Name: f.Name()}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		s.Meta = append(s.Meta, Entry{key, v})
	}
	for _, t := range f.Tensors() {
		s.Tensors = append(s.Tensors, Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape, Data: f.Data(t)})
	}
	s.Quant = s.quantName()
	s.Meaningless = strings.HasPrefix(s.Text("general.description"), RandomMark)
	return s
}

// RandomMark begins the description (metadata general.description) of a model whose weights are
// random, by which a file of one is known again.
const RandomMark = "random weights"

// Touch reads a byte of every page of the weights, on all cores, so that a mapped file is
// in memory when it returns and its first use is not slower than the next.
func (s *Source) Touch() {
	var next atomic.Int64
	var done sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		done.Go(func() {
			const page = 4096
			var sum byte // keeps the reads from being left out
			for i := int(next.Add(1)) - 1; i < len(s.Tensors); i = int(next.Add(1)) - 1 {
				for at := 0; at < len(s.Tensors[i].Data); at += page {
					sum += s.Tensors[i].Data[at]
				}
			}
			runtime.KeepAlive(sum)
		})
	}
	done.Wait()
}

// readVocab reads the tokenizer's metadata.
func (s *Source) readVocab(f *gguf.File) error {
	v := &s.Vocab
	v.Model, v.Pre = s.Text("tokenizer.ggml.model"), s.Text("tokenizer.ggml.pre")
	v.Tokens, _ = f.Strings("tokenizer.ggml.tokens")
	v.Scores, _ = f.Floats32("tokenizer.ggml.scores")
	v.Types, _ = f.Ints32("tokenizer.ggml.token_type")
	v.Merges, _ = f.Strings("tokenizer.ggml.merges")
	if len(v.Tokens) == 0 {
		return fmt.Errorf("%s: metadata %q is missing or no list of strings", s.Name, "tokenizer.ggml.tokens")
	}
	for _, special := range specialTokens(v) {
		id, err := s.CountOr(special.key, 0, len(v.Tokens)-1, -1)
		if err != nil {
			return err
		}
		*special.id = int32(id)
	}
	for _, flag := range tokenizerFlags(v) {
		value, _ := s.Value(flag.key)
		if on, ok := value.Bool(); ok {
			*flag.on = &on
		}
	}
	return nil
}

// VocabMeta writes the tokenizer's metadata: the inverse of reading a vocabulary from a file. A
// model without one, such as an encoder of images, has none.
func (s *Source) VocabMeta() []Entry {
	v := &s.Vocab
	if len(v.Tokens) == 0 {
		return nil
	}
	meta := []Entry{
		{"tokenizer.ggml.model", gguf.ValueOf(v.Model)},
		{"tokenizer.ggml.pre", gguf.ValueOf(v.Pre)},
		{"tokenizer.ggml.tokens", gguf.ArrayOf(v.Tokens)},
	}
	if len(v.Scores) > 0 {
		meta = append(meta, Entry{"tokenizer.ggml.scores", gguf.ArrayOf(v.Scores)})
	}
	if len(v.Types) > 0 {
		meta = append(meta, Entry{"tokenizer.ggml.token_type", gguf.ArrayOf(v.Types)})
	}
	if len(v.Merges) > 0 {
		meta = append(meta, Entry{"tokenizer.ggml.merges", gguf.ArrayOf(v.Merges)})
	}
	for _, special := range specialTokens(v) {
		if *special.id >= 0 {
			meta = append(meta, Entry{special.key, gguf.ValueOf(uint32(*special.id))})
		}
	}
	for _, flag := range tokenizerFlags(v) {
		if *flag.on != nil {
			meta = append(meta, Entry{flag.key, gguf.ValueOf(**flag.on)})
		}
	}
	return meta
}

type specialToken struct {
	key string
	id  *int32
}

func specialTokens(v *tokenizer.Vocab) []specialToken {
	tokens := []specialToken{
		{"tokenizer.ggml.bos_token_id", &v.BOS},
		{"tokenizer.ggml.eos_token_id", &v.EOS},
		{"tokenizer.ggml.eot_token_id", &v.EOT},
		{"tokenizer.ggml.unknown_token_id", &v.UNK},
		{"tokenizer.ggml.padding_token_id", &v.PAD},
	}
	if v.Model == "bert" {
		tokens = append(tokens, specialToken{"tokenizer.ggml.seperator_token_id", &v.SEP}) // as it is spelled
	}
	return tokens
}

type tokenizerFlag struct {
	key string
	on  **bool
}

func tokenizerFlags(v *tokenizer.Vocab) []tokenizerFlag {
	return []tokenizerFlag{
		{"tokenizer.ggml.add_bos_token", &v.AddBOS},
		{"tokenizer.ggml.add_eos_token", &v.AddEOS},
		{"tokenizer.ggml.add_space_prefix", &v.AddSpacePrefix},
		{"tokenizer.ggml.normalizer.lowercase", &v.Lowercase},
		{"tokenizer.ggml.normalizer.strip_accents", &v.StripAccents},
	}
}

// fileTypes names the numbers of general.file_type (llama_ftype) of formats that are only read.
var fileTypes = map[int64]string{11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 30: "IQ4_XS"}

// fileTypeName is the name that a number of general.file_type stands for, "" if unknown.
func fileTypeName(n int64) string {
	if name, ok := fileTypes[n]; ok {
		return name
	}
	for f := range formats {
		if int64(f.FileType()) == n {
			return strings.ToUpper(f.String())
		}
	}
	return ""
}

// quantName is the name that general.file_type stands for, or else the element type that
// holds the most weights.
func (s *Source) quantName() string {
	v, _ := s.Value("general.file_type")
	if n, ok := v.Int(); ok && fileTypeName(n) != "" {
		return fileTypeName(n)
	}
	values := map[tensor.DType]int64{}
	most := tensor.F32
	for _, t := range s.Tensors {
		if len(t.Shape) < 2 {
			continue
		}
		values[t.DType] += t.Values()
		if values[t.DType] > values[most] {
			most = t.DType
		}
	}
	return most.String()
}

// Parameters returns the number of weights.
func (s *Source) Parameters() int64 {
	var n int64
	for i := range s.Tensors {
		n += s.Tensors[i].Values()
	}
	return n
}

// Bytes returns the memory that the weights take.
func (s *Source) Bytes() int64 {
	var n int64
	for i := range s.Tensors {
		n += s.Tensors[i].Bytes()
	}
	return n
}

// WriteFile writes the model as a GGUF file of version 3, all or nothing.
func (s *Source) WriteFile(path string) error {
	return s.WriteStream(path, func(i int) ([]byte, error) { return s.Tensors[i].Data, nil })
}

// WriteStream is WriteFile with the values of tensor i from data, which is asked for them when they
// are written: all of them need not be in memory at once.
func (s *Source) WriteStream(path string, data func(i int) ([]byte, error)) error {
	w := gguf.NewWriter()
	for _, entry := range append(append([]Entry(nil), s.Meta...), s.VocabMeta()...) {
		if err := w.Set(entry.Key, entry.Value); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	for i, t := range s.Tensors {
		err := w.Add(t.Name, t.DType, t.Shape, func(w io.Writer) error {
			values, err := data(i)
			if err != nil {
				return err
			}
			return gguf.Bytes(values)(w)
		})
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return w.WriteFile(path)
}
