package compress

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func byBytes(c Choice) float64 { return float64(c.Bytes) }

// convexUnits has choices whose loss falls ever more slowly, in steps of the same price.
func convexUnits(rng *rand.Rand, n, choices int, step int64) []Unit {
	var units []Unit
	for range n {
		u := Unit{Name: "unit", Dense: Choice{Bytes: step * int64(choices+1)}}
		saved := make([]float64, choices)
		for i := range saved {
			saved[i] = rng.ExpFloat64()
		}
		slices.Sort(saved)
		for i := range choices {
			loss := 0.0
			for _, s := range saved[:choices-i] {
				loss += s
			}
			u.Choices = append(u.Choices, Choice{Bytes: step * int64(i+1), Loss: loss})
		}
		units = append(units, u)
	}
	return units
}

func sums(units []Unit, chosen []int) (bytes, loss float64) {
	for u, i := range chosen {
		c := units[u].Dense
		if i >= 0 {
			c = units[u].Choices[i]
		}
		bytes, loss = bytes+float64(c.Bytes), loss+c.Loss
	}
	return bytes, loss
}

// best searches all allocations.
func best(units []Unit, budget float64) float64 {
	least, chosen := math.Inf(1), make([]int, len(units))
	var search func(u int)
	search = func(u int) {
		if u == len(units) {
			if bytes, loss := sums(units, chosen); bytes <= budget {
				least = min(least, loss)
			}
			return
		}
		for i := -1; i < len(units[u].Choices); i++ {
			chosen[u] = i
			search(u + 1)
		}
	}
	search(0)
	return least
}

func TestAllocateIsOptimal(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		units := convexUnits(rng, 4, 4, 10)
		for budget := 40.0; budget <= 210; budget += 7 {
			chosen, err := Allocate(units, budget, byBytes, 0)
			if err != nil {
				t.Fatal(err)
			}
			bytes, loss := sums(units, chosen)
			if want := best(units, budget); bytes > budget || math.Abs(loss-want) > 1e-12 {
				t.Fatalf("budget %v: %v costs %v and loses %v, the best %v", budget, chosen, bytes, loss, want)
			}
		}
	}
}

// roughUnits has choices of any price and loss, some of them not worth taking.
func roughUnits(rng *rand.Rand, n int) []Unit {
	var units []Unit
	for range n {
		u := Unit{Name: "unit", Dense: Choice{Bytes: 500 + rng.Int64N(1000)}}
		for range 1 + rng.IntN(8) {
			bytes := 1 + rng.Int64N(u.Dense.Bytes*6/5)
			u.Choices = append(u.Choices, Choice{Bytes: bytes, Loss: math.Exp(-float64(bytes)/300 + 0.5*rng.NormFloat64())})
		}
		slices.SortFunc(u.Choices, func(a, b Choice) int { return int(a.Bytes - b.Bytes) })
		units = append(units, u)
	}
	return units
}

func TestAllocateWithinBudget(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 40 {
		units := roughUnits(rng, 1+rng.IntN(9))
		last := math.Inf(1)
		for budget := 0.0; budget < 15000; budget += 311 {
			uniform, err := Uniform(units, budget, byBytes)
			free, err2 := Allocate(units, budget, byBytes, 0)
			held, err3 := Allocate(units, budget, byBytes, 0.5)
			if (err == nil) != (err2 == nil) || (err == nil) != (err3 == nil) {
				t.Fatalf("budget %v: %v, %v, %v", budget, err, err2, err3)
			}
			if err != nil {
				continue
			}
			for _, chosen := range [][]int{uniform, free, held} {
				if bytes, _ := sums(units, chosen); bytes > budget {
					t.Fatalf("budget %v: %v costs %v", budget, chosen, bytes)
				}
			}
			_, loss := sums(units, free)
			if loss > last+1e-12 {
				t.Fatalf("budget %v loses %v, a smaller one %v", budget, loss, last)
			}
			last = loss
		}
		if last > 1e-12 {
			t.Fatalf("a budget for everything loses %v", last)
		}
	}
}

func TestAllocateKeepsTheFloor(t *testing.T) {
	units := convexUnits(rand.New(rand.NewPCG(3, 2)), 6, 99, 10)
	for i := range units[0].Choices {
		units[0].Choices[i].Loss /= 1e6 // seems not to matter
	}
	const budget = 3000 // half of everything
	for _, c := range []struct{ floor, least float64 }{{0, 10}, {0.5, 250}, {1, 500}} {
		chosen, err := Allocate(units, budget, byBytes, c.floor)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(units[0].Choices[chosen[0]].Bytes); got != c.least {
			t.Errorf("floor %v: the unit that seems not to matter gets %v, want %v", c.floor, got, c.least)
		}
	}
	coarse := []Unit{
		{Name: "a", Dense: Choice{Bytes: 100}, Choices: []Choice{{Bytes: 10, Loss: 3}}},
		{Name: "b", Dense: Choice{Bytes: 100}, Choices: []Choice{{Bytes: 10, Loss: 1}}},
	}
	chosen, err := Allocate(coarse, 120, byBytes, 0.5)
	if err != nil || !slices.Equal(chosen, []int{-1, 0}) {
		t.Errorf("choices too coarse for the floor: %v, %v", chosen, err)
	}
}

func TestUniformSharesAlike(t *testing.T) {
	units := convexUnits(rand.New(rand.NewPCG(4, 2)), 3, 9, 10) // 100 each
	units = append(units, convexUnits(rand.New(rand.NewPCG(5, 2)), 1, 9, 30)...)
	for _, c := range []struct {
		budget float64
		want   []int
	}{{600, []int{9, 9, 9, 9}}, {360, []int{5, 5, 5, 5}}, {359, []int{4, 4, 4, 4}}, {60, []int{0, 0, 0, 0}}} {
		for i := range c.want {
			if c.want[i] == 9 {
				c.want[i] = dense
			}
		}
		if got, err := Uniform(units, c.budget, byBytes); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("budget %v: %v, %v, want %v", c.budget, got, err, c.want)
		}
	}
}

func TestAllocateRefuses(t *testing.T) {
	good := Unit{Name: "good", Dense: Choice{Bytes: 9}, Choices: []Choice{{Bytes: 3, Loss: 1}}}
	cases := []struct {
		name   string
		unit   Unit
		budget float64
		floor  float64
		want   string
	}{
		{"budget", good, 2, 0, "cheapest choices of 1 units cost 3"},
		{"no budget", good, math.NaN(), 0, "not a number"},
		{"floor", good, 9, 1.5, "floor"},
		{"free", Unit{Name: "free"}, 9, 0, "unit free"},
		{"loss", Unit{Name: "x", Dense: good.Dense, Choices: []Choice{{Bytes: 3, Loss: math.NaN()}}}, 9, 0, "choice 0 of unit x"},
	}
	for _, c := range cases {
		if _, err := Allocate([]Unit{c.unit}, c.budget, byBytes, c.floor); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
