package imaging

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
)

// Format is a file format of images.
type Format string

// Formats that Decode reads.
const (
	PNG  Format = "PNG"
	JPEG Format = "JPEG"
	GIF  Format = "GIF"
	WebP Format = "WebP"
	BMP  Format = "BMP"
)

// Limits bounds what Decode takes on; a zero field stands for its default.
type Limits struct {
	// MaxPixels is the most pixels the header may claim (default 64 Mi). Progressive JPEG and
	// 16 bits a channel need twice the memory, so they count double.
	MaxPixels int
	// MaxBytes is the largest file (default 64 MiB).
	MaxBytes int
}

// Defaults of Limits.
const (
	DefaultMaxPixels = 64 << 20
	DefaultMaxBytes  = 64 << 20
)

func (l Limits) orDefault() Limits {
	if l.MaxPixels <= 0 {
		l.MaxPixels = DefaultMaxPixels
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	return l
}

// header is what is known of an image before it is decoded.
type header struct {
	format      Format
	stored      Size // before orientation
	orientation int  // 1 to 8, as in Exif
	weight      int  // how many times its pixels count against the limit
	body        []byte
	at          image.Point // of the first frame on its canvas (WebP)
	frame       Size        // of the first frame (WebP)
}

// size returns the size of the upright image.
func (h header) size() Size {
	if h.orientation >= 5 {
		return Size{h.stored.Height, h.stored.Width}
	}
	return h.stored
}

// Decode reads an image by its content, whatever its name: PNG, JPEG, GIF, WebP or BMP. It is
// turned upright as its Exif data says; transparency is dropped, not blended; of an animation
// the first frame is taken; of 16 bits a channel the upper 8. Sizes are checked against the
// limits before anything is decoded.
func Decode(data []byte, lim Limits) (RGB, Format, error) {
	lim = lim.orDefault()
	if len(data) > lim.MaxBytes {
		return RGB{}, "", fmt.Errorf("read image: %d bytes, at most %d: use a smaller file", len(data), lim.MaxBytes)
	}
	h, err := readHeader(data)
	if err != nil {
		return RGB{}, h.format, err
	}
	if err := h.check(lim, len(data)); err != nil {
		return RGB{}, h.format, err
	}
	img, err := h.decode()
	if err != nil {
		return RGB{}, h.format, err
	}
	canvas := NewRGB(h.stored)
	if !paint(canvas, img, h.at) {
		return RGB{}, h.format, fmt.Errorf("read %s image: %v does not fit into the %s of its header: the file is damaged",
			h.format, img.Bounds(), h.stored)
	}
	return upright(canvas, h.orientation), h.format, nil
}

// DecodeSize returns the size of the upright image from the file's header alone. It refuses
// what no limit would allow, but not what Decode's limits would.
func DecodeSize(data []byte) (Size, error) {
	h, err := readHeader(data)
	if err != nil {
		return Size{}, err
	}
	if err := h.stored.Check(); err != nil {
		return Size{}, fmt.Errorf("read %s image: %w", h.format, err)
	}
	return h.size(), nil
}

// densest is how many pixels one byte may hold at most: PNG of 1 bit a pixel, compressed at
// deflate's limit of 1032, rounded up. JPEG and GIF stay below.
const densest = 10000

// check bounds the header's claims before anything is allocated for them.
func (h header) check(lim Limits, size int) error {
	if err := h.stored.Check(); err != nil {
		return fmt.Errorf("read %s image: %w", h.format, err)
	}
	if n := h.stored.Pixels() * h.weight; n > lim.MaxPixels {
		twice := ""
		if h.weight > 1 {
			twice = " (counted twice for its memory)"
		}
		return fmt.Errorf("read %s image: %s are %d pixels%s, at most %d are allowed: scale it down first",
			h.format, h.stored, n, twice, lim.MaxPixels)
	}
	if h.format != WebP && h.stored.Pixels()/densest > size {
		return fmt.Errorf("read %s image: the header claims %s, but the file has only %d bytes: it is truncated or damaged",
			h.format, h.stored, size)
	}
	return nil
}

// sniff tells the format by the first bytes, or why there is none.
func sniff(data []byte) (Format, error) {
	has := func(at int, magic string) bool {
		return len(data) >= at+len(magic) && string(data[at:at+len(magic)]) == magic
	}
	const want = "want PNG, JPEG, GIF, WebP or BMP"
	switch {
	case has(0, "\x89PNG\r\n\x1a\n"):
		return PNG, nil
	case has(0, "\xff\xd8\xff"):
		return JPEG, nil
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return GIF, nil
	case has(0, "RIFF") && has(8, "WEBP"):
		return WebP, nil
	case has(0, "BM"):
		return BMP, nil
	case len(data) == 0:
		return "", fmt.Errorf("read image: the file is empty: %s", want)
	case has(4, "ftyp"):
		return "", fmt.Errorf("read image: HEIC, AVIF and video files are not read: %s", want)
	case has(0, "II*\x00"), has(0, "MM\x00*"):
		return "", fmt.Errorf("read image: TIFF and raw files are not read: %s", want)
	case has(0, "%PDF"), has(0, "<svg"), has(0, "<?xml"):
		return "", fmt.Errorf("read image: PDF and SVG have no pixels: %s", want)
	case len(data) < 12:
		return "", fmt.Errorf("read image: %d bytes are too few to tell the format, the file may be truncated: %s", len(data), want)
	}
	return "", fmt.Errorf("read image: not an image (it begins with %q): %s", data[:8], want)
}

// readHeader returns what the file says about itself, without decoding pixels.
func readHeader(data []byte) (header, error) {
	format, err := sniff(data)
	h := header{format: format, orientation: 1, weight: 1, body: data}
	if err != nil {
		return h, err
	}
	if format == WebP {
		err := h.readWebP()
		return h, err
	}
	var config image.Config
	read := func(r io.Reader) error {
		var err error
		config, err = h.configReader()(r)
		return err
	}
	if err := h.guarded(read); err != nil {
		return h, err
	}
	h.stored = Size{config.Width, config.Height}
	switch format {
	case JPEG:
		h.scanJPEG()
	case PNG:
		h.scanPNG()
	}
	return h, nil
}

func (h header) configReader() func(io.Reader) (image.Config, error) {
	switch h.format {
	case PNG:
		return png.DecodeConfig
	case JPEG:
		return jpeg.DecodeConfig
	case GIF:
		return gif.DecodeConfig
	}
	return bmp.DecodeConfig
}

// decode returns the pixels as stored.
func (h header) decode() (image.Image, error) {
	decoders := map[Format]func(io.Reader) (image.Image, error){
		PNG: png.Decode, JPEG: jpeg.Decode, GIF: gif.Decode, WebP: decodeWebP, BMP: bmp.Decode,
	}
	var img image.Image
	err := h.guarded(func(r io.Reader) error {
		var err error
		img, err = decoders[h.format](r)
		return err
	})
	return img, err
}

// guarded runs a decoder over the file and names the format in its errors. A decoder that
// asked for bytes behind the end has met a truncated file, whatever it says itself. Decoders
// are other people's code fed with arbitrary bytes: should one panic, the file is refused.
func (h header) guarded(run func(io.Reader) error) (err error) {
	r := &watched{r: bytes.NewReader(h.body)}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read %s image: the file is damaged: %v", h.format, p)
		}
	}()
	err = run(r)
	switch {
	case err == nil:
		return nil
	case r.ended:
		return h.truncated()
	}
	return fmt.Errorf("read %s image: %w", h.format, err)
}

func (h header) truncated() error {
	return fmt.Errorf("read %s image: the file is truncated: it ends after %d bytes, before the picture is complete", h.format, len(h.body))
}

// watched notes that its reader asked for more than there is.
type watched struct {
	r     io.Reader
	ended bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.ended = w.ended || err == io.EOF
	return n, err
}
