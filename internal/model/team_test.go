package model

import (
	"runtime"
	"slices"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
)

func ref(t *testing.T) *kernel.Set {
	t.Helper()
	set, err := kernel.ByName("ref")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestBarrierOrdersWrites has every worker add what all others wrote before the barrier,
// many times: a worker let through early would read an old value.
func TestBarrierOrdersWrites(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7} {
		team := NewTeam(n, ref(t))
		values, sums := make([]int, n), make([]int, n)
		const rounds = 300
		team.Run(func(w *Worker) {
			for round := range rounds {
				values[w.Index] = round
				w.Barrier()
				for _, v := range values {
					sums[w.Index] += v
				}
				w.Barrier()
			}
		})
		team.Close()
		want := n * rounds * (rounds - 1) / 2
		if slices.Min(sums) != want || slices.Max(sums) != want {
			t.Errorf("%d workers: sums %v, want %d", n, sums, want)
		}
	}
}

func TestRunAfterRun(t *testing.T) {
	team := NewTeam(3, ref(t))
	defer team.Close()
	calls := make([]int, 3)
	for range 200 {
		team.Run(func(w *Worker) { calls[w.Index]++ })
	}
	if !slices.Equal(calls, []int{200, 200, 200}) {
		t.Errorf("workers were called %v times", calls)
	}
}

// TestIdleWorkersPark waits until all workers of an idle team sleep, which takes no
// processor time; a team that went on spinning would never get there.
func TestIdleWorkersPark(t *testing.T) {
	team := NewTeam(3, ref(t))
	defer team.Close()
	for range 3 {
		team.Run(func(w *Worker) { w.Barrier() })
		for team.start.parked.Load() != 2 {
			runtime.Gosched()
		}
	}
}

func TestSharesCoverEverythingOnce(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 100, 576} {
		for _, count := range []int{1, 2, 3, 5, 16} {
			for _, grain := range []int{1, 8, 16} {
				end := 0
				for i := range count {
					w := Worker{Index: i, Count: count}
					lo, hi := w.Share(n, grain)
					if lo != end || hi < lo || lo%grain != 0 && lo != n {
						t.Errorf("worker %d of %d: [%d, %d) of %d by %d after %d", i, count, lo, hi, n, grain, end)
					}
					end = hi
				}
				if end != n {
					t.Errorf("%d workers cover %d of %d", count, end, n)
				}
			}
		}
	}
}
