package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/report"
)

// writeProfile measures how sensitive a model is, and writes it as table, file and figure.
func (f *compressFlags) writeProfile(cmd *cobra.Command, in compress.Pair, data compress.Calibration) (err error) {
	p, err := compress.NewProfile(cmd.Context(), in, data, f.opt, compress.ProfileLevels())
	if err != nil {
		return err
	}
	out, err := os.Create(f.out)
	if err != nil {
		return err
	}
	if err := errors.Join(p.WriteJSON(out), out.Close()); err != nil {
		return errors.Join(err, os.Remove(f.out))
	}
	name := strings.TrimSuffix(filepath.Base(f.out), filepath.Ext(f.out))
	if err := report.WriteSensitivity(filepath.Dir(f.out), name, p); err != nil {
		return err
	}
	if err := p.WriteTable(cmd.OutOrStdout()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "file %s, figure %s\n", f.out, filepath.Join(filepath.Dir(f.out), name+".svg"))
	return err
}
