package lint

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/wattlaw/wattlaw"

// layers is the import order, top first: a package may import only what stands in a lower
// layer. A parent stands for all folders below it.
var layers = [][]string{
	{"cmd/wattlaw"},
	{"internal/report", "internal/fleet", "internal/advise"},
	{"internal/bench", "internal/eval", "internal/compress", "internal/law", "internal/recipe"},
	{"internal/backend", "internal/sampler", "internal/workload", "internal/store", "internal/train"},
	{"internal/engine", "internal/source"},
	{"internal/model"},
	{"internal/gguf", "internal/safetensors", "internal/tokenizer", "internal/kernel", "internal/linalg", "internal/tn", "internal/world"},
	{"internal/unit", "internal/measure", "internal/stat", "internal/tensor", "internal/imaging"},
}

// sideways lists the imports that are allowed within one layer, or between siblings.
var sideways = map[string][]string{
	"internal/tn":     {"internal/linalg"},
	"internal/linalg": {"internal/kernel"},
	"internal/advise": {"internal/law"},
}

// outside is not held to the layers: it inspects the tree.
const outside = "internal/lint"

// siblingFallback names, per parent, the child that its siblings may import.
var siblingFallback = map[string]string{"internal/kernel": "internal/kernel/ref"}

func layerOf(pkg string) int {
	for i, layer := range layers {
		for _, root := range layer {
			if pkg == root || strings.HasPrefix(pkg, root+"/") {
				return i
			}
		}
	}
	return -1
}

// rootOf returns the entry of layers that pkg belongs to.
func rootOf(pkg string) string {
	for _, layer := range layers {
		for _, root := range layer {
			if pkg == root || strings.HasPrefix(pkg, root+"/") {
				return root
			}
		}
	}
	return pkg
}

// verdict returns why from may not import to, or "".
func verdict(from, to string) string {
	lf, lt := layerOf(from), layerOf(to)
	switch {
	case from == outside:
		return ""
	case lf < 0:
		return "package is in no layer: add it to the list in this test and to ARCHITECTURE.md"
	case lt < 0:
		return "imports a package that is in no layer"
	case rootOf(from) == rootOf(to):
		return withinRoot(from, to)
	case rootOf(to) == "internal/unit":
		return ""
	case lt > lf:
		return ""
	}
	for _, ok := range sideways[rootOf(from)] {
		if rootOf(to) == ok {
			return ""
		}
	}
	if lt == lf {
		return "imports sideways"
	}
	return "imports upwards"
}

// withinRoot checks imports between a parent and its folders: siblings never import each
// other, but for a named fallback. Parent and child may go either way; the compiler
// forbids both at once.
func withinRoot(from, to string) string {
	switch {
	case from == to, strings.HasPrefix(to, from+"/"), strings.HasPrefix(from, to+"/"):
		return ""
	case to == siblingFallback[rootOf(from)]:
		return ""
	}
	return "imports a sibling"
}

func TestImportDirection(t *testing.T) {
	files := 0
	walkGo(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return // tests may look sideways; cycles are the compiler's business
		}
		files++
		from := filepath.ToSlash(filepath.Dir(path))
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil || !strings.HasPrefix(imported, module+"/") {
				continue
			}
			to := strings.TrimPrefix(imported, module+"/")
			if strings.HasSuffix(from, "test") && rootOf(from) == rootOf(to) {
				continue // shared suites serve their siblings
			}
			if why := verdict(from, to); why != "" {
				t.Errorf("%s: %s → %s: %s", path, from, to, why)
			}
		}
	})
	if files == 0 {
		t.Fatal("no Go file was looked at")
	}
}

// TestVerdict holds the rule itself to known cases.
func TestVerdict(t *testing.T) {
	cases := []struct {
		from, to string
		ok       bool
	}{
		{"cmd/wattlaw", "internal/bench", true},
		{"internal/bench", "internal/store", true},
		{"internal/bench", "internal/law", false},
		{"internal/law", "internal/bench", false},
		{"internal/store", "internal/bench", false},
		{"internal/store/sqlite", "internal/store", true},
		{"internal/source/proc", "internal/source", true},
		{"internal/source/proc", "internal/source/hwmon", false},
		{"internal/kernel", "internal/kernel/avx2", true},
		{"internal/kernel/avx2", "internal/kernel/ref", true},
		{"internal/kernel/avx2", "internal/kernel/neon", false},
		{"internal/tn", "internal/linalg", true},
		{"internal/linalg", "internal/tn", false},
		{"internal/tokenizer", "internal/gguf", false},
		{"internal/measure", "internal/unit", true},
		{"internal/engine", "internal/sampler", false},
		{"internal/sampler", "internal/engine", true},
		{"internal/sampler", "internal/nowhere", false},
	}
	for _, c := range cases {
		if got := verdict(c.from, c.to); (got == "") != c.ok {
			t.Errorf("%s → %s: verdict %q, want allowed=%v", c.from, c.to, got, c.ok)
		}
	}
}

// root is the repository's root seen from this package.
const root = "../.."

// walkGo calls visit with the path of every Go file of the module, relative to its root.
// Folders that begin with "_" or "." or are named testdata belong to other tools.
func walkGo(t *testing.T, visit func(path string)) {
	t.Helper()
	var paths []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != "." && (name[0] == '_' || name[0] == '.' || name == "testdata") {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, ".go") {
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(paths)
	for _, path := range paths {
		visit(path)
	}
}
