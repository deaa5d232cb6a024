// Command wattlaw measures what local language models cost on this machine's CPU, fits
// the laws by which that cost grows, and reports both with their doubts.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
