package sampler

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/source/proc"
)

// BenchmarkSampling reports what sampling a process and the machine costs and how punctual
// it is, at the rates of the measurement contract: at most 0.1 % of a core at 20 Hz, 0.5 %
// at 100 Hz, and 1 % late ticks with every core loaded. Run it with -benchtime 1x.
func BenchmarkSampling(b *testing.B) {
	for _, rate := range []float64{20, 100} {
		for _, loaded := range []bool{false, true} {
			b.Run(fmt.Sprintf("%g Hz loaded=%v", rate, loaded), func(b *testing.B) {
				for b.Loop() {
					measureCost(b, rate, loaded)
				}
			})
		}
	}
}

func measureCost(b *testing.B, rate float64, loaded bool) {
	s, err := New(Config{RateHz: rate, Sources: []source.Source{
		proc.NewProcess("/", os.Getpid()), proc.NewRSS("/", os.Getpid()), proc.NewSystem("/"), proc.NewMemory("/"),
	}})
	if err != nil {
		b.Fatal(err)
	}
	if loaded {
		release := burnAllCores(b)
		defer release()
	}
	s.Start()
	time.Sleep(5 * time.Second)
	if err := s.Stop(); err != nil {
		b.Fatal(err)
	}
	o := s.Observer()
	b.ReportMetric(100*o.CoreFraction, "%core")
	b.ReportMetric(100*float64(o.LateTicks)/float64(o.Ticks), "%late")
	b.ReportMetric(1e6*o.CoreFraction*o.Duration.Seconds()/float64(o.Ticks), "µs/tick")
}
