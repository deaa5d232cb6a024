package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/store/sqlite"
)

// storedRuns fills a store with runs of the given ids, 15 trials each, whose cost is
// 0.5 + slope·tokens core-seconds.
func storedRuns(t *testing.T, slopes map[string]float64) string {
	t.Helper()
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "store.db")
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	channel := measure.Channel{Name: "process.cpu", Source: "process", Kind: measure.KindCPUTime, Scope: measure.ScopeProcess, Quality: measure.Measured}
	for id, slope := range slopes {
		run := store.Run{
			ID: id, Created: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Plan: json.RawMessage(`{}`), Status: store.StatusComplete,
			Channels: []measure.Channel{channel}, Configs: []store.Config{{ID: "native/m", Model: "m"}},
		}
		if err := s.PutRun(ctx, run); err != nil {
			t.Fatal(err)
		}
		for seq := range 15 {
			x := 64 << (seq % 5)
			cost := (0.5 + slope*float64(x)) * (1 + 0.01*math.Sin(float64(3*seq)))
			trial := store.Trial{
				Run: id, Seq: seq, Config: "native/m", X: x, Repeat: seq / 5, Complexity: "low", TokensIn: x, TokensOut: 16, Requests: 1, Start: 0, End: 1e9,
				Figures: map[string]store.Figure{store.MetricCPUCoreSeconds: {Value: cost, Quality: measure.Measured}},
			}
			samples := store.Samples{Run: id, Seq: seq, Series: []measure.Series{{Channel: channel, T: []int64{0, 1e9}, V: []float64{0, cost}}}}
			if err := s.AddTrial(ctx, trial, samples); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func runCommand(cmd *cobra.Command, args ...string) (string, error) {
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func TestReportCommandWritesOneRun(t *testing.T) {
	path, dir := storedRuns(t, map[string]float64{"20260101T000000-a": 0.004}), t.TempDir()
	out, err := runCommand(newReportCmd(), "20260101", "--store", path, "--out", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Each prompt token costs", "CPU time", filepath.Join(dir, "report.html")} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
	for _, name := range []string{"report.html", "result.json", "trials.csv", "samples.parquet", "figures/law-cpu_core_s.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestReportCommandComparesRuns(t *testing.T) {
	path, dir := storedRuns(t, map[string]float64{"20260101T000000-a": 0.004, "20260102T000000-b": 0.008}), t.TempDir()
	out, err := runCommand(newReportCmd(), "20260101", "20260102", "20260101T", "--store", path, "--out", dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !strings.Contains(string(page), "times as much CPU time") || !strings.Contains(string(page), "slope ratio") {
		t.Errorf("no comparison in the page (%v)", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "20260102T000000-b", "result.json")); err != nil || !strings.Contains(out, "comparison:") {
		t.Errorf("%v, output\n%s", err, out)
	}
}

func TestExportCommand(t *testing.T) {
	path := storedRuns(t, map[string]float64{"20260101T000000-a": 0.004})
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "seq,config,x,repeat"},
		{[]string{"--format", "json"}, `"schema": "wattlaw/result/1"`},
		{[]string{"--format", "parquet"}, "PAR1"},
		{[]string{"--samples"}, "20260101T000000-a,0,process.cpu,cpu_time,core·s,process,measured,0,0"},
		{[]string{"--samples", "--format", "parquet"}, "PAR1"},
	} {
		out, err := runCommand(newExportCmd(), append(c.args, "20260101", "--store", path)...)
		if err != nil || !strings.Contains(out, c.want) {
			t.Errorf("%v: %v; output lacks %q", c.args, err, c.want)
		}
	}
	file := filepath.Join(t.TempDir(), "x", "trials.csv")
	if out, err := runCommand(newExportCmd(), "20260101", "--store", path, "--out", file); err != nil || out != "" {
		t.Errorf("%v, output %q", err, out)
	}
	if data, err := os.ReadFile(file); err != nil || strings.Count(string(data), "\n") != 16 {
		t.Errorf("file of %d lines, %v", strings.Count(string(data), "\n"), err)
	}
}

func TestReportAndExportNameWhatIsWrong(t *testing.T) {
	path := storedRuns(t, map[string]float64{"20260101T000000-a": 0.004})
	for _, c := range []struct {
		cmd  *cobra.Command
		args []string
		want string
	}{
		{newReportCmd(), []string{"1999", "--store", path}, "1999"},
		{newExportCmd(), []string{"2026", "--store", path, "--format", "xml"}, `unknown format "xml"`},
		{newExportCmd(), []string{"2026", "--store", path, "--format", "json", "--samples"}, "csv or parquet"},
		{newExportCmd(), []string{"1999", "--store", path}, "1999"},
	} {
		if _, err := runCommand(c.cmd, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want it to say %q", c.args, err, c.want)
		}
	}
}
