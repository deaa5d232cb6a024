package imaging

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"strings"
	"testing"
)

// near compares images, each value within a tolerance.
func near(t *testing.T, name string, got RGB, want *image.NRGBA, tolerance int) {
	t.Helper()
	if got.Size() != (Size{want.Rect.Dx(), want.Rect.Dy()}) || got.Check() != nil {
		t.Fatalf("%s: size %s, want %v (%v)", name, got.Size(), want.Rect, got.Check())
	}
	for i := range got.Width * got.Height {
		for c := range 3 {
			if d := int(got.Pix[3*i+c]) - int(want.Pix[4*i+c]); d > tolerance || -d > tolerance {
				t.Fatalf("%s: pixel %d,%d channel %d is %d, want %d", name, i%got.Width, i/got.Width, c, got.Pix[3*i+c], want.Pix[4*i+c])
			}
		}
	}
}

func decode(t *testing.T, name string, data []byte, format Format) RGB {
	t.Helper()
	m, f, err := Decode(data, Limits{})
	if err != nil || f != format {
		t.Fatalf("%s: format %q, %v", name, f, err)
	}
	if s, err := DecodeSize(data); err != nil || s != m.Size() {
		t.Fatalf("%s: size from the header %s, %v; decoded %s", name, s, err, m.Size())
	}
	return m
}

func TestDecodeFormats(t *testing.T) {
	m := photo(37, 21)
	near(t, "png", decode(t, "png", pngFile(t, m), PNG), m, 0)
	near(t, "bmp", decode(t, "bmp", bmpFile(t, m), BMP), m, 0)
	near(t, "jpeg", decode(t, "jpeg", jpegFile(t, m), JPEG), m, 8)
	for _, s := range []Size{{1, 1}, {1, 10000}, {10000, 1}} {
		m := photo(s.Width, s.Height)
		near(t, s.String(), decode(t, s.String(), pngFile(t, m), PNG), m, 0)
	}
	near(t, "lossy", decode(t, "lossy", tinyLossyWebP(t), WebP), image.NewNRGBA(image.Rect(0, 0, 1, 1)), 255)
}

// TestDecodeKinds: grey, palettes, transparency that is dropped, 16 bits.
func TestDecodeKinds(t *testing.T) {
	r := image.Rect(0, 0, 3, 2)
	want := image.NewNRGBA(r)
	clear, deep, wide := image.NewNRGBA(r), image.NewNRGBA64(r), image.NewRGBA64(r)
	grey, grey16 := image.NewGray(r), image.NewGray16(r)
	wantGrey := image.NewNRGBA(r)
	palette := image.NewPaletted(r, nil)
	for i := range 6 {
		x, y, v := i%3, i/3, uint8(40*i)
		want.SetNRGBA(x, y, color.NRGBA{v, 200, 255 - v, 255})
		clear.SetNRGBA(x, y, color.NRGBA{v, 200, 255 - v, uint8(i * 51)})
		// The lower byte is large: rounding would raise the upper one.
		deep.SetNRGBA64(x, y, color.NRGBA64{uint16(v)<<8 | 0xff, 200<<8 | 0xf0, uint16(255-v)<<8 | 0x80, uint16(i * 13000)})
		wide.SetRGBA64(x, y, color.RGBA64{uint16(v)<<8 | 0xff, 200<<8 | 0xf0, uint16(255-v)<<8 | 0x80, 0xffff})
		grey.SetGray(x, y, color.Gray{v})
		grey16.SetGray16(x, y, color.Gray16{uint16(v)<<8 | 0xff})
		wantGrey.SetNRGBA(x, y, color.NRGBA{v, v, v, 255})
		palette.Palette = append(palette.Palette, color.NRGBA{v, 200, 255 - v, uint8(i * 51)})
		palette.SetColorIndex(x, y, uint8(i))
	}
	near(t, "transparent", decode(t, "transparent", pngFile(t, clear), PNG), want, 0)
	near(t, "transparent bmp", decode(t, "transparent bmp", bmpFile(t, clear), BMP), want, 0)
	near(t, "16 bits with alpha", decode(t, "16 bits with alpha", pngFile(t, deep), PNG), want, 0)
	near(t, "16 bits", decode(t, "16 bits", pngFile(t, wide), PNG), want, 0)
	near(t, "grey", decode(t, "grey", pngFile(t, grey), PNG), wantGrey, 0)
	near(t, "grey jpeg", decode(t, "grey jpeg", jpegFile(t, grey), JPEG), wantGrey, 12)
	near(t, "16 bits of grey", decode(t, "16 bits of grey", pngFile(t, grey16), PNG), wantGrey, 0)
	near(t, "palette", decode(t, "palette", pngFile(t, palette), PNG), want, 0)
}

func TestDecodeFirstFrame(t *testing.T) {
	want := image.NewNRGBA(image.Rect(0, 0, 5, 4))
	for i := range 6 {
		c := color.NRGBA{200, 10, 20, 255}
		if i%2 == 1 {
			c = color.NRGBA{0, 250, 5, 255}
		}
		want.SetNRGBA(1+i%3, 1+i/3, c)
	}
	near(t, "gif", decode(t, "gif", gifFile(t), GIF), want, 0)

	frame := webpChunk("VP8L", vp8l(2, 1, 7, 100, 250, 9, []bool{false, true}))
	anim := func(x, y byte) []byte {
		return append([]byte{x, 0, 0, y, 0, 0, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0}, frame...)
	}
	file := webpFile(vp8x(2, 5, 4), webpChunk("ANIM", make([]byte, 6)), webpChunk("ANMF", anim(1, 1)), webpChunk("ANMF", anim(0, 0)))
	want = image.NewNRGBA(image.Rect(0, 0, 5, 4))
	want.SetNRGBA(2, 2, color.NRGBA{100, 7, 9, 255})
	want.SetNRGBA(3, 2, color.NRGBA{250, 7, 9, 255})
	near(t, "webp", decode(t, "webp", file, WebP), want, 0)
}

func TestDecodeCMYK(t *testing.T) {
	cases := []struct {
		name      string
		transform int
		stored    [4]uint8
		want      [3]uint8
	}{
		// Adobe stores ink inverted: 255 is none. What is left of the light is stored·black/255.
		{"red", 0, [4]uint8{255, 0, 0, 255}, [3]uint8{255, 0, 0}},
		{"dark cyan", 0, [4]uint8{0, 255, 255, 128}, [3]uint8{0, 128, 128}},
		{"black", 0, [4]uint8{255, 255, 255, 0}, [3]uint8{0, 0, 0}},
		// With transform 2 the colours are further stored as their complement's luminance and
		// chrominance: red's is cyan.
		{"YCCK grey", 2, [4]uint8{200, 128, 128, 255}, [3]uint8{55, 55, 55}},
		{"YCCK red", 2, [4]uint8{179, 171, 1, 255}, [3]uint8{255, 0, 0}},
		{"YCCK half", 2, [4]uint8{200, 128, 128, 128}, [3]uint8{28, 28, 28}},
	}
	for _, c := range cases {
		want := image.NewNRGBA(image.Rect(0, 0, 8, 8))
		for i := range want.Pix {
			want.Pix[i] = append(c.want[:], 255)[i%4]
		}
		near(t, c.name, decode(t, c.name, cmykJPEG(c.transform, c.stored), JPEG), want, 2)
	}
	if _, _, err := Decode(cmykJPEG(-1, [4]uint8{}), Limits{}); err == nil || !strings.Contains(err.Error(), "JPEG") {
		t.Errorf("four components without a marker: %v", err)
	}
}

// TestOrientation turns a picture of six different pixels, stored in all eight ways.
func TestOrientation(t *testing.T) {
	stored := [9]string{1: "abc def", 2: "cba fed", 3: "fed cba", 4: "def abc", 5: "ad be cf", 6: "cf be ad", 7: "fc eb da", 8: "da eb fc"}
	picture := func(rows string) *image.NRGBA {
		lines := strings.Fields(rows)
		m := image.NewNRGBA(image.Rect(0, 0, len(lines[0]), len(lines)))
		for y, line := range lines {
			for x, c := range line {
				m.SetNRGBA(x, y, color.NRGBA{uint8(c-'a') * 50, 100, 200 - uint8(c-'a')*30, 255})
			}
		}
		return m
	}
	want := picture(stored[1])
	for o := uint16(1); o <= 8; o++ {
		m := picture(stored[o])
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			near(t, "png", decode(t, "png", withEXIF(pngFile(t, m), exifBlock(order, o)), PNG), want, 0)
		}
		// Eightfold, so that JPEG keeps the blocks apart.
		large := image.NewNRGBA(image.Rect(0, 0, 8*m.Rect.Dx(), 8*m.Rect.Dy()))
		for y := range large.Rect.Dy() {
			for x := range large.Rect.Dx() {
				large.SetNRGBA(x, y, m.NRGBAAt(x/8, y/8))
			}
		}
		got := decode(t, "jpeg", withAPP1(jpegFile(t, large), exifBlock(binary.BigEndian, o)), JPEG)
		small := NewRGB(Size{got.Width / 8, got.Height / 8})
		for i := range small.Pix {
			x, y := i/3%small.Width, i/3/small.Width
			small.Pix[i] = got.Pix[3*((8*y+4)*got.Width+8*x+4)+i%3]
		}
		near(t, "jpeg", small, want, 40)
	}
	file := webpFile(vp8x(8, 2, 1), webpChunk("VP8L", vp8l(2, 1, 7, 100, 250, 9, []bool{false, true})), webpChunk("EXIF", exifBlock(binary.LittleEndian, 6)))
	turned := image.NewNRGBA(image.Rect(0, 0, 1, 2))
	turned.SetNRGBA(0, 0, color.NRGBA{100, 7, 9, 255})
	turned.SetNRGBA(0, 1, color.NRGBA{250, 7, 9, 255})
	near(t, "webp", decode(t, "webp", file, WebP), turned, 0)
}

func TestOrientationOfNonsense(t *testing.T) {
	good := exifBlock(binary.LittleEndian, 6)
	for n := range len(good) - 4 {
		if o := orientation(good[:n]); n < 8+2+24 && o != 1 {
			t.Errorf("%d bytes of Exif: orientation %d", n, o)
		}
	}
	far := append([]byte{}, good...)
	binary.LittleEndian.PutUint32(far[4:], 0xffffffff)
	many := append([]byte{}, good...)
	binary.LittleEndian.PutUint16(many[8:], 0xffff)
	for name, c := range map[string]struct {
		block []byte
		want  int
	}{
		"directory far away": {far, 1}, "more fields than bytes": {many, 6},
		"0": {exifBlock(binary.BigEndian, 0), 1}, "9": {exifBlock(binary.BigEndian, 9), 1},
		"no order": {bytes.Replace(good, []byte("II"), []byte("XX"), 1), 1},
	} {
		if o := orientation(c.block); o != c.want {
			t.Errorf("%s: orientation %d, want %d", name, o, c.want)
		}
	}
}

// samples are small files of all formats.
func samples(t testing.TB) map[Format][]byte {
	m := photo(13, 11)
	return map[Format][]byte{
		PNG: pngFile(t, m), JPEG: jpegFile(t, m), BMP: bmpFile(t, m), GIF: gifFile(t),
		WebP: webpFile(vp8x(0, 4, 4), webpChunk("VP8L", vp8l(4, 4, 1, 2, 3, 4, make([]bool, 16)))),
	}
}

// TestTruncated cuts every file at every length: an error that says so, or, where the rest
// does not belong to the picture, the picture.
func TestTruncated(t *testing.T) {
	for format, file := range samples(t) {
		whole := decode(t, string(format), file, format)
		for n := range file {
			m, f, err := Decode(file[:n], Limits{})
			switch {
			case err == nil:
				if string(m.Pix) != string(whole.Pix) {
					t.Errorf("%s cut to %d of %d bytes gives another picture", format, n, len(file))
				}
				if n < len(file)/2 {
					t.Errorf("%s cut to %d of %d bytes is read", format, n, len(file))
				}
			case n >= 12 && (f != format || !strings.Contains(err.Error(), string(format)) || !strings.Contains(err.Error(), "truncated")):
				t.Errorf("%s cut to %d of %d bytes: %v", format, n, len(file), err)
			case n < 12 && !strings.Contains(err.Error(), "truncated") && n > 0:
				t.Errorf("%s cut to %d bytes: %v", format, n, err)
			}
		}
	}
}

func TestNotAnImage(t *testing.T) {
	cases := map[string]string{
		"":                                 "empty",
		"hello world, this is text":        "not an image",
		"%PDF-1.7 and more":                "PDF",
		"\x00\x00\x00\x18ftypheic\x00\x00": "HEIC",
		"II*\x00\x08\x00\x00\x00\x00\x00\x00\x00": "TIFF",
		"RIFF\x04\x00\x00\x00WEBP":                "WebP",
		"RIFF\x04\x00\x00\x00WAVEfmt ":            "not an image",
	}
	for data, word := range cases {
		if _, _, err := Decode([]byte(data), Limits{}); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want an error about %q", data, err, word)
		}
	}
}

// TestBombs: what the header claims is refused before anything is allocated for it.
func TestBombs(t *testing.T) {
	pngHeader := func(w, h uint32, depth byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, w)
		b = binary.BigEndian.AppendUint32(b, h)
		return append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(b, depth, 6, 0, 0, 0))...)
	}
	gifHeader := func(w, h uint16) []byte {
		b := binary.LittleEndian.AppendUint16([]byte("GIF89a"), w)
		return append(binary.LittleEndian.AppendUint16(b, h), 0, 0, 0)
	}
	jpegHeader := bytes.Replace(jpegFile(t, photo(8, 8)), []byte{0, 8, 0, 8, 3}, []byte{0xff, 0xff, 0xff, 0xff, 3}, 1)
	progressive := bytes.Replace(bytes.Replace(jpegFile(t, photo(8, 8)), []byte{0, 8, 0, 8, 3}, []byte{0x17, 0x70, 0x17, 0x70, 3}, 1),
		[]byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	small := vp8l(4, 4, 1, 2, 3, 4, make([]bool, 16))
	cases := map[string]struct {
		file []byte
		word string
	}{
		"100 megapixels":    {append(pngHeader(10000, 10000, 8), make([]byte, 1<<20)...), "at most 67108864"},
		"16 bits":           {append(pngHeader(6000, 6000, 16), make([]byte, 1<<20)...), "counted twice"},
		"tiny file":         {pngHeader(8000, 8000, 8), "truncated"},
		"overflow":          {pngHeader(0xffffffff, 0xffffffff, 8), "PNG"},
		"no side":           {pngHeader(0, 5, 8), "PNG"},
		"gif":               {gifHeader(65535, 65535), "at most"},
		"jpeg":              {jpegHeader, "at most"},
		"progressive":       {progressive, "counted twice"},
		"webp canvas":       {webpFile(vp8x(0, 1<<24, 1<<24), webpChunk("VP8L", small)), "side may be longer"},
		"webp picture":      {webpFile(vp8x(0, 2, 2), webpChunk("VP8L", small)), "canvas"},
		"webp hidden alpha": {webpFile(vp8x(16, 9000, 9000), webpChunk("ALPH", []byte{0}), webpChunk("VP8L", small)), "at most"},
	}
	for name, c := range cases {
		allocated := testing.AllocsPerRun(1, func() {
			if _, _, err := Decode(c.file, Limits{}); err == nil || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%s: %v, want an error about %q", name, err, c.word)
			}
		})
		if allocated > 1000 {
			t.Errorf("%s: %.0f allocations", name, allocated)
		}
	}
	if _, _, err := Decode(pngFile(t, photo(20, 20)), Limits{MaxPixels: 399}); err == nil {
		t.Error("400 pixels pass a limit of 399")
	}
	if _, _, err := Decode(make([]byte, 100), Limits{MaxBytes: 99}); err == nil || !strings.Contains(err.Error(), "99") {
		t.Errorf("100 bytes pass a limit of 99: %v", err)
	}
}

// FuzzDecode: arbitrary bytes give a whole image within the limits, or an error.
func FuzzDecode(f *testing.F) {
	for _, file := range samples(f) {
		f.Add(file)
		f.Add(file[:len(file)*2/3])
	}
	m := photo(5, 3)
	f.Add(withAPP1(jpegFile(f, m), exifBlock(binary.BigEndian, 6)))
	f.Add(withEXIF(pngFile(f, m), exifBlock(binary.LittleEndian, 8)))
	f.Add(tinyLossyWebP(f))
	f.Add(cmykJPEG(2, [4]uint8{1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, format, err := Decode(data, Limits{MaxPixels: 1 << 16, MaxBytes: 1 << 20})
		if err != nil {
			return
		}
		if err := m.Check(); err != nil || m.Width*m.Height > 1<<16 || format == "" {
			t.Fatalf("%q image of %s: %v", format, m.Size(), err)
		}
		if s, err := DecodeSize(data); err != nil || s != m.Size() {
			t.Fatalf("size from the header %s (%v), decoded %s", s, err, m.Size())
		}
	})
}
