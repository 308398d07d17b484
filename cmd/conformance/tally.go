// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/internal/vectors"
)

// tally counts what passed and failed, by class.
type tally struct {
	shown    int                // failures to keep per class
	classes  map[string]*count  // by kind of case: the part of the id before the dash
	subjects map[subject]*count // by what is tested
	passes   int
	failures int
}

type count struct {
	passed, failed int
	known          int // of those that failed
	details        []string
}

func newTally(shown int) *tally {
	return &tally{shown: shown, classes: map[string]*count{}, subjects: map[subject]*count{}}
}

// path runs a file, or the files below a folder.
func (t *tally) path(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return t.file(path)
	}
	return filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasSuffix(p, ".jsonl") || strings.HasSuffix(p, ".jsonl.gz") {
			return t.file(p)
		}
		return nil
	})
}

func (t *tally) file(path string) error {
	number := 0
	return vectors.Lines(path, func(line []byte) error {
		number++
		t.line(line, fmt.Sprintf("%s:%d", path, number))
		return nil
	})
}

// line runs one case. A line that is no case counts as failed, too.
func (t *tally) line(line []byte, place string) {
	var c struct {
		ID    string `json:"id"`
		Op    string `json:"op"`
		Class string `json:"class"`
	}
	if err := json.Unmarshal(line, &c); err != nil || c.ID == "" {
		t.add("?", place, false, "not a case")
		return
	}
	class := c.ID
	if i := strings.LastIndexByte(c.ID, '-'); i > 0 {
		class = c.ID[:i]
	}
	pass, detail := runCase(c.Op, line)
	if !pass {
		detail += "\n    case: " + short(line)
	}
	t.add(class, c.ID, pass, detail)
	t.addSubject(subjectOf(c.Op, c.Class), c.ID, pass)
}

func (t *tally) add(class, id string, pass bool, detail string) {
	c := t.classes[class]
	if c == nil {
		c = &count{}
		t.classes[class] = c
	}
	if pass {
		c.passed++
		t.passes++
		return
	}
	c.failed++
	t.failures++
	if len(c.details) < t.shown {
		c.details = append(c.details, id+": "+detail)
	}
}

// maxShownBytes bounds the text of a case in a message.
const maxShownBytes = 2000

func short(line []byte) string {
	if len(line) > maxShownBytes {
		return string(line[:maxShownBytes]) + "..."
	}
	return string(line)
}

// print writes a line per class, in order of names, the failures kept, and the sum.
func (t *tally) print(w io.Writer) {
	names := make([]string, 0, len(t.classes))
	for name := range t.classes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c := t.classes[name]
		fmt.Fprintln(w, name, c.passed, c.failed)
		for _, d := range c.details {
			fmt.Fprintln(w, "  "+strings.ReplaceAll(d, "\n", "\n    "))
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed\n", t.passes, t.failures)
}
