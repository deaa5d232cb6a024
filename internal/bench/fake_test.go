package bench

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// The machine of the fakes: what it is made of and what its servers do to it.
const (
	fakeCores      = 4.0
	fakeRAM        = 8e9
	fakeIdleCores  = 0.1
	fakeIdleWatts  = 5.0
	fakeCoreWatts  = 10.0
	fakeIdleMemory = 1e9
	fakeModelBytes = 3e8
	fakeBusyCores  = 2.0 // while a request is answered

	fakeFixed     = 4 * time.Millisecond // of every request
	fakePerToken  = 400 * time.Microsecond
	fakePerOutput = 1 * time.Millisecond
	fakePerPixel  = 2 * time.Microsecond // effective ones
)

// fakeVision sees at most 16 tokens of 28×28 pixels: its knee lies at 12,544 pixels.
func fakeVision() *imaging.Contract {
	return &imaging.Contract{
		Family: imaging.FamilyDynamic, Patch: 14, Merge: 2, Clamp: imaging.Clamp{Policy: imaging.PolicyTokens, MaxTokens: 16},
		Filter: imaging.FilterBilinear, Pad: true, Std: [3]float32{1, 1, 1},
	}
}

// fakeMachine is a machine whose counters are exact functions of time: servers enter when
// they are busy, and every source computes from that what the counters read.
type fakeMachine struct {
	mu      sync.Mutex
	begun   int64
	work    map[int][]measure.Window // stretches in which a server was busy, by pid; the last may be open
	resting map[int]bool             // servers that hold their model in memory
	pids    int

	jitter  float64 // relative change of a server's pace with every request
	stolen  float64 // cores that the hypervisor takes
	strays  bool    // servers mark a phase before its request
	noMeter bool    // there is no energy source
	exact   bool    // servers are busy for the time they should take, however late they wake
}

func newFakeMachine() *fakeMachine {
	return &fakeMachine{begun: measure.Now(), work: map[int][]measure.Window{}, resting: map[int]bool{}}
}

// busySeconds is how long a server has been busy up to t.
func (m *fakeMachine) busySeconds(pid int, t int64) (seconds float64) {
	for _, w := range m.work[pid] {
		if end := min(w.End, t); end > w.Start {
			seconds += float64(end-w.Start) / 1e9
		}
	}
	return seconds
}

// cpu is the CPU time of a server up to t.
func (m *fakeMachine) cpu(pid int, t int64) float64 { return fakeBusyCores * m.busySeconds(pid, t) }

// system is the CPU time of the whole machine up to t.
func (m *fakeMachine) system(t int64) float64 {
	total := fakeIdleCores * float64(t-m.begun) / 1e9
	for pid := range m.work {
		total += m.cpu(pid, t)
	}
	return total
}

func (m *fakeMachine) joules(t int64) float64 {
	total := fakeIdleWatts * float64(t-m.begun) / 1e9
	for pid := range m.work {
		total += fakeCoreWatts * m.cpu(pid, t)
	}
	return total
}

func (m *fakeMachine) memory() float64 {
	return fakeIdleMemory + fakeModelBytes*float64(len(m.resting))
}

// sources is Deps.Sources.
func (m *fakeMachine) sources(pid int) []source.Source {
	channel := func(name string, k measure.Kind, s measure.Scope, capacity float64) measure.Channel {
		return measure.Channel{Name: name, Source: "fake", Kind: k, Scope: s, Quality: measure.Measured, Capacity: capacity}
	}
	list := []source.Source{&fakeSource{m: m, name: "system", channels: []fakeChannel{
		{channel("system.cpu", measure.KindCPUTime, measure.ScopeSystem, fakeCores), m.system},
		{channel("system.steal", measure.KindCPUTime, measure.ScopeSystem, fakeCores), func(t int64) float64 { return m.stolen * float64(t-m.begun) / 1e9 }},
		{channel("system.memory", measure.KindMemory, measure.ScopeSystem, fakeRAM), func(int64) float64 { return m.memory() }},
	}}}
	if m.noMeter {
		list = append(list, &fakeSource{m: m, name: "meter", broken: errors.New("no hardware: no meter is plugged in")})
	} else {
		list = append(list, &fakeSource{m: m, name: "meter", channels: []fakeChannel{
			{channel("meter.package", measure.KindEnergy, measure.ScopePackage, 0), m.joules},
		}})
	}
	estimate := channel("estimate.package", measure.KindPower, measure.ScopePackage, 0)
	estimate.Quality, estimate.Reason = measure.Estimated, "from the load"
	list = append(list, &fakeSource{m: m, name: "estimate", channels: []fakeChannel{{estimate, func(int64) float64 { return 7 }}}})
	if pid != 0 {
		list = append(list, &fakeSource{m: m, name: "process", channels: []fakeChannel{
			{channel("process.cpu", measure.KindCPUTime, measure.ScopeProcess, 0), func(t int64) float64 { return m.cpu(pid, t) }},
			{channel("process.rss", measure.KindMemory, measure.ScopeProcess, 0), func(int64) float64 { return fakeModelBytes }},
		}})
	}
	return list
}

type fakeChannel struct {
	channel measure.Channel
	at      func(t int64) float64
}

type fakeSource struct {
	m        *fakeMachine
	name     string
	channels []fakeChannel
	broken   error
}

func (s *fakeSource) Info() source.Info { return source.Info{Name: s.name, State: source.Ready} }
func (s *fakeSource) Open() error       { return s.broken }
func (s *fakeSource) Close() error      { return nil }

func (s *fakeSource) Channels() (out []measure.Channel) {
	for _, c := range s.channels {
		out = append(out, c.channel)
	}
	return out
}

func (s *fakeSource) Read(dst []float64) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	now := measure.Now()
	for i, c := range s.channels {
		dst[i] = c.at(now)
	}
	return nil
}

// fakeBackend starts servers on a fakeMachine.
type fakeBackend struct {
	m       *fakeMachine
	context int                     // of the models; 0 is without limit
	fail    func(request int) error // nil, or what the n-th request of all servers ends in
	starts  int
	refuse  error // what starting ends in
	asked   int
	prompts [][]int32
	vision  *imaging.Contract // of the models; nil for text only
	loading time.Duration     // how long starting keeps the cores busy
	misread bool              // servers report another layout than their contract's
	images  map[string]int    // how often each image was sent
	wanted  []int             // contexts that servers were started with
	trained bool              // models know something
	says    func(req backend.Request) string
}

func (b *fakeBackend) Name() string { return "fake" }

func (b *fakeBackend) Start(_ context.Context, cfg backend.Config) (backend.Server, error) {
	if b.refuse != nil {
		return nil, b.refuse
	}
	b.m.mu.Lock()
	b.starts++
	b.m.pids++
	b.m.resting[b.m.pids] = true
	b.m.work[b.m.pids] = nil
	b.wanted = append(b.wanted, cfg.Context)
	s := &fakeServer{b: b, cfg: cfg, pid: b.m.pids}
	b.m.mu.Unlock()
	if b.vision != nil {
		vision, err := b.vision.WithClamp(cfg.Clamp, cfg.MaxPixels)
		if err != nil {
			return nil, err
		}
		s.vision = &vision
	}
	if b.loading > 0 {
		s.load = measure.Phase{Name: measure.PhaseLoad, Start: s.work()}
		time.Sleep(b.loading)
		s.load.End = s.rest()
	}
	return s, nil
}

type fakeServer struct {
	b       *fakeBackend
	cfg     backend.Config
	pid     int
	stopped bool
	vision  *imaging.Contract
	load    measure.Phase
}

func (s *fakeServer) PID() int { return s.pid }

func (s *fakeServer) Model() backend.ModelInfo {
	length := s.b.context
	if s.vision != nil && length != 0 { // it may be raised
		length = max(length, s.cfg.Context)
	}
	return backend.ModelInfo{Name: s.cfg.Model, Architecture: "fake", Bytes: fakeModelBytes, Context: length, Threads: 2, Meaningless: !s.b.trained, Vision: s.vision}
}

func (s *fakeServer) Load() measure.Phase {
	if s.load.End != 0 {
		return s.load
	}
	return measure.Phase{Name: measure.PhaseLoad, Start: s.b.m.begun, End: s.b.m.begun + 1e6}
}

// Tokenize gives one token per word, and one for the beginning.
func (s *fakeServer) Tokenize(_ context.Context, text string) ([]int32, error) {
	ids := []int32{0}
	for word := range strings.FieldsSeq(text) {
		ids = append(ids, int32(len(word)))
	}
	return ids, nil
}

func (s *fakeServer) Detokenize(_ context.Context, ids []int32) (string, error) {
	var words []string
	for _, id := range ids[1:] {
		words = append(words, strings.Repeat("x", max(int(id), 1)))
	}
	return strings.Join(words, " "), nil
}

// Generate keeps its cores busy for a time that is linear in the tokens.
func (s *fakeServer) Generate(ctx context.Context, req backend.Request) (backend.Response, error) {
	s.b.m.mu.Lock()
	request := s.b.asked
	s.b.asked++
	s.b.prompts = append(s.b.prompts, req.Tokens)
	s.b.m.mu.Unlock()
	if s.b.fail != nil {
		if err := s.b.fail(request); err != nil {
			return backend.Response{}, err
		}
	}
	if req.Prompt != "" {
		req.Tokens, _ = s.Tokenize(ctx, req.Prompt)
	}
	pace := 1 + s.b.m.jitter*float64(request%2)
	prefill := time.Duration(pace * float64(fakeFixed+time.Duration(len(req.Tokens))*fakePerToken))
	start := s.work()
	if s.b.m.exact {
		looks, err := s.looks(req)
		if err != nil {
			return backend.Response{}, err
		}
		s.credit(start, time.Duration(pace*float64(looks))+prefill+time.Duration(req.MaxTokens)*fakePerOutput)
	}
	out := backend.Response{TokensIn: len(req.Tokens), TokensOut: req.MaxTokens}
	if s.b.says != nil {
		out.Text = s.b.says(req)
	}
	if err := s.encode(ctx, req, start, &out); err != nil {
		s.rest()
		return backend.Response{}, err
	}
	start = measure.Now()
	if err := wait(ctx, prefill); err != nil {
		s.rest()
		return backend.Response{}, err
	}
	middle := measure.Now()
	for range req.MaxTokens {
		out.TokenTimes = append(out.TokenTimes, measure.Now())
		time.Sleep(fakePerOutput)
	}
	end := s.rest()
	out.Phases = append(out.Phases, measure.Phase{Name: measure.PhasePrefill, Start: start, End: middle}, measure.Phase{Name: measure.PhaseDecode, Start: middle, End: end})
	if s.b.m.strays {
		out.Phases = append(out.Phases, measure.Phase{Name: measure.PhaseEncode, Start: start - 1e9, End: start})
	}
	return out, nil
}

// encode keeps the cores busy for a time that is linear in the effective pixels.
func (s *fakeServer) encode(ctx context.Context, req backend.Request, start int64, out *backend.Response) error {
	for _, data := range req.Images {
		header, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return err
		}
		layout, err := s.vision.Layout(imaging.Size{Width: header.Width, Height: header.Height})
		if err != nil {
			return err
		}
		if s.b.misread {
			layout.Tokens++
		}
		s.b.m.mu.Lock()
		if s.b.images == nil {
			s.b.images = map[string]int{}
		}
		s.b.images[string(data)]++
		s.b.m.mu.Unlock()
		if err := wait(ctx, time.Duration(layout.Pixels)*fakePerPixel); err != nil {
			return err
		}
		out.Images = append(out.Images, backend.ImageUse{Layout: layout, Sequence: layout.Tokens + 2})
		out.TokensIn += layout.Tokens + 1 // two markers, and the token that stood for it all
	}
	if len(req.Images) > 0 {
		out.Phases = []measure.Phase{{Name: measure.PhaseEncode, Start: start, End: measure.Now()}}
	}
	return nil
}

// looks is how long the images of a request keep the cores busy.
func (s *fakeServer) looks(req backend.Request) (total time.Duration, err error) {
	for _, data := range req.Images {
		header, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return 0, err
		}
		layout, err := s.vision.Layout(imaging.Size{Width: header.Width, Height: header.Height})
		if err != nil {
			return 0, err
		}
		total += time.Duration(layout.Pixels) * fakePerPixel
	}
	return total, nil
}

// credit sets the end of the work that has begun beforehand.
func (s *fakeServer) credit(start int64, d time.Duration) {
	s.b.m.mu.Lock()
	defer s.b.m.mu.Unlock()
	work := s.b.m.work[s.pid]
	work[len(work)-1].End = start + int64(d)
}

func (s *fakeServer) work() int64 {
	s.b.m.mu.Lock()
	defer s.b.m.mu.Unlock()
	now := measure.Now()
	s.b.m.work[s.pid] = append(s.b.m.work[s.pid], measure.Window{Start: now, End: math.MaxInt64})
	return now
}

func (s *fakeServer) rest() int64 {
	s.b.m.mu.Lock()
	defer s.b.m.mu.Unlock()
	now := measure.Now()
	if work := s.b.m.work[s.pid]; !s.b.m.exact {
		work[len(work)-1].End = now
	}
	return now
}

func (s *fakeServer) Stop() error {
	s.b.m.mu.Lock()
	defer s.b.m.mu.Unlock()
	s.stopped = true
	delete(s.b.m.resting, s.pid)
	return nil
}
