package native

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/wattlaw/wattlaw/internal/engine/serve"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 256 << 20

// client speaks to one server.
type client struct {
	base    string
	http    *http.Client
	process *process
}

// call sends body as JSON, if any, and decodes the answer. When the child has ended, the
// error says how.
func (c *client) call(ctx context.Context, method, path string, body, answer any) error {
	err := c.exchange(ctx, method, path, body, answer)
	if err == nil || ctx.Err() != nil {
		return err
	}
	// A broken connection is seen before the child's end: give that a moment to arrive.
	select {
	case <-c.process.ended:
		return fmt.Errorf("%s %s: %w", method, path, c.process.why())
	case <-time.After(endDelay(err)):
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
}

// endDelay is how long an error may wait for the child's end to explain it: not at all
// when the child has answered.
func endDelay(err error) time.Duration {
	if _, answered := err.(answerError); answered {
		return 0
	}
	return 2 * time.Second
}

// answerError is an error that the server reports.
type answerError string

func (e answerError) Error() string { return "the model server answers: " + string(e) }

func (c *client) exchange(ctx context.Context, method, path string, body, answer any) error {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var e serve.APIError
		if json.Unmarshal(data, &e) != nil || e.Error.Message == "" {
			return answerError(resp.Status)
		}
		return answerError(e.Error.Message)
	}
	return json.Unmarshal(data, answer)
}
