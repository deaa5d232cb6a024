package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestCosine(t *testing.T) {
	for _, c := range []struct {
		a, b []float32
		want float64
	}{
		{[]float32{1, 0}, []float32{0, 1}, 0}, {[]float32{1, 2}, []float32{2, 4}, 1}, {[]float32{1, 0}, []float32{-3, 0}, -1},
		{[]float32{3, 4}, []float32{4, 3}, 0.96}, {[]float32{1e30, 0}, []float32{1e-30, 0}, 1},
	} {
		if got, err := Cosine(c.a, c.b); err != nil || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v, %v: %v, %v; want %v", c.a, c.b, got, err, c.want)
		}
	}
	nan := float32(math.NaN())
	for _, c := range [][2][]float32{{{1}, {1, 2}}, {{0, 0}, {1, 2}}, {{nan, 0}, {1, 2}}, {{}, {}}} {
		if got, err := Cosine(c[0], c[1]); err == nil {
			t.Errorf("%v, %v: %v, want an error", c[0], c[1], got)
		}
	}
}

// serve answers requests for embeddings with what reply makes of them.
func serve(t *testing.T, reply func(w http.ResponseWriter, inputs []string)) *Endpoint {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Model string   `json:"model"`
			Input []string `json:"input"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/v1/embeddings" || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		if body.Model != "mini" || r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("model %q, headers %v", body.Model, r.Header)
		}
		reply(w, body.Input)
	}))
	t.Cleanup(s.Close)
	e, err := NewEndpoint(s.URL+"/v1", "mini", "k")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEndpoint(t *testing.T) {
	e := serve(t, func(w http.ResponseWriter, inputs []string) {
		var data []string
		for i := range slices.Backward(inputs) { // in any order
			data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%d,0.5]}`, i, len(inputs[i])))
		}
		fmt.Fprintf(w, `{"object":"list","data":[%s],"model":"mini"}`, strings.Join(data, ","))
	})
	texts := make([]string, 70)
	for i := range texts {
		texts[i] = strings.Repeat("x", i)
	}
	got, err := embedAll(t.Context(), e, texts)
	if err != nil || len(got) != 70 {
		t.Fatalf("%d vectors, %v", len(got), err)
	}
	for i, v := range got {
		if !slices.Equal(v, []float32{float32(i), 0.5}) {
			t.Errorf("text %d: %v", i, v)
		}
	}
	if !strings.HasPrefix(e.Name(), "mini at http://127.0.0.1") {
		t.Errorf("name %q", e.Name())
	}
}

func TestEndpointAnswersBadly(t *testing.T) {
	for _, c := range []struct {
		status       int
		answer, want string
	}{
		{200, `{"data":[{"index":0,"embedding":[1]}]}`, "1 embeddings for 2 texts"},
		{200, `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`, "embedding 2 of the answer has index 0"},
		{200, `{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}`, "index 7"},
		{200, `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]}`, "empty"},
		{200, `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}`, "text 2 has 2 values"},
		{200, `{"data":[{"embedding":"AAAA"},{"embedding":[1]}]}`, "no list of embeddings"},
		{200, `<html>`, "no list of embeddings"},
		{401, `{"error": "no key"}`, `401 Unauthorized: {"error": "no key"}`},
		{500, strings.Repeat("x", 1000), "500 Internal Server Error: " + strings.Repeat("x", 200) + "…"},
	} {
		e := serve(t, func(w http.ResponseWriter, _ []string) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		})
		if _, err := embedAll(t.Context(), e, []string{"a", "b"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v, want %q", c.answer, err, c.want)
		}
	}
}

func TestNewEndpoint(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"http://localhost:8080", "http://localhost:8080/embeddings"},
		{"http://localhost:8080/v1/", "http://localhost:8080/v1/embeddings"},
		{"https://x.example/v1/embeddings", "https://x.example/v1/embeddings"},
		{"localhost:8080", ""}, {"ftp://x", ""}, {"http://", ""}, {"", ""}, {"http://a b", ""},
	} {
		e, err := NewEndpoint(c.address, "", "")
		if (err == nil) != (c.want != "") || err == nil && e.URL != c.want {
			t.Errorf("%q: %+v, %v; want %q", c.address, e, err, c.want)
		}
	}
	e, err := NewEndpoint("http://me:secret@host/v1?key=secret", "m", "")
	if err != nil || strings.Contains(e.Name(), "secret") {
		t.Errorf("%q, %v", e.Name(), err)
	}
}

func TestEndpointThatIsNotThere(t *testing.T) {
	e, err := NewEndpoint("http://127.0.0.1:1/v1", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Embed(t.Context(), []string{"a"}); err == nil || !strings.Contains(err.Error(), "is the server running?") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Embed(ctx, []string{"a"}); err == nil {
		t.Error("a cancelled request succeeds")
	}
}
