package native

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/wattlaw/wattlaw/internal/engine/serve"
)

// process is the child. It ends when stdin closes, which the system does when this process
// ends in any way; where the system can also kill it then, it does.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *tail
	first  chan string   // the first line of its output
	ended  chan struct{} // closed when it has ended
	err    error         // how it ended; valid once ended is closed
	stops  sync.Once
}

func startProcess(name string, args, env []string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), stderr: &tail{}, first: make(chan string, 1), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = p.stderr
	endWithParent(p.cmd)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		// The kernel takes the end of the thread that started the child for the end of the
		// parent, so that thread is kept.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := p.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.readOutput(stdout) // to its end, before Wait closes it
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, <-started
}

// readOutput hands on the first line and drops the rest.
func (p *process) readOutput(stdout io.Reader) {
	const longest = 4096
	r := bufio.NewReaderSize(stdout, longest)
	if line, err := r.ReadSlice('\n'); err == nil {
		p.first <- string(line)
	}
	_, _ = io.Copy(io.Discard, r) // an error means the same as the end
}

// address waits for the child to say where it listens.
func (p *process) address(ctx context.Context) (string, error) {
	select {
	case line := <-p.first:
		var ready serve.Ready
		if err := json.Unmarshal([]byte(line), &ready); err != nil || ready.Address == "" {
			return "", fmt.Errorf("it printed %.100q instead of its address", line)
		}
		return ready.Address, nil
	case <-p.ended:
		return "", p.why()
	case <-ctx.Done():
		return "", fmt.Errorf("%w%s", context.Cause(ctx), p.stderr.quote())
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// why says how the child ended; ended must be closed.
func (p *process) why() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("the model server (process %d) ended: %s%s", p.pid(), how, p.stderr.quote())
}

// stop lets the child end by itself, and kills it when it does not.
func (p *process) stop() error {
	const patience = 10 * time.Second
	var err error
	p.stops.Do(func() {
		_ = p.stdin.Close() // fails only when the child is gone
		select {
		case <-p.ended:
		case <-time.After(patience):
			err = errors.Join(fmt.Errorf("the model server (process %d) did not end within %v and was killed", p.pid(), patience), p.kill())
		}
	})
	return err
}

// kill ends the child at once and waits for it.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the model server (process %d): %w", p.pid(), err)
	}
	<-p.ended
	return nil
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// tailBytes holds any error message and a good part of a crash's trace.
const tailBytes = 2048

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

// quote returns the text for the end of a message, "" when there is none.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.text))
	if text == "" {
		return ""
	}
	return "; it said: " + text
}
