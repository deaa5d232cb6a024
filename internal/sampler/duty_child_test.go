//go:build linux || darwin

package sampler

import (
	"encoding/json"
	"io"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// The program of known duty: the test binary started again with dutyEnv set.
const (
	dutyFraction = 0.37
	dutySeconds  = 10.0
	dutyBytes    = 512 << 20
	dutyHold     = 5.0
	dutyPieces   = 128                  // memory is touched and released in so many pieces, each with its time …
	dutyPause    = 3 * time.Millisecond // … and this pause, so that rise and fall span several samples
)

// dutyReport is what the program knows of itself, without any sampler.
type dutyReport struct {
	Window   measure.Window // of the CPU part
	CPU      float64        // core-seconds in it, by getrusage
	Memory   measure.Window // from the first touch to the last release
	ByteSecs float64        // ∫ memory held dt, from the time of each piece
}

// dutyChild waits for a byte, works, prints its report, and waits for the end of its input,
// so that it stays there to be sampled.
func dutyChild() error {
	debug.SetGCPercent(-1) // no memory of its own may come or go
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	memory := make(chan holding, 1)
	r := dutyReport{Window: measure.Window{Start: measure.Now()}}
	used := ownCPU()
	go func() {
		time.Sleep(time.Second)
		memory <- hold()
	}()
	burn(r.Window.Start, used)
	r.Window.End = measure.Now()
	r.CPU = ownCPU() - used
	held := <-memory
	if held.err != nil {
		return held.err
	}
	r.Memory, r.ByteSecs = held.window, held.byteSeconds
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// burn keeps the process at its duty: it works whenever the CPU time used so far is behind
// the fraction of the time gone by, and ends when both the time and the work are done. A
// process that was kept from its work by others works on until it has it.
func burn(start int64, used float64) {
	for {
		elapsed := float64(measure.Now()-start) / 1e9
		spent := ownCPU() - used
		switch {
		case spent >= dutyFraction*dutySeconds && elapsed >= dutySeconds:
			return
		case spent < dutyFraction*min(elapsed, dutySeconds):
			for until := measure.Now() + 500_000; measure.Now() < until; {
			}
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

type holding struct {
	window      measure.Window
	byteSeconds float64
	err         error
}

// hold maps memory, touches it piece by piece, keeps it, and releases it piece by piece. It
// integrates what is held: each piece counts from the middle of its touching to the middle
// of its release.
func hold() (h holding) {
	b, err := unix.Mmap(-1, 0, dutyBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return holding{err: err}
	}
	var touched [dutyPieces]int64
	const size = dutyBytes / dutyPieces
	before := measure.Now()
	h.window.Start = before
	for i := range dutyPieces {
		for at := i * size; at < (i+1)*size; at += 4096 {
			b[at] = 1
		}
		now := measure.Now()
		touched[i] = before + (now-before)/2
		time.Sleep(dutyPause)
		before = measure.Now()
	}
	time.Sleep(time.Duration(dutyHold * 1e9))
	before = measure.Now()
	for i := range dutyPieces {
		if err := unix.Madvise(b[i*size:(i+1)*size], unix.MADV_DONTNEED); err != nil {
			return holding{err: err}
		}
		now := measure.Now()
		h.byteSeconds += size * float64(before+(now-before)/2-touched[i]) / 1e9
		time.Sleep(dutyPause)
		before = measure.Now()
	}
	h.window.End = before
	h.err = unix.Munmap(b)
	return h
}

// ownCPU is user and system time of all threads in seconds.
func ownCPU() float64 {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r) // cannot fail for the own process
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}
