// SPDX-License-Identifier: Apache-2.0

// Command conformance runs golden vectors of Kafka Connect against this build.
//
//	go run ./cmd/conformance [-v] PATH...
//
// A path is a .jsonl or .jsonl.gz file or a folder of them. It prints a line "class passed failed" per class of cases,
// with -v the first failures of each, and last "N passed, N failed". It exits with status 1 when a case failed.
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
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: conformance [-v] [-n FAILURES] PATH...")
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
	os.Exit(run(os.Stdout, os.Stderr, flag.Args(), shown))
}

// run runs the files under paths and returns the exit status.
func run(out, errs io.Writer, paths []string, shown int) int {
	t := newTally(shown)
	for _, p := range paths {
		if err := t.path(p); err != nil {
			fmt.Fprintln(errs, "conformance:", err)
			return 2
		}
	}
	t.print(out)
	if t.failures > 0 {
		return 1
	}
	return 0
}
