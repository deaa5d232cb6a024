package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// variantMark stands between a model and what is to be left of it, as in references to shapes.
const variantMark = "~"

// variantSequences is what a variant is calibrated on where it does not say: less than wattlaw compress
// takes, as a run waits for it.
const variantSequences = 32

// variant is a compressed model that a plan names by how it comes about:
//
//	MODEL~PARAMETERS[:OPTION]…
//
// such as "builtin:scribe~40%" or "model.gguf~3.2B:heal=10m". PARAMETERS are those to keep, a share or a number.
type variant struct {
	text      string // the whole reference
	base      string // model that it is made from
	opt       compress.Options
	heal      time.Duration
	sequences int
	calibrate string // file; "" for a built-in model's own world
}

// ladder names the steps that ablations leave out.
var ladder = [...]struct {
	name    string
	without []compress.Step
}{
	{"plain", compress.Steps()},
	{"whitened", without(compress.Whiten)},
	{"anchored", without(compress.Whiten, compress.Anchor)},
	{"rounded-after", []compress.Step{compress.QuantizeLoop, compress.Sweep}},
}

// without lists all steps but some.
func without(some ...compress.Step) (list []compress.Step) {
	for _, s := range compress.Steps() {
		keep := false
		for _, own := range some {
			keep = keep || s == own
		}
		if !keep {
			list = append(list, s)
		}
	}
	return list
}

// variantHelp describes the grammar.
const variantHelp = `A model may be named by how it is compressed, MODEL~PARAMETERS[:OPTION]…: "builtin:scribe~40%" has
40 % of the parameters of that model, "model.gguf~3B:heal=10m" three billion and learns from the original for ten
minutes. Options: plain, whitened or anchored (the method up to that step), rounded-after (factors rounded when
all is done), without=STEP+STEP, sites=2 (to 4; matrix product operators), format=q4_0 (of the factors), heal=4m,
sequences=32 (to calibrate on), and last calibrate=FILE, which only built-in models can do without. Such models
are made before the run and kept beside the store.`

// parseVariant reads a reference; ok is false for one that names a model as it is.
func parseVariant(ref string) (v variant, ok bool, err error) {
	at := strings.LastIndex(strings.SplitN(ref, ":calibrate=", 2)[0], variantMark)
	if at <= 0 || strings.HasPrefix(ref, shape.Prefix) || isFile(ref) {
		return v, false, nil
	}
	base, rest := ref[:at], ref[at+len(variantMark):]
	amount, options, _ := strings.Cut(rest, ":")
	if !builtin.Is(ref) && (amount == "" || amount[0] < '0' || amount[0] > '9' || strings.ContainsAny(amount, `/\`)) {
		return v, false, nil // a file whose name has the mark
	}
	v = variant{text: ref, base: base, sequences: variantSequences}
	if v.opt.Goal, err = compress.ParseParameters(amount); err == nil {
		err = v.options(options)
	}
	if err != nil {
		return v, false, fmt.Errorf("model %s: %w; want MODEL%sPARAMETERS[:OPTION]…, docs/compression.md lists the options", ref, err, variantMark)
	}
	return v, true, nil
}

// options reads what stands behind the parameters.
func (v *variant) options(text string) error {
	for text != "" {
		var option string
		if strings.HasPrefix(text, "calibrate=") { // a path may contain the mark between options
			option, text = text, ""
		} else {
			option, text, _ = strings.Cut(text, ":")
		}
		key, value, _ := strings.Cut(option, "=")
		if err := v.option(key, value); err != nil {
			return fmt.Errorf("option %q: %w", option, err)
		}
	}
	return nil
}

// option reads one.
func (v *variant) option(key, value string) (err error) {
	for _, rung := range ladder {
		if key == rung.name && value == "" {
			v.opt.Without = append(v.opt.Without, rung.without...)
			return nil
		}
	}
	number := func(to *int, least, most int) error {
		*to, err = strconv.Atoi(value)
		if err != nil || *to < least || *to > most {
			return fmt.Errorf("want a number from %d to %d", least, most)
		}
		return nil
	}
	switch key {
	case "without":
		steps, err := compress.ParseSteps(strings.ReplaceAll(value, "+", ","))
		v.opt.Without = append(v.opt.Without, steps...)
		return err
	case "sites":
		return number(&v.opt.Sites, 2, 4)
	case "sequences":
		return number(&v.sequences, 2, 1<<20)
	case "format":
		format, err := model.ParseFormat(value, model.Formats())
		v.opt.Format = &format
		return err
	case "heal":
		if v.heal, err = time.ParseDuration(value); err != nil || v.heal <= 0 {
			return errors.New("want a time such as 4m")
		}
	case "calibrate":
		v.calibrate = value
		_, err = os.Stat(value)
		return err
	default:
		return errors.New("there is none of that name")
	}
	return nil
}

// unhealed is what a healed variant begins with.
func (v variant) unhealed() variant {
	v.heal = 0
	return v
}

// checkVariants refuses models of a plan that cannot be made, before anything is measured.
func checkVariants(models []string) error {
	for _, ref := range models {
		if _, _, err := parseVariant(ref); err != nil {
			return err
		}
	}
	return nil
}
