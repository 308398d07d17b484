// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// The lines that the table stands between.
const (
	begin = "<!-- smt:begin -->\n"
	end   = "<!-- smt:end -->\n"
)

// render makes a Markdown table of the results. java is the version of the JVM, "" when it was not asked.
func render(table []*row, java string) string {
	var w strings.Builder
	fmt.Fprintf(&w, "Nanoseconds of processor time per record; batches of %d records of 12 fields; %s", rows, runtime.Version())
	if java != "" {
		w.WriteString(" beside " + java)
	}
	w.WriteString(".\n\n| transform | configuration |")
	rule := "| --- | --- |"
	for _, form := range forms {
		fmt.Fprintf(&w, " %s |", form)
		rule += " ---: |"
		if java != "" {
			w.WriteString(" Java | times |")
			rule += " ---: | ---: |"
		}
	}
	w.WriteString(" allocations | bytes |")
	rule += " ---: | ---: |"
	if java != "" {
		w.WriteString(" bytes, Java |")
		rule += " ---: |"
	}
	w.WriteString("\n" + rule + "\n")
	for _, r := range table {
		r.line(&w, java != "")
	}
	return w.String()
}

func (r *row) line(w *strings.Builder, java bool) {
	name := r.simpleName()
	if name == "" {
		name = "(none)"
	}
	fmt.Fprintf(w, "| %s | %s |", name, r.config())
	var worst, worstJava result
	for _, form := range forms {
		ours, ok := r.ours[form]
		theirs := r.java[form]
		switch {
		case !ok && java:
			w.WriteString(" | | |")
			continue
		case !ok:
			w.WriteString(" |")
			continue
		}
		fmt.Fprintf(w, " %.1f |", ours.nanos)
		if java {
			fmt.Fprintf(w, " %.1f | %s |", theirs.nanos, times(theirs.nanos, ours.nanos))
		}
		worst.allocs, worst.bytes = max(worst.allocs, ours.allocs), max(worst.bytes, ours.bytes)
		if form != "text" || r.class == "" {
			worstJava.bytes = max(worstJava.bytes, theirs.bytes)
		}
	}
	fmt.Fprintf(w, " %.3f | %.1f |", worst.allocs, worst.bytes)
	if java {
		fmt.Fprintf(w, " %.0f |", worstJava.bytes)
	}
	w.WriteString("\n")
}

// times is how often b fits into a.
func times(a, b float64) string {
	switch {
	case b <= 0:
		return ""
	case a/b >= 10:
		return fmt.Sprintf("%.0f", a/b)
	}
	return fmt.Sprintf("%.1f", a/b)
}

// rewrite puts the table between the markers of a file; without markers it is added at the end.
func rewrite(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	head, rest, ok := bytes.Cut(text, []byte(begin))
	_, tail, closed := bytes.Cut(rest, []byte(end))
	if ok != closed {
		return fmt.Errorf("%s: a %s without its end", path, strings.TrimSpace(begin))
	}
	if !ok {
		if len(head) > 0 {
			head = append(bytes.TrimRight(head, "\n"), "\n\n"...)
		}
		head = append(head, "## Transforms beside their Java classes\n\nWritten by `go run ./bench/smt -java -md`; its package comment says what is measured.\n\n"...)
	}
	return os.WriteFile(path, slices.Concat(head, []byte(begin), []byte(table), []byte(end), tail), 0o644)
}
