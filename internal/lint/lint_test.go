// SPDX-License-Identifier: Apache-2.0

// Package lint holds the rules of the house that linters cannot say, as tests: who may import whom, how long a file may
// be, what every exported identifier needs.
package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/penstock-io/penstock/"

// maxLines is the ceiling of a file that is not a test. Tables of data are not Go code and do not count.
const maxLines = 700

// rooms lists what each room may import of this module: a DAG from top to bottom. A room matches by its longest prefix.
// "std" rooms import nothing of the module but what is listed.
var rooms = map[string][]string{
	"internal/invariants": {},
	"internal/jsontext":   {},
	"internal/ring":       {},
	"internal/java":       {"internal/java"},
	"config":              {"config"},
	"batch":               {"batch", "internal/invariants", "internal/jsontext"},
	"internal/javastring": {"batch", "internal/java"},
	"internal/values":     {"batch", "internal/java", "internal/javastring", "internal/jsontext", "internal/values"},
	"internal/vectors":    {"batch", "internal/java", "internal/javastring", "internal/values"},
	"codec":               {"batch", "codec", "config", "internal/java", "internal/javastring", "internal/jsontext", "internal/registry", "internal/values", "internal/invariants"},
	"codec/codeccase":     {"batch", "codec", "config", "internal/java", "internal/jsontext", "internal/javastring", "internal/values", "internal/vectors"},
	"smt":                 {"batch", "config", "smt", "internal/java", "internal/javastring", "internal/jsontext", "internal/values", "internal/invariants"},
	"smt/smtcase":         {"batch", "config", "smt", "internal/java", "internal/vectors"},
	"connectors":          {"batch", "config", "connectors", "internal/java", "internal/javastring"},
	// MirrorMaker's other system is Kafka itself.
	"connectors/mirror":   {"batch", "config", "connectors", "internal/java", "internal/javastring", "internal/kafka"},
	"internal/kafka":      {"config", "internal/kafka", "internal/java"},
	"internal/registry":   {},
	"internal/embedded":   {},
	"internal/faultproxy": {},
	"dlq":                 {"dlq", "internal/kafka"},
	"engine":              {"batch", "codec", "config", "connectors", "dlq", "engine", "smt", "internal/invariants", "internal/java", "internal/kafka", "internal/ring"},
	"worker": {"batch", "codec", "config", "connectors", "dlq", "engine", "smt", "worker", "internal/invariants", "internal/java", "internal/javastring",
		"internal/kafka"},
}

// free rooms may import anything, and nobody but each other imports them.
var free = []string{"bench", "cmd", "internal/e2e", "internal/lint", "internal/quickstart", "batch/batchtest"}

// owners says who alone may import a third-party module.
var owners = map[string][]string{
	"github.com/twmb/franz-go":           {"internal/kafka", "internal/embedded", "internal/registry", "worker/group", "bench", "internal/e2e"},
	"github.com/bytedance/sonic":         {"codec"},
	"github.com/hamba/avro":              {"codec"},
	"github.com/klauspost/compress":      {"internal/kafka", "connectors"},
	"github.com/VictoriaMetrics/metrics": {"engine", "worker"},
	"github.com/dlclark/regexp2":         {"internal/java"},
	"github.com/spf13/cobra":             {"cmd"},
}

type file struct {
	path string // below the root, with slashes
	room string // folder
	test bool
	ast  *ast.File
	text string
}

func load(t *testing.T) (root string, files []file) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		files = append(files, file{rel, strings.TrimSuffix(filepath.ToSlash(filepath.Dir(rel)), "/"), strings.HasSuffix(rel, "_test.go"), parsed, string(text)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return root, files
}

func under(room string, prefixes []string) bool {
	for _, p := range prefixes {
		if room == p || strings.HasPrefix(room, p+"/") {
			return true
		}
	}
	return false
}

// rulesOf finds the rule for a room: that of its longest prefix.
func rulesOf(room string) (allowed []string, known bool) {
	for r := room; r != "." && r != ""; r = filepath.ToSlash(filepath.Dir(r)) {
		if a, ok := rooms[r]; ok {
			return a, true
		}
	}
	return nil, false
}

func TestImportsFollowTheRooms(t *testing.T) {
	_, files := load(t)
	for _, f := range files {
		if f.test || under(f.room, free) {
			continue
		}
		allowed, known := rulesOf(f.room)
		if !known {
			t.Errorf("%s: no rule says what room %s may import; add one here and to docs/architecture.md", f.path, f.room)
			continue
		}
		for _, im := range f.ast.Imports {
			path, _ := strconv.Unquote(im.Path.Value)
			if inner, ok := strings.CutPrefix(path, module); ok {
				if !under(inner, allowed) {
					t.Errorf("%s imports %s, which its room must not", f.path, inner)
				}
				if under(inner, []string{"batch/batchtest"}) && !under(f.room, []string{"smt/smtcase", "codec/codeccase"}) {
					t.Errorf("%s imports the test harness", f.path)
				}
				continue
			}
			for lib, rooms := range owners {
				if strings.HasPrefix(path, lib) && !under(f.room, rooms) {
					t.Errorf("%s imports %s, which belongs to %v alone", f.path, path, rooms)
				}
			}
		}
	}
}

func TestFilesAreShortAndLicensed(t *testing.T) {
	_, files := load(t)
	for _, f := range files {
		if !strings.HasPrefix(f.text, "// SPDX-License-Identifier: Apache-2.0\n") {
			t.Errorf("%s does not begin with its licence: // SPDX-License-Identifier: Apache-2.0", f.path)
		}
		if n := strings.Count(f.text, "\n"); n > maxLines && !f.test {
			t.Errorf("%s has %d lines; %d is the ceiling: it has two subjects", f.path, n, maxLines)
		}
	}
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	_, files := load(t)
	for _, f := range files {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && receiverExported(d) {
					t.Errorf("%s: %s has no comment", f.path, d.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(t, f.path, d)
			}
		}
	}
}

func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

func undocumented(t *testing.T, path string, d *ast.GenDecl) {
	t.Helper()
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				t.Errorf("%s: type %s has no comment", path, s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					t.Errorf("%s: %s has no comment", path, n.Name)
				}
			}
		}
	}
}

func TestDataPlaneHasNoMapsOfAnything(t *testing.T) {
	_, files := load(t)
	for _, f := range files {
		if f.test || !under(f.room, []string{"batch", "codec", "smt", "engine", "internal/ring", "internal/jsontext"}) {
			continue
		}
		for i, line := range strings.Split(f.text, "\n") {
			if strings.Contains(line, "map[string]any") || strings.Contains(line, "map[string]interface{}") {
				t.Errorf("%s:%d: map[string]any in the data plane", f.path, i+1)
			}
			if strings.Contains(line, "sync.Pool{") {
				t.Errorf("%s:%d: sync.Pool in the data plane: its size has no bound and it forgets at every collection", f.path, i+1)
			}
		}
	}
}
