// SPDX-License-Identifier: Apache-2.0

// Package quickstart runs the whole of Penstock in one process: an embedded Kafka, a standalone worker started from
// ordinary files, and a sample pipeline whose output is shown.
//
//	Datagen orders ── mask, convert time, insert ──► topic orders ──► FileStreamSink ──► orders.jsonl ──► screen
package quickstart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/penstock-io/penstock/internal/embedded"
	"github.com/penstock-io/penstock/worker"
)

// Options of a run.
type Options struct {
	// ExitAfter stops after this many sink records; 0: run until ctx ends.
	ExitAfter int64
	// Data keeps topics, offsets and output; "": a temporary folder that is removed at the end.
	Data string
	// REST is the address of the REST interface. A free port is taken when it is in use.
	REST string
	Out  io.Writer
	Log  *slog.Logger
}

// shown is how many records are printed at the start; then one every now and then is.
const shown = 10

// Run runs until ctx ends or enough records were written. It returns nil after a clean stop.
func Run(ctx context.Context, o Options) error {
	began := time.Now()
	dir, err := folder(&o)
	if err != nil {
		return err
	}
	defer dir.remove()
	broker, err := embedded.Start(embedded.Options{DataDir: dir.broker(), Log: o.Log})
	if err != nil {
		return fmt.Errorf("start the embedded Kafka: %w", err)
	}
	defer broker.Close()
	address, err := freeAddress(o.REST)
	if err != nil {
		return err
	}
	t := &tail{path: dir.at(outputName), out: o.Out, want: o.ExitAfter}
	if err := t.skip(); err != nil { // what an earlier run with the same folder wrote
		return err
	}
	files, err := dir.write(broker.Addr(), address, o.ExitAfter, t.last)
	if err != nil {
		return err
	}
	welcome(o.Out, broker.Addr(), address, files)
	runCtx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- worker.RunStandalone(runCtx, files.worker, []string{files.source, files.sink}, o.Log)
		stop()
	}()
	followErr := t.follow(runCtx)
	stop()
	if err := <-ended; err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	if followErr != nil {
		return followErr
	}
	return t.summary(time.Since(began))
}

// files are what a user would have written by hand.
type files struct{ worker, source, sink, output string }

type dir struct {
	path string
	temp bool
}

func folder(o *Options) (*dir, error) {
	if o.Data != "" {
		if err := os.MkdirAll(o.Data, 0o755); err != nil {
			return nil, fmt.Errorf("make the folder given by --data: %w", err)
		}
		path, err := filepath.Abs(o.Data)
		return &dir{path: path}, err
	}
	path, err := os.MkdirTemp("", "penstock-quickstart-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	return &dir{path: path, temp: true}, nil
}

func (d *dir) remove() {
	if d.temp {
		_ = os.RemoveAll(d.path)
	}
}

// broker is where the embedded Kafka keeps its data; "" for nowhere.
func (d *dir) broker() string {
	if d.temp {
		return ""
	}
	return filepath.Join(d.path, "kafka")
}

// outputName is the sink's file.
const outputName = "orders.jsonl"

func (d *dir) at(name string) string { return filepath.Join(d.path, name) }

// write writes the files of the pipeline. There are as many orders already as made says.
func (d *dir) write(brokers, address string, exitAfter, made int64) (files, error) {
	f := files{worker: d.at("worker.properties"), source: d.at("orders-source.json"), sink: d.at("orders-sink.json"), output: d.at(outputName)}
	rate := "5"
	if exitAfter > 0 {
		rate = "0" // as fast as possible: somebody waits for the end
	}
	props := "bootstrap.servers=" + brokers + "\nlisteners=http://" + address +
		"\nkey.converter=org.apache.kafka.connect.json.JsonConverter\nkey.converter.schemas.enable=false" +
		"\nvalue.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false" +
		"\noffset.storage.file.filename=" + d.at("connect.offsets") + "\noffset.flush.interval.ms=1000\n"
	source := map[string]string{
		"connector.class": "DatagenSource", "topic": "orders", "template": "orders", "rate": rate,
		"transforms":                                "mask,time,origin",
		"transforms.mask.type":                      "org.apache.kafka.connect.transforms.MaskField$Value",
		"transforms.mask.fields":                    "email",
		"transforms.mask.replacement":               "***",
		"transforms.time.type":                      "org.apache.kafka.connect.transforms.TimestampConverter$Value",
		"transforms.time.field":                     "created_at",
		"transforms.time.target.type":               "string",
		"transforms.time.format":                    "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
		"transforms.origin.type":                    "org.apache.kafka.connect.transforms.InsertField$Value",
		"transforms.origin.static.field":            "origin",
		"transforms.origin.static.value":            "penstock quickstart",
		"topic.creation.default.partitions":         "1",
		"topic.creation.default.replication.factor": "1",
	}
	if exitAfter > 0 {
		source["count"] = fmt.Sprint(made + exitAfter)
	}
	sink := map[string]string{
		"connector.class": "FileStreamSink", "topics": "orders", "file": f.output,
		"value.converter": "org.apache.kafka.connect.storage.StringConverter",
	}
	err := os.WriteFile(f.worker, []byte(props), 0o644)
	return f, errors.Join(err, writeConnector(f.source, "orders-source", source), writeConnector(f.sink, "orders-sink", sink))
}

func writeConnector(path, name string, cfg map[string]string) error {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{"name": name, "config": cfg}); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}

// freeAddress is want, or a free port on its host when it is in use.
func freeAddress(want string) (string, error) {
	host, _, err := net.SplitHostPort(want)
	if err != nil {
		return "", fmt.Errorf("--rest must be HOST:PORT: %w", err)
	}
	for _, try := range []string{want, net.JoinHostPort(host, "0")} {
		l, err := net.Listen("tcp", try)
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }()
		return l.Addr().String(), nil
	}
	return "", fmt.Errorf("no port can be opened on the host of --rest %s", want)
}

func welcome(out io.Writer, broker, address string, f files) {
	_, _ = fmt.Fprintf(out, `Penstock quickstart
  Kafka (embedded, for development, not for production)  %s
  REST                                                   http://%s
  worker properties                                      %s
  connectors                                             %s
                                                         %s
Try, in another terminal:
  curl -s http://%[2]s/connectors?expand=status
  curl -s http://%[2]s/connectors/orders-source/config
  curl -s -X PUT http://%[2]s/connectors/orders-source/pause
  curl -s -X PUT http://%[2]s/connectors/orders-source/resume

Orders, after three transforms, through a topic, out of a sink:
`, broker, address, f.worker, f.source, f.sink)
}
