package imaging

import (
	"fmt"
	"io"
	"math"
	"os"
)

// ReadFile reads an image file whole, and refuses one that no Decode with default limits would
// take: by its size, and by its header.
func ReadFile(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close() // read-only: nothing is lost
	data, err := io.ReadAll(io.LimitReader(in, DefaultMaxBytes+1))
	if err == nil {
		err = CheckFile(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// CheckFile refuses what no Decode with default limits would take, by the size of the file and
// its header alone.
func CheckFile(data []byte) error {
	if len(data) > DefaultMaxBytes {
		return fmt.Errorf("read image: the file has more than %d MiB: use a smaller one", DefaultMaxBytes>>20)
	}
	h, err := readHeader(data)
	if err != nil {
		return err
	}
	return h.check(Limits{}.orDefault(), len(data))
}

// Within returns the largest size of the same aspect ratio that fits into a box; a size that
// fits already stays as it is.
func (s Size) Within(box Size) Size {
	if s.Width <= box.Width && s.Height <= box.Height {
		return s
	}
	scale := min(float64(box.Width)/float64(s.Width), float64(box.Height)/float64(s.Height))
	side := func(n, most int) int { return min(max(1, int(math.Round(scale*float64(n)))), most) }
	return Size{Width: side(s.Width, box.Width), Height: side(s.Height, box.Height)}
}
