// SPDX-License-Identifier: Apache-2.0

// Command smt measures every Apache transform beside the Java class it stands for, on the same records.
//
//	go run ./bench/smt [-java] [-run CLASS,...] [-md BENCHMARKS.md]
//
// Three forms per transform: records with a schema (struct), records without (map, as the JSON converter hands them on),
// both the transform alone; and the way from JSON text through the transform to JSON text (text), since this engine
// leaves values undecoded as long as it can and a transform may put work off to the encoder. What counts is processor
// time of the whole process, garbage collection and JIT included, after a warm-up: the
// median of some rounds. Wall-clock time would measure the other programs on the machine.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

type options struct {
	java     bool
	javaHome string
	run      string
	md       string
	warm     time.Duration
	measure  time.Duration
}

func main() {
	var o options
	flag.BoolVar(&o.java, "java", false, "time the Java classes, too (brings the jars of Apache Kafka when they are not there)")
	flag.StringVar(&o.javaHome, "java-command", "java", "the java to run them with")
	flag.StringVar(&o.run, "run", "", "only these transforms: simple names, separated by commas")
	flag.StringVar(&o.md, "md", "", "rewrite the table of this Markdown file, between <!-- smt:begin --> and <!-- smt:end -->")
	flag.DurationVar(&o.warm, "warm", 2*time.Second, "processor time of the warm-up of each case, in Java")
	flag.DurationVar(&o.measure, "measure", time.Second, "processor time of the measurement of each case")
	flag.Parse()
	if err := run(os.Stdout, &o); err != nil {
		fmt.Fprintln(os.Stderr, "smt:", err)
		os.Exit(1)
	}
}

// result is what one case in one form took per record.
type result struct {
	nanos  float64
	allocs float64 // Go only
	bytes  float64
}

// row is a case with its results by form; forms that the transform refuses are absent.
type row struct {
	smtCase
	ours, java map[string]result
}

func run(out io.Writer, o *options) error {
	var table []*row
	for _, c := range append([]smtCase{{}}, cases...) {
		if o.run == "" || c.class == "" || slices.Contains(strings.Split(o.run, ","), c.simpleName()) {
			table = append(table, &row{smtCase: c, ours: map[string]result{}, java: map[string]result{}})
		}
	}
	for _, r := range table {
		for _, form := range r.forms() {
			res, err := measure(&r.smtCase, form, o.measure)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", r.class, form, err)
			}
			r.ours[form] = res
		}
	}
	java := ""
	if o.java {
		var err error
		if java, err = measureJava(o, table); err != nil {
			return err
		}
	}
	text := render(table, java)
	fmt.Fprint(out, text)
	if o.md != "" {
		return rewrite(o.md, text)
	}
	return nil
}

// forms are the forms that the transform takes; the case without a transform is the way from text to text alone.
func (r *row) forms() []string {
	switch {
	case r.class == "":
		return []string{"text"}
	case r.noMaps:
		return []string{"struct"}
	}
	return forms
}
