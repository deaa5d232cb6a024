package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/eval"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
	"github.com/wattlaw/wattlaw/internal/world"
)

// Tasks that the small world makes, by their names in plans.
const (
	builtinStories  = builtin.Prefix + "stories"
	builtinPictures = builtin.Prefix + "pictures"
)

// builtinCount is how many of them are taken where the plan does not say.
const builtinCount = 200

// builtinSide is that of the square pictures, in pixels: the full resolution of the built-in
// model that sees.
const builtinSide = 288

// readTasks reads a file of tasks, or makes the built-in ones, at most so many unless that is 0.
func readTasks(name string, most int) ([]eval.Task, error) {
	n := most
	if n == 0 {
		n = builtinCount
	}
	switch {
	case name == builtinStories:
		return makeStories(n)
	case name == builtinPictures:
		return makePictures(n)
	case builtin.Is(name):
		return nil, fmt.Errorf("%q is unknown; there are %s and %s", name, builtinStories, builtinPictures)
	}
	tasks, err := eval.ReadTasksFile(name)
	if err == nil && most > 0 && most < len(tasks) {
		tasks = tasks[:most]
	}
	return tasks, err
}

// makeStories asks about stories of the test split with the prompts that models trained on this
// world know.
func makeStories(n int) ([]eval.Task, error) {
	var file bytes.Buffer
	if err := world.WriteTasks(&file, world.Options{Split: world.Test, Seed: 1}, world.TaskOptions{N: n, Form: world.AsAnswer}); err != nil {
		return nil, err
	}
	return eval.ReadTasks(builtinStories, &file, nil)
}

// makePictures asks about pictures of the test split, three questions each.
func makePictures(n int) ([]eval.Task, error) {
	scenes, err := world.NewScenes(world.SceneOptions{Split: world.Test, Seed: 1, Size: imaging.Size{Width: builtinSide, Height: builtinSide}})
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	images := map[string][]byte{}
	for asked := 0; asked < n; {
		scene, id := scenes.Next(), fmt.Sprintf("%s-1-%d", world.Test, len(images))
		if images[id+".png"], err = workload.EncodePNG(scene.Image); err != nil {
			return nil, err
		}
		scene.Questions = scene.Questions[:min(len(scene.Questions), n-asked)]
		asked += len(scene.Questions)
		if err := world.WriteSceneTasks(&file, id+".png", id, scene, world.AsAnswer); err != nil {
			return nil, err
		}
	}
	return eval.ReadTasks(builtinPictures, &file, func(name string) ([]byte, error) {
		data, ok := images[name]
		if !ok {
			return nil, os.ErrNotExist
		}
		return data, nil
	})
}

// tasks makes of tasks what a run asks. Those that choose need likelihoods, which a server does
// not tell.
func (f *runFlags) tasks(name string, most int) (out bench.Tasks, err error) {
	list, err := readTasks(name, most)
	if err != nil {
		return out, err
	}
	sum := sha256.New()
	lines := json.NewEncoder(sum)
	hashed := map[string]imaging.Size{}
	for i, t := range list {
		if t.Kind != eval.Answer {
			return out, fmt.Errorf("%s: field \"type\": is %q, and a run takes tasks of type %q alone: a server tells no likelihoods; score this one with \"wattlaw eval\"", t.Where, t.Kind, eval.Answer)
		}
		one := bench.Task{
			ID: t.ID, Group: t.Group, Prompt: t.Prompt, MaxTokens: t.MaxTokens, Stop: t.Stop,
			Right: func(answer string) bool { exact, _ := t.Score(answer); return exact },
		}
		if one.ID == "" {
			one.ID = fmt.Sprintf("task-%d", i+1)
		}
		if t.Image != "" {
			one.Picture = t.Picture
			if _, known := hashed[t.Image]; !known {
				data, err := t.ImageFile()
				if err == nil {
					hashed[t.Image], err = imaging.DecodeSize(data)
				}
				if err != nil {
					return out, fmt.Errorf("%s: %w", t.Where, err)
				}
				_, _ = sum.Write(data) // a hash never fails
			}
			one.Size = hashed[t.Image]
		}
		if err := lines.Encode([]any{one.ID, t.Group, t.Prompt, t.Image, t.Answers, t.MaxTokens, t.Stop}); err != nil {
			return out, err
		}
		out.List = append(out.List, one)
	}
	out.Set = store.TaskSet{Name: name, SHA256: hex.EncodeToString(sum.Sum(nil)), N: len(list)}
	return out, nil
}
