package powercap

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
)

const (
	mirrorRounds = 5
	mirrorPause  = 4 * time.Millisecond // counters advance about every millisecond
)

// isAMD looks at the first processor of /proc/cpuinfo.
func isAMD(root string) bool {
	b, err := os.ReadFile(filepath.Join(root, "proc", "cpuinfo"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == "vendor_id" {
			return strings.TrimSpace(value) == "AuthenticAMD"
		}
	}
	return false
}

// distrust marks the zones whose counters do not mean what their names say. On AMD only the
// package domain is trusted. Some parts of several dies show one counter in all their
// packages: it is kept once, as adding it up would multiply the energy.
func distrust(zones []*zone, amd bool, pause func(time.Duration)) {
	var packages []*zone
	for _, z := range zones {
		switch {
		case !z.readable:
		case z.channel.Scope == measure.ScopePackage:
			packages = append(packages, z)
		case amd:
			z.refuse("on AMD processors only the package counter is to be trusted")
		}
	}
	if len(packages) < 2 {
		return
	}
	for i, mirrored := range mirrors(packages, pause) {
		if mirrored {
			packages[i].refuse("shows the same counter as " + packages[0].path + ": it is counted there")
		}
	}
}

// mirrors tells which packages advance by exactly the steps of the first one in every round,
// or whose reading always lies between two readings of the first taken around it.
func mirrors(packages []*zone, pause func(time.Duration)) []bool {
	equal, between := make([]bool, len(packages)), make([]bool, len(packages))
	for i := 1; i < len(packages); i++ {
		equal[i], between[i] = true, true
	}
	last := make([]int64, len(packages))
	advanced := false
	for round := range mirrorRounds + 1 {
		if round > 0 {
			pause(mirrorPause)
		}
		first, err := packages[0].energy.Int()
		if err != nil {
			return make([]bool, len(packages))
		}
		advanced = advanced || (round > 0 && first != last[0])
		for i := 1; i < len(packages); i++ {
			v, err := packages[i].energy.Int()
			again, err2 := packages[0].energy.Int()
			if err != nil || err2 != nil {
				equal[i], between[i] = false, false
				continue
			}
			between[i] = between[i] && first <= v && v <= again
			equal[i] = equal[i] && (round == 0 || v-last[i] == first-last[0])
			last[i] = v
		}
		last[0] = first
	}
	out := make([]bool, len(packages))
	for i := range out {
		out[i] = advanced && (equal[i] || between[i])
	}
	return out
}
