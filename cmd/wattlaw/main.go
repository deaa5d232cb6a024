// Command wattlaw measures what local language models cost on this machine's CPU.
package main

import "os"

func main() { os.Exit(1) }
