// SPDX-License-Identifier: Apache-2.0

// Command conformance runs golden vectors of Kafka Connect against this build.
//
//	go run ./cmd/conformance [-v] [-md docs/compatibility.md] [-fresh N [-seed S]] PATH...
//
// A path is a .jsonl or .jsonl.gz file or a folder of them. It prints a line "class passed failed" per class of cases,
// with -v the first failures of each, and last "N passed, N failed". It exits with status 1 when a case failed. -md
// rewrites the table of a Markdown file: per Java class, what passed, failed, and is known to differ (known.go).
// -fresh makes N new cases out of those under the paths instead, by putting the configuration of one with the record of
// another and by damaging texts, and asks Kafka Connect's own classes in a JVM what they answer.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	verbose := flag.Bool("v", false, "show the first failures of each class: what was expected, what came")
	most := flag.Int("n", 5, "how many failures of a class -v shows")
	md := flag.String("md", "", "rewrite the table of this Markdown file, between its markers")
	cases := flag.Int("fresh", 0, "make this many new cases and compare with a JVM; run from the root of the tree")
	seed := flag.Uint64("seed", 1, "seed of -fresh")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: conformance [-v] [-n FAILURES] [-md FILE] [-fresh N [-seed S]] PATH...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	shown := 0
	if *verbose {
		shown = *most
	}
	paths := flag.Args()
	if *cases > 0 {
		file, err := fresh(paths, *cases, *seed)
		if err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			os.Exit(2)
		}
		paths = []string{file}
	}
	status := run(os.Stdout, os.Stderr, paths, shown, *md)
	if *cases > 0 {
		_ = os.Remove(paths[0])
	}
	os.Exit(status)
}

// run runs the files under paths and returns the exit status. md is a Markdown file to rewrite the table of, "" for none.
func run(out, errs io.Writer, paths []string, shown int, md string) int {
	t := newTally(shown)
	for _, p := range paths {
		if err := t.path(p); err != nil {
			fmt.Fprintln(errs, "conformance:", err)
			return 2
		}
	}
	t.print(out)
	if md != "" {
		if err := rewriteTable(md, t.table()); err != nil {
			fmt.Fprintln(errs, "conformance:", err)
			return 2
		}
	}
	if t.failures > 0 {
		return 1
	}
	return 0
}
