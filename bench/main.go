// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// options are the command line.
type options struct {
	list        bool
	run         string
	peer        string
	brokers     string
	records     int64
	runs, warm  int
	tasks       int
	mode        string
	binary      string
	jvmJava     string
	workerProps string
	seed        uint64
	jsonFile    string
	mdFile      string
	verbose     bool
}

func parseOptions(args []string, out io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.BoolVar(&o.list, "list", false, "list the workloads")
	fs.StringVar(&o.run, "run", "", "workloads to run: NAME[,NAME...] or all")
	fs.StringVar(&o.peer, "peer", "raw,jvm", "who runs beside penstock: raw, jvm, both or none; \"only-jvm\" and \"only-raw\" leave penstock out")
	fs.StringVar(&o.brokers, "brokers", "", "a broker to use, HOST:PORT; default: an own Apache Kafka on loopback")
	fs.Int64Var(&o.records, "records", 0, "records a run; default: the workload's own number")
	fs.IntVar(&o.warm, "warm", 3, "runs that do not count, while the JVM's compiler gets hot")
	fs.IntVar(&o.runs, "runs", 1, "runs that count; the median of them is reported")
	fs.IntVar(&o.tasks, "tasks", 1, "tasks.max")
	fs.StringVar(&o.mode, "mode", "standalone", "standalone or distributed, for both workers")
	fs.StringVar(&o.binary, "binary", "", "a penstock binary to measure; default: built from this tree")
	fs.StringVar(&o.jvmJava, "jvm-java", "", "the java that runs the JVM worker; default: the one in PATH")
	fs.StringVar(&o.workerProps, "worker-props", "", "more worker properties for both: key=value[,key=value...]")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of the records")
	fs.StringVar(&o.jsonFile, "json", "", "write every run to this file")
	fs.StringVar(&o.mdFile, "md", "", "rewrite the tables of this file, BENCHMARKS.md")
	fs.BoolVar(&o.verbose, "v", false, "print every run, and the logs of a worker that failed")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case o.mode != "standalone" && o.mode != "distributed":
		return nil, fmt.Errorf("-mode %s: want standalone or distributed", o.mode)
	case o.runs < 1 || o.warm < 0 || o.tasks < 1:
		return nil, errors.New("-runs and -tasks are 1 or more, -warm 0 or more")
	case fs.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return o, nil
}

// peers lists who runs, in the order of a round.
func (o *options) peers() ([]string, error) {
	out := []string{ours}
	for p := range strings.SplitSeq(o.peer, ",") {
		switch p = strings.TrimSpace(p); p {
		case "", "none":
		case rawPeer, jvmPeer:
			out = append(out, p)
		case "only-" + rawPeer, "only-" + jvmPeer:
			out = append(out[1:], strings.TrimPrefix(p, "only-"))
			return out, nil
		default:
			return nil, fmt.Errorf("-peer %s: want raw, jvm or none", p)
		}
	}
	return out, nil
}

// selected are the workloads of -run, in the order of the list.
func (o *options) selected() ([]*workload, error) {
	if o.run == "" {
		return nil, errors.New("say -run NAME[,NAME...], or -list to see them")
	}
	wanted := strings.Split(o.run, ",")
	var out []*workload
	for _, w := range workloads {
		if i := slices.Index(wanted, w.name); i >= 0 || o.run == "all" {
			out = append(out, w)
			wanted = slices.DeleteFunc(wanted, func(s string) bool { return s == w.name })
		}
	}
	if o.run != "all" && len(wanted) > 0 {
		return nil, fmt.Errorf("no workload %q; -list shows them", wanted[0])
	}
	return out, nil
}

func main() {
	// The raw client is this program again, in a process of its own.
	if len(os.Args) > 1 && os.Args[1] == rawCommand {
		if err := rawMain(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := benchMain(os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

func benchMain(args []string, out io.Writer) error {
	o, err := parseOptions(args, os.Stderr)
	if err != nil {
		return err
	}
	if o.list {
		for _, w := range workloads {
			fmt.Fprintf(out, "%-16s %s\n", w.name, w.doc)
		}
		return nil
	}
	peers, err := o.peers()
	if err != nil {
		return err
	}
	selected, err := o.selected()
	if err != nil {
		return err
	}
	b := &bench{options: o, peers: peers, out: out}
	defer b.close()
	// A Ctrl-C ends the children and removes their folders first.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		b.close()
		os.Exit(130)
	}()
	if err := b.open(); err != nil {
		return err
	}
	rep := &report{Meta: b.meta(args)}
	for _, w := range selected {
		results, err := b.race(w)
		// What was measured before a failure is still worth printing.
		rep.add(w, results)
		if len(results) > 0 {
			fmt.Fprint(out, rep.table(w))
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", w.name, err), rep.write(o))
		}
	}
	return rep.write(o)
}
