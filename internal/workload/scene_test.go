package workload

import (
	"bytes"
	"hash/crc32"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

func TestDrawIsExactAndRepeatable(t *testing.T) {
	for _, kind := range Scenes() {
		for _, s := range []imaging.Size{{Width: 1, Height: 1}, {Width: 1, Height: 10000}, {Width: 3000, Height: 2}, {Width: 17, Height: 400}, {Width: 448, Height: 336}} {
			a, err := Draw(kind, s, 7)
			if err != nil || a.Check() != nil || a.Size() != s {
				t.Fatalf("%s %s: %s, %v %v", kind, s, a.Size(), err, a.Check())
			}
			b, _ := Draw(kind, s, 7)
			if !bytes.Equal(a.Pix, b.Pix) {
				t.Errorf("%s %s differs between two runs", kind, s)
			}
			if c, _ := Draw(kind, s, 8); s.Pixels() > 100000 && bytes.Equal(a.Pix, c.Pix) {
				t.Errorf("%s %s does not depend on the seed", kind, s)
			}
		}
	}
	if _, err := Draw("cats", imaging.Size{Width: 10, Height: 10}, 1); err == nil {
		t.Error("an unknown kind is drawn")
	}
	for _, s := range []imaging.Size{{}, {Width: -1, Height: 5}, {Width: 1 << 14, Height: 1 << 14}} {
		if _, err := Draw(Shapes, s, 1); err == nil {
			t.Errorf("%s is drawn", s)
		}
	}
}

// TestDrawSamePixelsEverywhere holds checksums: another machine, or a change of the
// generator, must not give other images.
func TestDrawSamePixelsEverywhere(t *testing.T) {
	want := map[Scene]uint32{Shapes: 0x726796c4, Text: 0xadecf926, Gradient: 0x621b0bdf}
	for _, kind := range Scenes() {
		m, err := Draw(kind, imaging.Size{Width: 320, Height: 240}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if sum := crc32.ChecksumIEEE(m.Pix); sum != want[kind] {
			t.Errorf("%s: checksum %#x, want %#x", kind, sum, want[kind])
		}
	}
}

// TestDrawFillsTheImage: the scenes are neither empty nor all alike.
func TestDrawFillsTheImage(t *testing.T) {
	for _, kind := range Scenes() {
		for seed := range uint64(4) {
			m, err := Draw(kind, imaging.Size{Width: 224, Height: 224}, seed)
			if err != nil {
				t.Fatal(err)
			}
			colours := map[[3]uint8]bool{}
			for i := 0; i < len(m.Pix); i += 3 {
				colours[[3]uint8(m.Pix[i:])] = true
			}
			if len(colours) < 100 {
				t.Errorf("%s with seed %d has %d colours", kind, seed, len(colours))
			}
		}
	}
}

func TestEncodePNG(t *testing.T) {
	m, err := Draw(Shapes, imaging.Size{Width: 101, Height: 67}, 5)
	if err != nil {
		t.Fatal(err)
	}
	file, err := EncodePNG(m)
	if err != nil {
		t.Fatal(err)
	}
	back, format, err := imaging.Decode(file, imaging.Limits{})
	if err != nil || format != imaging.PNG || !bytes.Equal(back.Pix, m.Pix) {
		t.Errorf("came back as %s %s, %v", format, back.Size(), err)
	}
	if _, err := EncodePNG(imaging.RGB{Width: 3, Height: 3}); err == nil {
		t.Error("an image without pixels is encoded")
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, kind := range Scenes() {
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				if _, err := Draw(kind, imaging.Size{Width: 1250, Height: 800}, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodePNG(b *testing.B) {
	m, err := Draw(Shapes, imaging.Size{Width: 1250, Height: 800}, 1)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := EncodePNG(m); err != nil {
			b.Fatal(err)
		}
	}
}
