package main

import (
	"context"
	"errors"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/train"
)

// diverge measures how far the controls of a plan's variants are from their original, on the sequences
// that the first variant was held against. It finds nothing without variants, and in a resumed run, which did so before.
func (f *runFlags) diverge(ctx context.Context, plan bench.Plan, controls []bench.Control, say func(string)) (list []store.Finding, err error) {
	v, ok := variantOf(plan)
	if !ok || len(plan.Controls) > 0 || len(controls) == 0 {
		return nil, nil
	}
	in, done, err := openPair(v.base, plan.MMProj)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	_, data, err := v.calibrated(in)
	if err != nil {
		return nil, err
	}
	opt := train.Options{Threads: f.plan.Threads}
	original, err := train.NewSeeing(in.Language, in.Encoder, opt)
	if err != nil {
		return nil, err
	}
	for _, c := range controls {
		say("measuring how far " + c.Name + " is from " + v.base)
		kl, err := divergence(ctx, original, data.Held, c, opt)
		if err != nil {
			return nil, err
		}
		list = append(list, bench.Remark(false, "%s: KL %.4g nats a token to %s, on the sequences that compressed models are held against", c.Name, kl, v.base))
	}
	return list, nil
}

// variantOf returns the first variant of a plan's original; false without one.
func variantOf(plan bench.Plan) (variant, bool) {
	for _, ref := range plan.Model {
		if v, ok, err := parseVariant(ref); err == nil && ok && v.base == plan.Model[0] {
			return v, true
		}
	}
	return variant{}, false
}

// divergence is the mean KL of a control from the original, in nats a token that counts.
func divergence(ctx context.Context, original *train.Model, held []train.Sequence, c bench.Control, opt train.Options) (kl float64, err error) {
	copied, done, err := openPair(c.Model, c.Projector)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done()) }()
	m, err := train.NewSeeing(copied.Language, copied.Encoder, opt)
	if err != nil {
		return 0, err
	}
	return m.Divergence(ctx, held, original)
}
