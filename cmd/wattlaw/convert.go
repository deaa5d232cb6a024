package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/model/huggingface"
)

func newConvertCmd() *cobra.Command {
	var mmproj string
	cmd := &cobra.Command{
		Use:   "convert FOLDER OUT.gguf",
		Short: "Write a model in Hugging Face's layout as GGUF",
		Long: `Writes the model of a folder (config.json, safetensors, tokenizer.json) as a GGUF file that this
program and llama.cpp load: Llama with byte-level BPE, Qwen2 and Qwen2.5, Qwen2-VL and Qwen2.5-VL.
Matrices keep their types, norms and biases become float32. Commands that read a model take the
folder itself, too.`,
		Example: `  wattlaw convert Qwen2.5-0.5B-Instruct qwen2.5-0.5b.gguf
  wattlaw convert Qwen2-VL-2B-Instruct qwen2-vl.gguf --mmproj qwen2-vl.mmproj.gguf`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return convert(cmd.OutOrStdout(), args[0], args[1], mmproj)
		},
	}
	cmd.Flags().StringVar(&mmproj, "mmproj", "", "write the model's encoder of images, too, to this file")
	return cmd
}

// convert writes the models of the folder dir to out and, unless that is empty, mmproj.
func convert(stdout io.Writer, dir, out, mmproj string) (err error) {
	if mmproj != "" && filepath.Clean(mmproj) == filepath.Clean(out) {
		return fmt.Errorf("convert: %s cannot be both the language model and the encoder of images", out)
	}
	f, err := huggingface.Open(dir)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if mmproj != "" { // first: it is the smaller one, should something be wrong
		if err := f.WriteEncoder(mmproj); err != nil {
			return fmt.Errorf("convert: %w", err)
		}
		fmt.Fprintf(stdout, "%s: encoder of images\n", mmproj)
	}
	if err := f.WriteLanguage(out); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	fmt.Fprintf(stdout, "%s: language model\n", out)
	if mmproj == "" && f.Sees() {
		fmt.Fprintln(stdout, "The model takes images: --mmproj FILE writes their encoder.")
	}
	return nil
}
