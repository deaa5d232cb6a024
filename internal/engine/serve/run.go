package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// Config says what to serve and where.
type Config struct {
	Model  string
	Engine engine.Options
	Host   string
	Port   int // 0 lets the system choose
	// Parent, when not nil, is read until it ends, which ends the server: a pipe from the
	// process that started it closes whenever and however that process ends.
	Parent io.Reader
	// Ready, when not nil, receives one line of JSON, Ready, once requests are answered.
	Ready io.Writer
	// Listening, when not nil, is told the model and the address at that moment.
	Listening func(info engine.Info, address string)
}

// Run loads the model and serves it until ctx or the parent ends. The load phase begins
// with the call.
func Run(ctx context.Context, c Config) (err error) {
	begin := measure.Now()
	if c.Parent != nil {
		var end context.CancelFunc
		ctx, end = context.WithCancel(ctx)
		defer end()
		go followParent(c.Parent, end)
	}
	e, err := engine.Load(c.Model, c.Engine)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := e.Close(); err == nil {
			err = closeErr
		}
	}()
	l, err := net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("serve %s: %w", c.Model, err)
	}
	server := New(e, measure.Phase{Name: measure.PhaseLoad, Start: begin, End: measure.Now()})
	if c.Ready != nil {
		if err := json.NewEncoder(c.Ready).Encode(Ready{Address: l.Addr().String()}); err != nil {
			return fmt.Errorf("serve %s: announce the address: %w", c.Model, err)
		}
	}
	if c.Listening != nil {
		c.Listening(e.Info(), l.Addr().String())
	}
	return server.Serve(ctx, l)
}

// followParent ends the server when the parent's pipe does, and the process soon after if
// something, such as loading a model, does not heed that.
func followParent(parent io.Reader, end func()) {
	_, _ = io.Copy(io.Discard, parent) // an error means the same as the end
	end()
	const grace = 10 * time.Second
	time.AfterFunc(grace, func() { os.Exit(1) })
}
