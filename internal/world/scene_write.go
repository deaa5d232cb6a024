package world

import (
	"encoding/json"
	"fmt"
	"io"
)

// imageMarker stands in a prompt for the picture, as it does for the engine.
const imageMarker = "<image>"

// Prompt is the text that ends where the answer, after a space, begins; the picture stands
// before it.
func (q Question) Prompt() string { return imageMarker + q.Ask() }

// Ask is the part of the prompt behind the picture.
func (q Question) Ask() string { return ask(q.Question) }

// WriteSceneTasks writes the questions of a scene, whose picture is in a file of this name, as
// tasks for wattlaw eval, in JSON Lines: the group of each is its kind, its identifier begins
// with that of the scene.
func WriteSceneTasks(w io.Writer, file, id string, s Scene, form Form) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for i, q := range s.Questions {
		t := task{Type: form, ID: fmt.Sprintf("%s-%d", id, i), Group: q.Kind, Image: file, Prompt: q.Prompt()}
		t.answer(q.Answer, q.Also, q.Choices)
		if err := lines.Encode(t); err != nil {
			return fmt.Errorf("write tasks about %s: %w", file, err)
		}
	}
	return nil
}
