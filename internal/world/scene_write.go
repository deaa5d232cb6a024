package world

import (
	"encoding/json"
	"fmt"
	"io"
)

// pictureLine is a question about a picture in a file: docs/world.md describes it.
type pictureLine struct {
	Image    string   `json:"image"`
	Kind     Kind     `json:"kind"`
	Question string   `json:"question"`
	Answers  []string `json:"answers"`
	Choices  []string `json:"choices"`
	Digit    int      `json:"digit"`
}

// WriteQuestions writes the questions of a scene, whose picture is in a file of this name, in
// JSON Lines.
func WriteQuestions(w io.Writer, file string, s Scene) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for _, q := range s.Questions {
		answers := append([]string{q.Answer}, q.Also...)
		if err := lines.Encode(pictureLine{file, q.Kind, q.Question, answers, q.Choices, s.Digit}); err != nil {
			return fmt.Errorf("write questions of %s: %w", file, err)
		}
	}
	return nil
}
