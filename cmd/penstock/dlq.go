// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/worker/rest"
)

// dlqFlags are the flags of the commands that choose letters of a connector on a running worker.
type dlqFlags struct {
	url, queue, stage, code, topic, since, until string
	limit                                        int
}

func dlqCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dlq",
		Short: "List, show and replay the dead letter queue of a connector on a running worker",
	}
	c.AddCommand(dlqListCommand(), dlqShowCommand(), dlqReplayCommand())
	return c
}

func (f *dlqFlags) add(c *cobra.Command, limit int) {
	s := c.Flags()
	s.StringVar(&f.url, "url", "http://127.0.0.1:8083", "address of the worker's REST interface")
	s.StringVar(&f.queue, "queue", "", "topic of the queue; none: all that the connector's configuration names")
	s.StringVar(&f.stage, "stage", "", "only letters that failed at this stage, such as VALUE_CONVERTER")
	s.StringVar(&f.code, "code", "", "only letters with this error code, or the part before or after its dot")
	s.StringVar(&f.topic, "topic", "", "only letters of records of this topic")
	s.StringVar(&f.since, "since", "", "only letters from then on: a time, milliseconds since the epoch, or an age such as 2h")
	s.StringVar(&f.until, "until", "", "only letters before then")
	s.IntVar(&f.limit, "limit", limit, "at most this many letters")
}

func (f *dlqFlags) query() url.Values {
	q := url.Values{}
	for k, v := range map[string]string{"queue": f.queue, "stage": f.stage, "code": f.code, "topic": f.topic, "since": f.since, "until": f.until} {
		if v != "" {
			q.Set(k, v)
		}
	}
	q.Set("limit", strconv.Itoa(f.limit))
	return q
}

// call asks the worker; answer may be nil.
func (f *dlqFlags) call(cmd *cobra.Command, method, connector, rest string, body, answer any) error {
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(raw)
	}
	at := strings.TrimSuffix(f.url, "/") + "/penstock/connectors/" + url.PathEscape(connector) + "/dlq" + rest
	req, err := http.NewRequestWithContext(cmd.Context(), method, at, in)
	if err != nil {
		return usage("--url %s: %v", f.url, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the worker: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the worker's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		var e struct{ Message string }
		if json.Unmarshal(raw, &e) != nil || e.Message == "" {
			e.Message = strings.TrimSpace(string(raw))
		}
		return fmt.Errorf("the worker answers %s: %s", resp.Status, e.Message)
	}
	return json.Unmarshal(raw, answer)
}

func dlqListCommand() *cobra.Command {
	var f dlqFlags
	var all bool
	c := &cobra.Command{
		Use:   "list CONNECTOR",
		Short: "Count the letters by error code and list those that were not replayed",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := f.query()
			q.Set("all", strconv.FormatBool(all))
			var l rest.LetterList
			if err := f.call(cmd, http.MethodGet, args[0], "?"+q.Encode(), nil, &l); err != nil {
				return err
			}
			printLetters(cmd.OutOrStdout(), l)
			return nil
		},
	}
	f.add(c, 100)
	c.Flags().BoolVar(&all, "all", false, "list replayed letters too")
	return c
}

func printLetters(w io.Writer, l rest.LetterList) {
	_, _ = fmt.Fprintf(w, "%s: %d letters in %s, %d replayed, %d not replayed\n", l.Connector, l.Summary.Letters,
		strings.Join(l.Queues, ", "), l.Summary.Replayed, l.Summary.Unreplayed)
	for code, n := range l.Summary.Codes {
		_, _ = fmt.Fprintf(w, "  %6d %s\n", n, code)
	}
	for _, x := range l.Letters {
		mark := " "
		if x.Replayed {
			mark = "R"
		}
		_, _ = fmt.Fprintf(w, "%s %s-%d@%d %s %s %s: %s\n", mark, x.Queue, x.Partition, x.Offset, x.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
			x.Cause.Code, x.Exception, x.Message)
	}
}

func dlqShowCommand() *cobra.Command {
	var f dlqFlags
	var partition int
	c := &cobra.Command{
		Use:   "show CONNECTOR OFFSET",
		Short: "Show one letter with its cause, trace, key and value",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := f.query()
			q.Set("offset", args[1])
			q.Set("partition", strconv.Itoa(partition))
			q.Set("values", "true")
			var l rest.LetterList
			if err := f.call(cmd, http.MethodGet, args[0], "?"+q.Encode(), nil, &l); err != nil {
				return err
			}
			if len(l.Letters) == 0 {
				return fmt.Errorf("there is no letter at offset %s of partition %d", args[1], partition)
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			return e.Encode(l.Letters)
		},
	}
	f.add(c, 100)
	c.Flags().IntVar(&partition, "partition", 0, "partition of the queue")
	return c
}

func dlqReplayCommand() *cobra.Command {
	var f dlqFlags
	var rate float64
	var dry, produce bool
	var to, file string
	var set []string
	c := &cobra.Command{
		Use:   "replay CONNECTOR",
		Short: "Deliver the letters that were not replayed yet, through the connector as it is configured now",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			changes, err := replayConfig(file, set)
			if err != nil {
				return err
			}
			body := map[string]any{
				"queue": f.queue, "stage": f.stage, "code": f.code, "topic": f.topic, "since": f.since, "until": f.until,
				"limit": f.limit, "rate": rate, "dry_run": dry, "produce": produce, "to": to, "config": changes,
			}
			var s rest.ReplayStatus
			if err := f.call(cmd, http.MethodPost, args[0], "/replay", body, &s); err != nil {
				return err
			}
			printReplay(cmd.OutOrStdout(), s)
			if s.Error != "" {
				return fmt.Errorf("the replay ended early: %s", s.Error)
			}
			return nil
		},
	}
	f.add(c, 0)
	c.Flags().Float64Var(&rate, "rate", 0, "at most this many letters a second; 0: as fast as it goes")
	c.Flags().BoolVar(&dry, "dry-run", false, "count what would be replayed and deliver nothing")
	c.Flags().BoolVar(&produce, "produce", false, "write the original records to the topics they came from instead")
	c.Flags().StringVar(&to, "to", "", "write the original records to this topic instead")
	c.Flags().StringVar(&file, "config", "", "file with connector keys that this replay uses instead of the connector's: other transforms, say")
	c.Flags().StringArrayVar(&set, "set", nil, "key=value that this replay uses instead; key= with nothing removes it")
	return c
}

// replayConfig is what a replay changes of the connector's configuration.
func replayConfig(file string, set []string) (map[string]*string, error) {
	changes := map[string]*string{}
	if file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the configuration of the replay: %w", err)
		}
		req, err := config.ParseConnectorFile(file, raw)
		if err != nil {
			return nil, err
		}
		changes = req.Config
		delete(changes, "name")
	}
	for _, kv := range set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return nil, usage("--set %s: it must be key=value", kv)
		}
		changes[k] = &v
		if v == "" {
			changes[k] = nil
		}
	}
	return changes, nil
}

func printReplay(w io.Writer, s rest.ReplayStatus) {
	what := "replayed"
	if s.DryRun {
		what = "would be replayed"
	}
	if s.Running {
		_, _ = fmt.Fprintf(w, "the replay goes on; GET /penstock/connectors/%s/dlq/replay tells how far it is\n", s.Connector)
	}
	_, _ = fmt.Fprintf(w, "%s: %d letters matched, %d %s, %d were replayed before, %d failed again\n", s.Connector, s.Matched, s.Replayed, what, s.Already, s.Failed)
	for _, x := range s.Failures {
		_, _ = fmt.Fprintf(w, "  partition %d offset %d: %s\n", x.Partition, x.Offset, x.Error)
	}
}
