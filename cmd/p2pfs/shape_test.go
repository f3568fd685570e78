package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What one reader can hold in mind. Methods count with those that come from
// embedded types of this module.
const (
	maxMethods       = 25
	maxFields        = 20
	maxDirFiles      = 20 // beside tests
	maxFileLines     = 300
	maxFuncLines     = 60
	maxTestFileLines = 500
	maxTestFuncLines = 100
	maxTestSleeps    = 0 // of a function, outside of a testing/synctest bubble
)

// A measure is what one thing of the source has much of, such as methods or lines.
type measure struct {
	kind, name string // "methods", "swarm.loop"
	n, max     int
}

func (m measure) key() string { return m.kind + " " + m.name }

// TestShape fails where a type, function, file or directory has outgrown its
// limit, but for the offenders: they may shrink and not grow, and leave the table
// when they keep the limit.
func TestShape(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range parseModule(t).measures() {
		seen[m.key()] = true
		listed, ok := offenders[m.key()]
		switch {
		case !ok && m.n > m.max:
			t.Errorf("%s: %d, at most %d are allowed", m.key(), m.n, m.max)
		case ok && m.n <= m.max:
			t.Errorf("%s: %d keeps the limit of %d: take it out of offenders", m.key(), m.n, m.max)
		case ok && m.n > listed:
			t.Errorf("%s: grew from %d to %d", m.key(), listed, m.n)
		case ok && m.n < listed:
			t.Errorf("%s: shrank from %d to %d: say so in offenders", m.key(), listed, m.n)
		}
	}
	for key := range offenders {
		if !seen[key] {
			t.Errorf("%s is in offenders and is not there", key)
		}
	}
}

// source is what is parsed of this module. Types are named by directory and name.
type source struct {
	list    []measure
	files   map[string]int      // Go files beside tests, by directory
	methods map[string]int      // own ones, by type
	embeds  map[string][]string // types of this module, by type
	fields  map[string]int
}

// parseModule parses all Go files of the module.
func parseModule(t *testing.T) *source {
	t.Helper()
	s := &source{files: map[string]int{}, methods: map[string]int{}, embeds: map[string][]string{}, fields: map[string]int{}}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && p != root {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		return s.read(p, filepath.ToSlash(rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read parses one file; name is its path in the module.
func (s *source) read(file, name string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, data, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	test := strings.HasSuffix(name, "_test.go") || helps(path.Dir(name))
	lines, funcs := maxFileLines, maxFuncLines
	if test {
		lines, funcs = maxTestFileLines, maxTestFuncLines
	} else {
		s.files[path.Dir(name)]++
	}
	s.add("lines", name, set.Position(f.FileEnd).Line-1, lines)
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			at := funcName(d)
			s.add("lines", name+" "+at, set.Position(d.End()).Line-set.Position(d.Pos()).Line+1, funcs)
			if test && !bubbles(d) {
				s.add("sleeps", name+" "+at, sleeps(d), maxTestSleeps)
			}
			if recv, _, isMethod := strings.Cut(at, "."); isMethod && !test {
				s.methods[path.Dir(name)+"."+recv]++
			}
		case *ast.GenDecl:
			if !test {
				s.types(f, d, path.Dir(name))
			}
		}
	}
	return nil
}

// helps reports whether a directory has helpers for tests only.
func helps(dir string) bool { return strings.HasSuffix(dir, "test") }

func (s *source) add(kind, name string, n, max int) {
	if _, listed := offenders[kind+" "+name]; n > max || listed {
		s.list = append(s.list, measure{kind, name, n, max})
	}
}

// funcName is NAME, or TYPE.NAME of a method.
func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	of := d.Recv.List[0].Type
	for {
		switch x := of.(type) {
		case *ast.StarExpr:
			of = x.X
		case *ast.IndexExpr:
			of = x.X
		case *ast.IndexListExpr:
			of = x.X
		case *ast.Ident:
			return x.Name + "." + d.Name.Name
		default:
			return "?." + d.Name.Name
		}
	}
}

// types notes the struct types of a declaration: fields, and what they embed.
func (s *source) types(f *ast.File, d *ast.GenDecl, dir string) {
	for _, spec := range d.Specs {
		ts, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		st, ok := ts.Type.(*ast.StructType)
		if !ok {
			continue
		}
		name := dir + "." + ts.Name.Name
		for _, field := range st.Fields.List {
			s.fields[name] += max(1, len(field.Names))
			if len(field.Names) == 0 {
				s.embeds[name] = append(s.embeds[name], embedded(f, field.Type, dir))
			}
		}
	}
}

// embedded names the type of an embedded field, as source does.
func embedded(f *ast.File, e ast.Expr, dir string) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return embedded(f, x.X, dir)
	case *ast.Ident:
		return dir + "." + x.Name
	case *ast.SelectorExpr:
		for _, imp := range f.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			pkg, ok := x.X.(*ast.Ident)
			if ok && (imp.Name != nil && imp.Name.Name == pkg.Name || imp.Name == nil && path.Base(p) == pkg.Name) {
				return short(p) + "." + x.Sel.Name
			}
		}
	}
	return ""
}

// bubbles reports whether a function makes a bubble with a clock of its own, by
// testing/synctest or a helper called bubble.
func bubbles(d *ast.FuncDecl) (found bool) {
	ast.Inspect(d, func(x ast.Node) bool {
		id, ok := x.(*ast.Ident)
		found = found || ok && (id.Name == "synctest" || id.Name == "bubble")
		return !found
	})
	return found
}

// sleeps counts the calls of time.Sleep.
func sleeps(d *ast.FuncDecl) (n int) {
	ast.Inspect(d, func(x ast.Node) bool {
		sel, ok := x.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && sel.Sel.Name == "Sleep" {
			n++
		}
		return true
	})
	return n
}

// all is how many methods a type has, with those that are promoted to it.
func (s *source) all(typ string) int {
	n := s.methods[typ]
	for _, e := range s.embeds[typ] {
		n += s.all(e)
	}
	return n
}

// measures are those that are over their limit, and all that offenders lists.
func (s *source) measures() []measure {
	for typ := range s.fields {
		s.add("methods", typ, s.all(typ), maxMethods)
		s.add("fields", typ, s.fields[typ], maxFields)
	}
	for typ, n := range s.methods {
		if _, isStruct := s.fields[typ]; !isStruct {
			s.add("methods", typ, n, maxMethods)
		}
	}
	for dir, n := range s.files {
		s.add("files", dir, n, maxDirFiles)
	}
	return s.list
}

// TestShapeCounts holds the counting itself against a small source.
func TestShapeCounts(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	s := &source{files: map[string]int{}, methods: map[string]int{}, embeds: map[string][]string{}, fields: map[string]int{}}
	a := write("a.go", "package a\n\nimport \"p2pfs/b\"\n\ntype T struct {\n\tx, y int\n\t*U\n\tb.V[int]\n}\n\ntype U struct{}\n\nfunc (*U) M() {}\nfunc (t T) N() {}\nfunc (t *T) O() {}\n")
	b := write("a_test.go", "package a\n\nfunc TestX() { time.Sleep(1); f := func() { time.Sleep(2) }; f() }\n")
	for file, name := range map[string]string{a: "a/a.go", b: "a/a_test.go"} {
		if err := s.read(file, name); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(s.all("a.T"), s.fields["a.T"], s.files["a"], s.list); got != "3 4 1 [{sleeps a/a_test.go TestX 2 0}]" {
		t.Errorf("counted %s", got)
	}
}
