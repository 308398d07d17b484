// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	list, verbose bool
	compare       bool
	render        bool
	run, peer     string
	size          string
	brokers       string
	records       int64
	repeat, warm  int
	budget        time.Duration
	tasks         int
	partitions    int
	shape         string
	mode          string
	binary        string
	jvmJava       string
	bestJava      string
	workerProps   string
	bestProps     string
	seed          uint64
	parity        bool
	results       string
	mdFile        string
	flames        string
	tolerance     float64
	args          []string // what follows the flags: the two files of -compare
}

// bestDefault is the JVM worker's setting for throughput: batches large enough that the producer's cost per request
// and the consumer's per fetch no longer show.
const bestDefault = "producer.batch.size=262144,producer.buffer.memory=67108864,consumer.max.poll.records=2000,consumer.max.partition.fetch.bytes=4194304"

func parseOptions(args []string, out io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.BoolVar(&o.list, "list", false, "list the workloads")
	fs.BoolVar(&o.compare, "compare", false, "compare two result files, OLD NEW: print what got worse, exit 1 when anything did")
	fs.BoolVar(&o.render, "render", false, "write -md and the chart again from the files in -results, without running anything")
	fs.StringVar(&o.run, "run", "", "workloads to run: names and groups (figures, shapes, sizes, partitions), or all")
	fs.StringVar(&o.peer, "peer", "raw,jvm,jvm-best", `who runs beside penstock, of raw (own connections: CRC checked, records walked), kgo (franz-go), jvm (default
settings) and jvm-best (newest Java, -best-props); none for nobody; "only-" before one leaves penstock out`)
	fs.StringVar(&o.size, "size", "small", "small: under a minute a workload; full: records enough for figures to quote")
	fs.StringVar(&o.brokers, "brokers", "", "a broker to use, HOST:PORT; default: an own Apache Kafka on loopback")
	fs.Int64Var(&o.records, "records", 0, "records a run; default: the workload's own number")
	fs.IntVar(&o.repeat, "repeat", 5, "runs that count, of each peer in turn; the median of them is reported")
	fs.IntVar(&o.warm, "warm", 8, "warm-up runs of the JVM at most; it ends earlier when two in a row differ by less than 10 %")
	fs.DurationVar(&o.budget, "budget", -1, "time of one workload, after which no further round starts; 0: no limit; default: 40 s for -size small, else none")
	fs.IntVar(&o.tasks, "tasks", 1, "tasks.max")
	fs.IntVar(&o.partitions, "partitions", 6, "partitions of topics, unless the workload has its own number")
	fs.StringVar(&o.shape, "shape", "plain", "shape of JSON records, unless the workload has its own: plain, nested, escapes, nonascii, reordered, nulls, floats, wide")
	fs.StringVar(&o.mode, "mode", "standalone", "standalone or distributed, for both workers")
	fs.StringVar(&o.binary, "binary", "", "a penstock binary to measure; default: built from this tree")
	fs.StringVar(&o.jvmJava, "jvm-java", "", "the java of peer jvm; default: the one in PATH")
	fs.StringVar(&o.bestJava, "best-java", "", "the java of peer jvm-best; default: the newest found in PATH and /usr/lib/jvm")
	fs.StringVar(&o.workerProps, "worker-props", "", "more worker properties for all: key=value[,key=value...]")
	fs.StringVar(&o.bestProps, "best-props", bestDefault, "worker properties of peer jvm-best")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of the records")
	fs.BoolVar(&o.parity, "parity", true, "compare what arrives with the truth, and penstock's sinks with the JVM's")
	fs.StringVar(&o.results, "results", "", "folder for the raw figures, a file for each invocation: bench/results")
	fs.StringVar(&o.mdFile, "md", "", "write this file, BENCHMARKS.md, from the files in -results; its charts go to docs/img beside it")
	fs.StringVar(&o.flames, "flames", "", "folder for flamegraphs of penstock, one for each workload: docs/img")
	fs.Float64Var(&o.tolerance, "tolerance", 10, "how many per cent worse -compare lets pass")
	fs.BoolVar(&o.verbose, "v", false, "print the logs of a worker that failed")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	o.args = fs.Args()
	if o.budget < 0 {
		o.budget = 0
		if o.size == "small" {
			o.budget = 40 * time.Second
		}
	}
	return o, o.check()
}

func (o *options) check() error {
	_, known := shapes[o.shape]
	switch {
	case o.compare && len(o.args) != 2:
		return errors.New("-compare wants two result files: OLD NEW")
	case !o.compare && len(o.args) > 0:
		return fmt.Errorf("unexpected argument %q", o.args[0])
	case o.mode != "standalone" && o.mode != "distributed":
		return fmt.Errorf("-mode %s: want standalone or distributed", o.mode)
	case o.size != "small" && o.size != "full":
		return fmt.Errorf("-size %s: want small or full", o.size)
	case !known || o.shape == "sized" || o.shape == "schema":
		return fmt.Errorf("-shape %s: want plain, nested, escapes, nonascii, reordered, nulls, floats or wide", o.shape)
	case o.repeat < 1 || o.tasks < 1 || o.warm < 0 || o.partitions < 1:
		return errors.New("-repeat, -tasks and -partitions are 1 or more, -warm 0 or more")
	case (o.mdFile != "" || o.render) && o.results == "":
		return errors.New("-md and -render read the files in -results: say -results bench/results")
	}
	return nil
}

// peers lists who runs, in the order of a round.
func (o *options) peers() ([]string, error) {
	out := []string{ours}
	for p := range strings.SplitSeq(o.peer, ",") {
		p = strings.TrimSpace(p)
		name, only := strings.CutPrefix(p, "only-")
		switch {
		case p == "" || p == "none":
			continue
		case !slices.Contains([]string{rawPeer, kgoPeer, jvmPeer, bestPeer}, name):
			return nil, fmt.Errorf("-peer %s: want raw, kgo, jvm, jvm-best or none", p)
		case only:
			out = slices.DeleteFunc(out, func(s string) bool { return s == ours })
		}
		out = append(out, name)
	}
	return out, nil
}

// fullShare divides the records of the JVM's source runs in the full size.
const fullShare = 3

// recordsOf is how many records a run of a peer has.
func (o *options) recordsOf(w *workload, peer string) int64 {
	jvm := w.share > 1 && (peer == jvmPeer || peer == bestPeer)
	switch {
	case o.records > 0:
		return o.records
	case o.size == "full" && jvm:
		return w.full / fullShare
	case o.size == "full":
		return w.full
	case jvm:
		return w.small / w.share
	}
	return w.small
}

// spec is what records a workload has, n of them.
func (o *options) spec(w *workload, n int64) spec {
	s := w.records
	if s.shape == "" {
		s.shape = o.shape
	}
	if s.partitions == 0 {
		s.partitions = int32(o.partitions)
	}
	s.seed, s.n = o.seed, n
	return s
}
