// SPDX-License-Identifier: Apache-2.0

// Command penstock is the Kafka Connect worker. See README.md for a tour.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	_ "time/tzdata" // time zones by name, also where the system has none

	_ "github.com/penstock-io/penstock/connectors/all" // every connector
	"github.com/penstock-io/penstock/worker"
)

// gcPercent is Go's own default. What lives is small (the batches of the tasks) and next to nothing is allocated per
// record, so more would only hold memory.
const gcPercent = 100

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	args := os.Args[1:]
	root := newRoot()
	if mode := scriptMode(os.Args[0]); mode != "" {
		args = append([]string{mode}, args...)
	}
	root.SetArgs(args)
	trimLater()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := root.ExecuteContext(ctx)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "penstock:", err)
	var exit *worker.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.Code)
	}
	os.Exit(1)
}

// scriptMode is the command that Kafka's start script of the given name stands for, "" for any other name: a symbolic
// link called connect-standalone.sh behaves as that script.
func scriptMode(argv0 string) string {
	switch strings.TrimSuffix(filepath.Base(argv0), ".sh") {
	case "connect-standalone":
		return "standalone"
	case "connect-distributed":
		return "distributed"
	}
	return ""
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "penstock",
		Short:         "The Kafka Connect worker as one binary",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       worker.Version,
	}
	root.AddCommand(standaloneCommand(), distributedCommand(), kafkaCommand(), quickstartCommand(), validateCommand(), pluginsCommand(), dlqCommand(), doctorCommand())
	return root
}

// usage is an error that ends the process with code 1, as Kafka's scripts do on a wrong command line.
func usage(format string, args ...any) error {
	return &worker.ExitError{Code: 1, Err: fmt.Errorf(format, args...)}
}
