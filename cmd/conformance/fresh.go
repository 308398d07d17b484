// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/penstock-io/penstock/internal/vectors"
)

//go:embed java/Answers.java
var javaSource []byte

// freshCase is a case without its outcome, in parts that can be put together anew.
type freshCase map[string]json.RawMessage

// mixer makes new cases out of recorded ones.
type mixer struct {
	r       *rand.Rand
	kinds   []string               // op and class
	byKind  map[string][]freshCase // the cases of each
	records []json.RawMessage
	texts   []string
}

// freshOps are the ops that Answers.java plays.
var freshOps = map[string]bool{"smt": true, "conv.from": true, "conv.to": true, "hconv.from": true, "hconv.to": true, "values.parse": true}

// fresh writes n new cases with the answers of a JVM to a file, whose name it returns.
func fresh(paths []string, n int, seed uint64) (string, error) {
	m := &mixer{r: rand.New(rand.NewPCG(seed, 1)), byKind: map[string][]freshCase{}}
	for _, p := range paths {
		files, err := filepath.Glob(filepath.Join(p, "*.jsonl*"))
		if err != nil || len(files) == 0 {
			files = []string{p}
		}
		for _, f := range files {
			if err := vectors.Lines(f, m.take); err != nil {
				return "", err
			}
		}
	}
	if len(m.kinds) == 0 {
		return "", errors.New("no cases to make new ones of")
	}
	var questions bytes.Buffer
	for i := range n {
		line, err := json.Marshal(m.mix(i))
		if err != nil {
			return "", err
		}
		questions.Write(append(line, '\n'))
	}
	return ask(&questions)
}

// take keeps a recorded case.
func (m *mixer) take(line []byte) error {
	var c freshCase
	if err := json.Unmarshal(line, &c); err != nil {
		return err
	}
	op := text(c["op"])
	if !freshOps[op] || c["records"] != nil {
		return nil
	}
	delete(c, "expect")
	kind := op + " " + text(c["class"])
	if m.byKind[kind] == nil {
		m.kinds = append(m.kinds, kind)
	}
	m.byKind[kind] = append(m.byKind[kind], c)
	if r := c["record"]; r != nil {
		m.records = append(m.records, r)
	}
	if t := text(c["text"]); t != "" {
		m.texts = append(m.texts, t)
	}
	return nil
}

// text is a JSON text, "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// mix makes case i: mostly the parts of two cases of one class.
func (m *mixer) mix(i int) freshCase {
	kind := m.kinds[m.r.IntN(len(m.kinds))]
	of := m.byKind[kind]
	a, b := of[m.r.IntN(len(of))], of[m.r.IntN(len(of))]
	out := freshCase{}
	for k, v := range a {
		out[k] = v
	}
	_, class, _ := strings.Cut(kind, " ")
	name := class[strings.LastIndexByte(class, '.')+1:]
	if name == "" {
		name = "Parse"
	}
	out["id"] = json.RawMessage(fmt.Sprintf("%q", fmt.Sprintf("%s-fresh%d", name, i)))
	switch {
	case out["record"] != nil:
		out["record"] = b["record"]
		if m.r.IntN(3) == 0 {
			out["record"] = m.records[m.r.IntN(len(m.records))]
		}
	case out["schema"] != nil:
		out["schema"], out["value"] = b["schema"], b["value"]
	case text(out["text"]) != "":
		damaged, err := json.Marshal(m.damage(text(out["text"])))
		if err != nil {
			panic("BUG: " + err.Error())
		}
		out["text"] = damaged
	}
	return out
}

var pieces = []string{"{", "}", "[", "]", ":", ",", `"`, `\`, "0", "-", "1", ".", "e", "E", "+", "null", "true", "NaN", " ", "é", "😀", `\u00e9`,
	"128", "32768", "2147483648", "T", "Z", "2024-02-29", "12:00:00.000Z", `"a"`, `""`, `"schema":`, `"payload":`, "\t"}

// damage puts things into a text, takes some out, and doubles some.
func (m *mixer) damage(s string) string {
	rs := []rune(s)
	for range m.r.IntN(4) {
		at := m.r.IntN(len(rs) + 1)
		switch m.r.IntN(4) {
		case 0, 1:
			rs = append(rs[:at:at], append([]rune(pieces[m.r.IntN(len(pieces))]), rs[at:]...)...)
		case 2:
			rs = append(rs[:at:at], rs[min(len(rs), at+1+m.r.IntN(3)):]...)
		default:
			other := []rune(m.texts[m.r.IntN(len(m.texts))])
			rs = append(rs[:at:at], append(other[:m.r.IntN(len(other)+1)], rs[at:]...)...)
		}
	}
	return string(rs)
}

// ask has a JVM answer the questions.
func ask(questions *bytes.Buffer) (file string, err error) {
	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	out, err := exec.Command("scripts/jvm-connect", "classpath").Output()
	if err != nil {
		return "", fmt.Errorf("scripts/jvm-connect classpath (run from the root of the tree): %w", err)
	}
	classpath := strings.TrimSpace(string(out))
	source := filepath.Join(dir, "Answers.java")
	if err := os.WriteFile(source, javaSource, 0o600); err != nil {
		return "", err
	}
	if out, err := exec.Command("javac", "-nowarn", "--release", "17", "-cp", classpath, "-d", dir, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("javac: %w\n%s", err, out)
	}
	answers, err := os.CreateTemp("", "conformance-*.jsonl")
	if err != nil {
		return "", err
	}
	var errs bytes.Buffer
	java := exec.Command("java", "-cp", dir+":"+classpath, "Answers")
	java.Stdin, java.Stdout, java.Stderr = questions, answers, &errs
	if err := errors.Join(java.Run(), answers.Close()); err != nil {
		_ = os.Remove(answers.Name())
		return "", fmt.Errorf("java: %w\n%s", err, errs.Bytes())
	}
	return answers.Name(), nil
}
