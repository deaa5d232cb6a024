package linalg

import (
	"sync"
	"sync/atomic"
)

// Parallel calls f once for each i < n on at most threads goroutines and waits for all. worker
// numbers the goroutine, from 0, so that f may use memory of its own. Which worker takes which i
// is not determined: results that must not depend on it belong to i alone.
func Parallel(threads, n int, f func(worker, i int)) {
	if threads = min(threads, n); threads <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	var done sync.WaitGroup
	for worker := range threads {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(worker, i)
			}
		})
	}
	done.Wait()
}
