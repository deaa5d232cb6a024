package cpufreq

import (
	"testing"

	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/source/sourcetest"
)

const dir = "sys/devices/system/cpu/cpufreq/"

// One policy of three cores and one of a single fast core.
func tree() sourcetest.Tree {
	return sourcetest.Tree{
		dir + "policy0/scaling_cur_freq": "1500000\n", dir + "policy0/affected_cpus": "0 1 2\n",
		dir + "policy3/scaling_cur_freq": "2400000\n", dir + "policy3/affected_cpus": "3\n",
	}
}

func TestContract(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{New: func(root string) source.Source { return New(root) }, Tree: tree()})
}

func TestMeanIsOverCores(t *testing.T) {
	root := t.TempDir()
	tree().Write(t, root)
	s := New(root)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	value := make([]float64, 1)
	if err := s.Read(value); err != nil || value[0] != (3*1.5e9+2.4e9)/4 {
		t.Errorf("mean frequency %g Hz, %v", value[0], err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
