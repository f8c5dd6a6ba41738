package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The tests in this file hold the conventions of the whole repository.

const (
	modulePath       = "github.com/millstream-db/millstream"
	repositoryRoot   = "../.."
	fileLinesMax     = 800
	functionLinesMax = 70
	packageLinesMax  = 5000 // of code: a comment must not cost
	directDepsMax    = 25
)

// layers says which of our packages each top-level directory may import. A
// name stands for itself and everything below it.
var layers = map[string][]string{
	"engine": {"engine"},
	"ingest": {"ingest", "engine/batch", "engine/source"},
	"query":  {"query", "engine"},
	"server": {"server", "query", "engine/batch"},
	"bench":  {"bench", "server", "query", "engine", "ingest"},
	"cmd":    {"cmd", "server", "query", "engine", "ingest", "bench"},
}

// owners says where a library may be imported outside tests, first match wins.
// DuckDB's and Kafka's types are nobody else's business.
var owners = []struct {
	module  string
	allowed []string
}{
	{"github.com/duckdb", []string{"engine/duck"}},
	{"github.com/twmb/franz-go/pkg/kfake", []string{"ingest/broker", "bench"}},
	{"github.com/twmb/avro", []string{"ingest/avro", "bench/formats"}},
	{"github.com/bufbuild/protocompile", []string{"ingest/protobuf", "bench/formats"}},
	{"google.golang.org/protobuf", []string{"ingest/protobuf", "bench/formats"}},
	{"github.com/twmb/franz-go", []string{"ingest", "bench"}},
	{"github.com/jackc/pgx/v5/pgproto3", []string{"server/pgwire", "bench"}},
	{"github.com/jackc/pgx", []string{"cmd/millstream", "bench"}},
	{"github.com/go-chi/chi", []string{"server"}},
	{"github.com/xdg-go/scram", []string{"query/verifier", "server/auth"}},
	{"github.com/axiomhq/hyperloglog", []string{"engine/aggregate"}},
	{"github.com/DataDog/sketches-go", []string{"engine/aggregate"}},
	{"gopkg.in/yaml.v3", []string{"cmd/millstream"}},
	{"net/http/pprof", nil},
	{"log", nil}, // log/slog, injected
	{"database/sql", nil},
}

// topLevel is everything that may stand in the root, dot-files aside; what a
// build leaves behind is ignored by git.
var topLevel = []string{
	"cmd", "engine", "ingest", "query", "server", "bench",
	"go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "CHANGELOG.md",
	"bin", "millstream", "millstream-data",
}

// emptyWords say nothing about what is inside.
var emptyWords = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "v2", "new2", "impl", "stuff"}

// goPackage is the part of go list's answer that the tests need.
type goPackage struct {
	ImportPath string
	Imports    []string
}

func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = repositoryRoot
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// within reports whether p is one of the given trees or below one.
func within(p string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return p == tree || strings.HasPrefix(p, tree+"/") })
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	d := json.NewDecoder(bytes.NewReader(goCommand(t, "list", "-e", "-json=ImportPath,Imports", "./...")))
	for {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		from := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		layer, _, _ := strings.Cut(from, "/")
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, modulePath+"/"); ok && !within(ours, layers[layer]) {
				t.Errorf("%s imports %s: %s may import only %s", from, ours, layer, strings.Join(layers[layer], ", "))
			}
			for _, o := range owners {
				if within(imported, []string{o.module}) && imported != "log/slog" {
					if !within(from, o.allowed) {
						t.Errorf("%s imports %s, which belongs to %v", from, imported, o.allowed)
					}
					break
				}
			}
		}
	}
}

func TestModuleFile(t *testing.T) {
	t.Parallel()
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal(goCommand(t, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Replace {
		t.Errorf("go.mod replaces %s", r.Old.Path)
	}
	direct := 0
	for _, r := range mod.Require {
		if !r.Indirect {
			direct++
		}
	}
	if direct > directDepsMax {
		t.Errorf("%d direct dependencies, at most %d", direct, directDepsMax)
	}
}

// sourceFile is one Go file of the repository.
type sourceFile struct {
	path string // from the root, with slashes
	test bool
	ast  *ast.File
	fset *token.FileSet
	text []byte
}

func (f sourceFile) dir() string { return path.Dir(f.path) }

func (f sourceFile) lines() int { return bytes.Count(f.text, []byte("\n")) }

// codeLines counts the lines that hold code. Blank lines and lines with nothing
// but a comment are none: who explains a package must not have to split it.
func (f sourceFile) codeLines() int {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile(f.path, -1, len(f.text))
	s.Init(file, f.text, nil, 0)
	n, counted := 0, 0 // counted is the last line that is part of n
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return n
		}
		if tok == token.SEMICOLON && text == "\n" { // the scanner's own, which may stand behind a comment
			continue
		}
		first := file.Line(pos)
		last := first + strings.Count(text, "\n") // a raw string
		n += last - max(first-1, counted)
		counted = last
	}
}

var sources = sync.OnceValues(readSources)

// readSources parses every Go file, those behind build tags included.
func readSources() ([]sourceFile, error) {
	var files []sourceFile
	err := filepath.WalkDir(repositoryRoot, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != repositoryRoot && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "millstream-data"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go"):
			return nil
		}
		rel, err := filepath.Rel(repositoryRoot, p)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f := sourceFile{path: filepath.ToSlash(rel), test: strings.HasSuffix(p, "_test.go"), fset: token.NewFileSet(), text: text}
		if f.ast, err = parser.ParseFile(f.fset, rel, text, parser.ParseComments); err != nil {
			return err
		}
		if !ast.IsGenerated(f.ast) {
			files = append(files, f)
		}
		return nil
	})
	return files, err
}

func allSources(t *testing.T) []sourceFile {
	t.Helper()
	files, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEveryPackageIsExplainedOnce(t *testing.T) {
	t.Parallel()
	docs := map[string][]string{}
	for _, f := range allSources(t) {
		if f.test {
			continue
		}
		if f.ast.Doc != nil {
			docs[f.dir()] = append(docs[f.dir()], path.Base(f.path))
		} else if docs[f.dir()] == nil {
			docs[f.dir()] = []string{}
		}
	}
	for dir, files := range docs {
		if len(files) != 1 {
			t.Errorf("%s has %d package comments %v, want one", dir, len(files), files)
		}
	}
}

func TestSizesStayReadable(t *testing.T) {
	t.Parallel()
	packages := map[string]int{}
	for _, f := range allSources(t) {
		if n := f.lines(); n > fileLinesMax {
			t.Errorf("%s has %d lines, at most %d", f.path, n, fileLinesMax)
		}
		if f.test {
			continue
		}
		packages[f.dir()] += f.codeLines()
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > functionLinesMax {
				t.Errorf("%s: %s has %d lines, at most %d", f.fset.Position(fn.Pos()), fn.Name.Name, n, functionLinesMax)
			}
		}
	}
	for dir, n := range packages {
		if n > packageLinesMax {
			t.Errorf("%s has %d lines of code, at most %d", dir, n, packageLinesMax)
		}
	}
}

func TestCommentsAreNoCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want int
	}{
		{"package p\n", 1},
		{"// Package p is empty.\npackage p\n\n// No more.\n", 1},
		{"package p\n\nvar a = 1 // one\n", 2},
		{"package p\n\n/* a\nb */ var a = 1 /* c\nd */\n", 2},
		{"package p\n\nconst a = `x\n\n// y\n`\n", 5},
		{"package p\n\nvar a, b = `x\ny`, `u\nv`\n", 4},
		{"package p; var a int; var b int\n", 1},
		{"package p\n\nfunc f() {\n\t// Nothing.\n}\n", 3},
	} {
		if n := (sourceFile{text: []byte(c.text)}).codeLines(); n != c.want {
			t.Errorf("%q has %d lines of code, want %d", c.text, n, c.want)
		}
	}
}

// selfExplaining are methods whose interfaces say all there is to say.
var selfExplaining = []string{"Error", "String", "Unwrap", "Is", "Len", "Less", "Swap", "Write", "Read"}

func TestExportedNamesAreExplained(t *testing.T) {
	t.Parallel()
	for _, f := range allSources(t) {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, decl := range f.ast.Decls {
			for _, name := range unexplained(decl) {
				t.Errorf("%s: %s has no comment", f.fset.Position(decl.Pos()), name)
			}
		}
	}
}

// unexplained returns the exported names of a declaration without a comment.
func unexplained(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc != nil || !d.Name.IsExported() || d.Recv != nil &&
			(!receiverExported(d.Recv) || slices.Contains(selfExplaining, d.Name.Name)) {
			return nil
		}
		return []string{d.Name.Name}
	case *ast.GenDecl:
		if d.Doc != nil { // of the group
			return nil
		}
		var names []string
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && s.Doc == nil && s.Comment == nil {
						names = append(names, n.Name)
					}
				}
			}
		}
		return names
	}
	return nil
}

func receiverExported(recv *ast.FieldList) bool {
	t := recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

func TestNamesSayWhatIsInside(t *testing.T) {
	t.Parallel()
	for _, f := range allSources(t) {
		name := strings.TrimSuffix(f.path, ".go")
		for _, word := range strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '_' || r == '.' }) {
			if slices.Contains(emptyWords, word) {
				t.Errorf("%s: %q says nothing", f.path, word)
			}
		}
		if slices.Contains(emptyWords, f.ast.Name.Name) {
			t.Errorf("%s: package %s says nothing", f.path, f.ast.Name.Name)
		}
	}
}

func TestRootHoldsNothingElse(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(repositoryRoot)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s does not belong into the root", e.Name())
		}
	}
}
