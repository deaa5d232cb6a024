package imaging

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// readWebP walks through the chunks of a WebP file: canvas, first frame and orientation. The
// body becomes a file of the first frame's colours only: transparency is dropped anyway, and
// the decoder reads neither it nor animations. The frame's own size is checked against the
// canvas, since the decoder would believe it.
func (h *header) readWebP() error {
	claim, whole := int64(binary.LittleEndian.Uint32(h.body[4:]))+8, int64(len(h.body))
	h.body = h.body[:max(min(claim, whole), 12)]
	var frame []byte
	err := h.eachChunk(h.body[12:], func(id string, chunk, data []byte) error {
		switch {
		case id == "VP8X" && len(data) >= 10:
			h.stored = Size{1 + int(uint24(data[4:])), 1 + int(uint24(data[7:]))}
		case (id == "VP8 " || id == "VP8L") && frame == nil:
			frame = chunk
		case id == "ANMF" && frame == nil && len(data) >= 16:
			h.at = image.Pt(2*int(uint24(data)), 2*int(uint24(data[3:])))
			return h.eachChunk(data[16:], func(id string, chunk, _ []byte) error {
				if (id == "VP8 " || id == "VP8L") && frame == nil {
					frame = chunk
				}
				return nil
			})
		case id == "EXIF":
			h.orientation = orientation(data)
		}
		return nil
	})
	if err != nil && (frame == nil || !errors.Is(err, errBehindFrame)) {
		return err
	}
	if frame == nil && claim > whole {
		return h.truncated()
	}
	if frame == nil {
		return fmt.Errorf("read WebP image: no picture among its chunks: the file is damaged")
	}
	return h.frameOnly(frame)
}

// frameOnly makes a file of one chunk the body and takes the size from it.
func (h *header) frameOnly(chunk []byte) error {
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(chunk)+4))
	h.body = append(append(head, "WEBP"...), chunk...)
	err := h.guarded(func(r io.Reader) error {
		config, err := webp.DecodeConfig(r)
		h.frame = Size{config.Width, config.Height}
		return err
	})
	if err != nil {
		return err
	}
	if h.stored == (Size{}) {
		h.stored = h.frame
	}
	if h.at.X+h.frame.Width > h.stored.Width || h.at.Y+h.frame.Height > h.stored.Height {
		return fmt.Errorf("read WebP image: a picture of %s at %v on a canvas of %s: the file is damaged", h.frame, h.at, h.stored)
	}
	return nil
}

// errBehindFrame marks a file that ends within a chunk.
var errBehindFrame = errors.New("the last chunk is incomplete")

// eachChunk calls visit with the name, the whole bytes and the content of each chunk. One
// that the file's end cuts short is not visited.
func (h *header) eachChunk(b []byte, visit func(id string, chunk, data []byte) error) error {
	for n := 0; len(b) >= 8 && n < maxSegments; n++ {
		length := int64(binary.LittleEndian.Uint32(b[4:]))
		if length > int64(len(b)-8) {
			return fmt.Errorf("%w (%w)", h.truncated(), errBehindFrame)
		}
		padded := min(8+length+length&1, int64(len(b)))
		if err := visit(string(b[:4]), b[:padded:padded], b[8:8+length]); err != nil {
			return err
		}
		b = b[padded:]
	}
	return nil
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// decodeWebP decodes a file made by frameOnly.
func decodeWebP(r io.Reader) (image.Image, error) { return webp.Decode(r) }
