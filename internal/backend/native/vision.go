package native

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

// visionFlags are the server's flags for images, only those that are set: a model of text
// only is started without any.
func visionFlags(cfg backend.Config) (args []string) {
	number := func(flag string, n int) {
		if n != 0 {
			args = append(args, flag, strconv.Itoa(n))
		}
	}
	if cfg.Projector != "" {
		args = append(args, "--mmproj", cfg.Projector)
	}
	if cfg.Clamp != (imaging.Clamp{}) {
		args = append(args, "--clamp", string(cfg.Clamp.Policy))
	}
	number("--image-max-tokens", cfg.Clamp.MaxTokens)
	number("--image-min-tokens", cfg.Clamp.MinTokens)
	number("--longest-side", cfg.Clamp.LongestSide)
	number("--max-pixels", cfg.MaxPixels)
	return args
}

// dataURLs writes image files as the server takes them.
func dataURLs(images [][]byte) (urls []string) {
	for _, data := range images {
		urls = append(urls, "data:"+http.DetectContentType(data)+";base64,"+base64.StdEncoding.EncodeToString(data))
	}
	return urls
}
