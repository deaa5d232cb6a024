package lint

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 80 // the guide is 40; this is where a test says stop
)

// initAllowed and globalsAllowed would list exceptions to "no init, no mutable globals".
var initAllowed = map[string]bool{}

func generated(src []byte) bool {
	return bytes.Contains(src[:min(len(src), 400)], []byte("DO NOT EDIT"))
}

func TestFilesAndFunctionsStaySmall(t *testing.T) {
	walkGo(t, func(path string) {
		src, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
			return
		}
		if generated(src) {
			return
		}
		if lines := bytes.Count(src, []byte("\n")); lines > maxFileLines {
			t.Errorf("%s: %d lines, at most %d: split it", path, lines, maxFileLines)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, src, 0)
		if err != nil {
			t.Error(err)
			return
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if fn.Recv == nil && fn.Name.Name == "init" && !initAllowed[path] {
				t.Errorf("%s: has an init function: pass things explicitly", path)
			}
			lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line
			if lines > maxFunctionLines && !strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s: %s has %d lines, at most %d: split it", path, fn.Name.Name, lines, maxFunctionLines)
			}
		}
	})
}

func TestExportedNamesAreDocumented(t *testing.T) {
	walkGo(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(root, path), nil, parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		if ast.IsGenerated(file) {
			return
		}
		for _, decl := range file.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: exported %s has no doc comment", path, name)
			}
		}
	})
}

// undocumented returns the exported names that decl introduces without a comment. A
// comment on a group of constants or variables serves the whole group.
func undocumented(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil || d.Tok == token.IMPORT {
			return nil
		}
		var names []string
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && s.Comment == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil {
					names = append(names, s.Names[0].Name)
				}
			}
		}
		return names
	}
	return nil
}

// exportedReceiver reports whether d is a function or a method of an exported type:
// methods of private types only satisfy interfaces, which are documented themselves.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if index, ok := kind.(*ast.IndexExpr); ok {
		kind = index.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.IsExported()
}

// pathInDocs matches what a document claims to be a path: a back-quoted word that begins
// with a folder of the repository.
var pathInDocs = regexp.MustCompile("`((?:cmd|internal|docs|\\.ci)/[A-Za-z0-9_./-]*)`")

func TestDocumentsNameRealPaths(t *testing.T) {
	documents := []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"}
	found := 0
	for _, name := range documents {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, match := range pathInDocs.FindAllSubmatch(text, -1) {
			found++
			if _, err := os.Stat(filepath.Join(root, string(match[1]))); err != nil {
				t.Errorf("%s names %s, which does not exist", name, match[1])
			}
		}
	}
	if found == 0 {
		t.Error("no document names any path: the pattern no longer matches")
	}
}
