package store

import (
	"encoding/json"
	"strings"
	"testing"
)

// Records of versions that knew no images read as ones without, and are written as before.
func TestOldRecords(t *testing.T) {
	const oldTrial = `{"run":"r","seq":3,"config":"native/m","x":64,"repeat":1,"complexity":"low","prompt_hash":"ab","tokens_in":64,` +
		`"tokens_out":16,"requests":2,"start_ns":5,"end_ns":9,"wall":"2026-11-23T23:15:00Z","phases":null,"baselines":null,` +
		`"figures":{"wall_s":{"value":2,"quality":"measured"}},"phase_figures":null}`
	const oldConfig = `{"id":"native/m","backend":"native","model":"m","architecture":"llama","quant":"Q8_0","parameters":1,"bytes":2,` +
		`"threads":2,"meaningless":false,"load":{"name":"load","start_ns":1,"end_ns":2}}`
	var trial Trial
	var config Config
	for text, into := range map[string]any{oldTrial: &trial, oldConfig: &config} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(into)
		if err != nil || string(again) != text {
			t.Errorf("%s\nis written again as\n%s, %v", text, again, err)
		}
	}
	if trial.Image != nil || trial.WithoutLoad != nil || trial.X != 64 || trial.Figures[MetricWallSeconds].Value != 2 {
		t.Errorf("trial %+v", trial)
	}
	if config.Vision != nil || config.Projector+config.Clamp != "" {
		t.Errorf("configuration %+v", config)
	}
	trial.Image = &Image{Kind: "text"}
	if text, err := json.Marshal(trial); err != nil || !strings.Contains(string(text), `"image":{"kind":"text"`) {
		t.Errorf("a trial with an image is %s, %v", text, err)
	}
}
