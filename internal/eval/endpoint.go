package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Endpoint is an embeddings endpoint that speaks the OpenAI API, of this machine or any other:
// POST {"model", "input"} to …/embeddings.
type Endpoint struct {
	// URL is the address of the endpoint, or of the API that has it below, such as
	// http://127.0.0.1:8080/v1.
	URL string
	// Model is sent along; a server of one model ignores it.
	Model string
	// Key, when not empty, is sent as a bearer token.
	Key string
	// Client makes the requests; nil means one that waits two minutes for an answer.
	Client *http.Client
}

// Bounds of what an endpoint answers.
const (
	maxEmbeddings = 64 << 20 // bytes
	embedTimeout  = 2 * time.Minute
)

// NewEndpoint checks the address.
func NewEndpoint(address, model, key string) (*Endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("embeddings endpoint %q: want an address such as http://127.0.0.1:8080/v1", address)
	}
	if !strings.HasSuffix(u.Path, "/embeddings") {
		u = u.JoinPath("embeddings")
	}
	return &Endpoint{URL: u.String(), Model: model, Key: key, Client: &http.Client{Timeout: embedTimeout}}, nil
}

// Name returns the model and the address without what may be secret in it.
func (e *Endpoint) Name() string {
	address := e.URL
	if u, err := url.Parse(e.URL); err == nil {
		u.User, u.RawQuery = nil, ""
		address = u.String()
	}
	return strings.TrimSpace(e.Model + " at " + address)
}

// Embed asks the endpoint.
func (e *Endpoint) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	body, err := json.Marshal(map[string]any{"model": e.Model, "input": texts, "encoding_format": "float"})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if e.Key != "" {
		req.Header.Set("Authorization", "Bearer "+e.Key)
	}
	client := e.Client
	if client == nil {
		client = &http.Client{Timeout: embedTimeout}
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: is the server running?", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxEmbeddings+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", err)
	case len(data) > maxEmbeddings:
		return nil, fmt.Errorf("the answer has more than %d bytes", maxEmbeddings)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answers %s: %s", resp.Status, shorten200(data))
	}
	return parseEmbeddings(data, len(texts))
}

// parseEmbeddings reads the vectors of n texts, which may come in any order.
func parseEmbeddings(data []byte, n int) ([][]float32, error) {
	var answer struct {
		Data []struct {
			Index     *int      `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("the answer is no list of embeddings: %w", err)
	}
	if len(answer.Data) != n {
		return nil, fmt.Errorf("the answer has %d embeddings for %d texts", len(answer.Data), n)
	}
	vectors := make([][]float32, n)
	for i, d := range answer.Data {
		at := i
		if d.Index != nil {
			at = *d.Index
		}
		if at < 0 || at >= n || vectors[at] != nil {
			return nil, fmt.Errorf("embedding %d of the answer has index %d", i+1, at)
		}
		if len(d.Embedding) == 0 {
			return nil, errors.New("an embedding of the answer is empty")
		}
		vectors[at] = d.Embedding
	}
	return vectors, nil
}

// shorten200 cuts what a server says for an error message.
func shorten200(data []byte) string {
	text := strings.Join(strings.Fields(string(data)), " ")
	if r := []rune(text); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return text
}
