// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/vectors"
	"github.com/penstock-io/penstock/smt"
)

// apache begins the names of the classes that come with Kafka Connect.
const apache = "org.apache.kafka.connect."

// vectorPaths are the vectors of this tree.
var vectorPaths = []string{"../../smt/testdata/vectors", "../../codec/testdata/vectors", "../../config/testdata/vectors"}

// eachVector calls see with the id, op and class of every case of this tree.
func eachVector(t *testing.T, see func(id, op, class string, line []byte)) {
	t.Helper()
	for _, dir := range vectorPaths {
		files, err := filepath.Glob(dir + "/*.jsonl.gz")
		if err != nil || len(files) == 0 {
			t.Fatalf("no vectors in %s: %v", dir, err)
		}
		for _, f := range files {
			err := vectors.Lines(f, func(line []byte) error {
				var c struct{ ID, Op, Class string }
				if err := json.Unmarshal(line, &c); err != nil {
					return err
				}
				see(c.ID, c.Op, c.Class, line)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// plugins are the registered plugins by the op of their vectors and their class.
func plugins() map[string]map[string]config.Def {
	out := map[string]map[string]config.Def{"smt": {}, "predicate": {}, "conv": {}, "hconv": {}}
	for _, n := range smt.Transforms.Names() {
		p, _, _ := smt.Transforms.Lookup(n)
		out["smt"][n] = p.Def
	}
	for _, n := range smt.Predicates.Names() {
		p, _, _ := smt.Predicates.Lookup(n)
		out["predicate"][n] = p.Def
	}
	for _, n := range codec.Registry.Names() {
		p, _, _ := codec.Registry.Lookup(n)
		out["conv"][n] = p.Def
	}
	for _, n := range codec.HeaderRegistry.Names() {
		p, _, _ := codec.HeaderRegistry.Lookup(n)
		out["hconv"][n] = p.Def
	}
	return out
}

// noConverterVectors are registered classes that the recording has no cases of, for one reason each.
var noConverterVectors = map[string]string{
	"conv org.apache.kafka.connect.storage.SimpleHeaderConverter": "a header converter alone",
}

// TestEveryApachePluginHasVectors fails when a class of Kafka Connect is registered that no recorded case proves, and
// when cases are recorded for a class that nobody registered.
func TestEveryApachePluginHasVectors(t *testing.T) {
	cases := map[string]map[string]int{"smt": {}, "predicate": {}, "conv": {}, "hconv": {}}
	eachVector(t, func(_, op, class string, _ []byte) {
		op, _, _ = strings.Cut(op, ".")
		if cases[op] != nil {
			cases[op][class]++
		}
	})
	all := plugins()
	for op, classes := range all {
		for class := range classes {
			if strings.HasPrefix(class, apache) && cases[op][class] == 0 && noConverterVectors[op+" "+class] == "" {
				t.Errorf("%s is registered and has no vectors of op %s", class, op)
			}
		}
	}
	for op, classes := range cases {
		for class, n := range classes {
			if _, ok := all[op][class]; !ok {
				t.Errorf("%d cases of op %s for %s, which is not registered", n, op, class)
			}
		}
	}
}

// TestEveryApachePluginIsRegistered fails when Kafka Connect has a transform, predicate or converter that we lack.
func TestEveryApachePluginIsRegistered(t *testing.T) {
	all := plugins()
	f := func(kind config.Kind, op string, packages ...string) {
		t.Helper()
		for _, class := range apacheClasses(t) {
			c, ok := kafkadefs.Class(class)
			inside := slices.ContainsFunc(packages, func(p string) bool { return strings.HasPrefix(class, p) })
			if !ok || c.Abstract || c.Private || c.Kinds&kind == 0 || !inside {
				continue
			}
			if _, ok := all[op][class]; !ok {
				t.Errorf("%s of Kafka Connect is not registered as %s", class, op)
			}
		}
	}
	f(config.KindTransformation, "smt", apache+"transforms.")
	f(config.KindPredicate, "predicate", apache+"transforms.")
	f(config.KindConverter, "conv", apache+"converters.", apache+"storage.", apache+"json.")
	f(config.KindHeaderConverter, "hconv", apache+"converters.", apache+"storage.", apache+"json.")
}

// apacheClasses are the names in kafkadefs' list of classes.
func apacheClasses(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../config/kafkadefs/classes.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(name, apache) {
			names = append(names, name)
		}
	}
	return names
}

// TestEveryKeyOfTheJarsIsUsed fails when the definition of a registered class lacks a key that the real class has, or
// when no line of the package's code reads the key.
func TestEveryKeyOfTheJarsIsUsed(t *testing.T) {
	source := map[string]string{"smt": goText(t, "../../smt"), "codec": goText(t, "../../codec")}
	rooms := map[string]string{"smt": "smt", "predicate": "smt", "conv": "codec", "hconv": "codec"}
	seen := 0
	for op, classes := range plugins() {
		for _, class := range slices.Sorted(maps.Keys(classes)) {
			real, ok := kafkadefs.Get(class)
			if !ok {
				continue
			}
			seen++
			for _, key := range real.Names() {
				if _, ok := classes[class].Find(key); !ok {
					t.Errorf("%s lacks the key %s", class, key)
				}
				if !strings.Contains(source[rooms[op]], `"`+key+`"`) && ignoredKeys[key] == "" {
					t.Errorf("%s: nothing in %s names the key %s", class, rooms[op], key)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d registered classes have a recorded definition", seen)
	}
}

// ignoredKeys are keys that change nothing here, with the reason.
var ignoredKeys = map[string]string{
	"converter.type": "says key, value or header: a converter here is made for its side",
}

// goText is the code of a folder, tests aside.
func goText(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestKnown: a case that is said to differ must be there and must differ.
func TestKnown(t *testing.T) {
	left := maps.Clone(known)
	eachVector(t, func(id, op, _ string, line []byte) {
		if _, ok := left[id]; !ok {
			return
		}
		delete(left, id)
		if pass, _ := runCase(op, line); pass {
			t.Errorf("%s is said to differ, and passes", id)
		}
	})
	for id := range left {
		t.Errorf("no case %s in the vectors", id)
	}
}

func TestTable(t *testing.T) {
	tl := newTally(0)
	for _, line := range []string{goodCase, badCase, alien} {
		tl.line([]byte(line), "here")
	}
	got := tl.table()
	want := "| class | cases | passed | failed | knowingly different |\n| --- | ---: | ---: | ---: | ---: |\n" +
		"| **Transforms** | | | | |\n| `org.apache.kafka.connect.transforms.Filter` | 1 | 1 | 0 | 0 |\n" +
		"| **Predicates** | | | | |\n| `org.apache.kafka.connect.transforms.predicates.RecordIsTombstone` | 1 | 0 | 1 | 0 |\n" +
		"| **Other** | | | | |\n| `alien.op` | 1 | 0 | 1 | 0 |\n| **all** | 3 | 1 | 2 | 0 |\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	file := filepath.Join(t.TempDir(), "a.md")
	f := func(before, after string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		err := rewriteTable(file, "new\n")
		if (err != nil) != (after == "") {
			t.Fatalf("%q: %v", before, err)
		}
		text, _ := os.ReadFile(file)
		if after != "" && string(text) != after {
			t.Errorf("got %q, want %q", text, after)
		}
	}
	f("a\n"+tableBegin+"old\n"+tableEnd+"b\n", "a\n"+tableBegin+"new\n"+tableEnd+"b\n")
	f("a\n"+tableBegin+tableEnd, "a\n"+tableBegin+"new\n"+tableEnd)
	f("a\n"+tableBegin, "")
	f("a\n", "")
}
