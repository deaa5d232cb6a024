package native

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/backend/backendtest"
	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/engine/serve"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

// role is the environment variable by which this test binary plays another program.
const role = "WATTLAW_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "server":
		os.Exit(serveAsChild())
	case "parent":
		os.Exit(parentOfServer())
	case "crash":
		fmt.Fprintln(os.Stderr, "out of luck")
		os.Exit(3)
	case "silent":
		time.Sleep(time.Minute)
	case "chatter":
		fmt.Println("hello")
		time.Sleep(time.Minute)
	}
	os.Exit(1)
}

// serveAsChild is what "wattlaw serve" does with the flags that this package passes.
func serveAsChild() int {
	c := serve.Config{Parent: os.Stdin, Ready: os.Stdout}
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	flags.StringVar(&c.Model, "model", "", "")
	flags.StringVar(&c.Host, "host", "", "")
	flags.IntVar(&c.Port, "port", 0, "")
	flags.IntVar(&c.Engine.Threads, "threads", 0, "")
	flags.IntVar(&c.Engine.Context, "context", 0, "")
	flags.Uint64Var(&c.Engine.Seed, "seed", 0, "")
	flags.Bool("parent-pipe", false, "")
	flags.StringVar(&c.Engine.Projector, "mmproj", "", "")
	flags.StringVar((*string)(&c.Engine.Clamp.Policy), "clamp", "", "")
	flags.IntVar(&c.Engine.Clamp.MaxTokens, "image-max-tokens", 0, "")
	flags.IntVar(&c.Engine.Clamp.MinTokens, "image-min-tokens", 0, "")
	flags.IntVar(&c.Engine.Clamp.LongestSide, "longest-side", 0, "")
	flags.IntVar(&c.Engine.MaxPixels, "max-pixels", 0, "")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return 2
	}
	if err := serve.Run(context.Background(), c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func playing(part string) Backend {
	return Backend{Command: []string{os.Args[0]}, Env: []string{role + "=" + part}}
}

const (
	tiny       = "shape:tiny@q8_0"
	tinyVision = "shape:tiny-qwen2vl@q8_0"
)

func TestSuite(t *testing.T) {
	backendtest.Run(t, playing("server"), tiny, "no/such/model.gguf")
}

func TestVisionSuite(t *testing.T) {
	for _, cfg := range []backend.Config{
		{Model: tinyVision, Threads: 1, Context: 512},
		{Model: tinyVision, Context: 512, Clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MaxTokens: 16}},
		{Model: tinyVision, Context: 512, Clamp: imaging.Clamp{Policy: imaging.PolicyLongestSide, LongestSide: 64}},
		{Model: tinyVision, Context: 512, MaxPixels: 4096},
	} {
		backendtest.RunVision(t, playing("server"), cfg)
	}
}

// TestModelInfoIsComplete guards the fields that the server's report and the contract share
// by name.
func TestModelInfoIsComplete(t *testing.T) {
	s, err := playing("server").Start(t.Context(), backend.Config{Model: tinyVision, Threads: 2, Context: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	e, err := engine.Load(tinyVision, engine.Options{Threads: 2, Context: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if got, want := asJSON(t, s.Model()), asJSON(t, e.Info()); got != want {
		t.Errorf("the server reports %s, the engine %s", got, want)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestVisionFlags(t *testing.T) {
	cases := map[string]backend.Config{
		"": {Model: "m", Threads: 2},
		"--mmproj p.gguf --clamp tokens --image-max-tokens 64 --image-min-tokens 4": {
			Projector: "p.gguf", Clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MinTokens: 4, MaxTokens: 64},
		},
		"--clamp longest-side --longest-side 1024": {Clamp: imaging.Clamp{Policy: imaging.PolicyLongestSide, LongestSide: 1024}},
		"--max-pixels 50000":                       {MaxPixels: 50000},
	}
	for want, cfg := range cases {
		if got := strings.Join(visionFlags(cfg), " "); got != want {
			t.Errorf("flags %q, want %q", got, want)
		}
	}
}

func TestFailedStartsSayWhy(t *testing.T) {
	cases := []struct {
		name    string
		backend Backend
		want    []string
	}{
		{"crash", playing("crash"), []string{"exit status 3", "out of luck"}},
		{"silence", Backend{Command: []string{os.Args[0]}, Env: []string{role + "=silent"}, StartTimeout: 200 * time.Millisecond}, []string{"no answer within 200ms"}},
		{"chatter", playing("chatter"), []string{`"hello\n"`}},
		{"no program", Backend{Command: []string{"/no/such/program"}}, []string{"/no/such/program"}},
	}
	for _, c := range cases {
		s, err := c.backend.Start(t.Context(), backend.Config{Model: tiny})
		if err == nil {
			t.Errorf("%s: it started", c.name)
			s.Stop()
			continue
		}
		for _, want := range append(c.want, tiny) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", c.name, err, want)
			}
		}
	}
}

func TestKilledServerIsNamed(t *testing.T) {
	s, err := playing("server").Start(t.Context(), backend.Config{Model: tiny})
	if err != nil {
		t.Fatal(err)
	}
	child, err := os.FindProcess(s.PID())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = child.Kill() })
	for {
		_, err = s.Generate(t.Context(), backend.Request{Tokens: []int32{1}, MaxTokens: 1000, IgnoreEOS: true})
		if err != nil {
			break
		}
	}
	for _, want := range []string{fmt.Sprint(s.PID()), "ended", "kill"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// TestStopEndsCleanly expects the child to end by itself when its pipe closes.
func TestStopEndsCleanly(t *testing.T) {
	s, err := playing("server").Start(t.Context(), backend.Config{Model: tiny})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.(*server).process.err; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// parentOfServer starts a server, prints its process id and waits to be killed.
func parentOfServer() int {
	s, err := playing("server").Start(context.Background(), backend.Config{Model: tiny})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.PID())
	time.Sleep(time.Minute)
	return 1
}
