package store

import (
	"time"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// TaskSet says which tasks a run's configurations answer.
type TaskSet struct {
	Name   string `json:"name"`   // as the plan spells it: a file, or what makes them
	SHA256 string `json:"sha256"` // of the tasks, those of their images included
	N      int    `json:"n"`
}

// Answer is one task answered once by one configuration, with what that cost. Answers are
// written once and never changed.
type Answer struct {
	Run    string `json:"run"`
	Seq    int    `json:"seq"` // place in the planned order; unique among the answers of the run
	Config string `json:"config"`
	Task   string `json:"task"`            // identifier
	Group  string `json:"group,omitempty"` // of the task
	// Box is the size into which the image was scaled down to fit; zero: as it was, or none.
	Box   imaging.Size `json:"box,omitzero"`
	Image *Image       `json:"image,omitempty"` // nil for a task of text
	Text  string       `json:"text"`            // without the white space around it
	Right bool         `json:"right"`

	TokensIn  int             `json:"tokens_in"`
	TokensOut int             `json:"tokens_out"`
	Start     int64           `json:"start_ns"` // monotonic
	End       int64           `json:"end_ns"`
	Wall      time.Time       `json:"wall"`
	Phases    []measure.Phase `json:"phases"`
	// Figures by name, those of Trial.Figures that are amounts.
	Figures map[string]Figure `json:"figures"`
	Doubts  []string          `json:"doubts,omitempty"`
}
