package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

// projectorFlag adds the flag that names a model's encoder of images.
func projectorFlag(flags *pflag.FlagSet, opt *engine.Options) {
	flags.StringVar(&opt.Projector, "mmproj", "", "GGUF file of the encoder of images (default: a shape's own, or none)")
}

// registerVision adds the flags of every command that shows images to a model: its encoder,
// and where images stop costing more.
func (f *modelFlags) registerVision(cmd *cobra.Command) {
	flags := cmd.Flags()
	projectorFlag(flags, &f.opt)
	flags.IntVar(&f.opt.MaxPixels, "max-pixels", 0, "most pixels that the model looks at, of any image (default: the model's)")
	flags.IntVar(&f.opt.Clamp.MaxTokens, "image-max-tokens", 0, "the same in image tokens")
	flags.IntVar(&f.opt.Clamp.MinTokens, "image-min-tokens", 0, "least tokens of an image: smaller ones are enlarged (default: the model's)")
	flags.StringVar(&f.clamp, "clamp", "",
		fmt.Sprintf("the same as \"wattlaw run\" takes it, such as tokens:256, or its rule alone: %q, or %q as older runtimes have it", imaging.PolicyTokens, imaging.PolicyLongestSide))
	flags.IntVar(&f.opt.Clamp.LongestSide, "longest-side", 0,
		fmt.Sprintf("limit in pixels of the rule %q (default %d)", imaging.PolicyLongestSide, imaging.DefaultLongestSide))
}

// checkVision reads the limit and refuses others that would be ignored beside it.
func (f *modelFlags) checkVision() error {
	if strings.Contains(f.clamp, ":") {
		if f.opt.Clamp != (imaging.Clamp{}) || f.opt.MaxPixels != 0 {
			return fmt.Errorf("--clamp %s says the whole limit: leave the other flags of it out", f.clamp)
		}
		var err error
		f.opt.Clamp, f.opt.MaxPixels, err = imaging.ParseClamp(f.clamp)
		return err
	}
	f.opt.Clamp.Policy = imaging.Policy(f.clamp)
	k := f.opt.Clamp
	switch {
	case k.LongestSide != 0 && k.Policy != imaging.PolicyLongestSide:
		return fmt.Errorf("--longest-side is the limit of --clamp %s: add that", imaging.PolicyLongestSide)
	case k.Policy == imaging.PolicyLongestSide && (k.MaxTokens != 0 || k.MinTokens != 0 || f.opt.MaxPixels != 0):
		return fmt.Errorf("--clamp %s has no limit but --longest-side: leave the other limits out", imaging.PolicyLongestSide)
	case k.MaxTokens != 0 && f.opt.MaxPixels != 0:
		return errors.New("--max-pixels and --image-max-tokens set the same limit: leave one out")
	}
	return nil
}

// imagesFlag adds the flag that names image files.
func imagesFlag(flags *pflag.FlagSet, paths *[]string) {
	flags.StringArrayVar(paths, "image", nil, "image file (PNG, JPEG, GIF, WebP, BMP); may be given more than once")
}

// readImages decodes image files.
func readImages(paths []string) ([]imaging.RGB, error) {
	var images []imaging.RGB
	for _, path := range paths {
		img, err := readImage(path)
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	return images, nil
}

func readImage(path string) (img imaging.RGB, err error) {
	data, err := imaging.ReadFile(path)
	if err != nil {
		return img, err
	}
	if img, _, err = imaging.Decode(data, imaging.Limits{}); err != nil {
		return img, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}
