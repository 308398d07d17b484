// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed java/SmtBench.java
var javaSource []byte

// measureJava runs the cases of the table in one JVM and puts their results in. It returns the version of the JVM.
func measureJava(o *options, table []*row) (version string, err error) {
	dir, err := os.MkdirTemp("", "bench-smt-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	classpath, err := exec.Command("scripts/jvm-connect", "classpath").Output()
	if err != nil {
		return "", fmt.Errorf("scripts/jvm-connect classpath (run from the root of the tree): %w", err)
	}
	var lines, texts strings.Builder
	for _, r := range table {
		for _, form := range r.forms() {
			class := r.class
			if class != "" {
				class = prefix + class
			}
			fmt.Fprintf(&lines, "%s\t%s", class, form)
			for i := 0; i < len(r.pairs); i += 2 {
				fmt.Fprintf(&lines, "\t%s=%s", r.pairs[i], r.pairs[i+1])
			}
			lines.WriteByte('\n')
		}
	}
	for i := range rows {
		texts.WriteString(orderText(i) + "\n")
	}
	files := map[string][]byte{"SmtBench.java": javaSource, "cases": []byte(lines.String()), "texts": []byte(texts.String())}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return "", err
		}
	}
	cp := strings.TrimSpace(string(classpath))
	javac := exec.Command("javac", "--release", "17", "-nowarn", "-cp", cp, "-d", dir, filepath.Join(dir, "SmtBench.java"))
	if out, err := javac.CombinedOutput(); err != nil {
		return "", fmt.Errorf("javac: %w\n%s", err, out)
	}
	var errs bytes.Buffer
	java := exec.Command(o.javaHome, "-XX:+UseG1GC", "-Xms256m", "-Xmx2g", "-cp", dir+":"+cp, "SmtBench", filepath.Join(dir, "cases"),
		filepath.Join(dir, "texts"), strconv.FormatInt(o.warm.Milliseconds(), 10), strconv.FormatInt(o.measure.Milliseconds(), 10))
	java.Stderr = &errs
	out, err := java.Output()
	if err != nil {
		return "", fmt.Errorf("java: %w\n%s", err, errs.Bytes())
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, r := range table {
		for _, form := range r.forms() {
			if len(got) == 0 {
				return "", fmt.Errorf("java answered too few cases")
			}
			var res result
			if _, err := fmt.Sscanf(got[0], "%f\t%f", &res.nanos, &res.bytes); err != nil {
				return "", fmt.Errorf("java answered %q: %w", got[0], err)
			}
			r.java[form], got = res, got[1:]
		}
	}
	v, err := exec.Command(o.javaHome, "-version").CombinedOutput()
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(v), "\n")
	return strings.TrimSpace(first), nil
}
