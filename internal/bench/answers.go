package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// Task is a question to every configuration, whose answer can be judged.
type Task struct {
	ID, Group string
	Prompt    string // with a backend.ImageMarker where the image stands
	MaxTokens int
	Stop      []string
	Right     func(answer string) bool
	// Size is that of the image, zero for a task of text; Picture decodes it, scaled down to fit
	// into a box unless that is zero.
	Size    imaging.Size
	Picture func(box imaging.Size) (imaging.RGB, error)
}

// Tasks are what a plan's tasks came to.
type Tasks struct {
	Set  store.TaskSet
	List []Task
}

// answersPerBlock is how many tasks one configuration answers in a row. Between blocks the
// sampler turns to another server and the machine cools down, which takes as long as many
// answers of a small model.
const answersPerBlock = 20

// block is a stretch of tasks that one configuration answers in a row.
type block struct {
	seq    int // of its first answer
	config *config
	box    imaging.Size
	tasks  []Task
}

// openTasks reads the plan's tasks and refuses those that do not fit its sweep.
func (r *runner) openTasks() (err error) {
	if r.plan.Tasks == "" {
		return nil
	}
	if r.deps.Tasks == nil {
		return errors.New("plan: tasks: they cannot be read here; leave them out")
	}
	if r.tasks, err = r.deps.Tasks(r.plan.Tasks, r.plan.TaskCount); err != nil {
		return fmt.Errorf("plan: tasks: %w", err)
	}
	for _, t := range r.tasks.List {
		if r.plan.Images() && t.Picture == nil {
			return fmt.Errorf("plan: tasks: %s asks about no image, and the plan sweeps resolutions; leave one of them out", t.ID)
		}
	}
	return nil
}

// orderAnswers deals the tasks in blocks: each round has the same tasks for every configuration
// and size, in random order, so that drift over the session falls on all of them alike.
func (r *runner) orderAnswers() error {
	r.blocks = nil
	boxes := []imaging.Size{{}}
	if r.plan.Images() {
		var err error
		if boxes, err = r.plan.sizes(); err != nil {
			return err
		}
	}
	random := rand.New(rand.NewPCG(r.plan.Seed, uint64(len(r.tasks.List))))
	seq := 0
	for rest := r.tasks.List; len(rest) > 0; {
		n := min(answersPerBlock, len(rest))
		var round []block
		for _, c := range r.configs {
			for _, box := range boxes {
				round = append(round, block{config: c, box: box, tasks: rest[:n]})
			}
		}
		random.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		for i := range round {
			round[i].seq = seq
			seq += n
		}
		r.blocks = append(r.blocks, round...)
		rest = rest[n:]
	}
	return nil
}

// answers is the number of answers of a complete run.
func (r *runner) answersPlanned() (n int) {
	for _, b := range r.blocks {
		n += len(b.tasks)
	}
	return n
}

// answerAll has every configuration answer the tasks that no earlier session did.
func (r *runner) answerAll(ctx context.Context) error {
	if len(r.answered) == r.answersPlanned() {
		return nil
	}
	r.emit(StageChanged{StageTasks, fmt.Sprintf("%d answers to %d tasks", r.answersPlanned()-len(r.answered), len(r.tasks.List))})
	for _, b := range r.blocks {
		if r.answered[b.seq] { // a block is stored whole or not at all
			continue
		}
		if err := r.answerBlock(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// answerBlock asks one block and stores the answers. After a failure of the model server it
// starts that again, once per session, and asks the block anew.
func (r *runner) answerBlock(ctx context.Context, b block) error {
	requests := make([]backend.Request, len(b.tasks))
	for i, t := range b.tasks {
		var err error
		if requests[i], err = r.requestOf(t, b.box); err != nil {
			return fmt.Errorf("task %s: %w", t.ID, err)
		}
	}
	for {
		answers, err := r.ask(ctx, b, requests)
		if err == nil {
			return r.keepAnswers(ctx, b, answers)
		}
		var failure *ownError
		if errors.As(err, &failure) || wait(ctx, 200*time.Millisecond) != nil {
			return err
		}
		if err := r.restart(ctx, b.config, err); err != nil {
			return err
		}
	}
}

// requestOf is a task as the server gets it: greedy, and as long as the model likes.
func (r *runner) requestOf(t Task, box imaging.Size) (req backend.Request, err error) {
	req = backend.Request{Prompt: t.Prompt, MaxTokens: t.MaxTokens, Stop: t.Stop, Seed: r.plan.Seed}
	if t.Picture == nil {
		return req, nil
	}
	picture, err := t.Picture(box)
	if err != nil {
		return req, err
	}
	data, err := workload.EncodePNG(picture)
	req.Images = [][]byte{data}
	return req, err
}

// ask makes the requests of a block one after the other. The sources are read at the edges of
// each, so that what counters say of it is exact.
func (r *runner) ask(ctx context.Context, b block, requests []backend.Request) ([]store.Answer, error) {
	c := b.config
	if err := r.attach(ctx, c); err != nil {
		return nil, &ownError{err}
	}
	warm, err := r.coolDown(ctx, c)
	if err != nil {
		return nil, &ownError{err}
	}
	doubts := c.doubts
	if warm != "" {
		doubts = append(doubts[:len(doubts):len(doubts)], warm)
	}
	answers := make([]store.Answer, len(b.tasks))
	for i, t := range b.tasks {
		a := store.Answer{
			Run: r.run.ID, Seq: b.seq + i, Config: c.id, Task: t.ID, Group: t.Group, Box: b.box,
			Wall: time.Now().UTC(), Doubts: doubts, Start: r.sampler.Mark(),
		}
		response, err := c.server.Generate(ctx, requests[i])
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", t.ID, err)
		}
		a.End = r.sampler.Mark()
		a.Text = strings.TrimSpace(response.Text)
		a.Right = t.Right(a.Text)
		a.TokensIn, a.TokensOut, a.Phases = response.TokensIn, response.TokensOut, response.Phases
		if len(response.Images) == 1 {
			a.Image = &store.Image{Layout: response.Images[0].Layout, Sequence: response.Images[0].Sequence}
		}
		answers[i] = a
	}
	margin := r.margin()
	time.Sleep(margin)
	whole := measure.Window{Start: answers[0].Start, End: answers[len(answers)-1].End}
	m := meter{series: r.sampler.Window(whole, margin), idle: c.idle, requests: 1, snap: snapNs}
	for i := range answers {
		answers[i].Figures = m.amounts([]measure.Window{{Start: answers[i].Start, End: answers[i].End}})
	}
	r.sampler.Discard(whole.Start - int64(time.Minute))
	return answers, nil
}

// keepAnswers stores a block, even when ctx ends meanwhile.
func (r *runner) keepAnswers(ctx context.Context, b block, answers []store.Answer) error {
	if err := r.deps.Store.AddAnswers(context.WithoutCancel(ctx), answers); err != nil {
		return err
	}
	b.config.doubts = nil
	e := TasksAnswered{Config: b.config.id, Box: b.box, N: len(answers), Total: r.answersPlanned()}
	for _, a := range answers {
		r.answered[a.Seq] = true
		r.answering += float64(a.End-a.Start) / 1e9
		r.answers++
		if a.Right {
			e.Right++
		}
	}
	e.Done, e.ETA = len(r.answered), r.remaining()
	r.emit(e)
	return nil
}

// longestTask is the context in tokens that the longest task takes, with its answer, and which
// task that is.
func (r *runner) longestTask(ctx context.Context, c *config) (tokens int, id string, err error) {
	boxes := []imaging.Size{{}}
	if r.plan.Images() {
		if boxes, err = r.plan.sizes(); err != nil {
			return 0, "", err
		}
	}
	known := map[imaging.Size]int{}
	for _, t := range r.tasks.List {
		ids, err := c.server.Tokenize(ctx, t.Prompt)
		if err != nil {
			return 0, "", fmt.Errorf("task %s: %w", t.ID, err)
		}
		n := len(ids) + t.MaxTokens
		if t.Picture != nil {
			seen, ok := known[t.Size]
			if !ok {
				if seen, err = mostTokens(c.vision, t.Size, boxes); err != nil {
					return 0, "", fmt.Errorf("task %s: %w", t.ID, err)
				}
				known[t.Size] = seen
			}
			n += seen
		}
		if n > tokens {
			tokens, id = n, t.ID
		}
	}
	return tokens, id, nil
}

// mostTokens is how many tokens an image of this size takes at most in any of the boxes.
func mostTokens(vision *imaging.Contract, size imaging.Size, boxes []imaging.Size) (most int, err error) {
	for _, box := range boxes {
		within := size
		if box != (imaging.Size{}) {
			within = size.Within(box)
		}
		layout, err := vision.Layout(within)
		if err != nil {
			return 0, err
		}
		most = max(most, layout.Tokens+markerTokens(layout))
	}
	return most, nil
}
