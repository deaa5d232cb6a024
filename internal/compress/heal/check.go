package heal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/train"
)

// checkOriginal errs when the compressed model cannot be one of the original.
func checkOriginal(original, compressed Pair, teacher, student *train.Model) error {
	fail := func(what string) error {
		return fmt.Errorf("it was not made from %s: %s; name the model that it was made from", original.Language.Name, what)
	}
	a, b := original.Language.Vocab.Tokens, compressed.Language.Vocab.Tokens
	if len(a) != len(b) {
		return fail(fmt.Sprintf("it has a vocabulary of %d tokens instead of %d", len(b), len(a)))
	}
	for i, token := range b {
		if token != a[i] {
			return fail(fmt.Sprintf("token %d of its vocabulary is %q instead of %q", i, token, a[i]))
		}
	}
	was, is := teacher.Config, student.Config
	was.FFN = is.FFN // a cut may have made it narrower
	if what := difference(was, is); what != "" {
		return fail(what)
	}
	v, sees := teacher.Vision()
	w, seesToo := student.Vision()
	if sees != seesToo {
		return errors.New("one of it and its original has no encoder of images: name both or none")
	}
	v.FFN = w.FFN
	if what := difference(v, w); what != "" {
		return fail(what + " of its encoder")
	}
	return nil
}

// difference names the first hyperparameter by which two configurations differ, "" for none.
func difference[C any](was, is C) string {
	a, b := reflect.ValueOf(was), reflect.ValueOf(is)
	for i := range a.NumField() {
		if x, y := a.Field(i).Interface(), b.Field(i).Interface(); !reflect.DeepEqual(x, y) {
			return fmt.Sprintf("it has %v instead of %v as %s", y, x, a.Type().Field(i).Name)
		}
	}
	return ""
}

// fingerprint tells models apart by their tensors.
func (p Pair) fingerprint() string {
	sum := sha256.New()
	for _, s := range []*model.Source{p.Language, p.Encoder} {
		if s != nil {
			s.HashTensors(sum)
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8])
}
