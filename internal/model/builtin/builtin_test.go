package builtin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
)

func TestEveryModelIsWhole(t *testing.T) {
	list, err := List()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no built-in models")
	}
	var bytes int
	for _, m := range list {
		ref := Prefix + m.Name
		language, err := Language(ref)
		if err != nil {
			t.Fatal(err)
		}
		encoder, err := Encoder(ref)
		if err != nil {
			t.Fatal(err)
		}
		bytes += len(language) + len(encoder)
		f, err := Open(ref)
		if err != nil {
			t.Fatal(err)
		}
		src, err := model.FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if src.Name != ref || src.Text("general.name") != m.Name || src.Quant != "Q8_0" || src.Meaningless {
			t.Errorf("%s: %q, %q, %s", ref, src.Name, src.Text("general.name"), src.Quant)
		}
		e, err := OpenEncoder(ref)
		if err != nil {
			t.Fatal(err)
		}
		if (e != nil) != m.Sees || (encoder != nil) != m.Sees {
			t.Errorf("%s: sees %v, but its encoder is %v", ref, m.Sees, e)
		}
		if e != nil {
			if _, err := model.ReadVisionConfig(model.EncoderFromFile(e)); err != nil {
				t.Error(err)
			}
		}
		card, err := Card(ref)
		if err != nil || !strings.HasPrefix(card, "# builtin:"+m.Name+"\n\n"+m.Summary+"\n") || m.Summary == "" {
			t.Errorf("%s: card %q…, error %v", ref, card[:min(80, len(card))], err)
		}
	}
	if most := 24 << 20; bytes > most {
		t.Errorf("the built-in models have %d bytes, more than %d", bytes, most)
	}
}

func TestOpenFile(t *testing.T) {
	data, err := Language(Prefix + "scribe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.gguf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Name() != path {
		t.Errorf("opened %s as %s", path, f.Name())
	}
}

func TestUnknown(t *testing.T) {
	for _, open := range map[string]func(ref string) error{
		"Open":        func(ref string) error { _, err := Open(ref); return err },
		"OpenEncoder": func(ref string) error { _, err := OpenEncoder(ref); return err },
		"Card":        func(ref string) error { _, err := Card(ref); return err },
	} {
		if err := open("builtin:poet"); err == nil || !strings.Contains(err.Error(), "builtin:scribe") {
			t.Errorf("error %v, want one that lists the models", err)
		}
	}
}
