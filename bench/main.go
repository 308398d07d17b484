// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The raw client is this program again, in a process of its own.
	if len(os.Args) > 1 && os.Args[1] == rawCommand {
		if err := rawMain(os.Args[2:], os.Stdout); err != nil {
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
	switch {
	case err != nil:
		return err
	case o.list:
		for _, w := range workloads {
			fmt.Fprintf(out, "%-26s %-10s %s\n", w.name, w.group, w.doc)
		}
		return nil
	case o.compare:
		return compareFiles(out, o.args[0], o.args[1], o.tolerance)
	case o.render:
		return renderAll(o.results, o.mdFile)
	case o.run == "":
		return errors.New("say -run NAME[,NAME...], or -list to see them")
	}
	peers, err := o.peers()
	if err != nil {
		return err
	}
	selected, err := selectWorkloads(o.run)
	if err != nil {
		return err
	}
	b := &bench{options: o, peers: peers}
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
	return b.runAll(selected, out)
}

// runAll races the workloads one by one. A workload that breaks is told of and does not keep the others from running.
func (b *bench) runAll(selected []*workload, out io.Writer) error {
	rep := &report{Meta: b.meta()}
	var errs []error
	for _, w := range selected {
		results, err := b.race(w)
		rep.Results = append(rep.Results, results...)
		if err != nil {
			rep.Failures = append(rep.Failures, failure{w.name, err.Error()})
			errs = append(errs, fmt.Errorf("%s: %w", w.name, err))
			b.note("%s: %v", w.name, err)
		}
		if len(results) > 0 {
			fmt.Fprint(out, rep.table(w))
		}
		// Every row is on disk before the next one starts.
		if err := rep.save(b.options); err != nil {
			return err
		}
	}
	if b.options.mdFile != "" {
		errs = append(errs, renderAll(b.options.results, b.options.mdFile))
	}
	return errors.Join(errs...)
}
