package kernel

//go:generate sh _asm/generate.sh
