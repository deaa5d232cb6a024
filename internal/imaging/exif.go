package imaging

import (
	"bytes"
	"encoding/binary"
)

// maxSegments bounds the walk through a file's segments; real files have a few dozen, PNG
// with small data chunks some thousands.
const maxSegments = 1 << 16

// scanJPEG finds the Exif orientation (APP1) and whether the image is progressive, looking
// at the segments before the first scan. What it cannot follow it leaves at the default: the
// decoder will say what is wrong.
func (h *header) scanJPEG() {
	b := h.body
	oriented := false
	for at, n := 2, 0; at+4 <= len(b) && n < maxSegments; n++ {
		if b[at] != 0xff {
			at++ // between segments, decoders skip what is not a marker
			continue
		}
		marker := b[at+1]
		if marker == 0xff || marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8 {
			at += 1 // fill byte, or a marker without a segment
			if marker != 0xff {
				at++
			}
			continue
		}
		length := int(binary.BigEndian.Uint16(b[at+2:]))
		if marker == 0xd9 || marker == 0xda || length < 2 || at+2+length > len(b) {
			return
		}
		segment := b[at+4 : at+2+length]
		switch {
		case marker == 0xc2:
			h.weight = 2
		case marker == 0xe1 && !oriented && bytes.HasPrefix(segment, []byte("Exif\x00\x00")):
			h.orientation, oriented = orientation(segment), true
		}
		at += 2 + length
	}
}

// scanPNG finds the bit depth and the orientation (eXIf).
func (h *header) scanPNG() {
	b := h.body
	if len(b) > 24 && b[24] == 16 {
		h.weight = 2
	}
	for at, n := 8, 0; at+12 <= len(b) && n < maxSegments; n++ {
		length := int(binary.BigEndian.Uint32(b[at:]))
		if length > len(b)-at-12 {
			return
		}
		if string(b[at+4:at+8]) == "eXIf" {
			h.orientation = orientation(b[at+8 : at+8+length])
			return
		}
		at += 12 + length
	}
}

// orientation returns the orientation of an Exif block, 1 (upright) when it has none or
// makes no sense. Only the first directory counts; the thumbnail has its own.
func orientation(b []byte) int {
	const tag, typeShort, entry = 0x0112, 3, 12
	b = bytes.TrimPrefix(b, []byte("Exif\x00\x00"))
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	fields := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(fields) < entry {
			return 1
		}
		if order.Uint16(fields) == tag {
			v := order.Uint16(fields[8:])
			if order.Uint16(fields[2:]) != typeShort || order.Uint32(fields[4:]) != 1 || v < 1 || v > 8 {
				return 1
			}
			return int(v)
		}
		fields = fields[entry:]
	}
	return 1
}
