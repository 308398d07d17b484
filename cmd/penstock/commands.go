// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/embedded"
	"github.com/penstock-io/penstock/internal/quickstart"
	"github.com/penstock-io/penstock/smt"
	"github.com/penstock-io/penstock/worker"
)

func standaloneCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "standalone [-daemon] WORKER.properties [CONNECTOR.properties|CONNECTOR.json ...]",
		Short: "Run one worker with the given connectors, as connect-standalone.sh does",
	}
	return workerCommand(c, "standalone", math.MaxInt, func(cmd *cobra.Command, files []string) error {
		return worker.RunStandalone(cmd.Context(), files[0], files[1:], newLogger(os.Stderr))
	})
}

func distributedCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "distributed [-daemon] WORKER.properties",
		Short: "Run a worker of a Connect cluster, as connect-distributed.sh does",
	}
	return workerCommand(c, "distributed", 1, func(cmd *cobra.Command, files []string) error {
		return worker.RunDistributed(cmd.Context(), files[0], newLogger(os.Stderr))
	})
}

// workerCommand makes a command that runs a worker with one file or, up to most, more, in the background if asked to.
func workerCommand(c *cobra.Command, mode string, most int, run func(cmd *cobra.Command, files []string) error) *cobra.Command {
	c.DisableFlagParsing = true // Kafka spells its one flag -daemon
	c.RunE = func(cmd *cobra.Command, args []string) error {
		daemon := false
		var files []string
		for _, a := range args {
			switch a {
			case "-daemon", "--daemon":
				daemon = true
			case "-h", "-help", "--help":
				return cmd.Help()
			default:
				files = append(files, a)
			}
		}
		if len(files) == 0 || len(files) > most {
			return usage("%s needs the worker's properties file: penstock %s", mode, cmd.Use)
		}
		if daemon {
			return daemonize(mode, files)
		}
		return run(cmd, files)
	}
	return c
}

// daemonize starts the same command again in a session of its own, without the flag.
func daemonize(mode string, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the binary to start in the background: %w", err)
	}
	cmd := exec.Command(self, append([]string{mode}, args...)...)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	return cmd.Process.Release()
}

func kafkaCommand() *cobra.Command {
	var listen, data string
	c := &cobra.Command{
		Use:   "kafka",
		Short: "Run only the embedded Kafka broker: for development, not for production",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := embedded.Start(embedded.Options{Listen: listen, DataDir: data, Log: newLogger(os.Stderr)})
			if err != nil {
				return err
			}
			defer b.Close()
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "embedded Kafka on %s (for development, not for production)\n", b.Addr())
			<-cmd.Context().Done()
			return nil
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:9092", "address to listen on")
	c.Flags().StringVar(&data, "data", "", "folder that keeps the data between runs; none: in memory")
	return c
}

func quickstartCommand() *cobra.Command {
	var o quickstart.Options
	c := &cobra.Command{
		Use:   "quickstart",
		Short: "Embedded Kafka, a worker and a sample pipeline, in one process",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out = cmd.OutOrStdout()
			o.Log = newLogger(os.Stderr)
			return quickstart.Run(cmd.Context(), o)
		},
	}
	c.Flags().Int64Var(&o.ExitAfter, "exit-after", 0, "stop cleanly after this many sink records and print a summary; 0: run until interrupted")
	c.Flags().StringVar(&o.Data, "data", "", "folder that keeps topics, offsets and output between runs; none: a temporary one")
	c.Flags().StringVar(&o.REST, "rest", "127.0.0.1:8083", "address of the REST interface; a free port is taken when it is in use")
	return c
}

func validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check connector configurations without running them",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return validateFiles(cmd.Context(), cmd.OutOrStdout(), args)
		},
	}
}

func validateFiles(ctx context.Context, out io.Writer, files []string) error {
	bad := 0
	for _, file := range files {
		problems, err := worker.ValidateFile(ctx, file)
		if err != nil {
			problems = append(problems, err.Error())
		}
		if len(problems) == 0 {
			_, _ = fmt.Fprintf(out, "%s: ok\n", file)
			continue
		}
		bad++
		_, _ = fmt.Fprintf(out, "%s: %d problem(s)\n  %s\n", file, len(problems), strings.Join(problems, "\n  "))
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d configurations cannot run", bad, len(files))
	}
	return nil
}

func pluginsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "plugins",
		Short: "List connectors, converters, transforms and predicates by class name",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			list := func(kind string, names []string) {
				sort.Strings(names)
				for _, n := range names {
					_, _ = fmt.Fprintf(out, "%-17s %s\n", kind, n)
				}
			}
			var sources, sinks []string
			for _, n := range connectors.Registry.Names() {
				if p, _, _ := connectors.Registry.Lookup(n); p.Kind == connectors.SourceKind {
					sources = append(sources, n)
				} else {
					sinks = append(sinks, n)
				}
			}
			list("source", sources)
			list("sink", sinks)
			list("converter", codec.Registry.Names())
			list("header_converter", codec.HeaderRegistry.Names())
			list("transformation", smt.Transforms.Names())
			list("predicate", smt.Predicates.Names())
			return nil
		},
	}
}

// newQuietLogger is the log of commands that answer themselves: what went wrong, no more.
func newQuietLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}

// newLogger is the process's log: one line of key=value pairs per event, on standard error.
func newLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo}))
}
