package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/law"
)

// runLaw runs the law command as a user would and returns what it printed.
func runLaw(t *testing.T, table string, args ...string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trials.csv")
	if err := os.WriteFile(path, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := newLawCmd()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append([]string{path}, args...))
	err := cmd.Execute()
	return out.String(), err
}

// lineTable is 25 trials of 2 + x/100 with a scatter of ±1 %.
func lineTable() string {
	var b strings.Builder
	b.WriteString("id,tokens,joules\n")
	for i, x := range []float64{64, 128, 256, 512, 1024} {
		for r := range 5 {
			fmt.Fprintf(&b, "%d,%g,%g\n", 5*i+r, x, (2+x/100)*(1+0.005*float64((r*3+i)%5-2)))
		}
	}
	return b.String() + "99,2048,\n"
}

func TestLawCommandPrintsTheLaw(t *testing.T) {
	out, err := runLaw(t, lineTable(), "--noise", "proportional", "--predict", "512,3000")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"joules = a + b·tokens", "n = 25", "95 % interval", "Theil–Sen", "quadratic", "power", "line 27"} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
}

func TestLawCommandPrintsJSON(t *testing.T) {
	out, err := runLaw(t, lineTable(), "--json", "--predict", "512")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		law.Law
		Predictions []law.Prediction `json:"predictions"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if !got.B().CI.Contains(0.01) || len(got.Predictions) != 1 || !got.Predictions[0].CI.Contains(7.12) {
		t.Errorf("slope %+v, predictions %+v", got.B(), got.Predictions)
	}
}

func TestLawCommandNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ table, want string }{
		{"", "empty"},
		{"tokens,watts\n1,2\n", `no column "joules"; there are: tokens, watts`},
		{"tokens,joules\n1,2\n2,x\n", `line 3, column "joules": "x"`},
		{"tokens,joules\n1,2\n2,3,4\n", "line 3"},
		{"tokens,joules\n1,2\n2,3\n", "2 points"},
	} {
		if _, err := runLaw(t, c.table); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("table %q: error %v, want it to say %q", c.table, err, c.want)
		}
	}
}
