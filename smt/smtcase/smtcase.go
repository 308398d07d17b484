// SPDX-License-Identifier: Apache-2.0

// Package smtcase runs golden vectors of the ops smt, predicate and chain against package smt. The format is described
// in smt/testdata/vectors. Each case runs in every form that a batch can take (see forms.go): a row alone, among others,
// beside rows that a predicate spares, and with its maps still undecoded. All must give what the JVM gave.
package smtcase

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/vectors"
	"github.com/penstock-io/penstock/smt"
)

// Ops are the ops that Run knows.
var Ops = []string{"smt", "predicate", "chain"}

// testCase is one line of a vector file.
type testCase struct {
	Op      string            `json:"op"`
	Class   string            `json:"class"`
	Config  json.RawMessage   `json:"config"`
	Record  json.RawMessage   `json:"record"`
	Records []json.RawMessage `json:"records"`
	Expect  json.RawMessage   `json:"expect"`
}

// outcome is what a case expects of one record, or of the configuration.
type outcome struct {
	Record  json.RawMessage `json:"record"`
	Result  *bool           `json:"result"`
	Results []outcome       `json:"results"`
	Error   *vectors.Error  `json:"error"`
}

// apply is the stage under test: it edits a batch.
type apply func(*batch.Batch) error

// Run runs one line of a vector file and compares the outcome with the line's own "expect". detail tells, where the
// case failed, what was expected and what came.
func Run(line []byte) (pass bool, detail string) {
	var c testCase
	if err := json.Unmarshal(line, &c); err != nil {
		return false, "cannot read the case: " + err.Error()
	}
	var want outcome
	if err := json.Unmarshal(c.Expect, &want); err != nil {
		return false, "cannot read what is expected: " + err.Error()
	}
	detail = c.run(want)
	return detail == "", detail
}

func (c *testCase) run(want outcome) (detail string) {
	defer func() {
		if p := recover(); p != nil {
			detail = fmt.Sprint("panic: ", p)
		}
	}()
	cfg, err := vectors.Config(c.Config)
	if err != nil {
		return "cannot read the config: " + err.Error()
	}
	if c.Op == "predicate" {
		return c.predicate(config.Props(cfg), want)
	}
	fresh := func() (apply, error) { return c.make(config.Props(cfg)) }
	stage, err := fresh()
	if want.Error != nil && want.Error.Phase == "configure" {
		return want.Error.Matches(err)
	}
	if err != nil {
		return "cannot be configured: " + vectors.ClassOf(err) + ": " + err.Error()
	}
	raws, wants := c.Records, want.Results
	if raws == nil {
		raws, wants = []json.RawMessage{c.Record}, []outcome{want}
	}
	if len(raws) != len(wants) {
		return fmt.Sprintf("%d records, %d results", len(raws), len(wants))
	}
	for i, raw := range raws {
		e := &expectation{want: wants[i]}
		if e.in, err = readRecord(raw); err != nil {
			return err.Error()
		}
		if e.out, err = vectors.ReadRecord(wants[i].Record); err != nil {
			return err.Error()
		}
		if d := e.forms(stage); d != "" {
			return fmt.Sprintf("record %d: %s", i, d)
		}
	}
	return ""
}

// readRecord reads an input. A sink record without a partition was made with Java's int, which is 0 then.
func readRecord(raw json.RawMessage) (*vectors.Record, error) {
	r, err := vectors.ReadRecord(raw)
	if err == nil && r.Sink && r.Partition == batch.NoPartition {
		r.Partition = 0
	}
	return r, err
}

// make configures the stage of a case.
func (c *testCase) make(props config.Props) (apply, error) {
	switch c.Op {
	case "chain":
		// The worker parses the keys of every connector before it looks at the transforms.
		if def, ok := kafkadefs.Get("org.apache.kafka.connect.runtime.ConnectorConfig"); ok {
			if _, err := def.ParseWith(props, config.Options{Classes: kafkadefs.Class}); err != nil {
				return nil, err
			}
		}
		chain, err := smt.NewChain(props)
		if err != nil {
			return nil, err
		}
		return chain.Apply, nil
	case "smt":
		plugin, _, ok := smt.Transforms.Lookup(c.Class)
		if !ok {
			return nil, errors.New("unknown class " + c.Class)
		}
		v, err := plugin.Def.Parse(props)
		if err != nil {
			return nil, err
		}
		t, err := plugin.New(v)
		if err != nil {
			return nil, err
		}
		return t.Apply, nil
	}
	return nil, errors.New("unknown op " + c.Op)
}

func (c *testCase) predicate(props config.Props, want outcome) string {
	plugin, _, ok := smt.Predicates.Lookup(c.Class)
	if !ok {
		return "unknown class " + c.Class
	}
	v, err := plugin.Def.Parse(props)
	var p smt.Predicate
	if err == nil {
		p, err = plugin.NewPredicate(v)
	}
	if want.Error != nil {
		return want.Error.Matches(err)
	}
	if err != nil {
		return "cannot be configured: " + vectors.ClassOf(err) + ": " + err.Error()
	}
	if want.Result == nil {
		return "the case expects no result"
	}
	in, err := readRecord(c.Record)
	if err != nil {
		return err.Error()
	}
	for _, rows := range [][]batch.Record{{in.Record}, {filler(in), in.Record, tombstone(in), in.Record}} {
		b := batch.New()
		b.Load(rows, in.Sink)
		mask := batch.MakeBitmap(nil, b.N, false)
		if err := p.Test(b, mask); err != nil {
			return "error: " + err.Error()
		}
		at := min(1, len(rows)-1)
		if mask.Get(at) != *want.Result {
			return fmt.Sprintf("got %v, want %v", mask.Get(at), *want.Result)
		}
	}
	return ""
}
