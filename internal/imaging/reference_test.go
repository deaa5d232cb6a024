package imaging

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"strings"
	"testing"
)

// The files under testdata were made with llama.cpp's own image code (tools/mtmd/mtmd-image.cpp
// at commit 3f545becc), compiled as it stands for amd64 and applied to the images of testImage:
//
//	sizes.txt.gz        contract, nominal size, resized size
//	older-sizes.txt.gz  nominal size, alignment, longest side, resized size, by its commit de4c07f93
//	resize.txt.gz       filter, size, seed, new size, pixels in hex or their CRC-32
//	views.txt           contract, size, seed, grid, CRC-32 of each normalized view (planes, float32)

// testImage is noise for an odd seed, and smooth ramps with sharp wraps for an even one.
func testImage(w, h, seed int) RGB {
	m := NewRGB(Size{w, h})
	for i := range m.Pix {
		x, y, c := i/3%w, i/3/w, i%3
		if seed%2 == 0 {
			m.Pix[i] = uint8(x*(seed+3) + y*(seed*5+7) + c*61 + x*y/(seed+9))
			continue
		}
		v := uint32(x)*2654435761 ^ uint32(y)*2246822519 ^ uint32(c)*3266489917 ^ uint32(seed)*668265263
		v ^= v >> 15
		v *= 2246822519
		v ^= v >> 13
		v *= 3266489917
		m.Pix[i] = uint8((v ^ v>>16) >> 24)
	}
	return m
}

// references calls visit for every line of a file under testdata.
func references(t *testing.T, name string, visit func(line string)) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	lines, n := bufio.NewScanner(r), 0
	lines.Buffer(nil, 1<<20)
	for ; lines.Scan(); n++ {
		visit(lines.Text())
	}
	if lines.Err() != nil || n == 0 {
		t.Fatalf("%s: %d lines, %v", name, n, lines.Err())
	}
}

// TestSizesEqualReference compares resized sizes under seven contracts.
func TestSizesEqualReference(t *testing.T) {
	grounded, few, limited, big, untiled := qwen(), qwen(), smol(), smol(), smol()
	grounded.Clamp.MinTokens, grounded.Clamp.MaxTokens = 1024, 1280
	few.Clamp.MinTokens, few.Clamp.MaxTokens = 4, 256
	limited.Clamp.MaxTokens = 256
	big.Patch, big.Merge, big.Tile, big.LongestEdge = 14, 3, 384, 1536
	untiled.LongestEdge, untiled.Clamp.MaxTokens = 0, 640
	contracts := []Contract{qwen(), grounded, few, smol(), limited, big, untiled}
	references(t, "sizes.txt.gz", func(line string) {
		var k int
		var in, want Size
		if _, err := fmt.Sscan(line, &k, &in.Width, &in.Height, &want.Width, &want.Height); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if want.Pixels()+contracts[k].Tile*contracts[k].Tile > MaxEffective {
			return // ours refuses, see TestLayoutRefuses
		}
		if got, err := contracts[k].Layout(in); err != nil || got.Resized != want {
			t.Errorf("contract %d, %s: %s (%v), want %s", k, in, got.Resized, err, want)
		}
	})
}

// TestOlderSizesEqualReference compares the longest-side rule; where it left a side of 0, ours
// has one alignment step.
func TestOlderSizesEqualReference(t *testing.T) {
	references(t, "older-sizes.txt.gz", func(line string) {
		var in, want Size
		var align, limit int
		if _, err := fmt.Sscan(line, &in.Width, &in.Height, &align, &limit, &want.Width, &want.Height); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		c := qwenOld()
		c.Patch, c.Clamp.LongestSide = align/2, limit
		want = Size{max(want.Width, align), max(want.Height, align)}
		if got, err := c.Layout(in); err != nil || got.Resized != want {
			t.Errorf("align %d, limit %d, %s: %s (%v), want %s", align, limit, in, got.Resized, err, want)
		}
	})
}

// TestResizeEqualsReference is exact, but for Lanczos, whose sines come from the C library
// there: it may differ by 1 in few places.
func TestResizeEqualsReference(t *testing.T) {
	references(t, "resize.txt.gz", func(line string) {
		var f Filter
		var from, to Size
		var seed int
		var want string
		if _, err := fmt.Sscan(line, &f, &from.Width, &from.Height, &seed, &to.Width, &to.Height, &want); err != nil {
			t.Fatalf("%.60q: %v", line, err)
		}
		src := testImage(from.Width, from.Height, seed)
		got := Resize(src, to, f)
		if err := got.Check(); err != nil {
			t.Fatal(err)
		}
		if sum, ok := strings.CutPrefix(want, "crc:"); ok {
			if have := fmt.Sprintf("%08x", crc32.ChecksumIEEE(got.Pix)); have != sum {
				t.Errorf("%s %s to %s: checksum %s, want %s", f, from, to, have, sum)
			}
			return
		}
		pix, err := hex.DecodeString(want)
		if err != nil || len(pix) != len(got.Pix) {
			t.Fatalf("%.60q: %d bytes, %v", line, len(pix), err)
		}
		differ, most := 0, 0
		for i := range pix {
			if d := int(pix[i]) - int(got.Pix[i]); d != 0 {
				differ, most = differ+1, max(most, d, -d)
			}
		}
		if f != FilterLanczosPillow && differ > 0 || most > 1 || differ*1000 > len(pix) {
			t.Errorf("%s %s to %s: %d of %d values differ, by up to %d", f, from, to, differ, len(pix), most)
		}
	})
}

// TestViewsEqualReference compares whole preprocessed images bit by bit.
func TestViewsEqualReference(t *testing.T) {
	few, big := qwen(), smol()
	few.Clamp.MinTokens, few.Clamp.MaxTokens = 4, 256
	big.Patch, big.Merge, big.Tile, big.LongestEdge = 14, 3, 384, 1536
	contracts := []Contract{qwen(), few, smol(), big}
	references(t, "views.txt", func(line string) {
		var k, seed, columns, rows int
		var size Size
		var want string
		if _, err := fmt.Sscan(line, &k, &size.Width, &size.Height, &seed, &columns, &rows, &want); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		views, layout, err := contracts[k].Apply(testImage(size.Width, size.Height, seed))
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, v := range views {
			if v.Overview {
				got.WriteString("ov")
			}
			fmt.Fprintf(&got, "%s:%08x", v.Size, crcFloats(v.Data))
			if !v.Overview {
				got.WriteString(",")
			}
		}
		if layout.Columns != columns || layout.Rows != rows || got.String() != want {
			t.Errorf("contract %d, %s: %dx%d %s, want %dx%d %s", k, size, layout.Columns, layout.Rows, got.String(), columns, rows, want)
		}
	})
}

func crcFloats(data []float32) uint32 {
	b := make([]byte, 0, 4*len(data))
	for _, v := range data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return crc32.ChecksumIEEE(b)
}

// TestApplyWithTheOlderRule: longest-side stretches with the older cubic, whatever the
// contract's own filter is.
func TestApplyWithTheOlderRule(t *testing.T) {
	img := testImage(1300, 700, 3)
	views, layout, err := qwenOld().Apply(img)
	if err != nil || layout.Resized != (Size{1036, 560}) || len(views) != 1 {
		t.Fatalf("%d views, %+v, %v", len(views), layout, err)
	}
	want := qwenOld().scales().view(Resize(img, layout.Resized, FilterBicubic))
	if crcFloats(views[0].Data) != crcFloats(want.Data) {
		t.Error("not the stretched cubic")
	}
}

func TestApplyRefuses(t *testing.T) {
	pillow := qwen()
	pillow.Filter, pillow.Pad = FilterBicubicPillow, false
	for name, img := range map[string]RGB{
		"empty": {}, "few bytes": {Width: 2, Height: 2, Pix: make([]uint8, 3)}, "negative": {Width: -1, Height: -1, Pix: make([]uint8, 3)},
	} {
		if v, _, err := pillow.Apply(img); err == nil {
			t.Errorf("%s: %d views, want an error", name, len(v))
		}
	}
}

func TestCrop(t *testing.T) {
	m := testImage(7, 5, 1)
	c := m.Crop(5, 3, Size{10, 10})
	if c.Size() != (Size{2, 2}) || string(c.row(1)) != string(m.row(4)[15:21]) {
		t.Errorf("crop is %s", c.Size())
	}
	if c := m.Crop(7, 0, Size{1, 1}); c.Pix != nil {
		t.Errorf("crop outside is %s", c.Size())
	}
}
