package law

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestReadCSV(t *testing.T) {
	const text = "\ufeffid, tokens ,joules,w,note\n1,64,2.5,1,\"a, b\"\n\n2,128, 3e0 ,0.5,\n3,256,,1,no meter\n4,512,6,1,\n"
	got, err := ReadCSV(strings.NewReader(text), "t.csv", Columns{X: "tokens", Y: "joules", Weight: "w"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []Point{{64, 2.5, 1}, {128, 3, 0.5}, {512, 6, 1}}; !slices.Equal(got.Points, want) {
		t.Errorf("points %v, want %v", got.Points, want)
	}
	if !slices.Equal(got.Left, []int{5}) || len(got.Doubts()) != 1 {
		t.Errorf("left out lines %v, doubts %q", got.Left, got.Doubts())
	}
}

func TestReadCSVNamesLineAndColumn(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "t.csv: empty"},
		{"tokens,watts\n", `line 1: no column "joules"; there are: tokens, watts`},
		{"tokens,joules,joules\n", `line 1: column "joules" appears twice`},
		{"tokens,joules\n1,2\n\"\n", "line 3"},
		{"tokens,joules\n1,2\n3\n", "line 3"},
		{"tokens,joules\n1,\"2\n\"\nx,3\n", `line 4, column "tokens": "x"`},
		{"tokens,joules\n1,NaN\n", `line 2, column "joules": "NaN"`},
		{"tokens,joules\n1,1e999\n", `line 2, column "joules": "1e999"`},
	} {
		if _, err := ReadCSV(strings.NewReader(c.text), "t.csv", Columns{X: "tokens", Y: "joules"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want it to say %q", c.text, err, c.want)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("tokens,joules\n1,2\n2,3\n3,5\n")
	f.Add("tokens,joules\n1,\n\"\n")
	f.Add("\ufeff tokens\t,joules\r\n1,2\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ReadCSV(strings.NewReader(text), "t.csv", Columns{X: "tokens", Y: "joules"})
		if err != nil && len(table.Points) > 0 {
			t.Fatal("an error with points")
		}
		for _, p := range table.Points {
			if v := p.X + p.Y; math.IsNaN(v) || p.Weight != 1 {
				t.Fatalf("point %v", p)
			}
		}
	})
}

func ExampleFit() {
	var points []Point
	for _, x := range []float64{64, 128, 256, 512, 1024} {
		for _, wobble := range []float64{-0.02, -0.01, 0, 0.01, 0.02} {
			points = append(points, Point{X: x, Y: (3 + x/100) * (1 + wobble), Weight: 1})
		}
	}
	law, err := Fit(points, Options{Noise: NoiseProportional})
	if err != nil {
		panic(err)
	}
	fmt.Printf("cost = %.2f + %.4f·x, %s is best\n", law.A().Value, law.B().Value, law.Best)
	fmt.Println("at 2048:", math.Round(law.At(2048)*100)/100, law.Predict(2048).Doubts)
	// Output:
	// cost = 3.00 + 0.0100·x, linear is best
	// at 2048: 23.48 [outside the fitted range 64 … 1024]
}
