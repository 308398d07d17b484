// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/worker/rest"
)

// Exit codes of Kafka's own scripts.
const (
	exitUsage  = 1 // wrong arguments
	exitStart  = 2 // the worker could not be set up
	exitHerder = 3 // the worker or a connector given on the command line could not be started
)

// ExitError is an error with the code that the process should end with.
type ExitError struct {
	Code int
	Err  error
}

// Error is the text of the cause.
func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *ExitError) Unwrap() error { return e.Err }

func exit(code int, err error) error {
	var e *ExitError
	if errors.As(err, &e) {
		return err
	}
	return &ExitError{code, err}
}

// RunStandalone runs a standalone worker until ctx ends, which stands for SIGTERM: it then stops within ten seconds and
// returns nil. It reads workerFile and creates the connectors of connectorFiles in order. Errors are *ExitError.
func RunStandalone(ctx context.Context, workerFile string, connectorFiles []string, log *slog.Logger) error {
	started := time.Now()
	if workerFile == "" {
		return exit(exitUsage, errors.New("usage: standalone WORKER.properties [CONNECTOR.properties | CONNECTOR.json ...]"))
	}
	log.Info("Kafka Connect worker initializing", slog.String("version", Version), slog.String("commit", Commit),
		slog.String("properties", workerFile), slog.Int("pid", os.Getpid()))
	cfg, err := LoadConfig(workerFile)
	if err != nil {
		return exit(exitStart, err)
	}
	s, err := NewStandalone(cfg, Deps{Log: log})
	if err != nil {
		return exit(exitStart, err)
	}
	defer s.Stop()
	if err := s.begin(ctx); err != nil {
		return stopped(ctx, err)
	}
	for _, file := range connectorFiles {
		if err := s.createFrom(ctx, file); err != nil {
			s.log.Error("stopping after connector error", slog.String("file", file), slog.Any("err", err))
			return stopped(ctx, exit(exitHerder, err))
		}
	}
	s.complete()
	s.log.Info("Kafka Connect started", slog.Int64("startup_ms", time.Since(started).Milliseconds()))
	<-ctx.Done()
	return nil
}

// stopped makes an error that only says that we were asked to stop no error.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// createFrom creates the connector of a file.
func (s *Standalone) createFrom(ctx context.Context, file string) error {
	req, err := config.LoadConnectorFile(file)
	if err != nil {
		return err
	}
	return s.create(ctx, NewInitial(req))
}

// NewInitial turns the content of a connector file into a connector to create.
func NewInitial(req config.CreateRequest) Initial {
	i := Initial{Name: req.Name, Config: fileConfig(req)}
	switch req.InitialState {
	case "RUNNING":
		i.Target = rest.TargetStarted
	case "PAUSED":
		i.Target = rest.TargetPaused
	case "STOPPED":
		i.Target = rest.TargetStopped
	}
	return i
}

// fileConfig is the configuration of a connector file. The order of the file is not kept by its reader.
func fileConfig(req config.CreateRequest) rest.Config {
	keys := slices.Sorted(maps.Keys(req.Config))
	return hashOrdered(keys, req.Config, len(keys))
}

// ValidateFile checks a connector file without running it, as a worker with JsonConverter and default settings would. It
// returns what is wrong with the configuration; the error is about the file.
func ValidateFile(_ context.Context, file string) ([]string, error) {
	req, err := config.LoadConnectorFile(file)
	if err != nil {
		return nil, err
	}
	cfg, err := NewConfig(config.NewProps(map[string]string{
		bootstrapKey: "localhost:9092", offsetFileKey: "offsets",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
	}))
	if err != nil {
		return nil, err
	}
	infos, err := cfg.Validate(fileConfig(req))
	if err != nil {
		return []string{err.Error()}, nil
	}
	var problems []string
	for _, c := range infos.Configs {
		if c.Value != nil {
			problems = append(problems, c.Value.Errors...)
		}
	}
	return problems, nil
}
