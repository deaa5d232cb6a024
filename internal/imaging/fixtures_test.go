package imaging

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"golang.org/x/image/bmp"
)

// photo is an image in which every pixel of a small size differs, smooth enough for JPEG.
func photo(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(40 + 180*x/w), uint8(30 + 200*y/h), 90, 255})
		}
	}
	return m
}

func encoded(t testing.TB, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngFile(t testing.TB, m image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, m) })
}

func jpegFile(t testing.TB, m image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, m, &jpeg.Options{Quality: 95}) })
}

func bmpFile(t testing.TB, m image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, m) })
}

// gifFile is an animation of two frames, the first of which does not cover the canvas.
func gifFile(t testing.TB) []byte {
	palette := color.Palette{color.Black, color.NRGBA{200, 10, 20, 255}, color.NRGBA{0, 250, 5, 255}, color.White}
	first := image.NewPaletted(image.Rect(1, 1, 4, 3), palette)
	second := image.NewPaletted(image.Rect(0, 0, 5, 4), palette)
	for i := range first.Pix {
		first.Pix[i] = uint8(1 + i%2)
	}
	for i := range second.Pix {
		second.Pix[i] = 3
	}
	return encoded(t, func(b *bytes.Buffer) error {
		return gif.EncodeAll(b, &gif.GIF{Image: []*image.Paletted{first, second}, Delay: []int{1, 1},
			Config: image.Config{ColorModel: palette, Width: 5, Height: 4}})
	})
}

// exifBlock is a TIFF directory with an orientation, after one unrelated field.
func exifBlock(order binary.AppendByteOrder, orientation uint16) []byte {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, field := range [][2]uint16{{0x0100, 77}, {0x0112, orientation}} {
		b = order.AppendUint16(b, field[0])
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, field[1])
		b = order.AppendUint16(b, 0)
	}
	return order.AppendUint32(b, 0)
}

// withAPP1 puts an Exif segment behind a JPEG's start.
func withAPP1(file, exif []byte) []byte {
	segment := append([]byte("Exif\x00\x00"), exif...)
	out := append([]byte{}, file[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	return append(append(out, segment...), file[2:]...)
}

// pngChunk returns a whole chunk.
func pngChunk(id string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, id...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// withEXIF puts an eXIf chunk behind a PNG's header.
func withEXIF(file, exif []byte) []byte {
	const header = 8 + 25
	return bytes.Join([][]byte{file[:header], pngChunk("eXIf", exif), file[header:]}, nil)
}

// webpChunk returns a chunk, padded to even length.
func webpChunk(id string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(data)))
	b = append(b, data...)
	if len(data)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func webpFile(chunks ...[]byte) []byte {
	body := bytes.Join(append([][]byte{[]byte("WEBP")}, chunks...), nil)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// vp8l encodes two colours losslessly: each pixel's red is lo or hi, by its bit; green and
// blue are fixed, alpha is 0x40.
func vp8l(w, h int, green, lo, hi, blue uint8, bits []bool) []byte {
	b := bitWriter{out: []byte{0x2f}}
	b.put(uint32(w-1), 14)
	b.put(uint32(h-1), 14)
	b.put(1, 1) // has alpha
	b.put(0, 3) // version
	b.put(0, 1) // no transform
	b.put(0, 1) // no colour cache
	b.put(0, 1) // one group of codes
	for _, c := range [][]uint8{{green}, {lo, hi}, {blue}, {0x40}, {0}} {
		b.put(1, 1) // simple code
		b.put(uint32(len(c)-1), 1)
		b.put(1, 1) // symbols of 8 bits
		for _, symbol := range c {
			b.put(uint32(symbol), 8)
		}
	}
	for _, bit := range bits {
		v := uint32(0)
		if bit {
			v = 1
		}
		b.put(v, 1)
	}
	return b.out
}

type bitWriter struct {
	out  []byte
	used int // bits used of the last byte; 0 is a full one
}

func (w *bitWriter) put(v uint32, n int) {
	for i := range n {
		if w.used == 0 {
			w.out = append(w.out, 0)
		}
		w.out[len(w.out)-1] |= byte(v>>i&1) << w.used
		w.used = (w.used + 1) % 8
	}
}

// The smallest lossy file, as used to detect a browser's support.
func tinyLossyWebP(t testing.TB) []byte {
	b, err := base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vp8x is an extended WebP header.
func vp8x(flags byte, w, h int) []byte {
	b := []byte{flags, 0, 0, 0}
	for _, v := range []int{w - 1, h - 1} {
		b = append(b, byte(v), byte(v>>8), byte(v>>16))
	}
	return webpChunk("VP8X", b)
}

// cmykJPEG is a JPEG with four components of one 8×8 block each, all of one value, with an
// Adobe marker of the given transform (none when negative).
func cmykJPEG(transform int, values [4]uint8) []byte {
	segment := func(marker byte, data ...byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2)), data...)
	}
	out := []byte{0xff, 0xd8}
	if transform >= 0 {
		out = append(out, segment(0xee, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), byte(transform))...)...)
	}
	out = append(out, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	out = append(out, segment(0xc0, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)...)
	// The codes for differences: sixteen of four bits would include the forbidden 1111, so
	// eight of four bits name the categories 0 to 7 and four of five bits 8 to 11.
	out = append(out, segment(0xc4, 0x00, 0, 0, 0, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)...)
	out = append(out, segment(0xc4, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)...) // "0" is: no more
	out = append(out, segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)...)
	var bits []byte
	put := func(v, n int) {
		for i := n - 1; i >= 0; i-- {
			bits = append(bits, byte(v>>i&1))
		}
	}
	for _, v := range values {
		dc, category := 8*(int(v)-128), 0
		for a := max(dc, -dc); a > 0; a >>= 1 {
			category++
		}
		if category < 8 {
			put(category, 4)
		} else {
			put(0b10000+category-8, 5)
		}
		if dc < 0 {
			dc += 1<<category - 1
		}
		put(dc, category)
		put(0, 1)
	}
	for len(bits)%8 > 0 {
		bits = append(bits, 1)
	}
	for i := 0; i < len(bits); i += 8 {
		b := byte(0)
		for _, bit := range bits[i : i+8] {
			b = b<<1 | bit
		}
		out = append(out, b)
		if b == 0xff {
			out = append(out, 0)
		}
	}
	return append(out, 0xff, 0xd9)
}
