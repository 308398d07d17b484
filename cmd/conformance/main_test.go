// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	goodCase = `{"id":"Filter-1","op":"smt","class":"org.apache.kafka.connect.transforms.Filter","config":{},"record":{"kind":"sink","topic":"t","partition":0,"offset":"1","timestamp":"1","keySchema":null,"key":null,"valueSchema":null,"value":null,"headers":[]},"expect":{"record":null}}`
	badCase  = `{"id":"RecordIsTombstone-1","op":"predicate","class":"org.apache.kafka.connect.transforms.predicates.RecordIsTombstone","config":{},"record":{"kind":"sink","topic":"t","partition":0,"offset":"1","timestamp":"1","keySchema":null,"key":null,"valueSchema":null,"value":null,"headers":[]},"expect":{"result":false}}`
	alien    = `{"id":"Alien-Kind-1","op":"alien.op","expect":{}}`
	noClass  = `{"id":"Nobody-1","op":"smt","class":"x.Y","config":{},"record":null,"expect":{"record":null}}`
)

func TestRun(t *testing.T) {
	f := func(status int, shown int, want string, lines ...string) {
		t.Helper()
		dir := t.TempDir()
		plain := filepath.Join(dir, "a.jsonl")
		if err := os.WriteFile(plain, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if got := run(&out, &errs, []string{dir}, shown, ""); got != status {
			t.Errorf("status %d, want %d: %s", got, status, errs.String())
		}
		if shown == 0 && out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
		if shown > 0 && !strings.Contains(out.String(), want) {
			t.Errorf("got\n%swant it to contain\n%s", out.String(), want)
		}
	}
	f(0, 0, "Filter 1 0\n1 passed, 0 failed\n", goodCase)
	f(0, 0, "0 passed, 0 failed\n")
	// A case that fails, an unknown op, an unknown class, and something that is no case.
	f(1, 0, "Filter 1 0\nRecordIsTombstone 0 1\n1 passed, 1 failed\n", goodCase, badCase)
	f(1, 0, "Alien-Kind 0 1\n0 passed, 1 failed\n", alien)
	f(1, 0, "Nobody 0 1\n0 passed, 1 failed\n", noClass)
	f(1, 0, "? 0 1\n0 passed, 1 failed\n", "{")
	f(1, 1, "RecordIsTombstone-1: got true, want false", badCase)
}

func TestRunPaths(t *testing.T) {
	dir := t.TempDir()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(goodCase)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.jsonl.gz")
	if err := os.WriteFile(path, zipped.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("no cases"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if got := run(&out, &errs, []string{dir, path}, 0, ""); got != 0 || out.String() != "Filter 2 0\n2 passed, 0 failed\n" {
		t.Errorf("status %d, %s%s", got, out.String(), errs.String())
	}
	if got := run(&out, &errs, []string{filepath.Join(dir, "absent")}, 0, ""); got != 2 {
		t.Errorf("status %d for a path that is not there", got)
	}
}
