// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/vectors"
)

// debeziumCase is one configuration, some records, and what Debezium's own class made of each.
type debeziumCase struct {
	Class     string            `json:"class"`
	Config    map[string]string `json:"config"`
	Records   []debeziumRecord  `json:"records"`
	Expect    []*debeziumRecord `json:"expect"`
	Configure string            `json:"configure"`
	Message   string            `json:"message"`
}

// debeziumRecord is a record as JsonConverter writes its parts, or an error.
type debeziumRecord struct {
	Topic     string `json:"topic"`
	Partition *int32 `json:"partition"`
	Timestamp *int64 `json:"timestamp"`
	Headers   []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	} `json:"headers"`
	Key     json.RawMessage `json:"key"`
	Value   json.RawMessage `json:"value"`
	Error   string          `json:"error"`
	Message *string         `json:"message"`
}

// TestDebeziumGolden runs what Debezium's classes were recorded to do, in every form of the harness.
func TestDebeziumGolden(t *testing.T) {
	cases := 0
	err := vectors.Lines("testdata/debezium/golden.jsonl.gz", func(line []byte) error {
		var c debeziumCase
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		cases++
		runDebezium(t, &c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d cases", cases)
}

func runDebezium(t *testing.T, c *debeziumCase) {
	t.Helper()
	d := schemaReader{}
	stage := func() (func(*batch.Batch) error, error) {
		plugin, _, ok := Transforms.Lookup(c.Class)
		if !ok {
			return nil, fmt.Errorf("no class %s", c.Class)
		}
		v, err := plugin.Def.Parse(config.NewProps(c.Config))
		if err != nil {
			return nil, err
		}
		tr, err := plugin.New(v)
		if err != nil {
			return nil, err
		}
		return tr.Apply, nil
	}
	if c.Configure != "" {
		if _, err := stage(); err == nil {
			t.Errorf("%s %v: no error, want %s: %s", c.Class, c.Config, c.Configure, c.Message)
		}
		return
	}
	var in []batch.Record
	var want []batchtest.Outcome
	for i := range c.Records {
		in = append(in, d.record(&c.Records[i]))
		switch e := c.Expect[i]; {
		case e == nil:
			want = append(want, batchtest.Dropped())
		case e.Error != "":
			f := batchtest.Failed(e.Error, "")
			if e.Message != nil && e.Error != batch.ClassCastException {
				f.Message = *e.Message
			}
			want = append(want, f)
		default:
			want = append(want, batchtest.Kept(d.record(e)))
		}
	}
	if !t.Run("", func(t *testing.T) { batchtest.Run(t, stage, in, false, want) }) {
		t.Errorf("^ %s %v", c.Class, c.Config)
	}
}

// schemaReader reads records as JsonConverter writes them; equal schemas are one.
type schemaReader map[string]*batch.Schema

func (d schemaReader) record(r *debeziumRecord) batch.Record {
	out := batch.Record{Topic: r.Topic, Partition: batch.NoPartition, Timestamp: batch.NoTimestamp}
	if r.Partition != nil {
		out.Partition = *r.Partition
	}
	if r.Timestamp != nil {
		out.Timestamp = *r.Timestamp
	}
	out.KeySchema, out.Key = d.pair(r.Key)
	out.ValueSchema, out.Value = d.pair(r.Value)
	for _, h := range r.Headers {
		g := batch.Header{Key: h.Key, Decoded: true, Raw: batch.NullView}
		g.Schema, g.Value = d.pair(h.Value)
		out.Headers = append(out.Headers, g)
	}
	return out
}

func (d schemaReader) pair(raw json.RawMessage) (*batch.Schema, any) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var e struct{ Schema, Payload json.RawMessage }
	decodeJSON(raw, &e)
	s := d.schema(e.Schema)
	return s, d.value(s, e.Payload)
}

func decodeJSON(raw json.RawMessage, to any) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(to); err != nil {
		panic(fmt.Sprintf("%v: %s", err, raw))
	}
}

func (d schemaReader) schema(raw json.RawMessage) *batch.Schema {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if s, ok := d[string(raw)]; ok {
		return s
	}
	var e struct {
		Type                string
		Optional            bool
		Name, Doc           *string
		Version             *int32
		Parameters          map[string]string
		Default             json.RawMessage
		Items, Keys, Values json.RawMessage
		Fields              []json.RawMessage
		Field               string
	}
	decodeJSON(raw, &e)
	name := map[string]string{"float": "FLOAT32", "double": "FLOAT64"}[e.Type]
	if name == "" {
		name = strings.ToUpper(e.Type)
	}
	ty, _ := batch.ParseType(name)
	s := batch.Schema{Type: ty, Optional: e.Optional, Name: e.Name, Doc: e.Doc, Version: e.Version}
	for k, v := range e.Parameters {
		s.Params = append(s.Params, batch.Param{Key: k, Value: v})
	}
	s.KeySchema, s.ValueSchema = d.schema(e.Keys), d.schema(e.Values)
	if ty == batch.Array {
		s.ValueSchema = d.schema(e.Items)
	}
	for _, f := range e.Fields {
		var n struct{ Field string }
		decodeJSON(f, &n)
		s.Fields = append(s.Fields, batch.Field{Name: n.Field, Schema: d.schema(f)})
	}
	if e.Default != nil {
		s.HasDefault, s.Default = true, d.value(batch.NewSchema(s), e.Default)
	}
	d[string(raw)] = batch.NewSchema(s)
	return d[string(raw)]
}

func (d schemaReader) value(s *batch.Schema, raw json.RawMessage) any {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	switch s.Type {
	case batch.Struct:
		var m map[string]json.RawMessage
		decodeJSON(raw, &m)
		v := newStruct(s)
		for i, f := range s.Fields {
			v.Vals[i] = d.value(f.Schema, m[f.Name])
		}
		return v
	case batch.Array:
		var list []json.RawMessage
		decodeJSON(raw, &list)
		out := []any{}
		for _, x := range list {
			out = append(out, d.value(s.ValueSchema, x))
		}
		return out
	case batch.Map:
		var m map[string]json.RawMessage
		decodeJSON(raw, &m)
		out := &batch.MapValue{}
		for k, x := range m {
			out.Put(k, d.value(s.ValueSchema, x))
		}
		return out
	}
	var x any
	decodeJSON(raw, &x)
	return leafOf(s, x)
}

func leafOf(s *batch.Schema, x any) any {
	n, _ := x.(json.Number)
	i, _ := n.Int64()
	switch {
	case s.Logical() == batch.LogicalDecimal:
		p, _ := base64.StdEncoding.DecodeString(x.(string))
		return batch.Decimal{Unscaled: batch.BigIntFromBytes(p), Scale: s.Scale()}
	case s.Logical() != batch.NotLogical:
		return batch.Date(i)
	}
	switch s.Type {
	case batch.Int8:
		return int8(i)
	case batch.Int16:
		return int16(i)
	case batch.Int32:
		return int32(i)
	case batch.Int64:
		return i
	case batch.Float32, batch.Float64:
		if _, text := x.(string); text {
			return leafOf(s, json.Number("0")) // NaN, which JsonConverter writes as text and cannot read
		}
		f, _, err := big.ParseFloat(n.String(), 10, 53, big.ToNearestEven)
		if err != nil {
			return nil
		}
		v, _ := f.Float64()
		if s.Type == batch.Float32 {
			return float32(v)
		}
		return v
	case batch.Bytes:
		p, _ := base64.StdEncoding.DecodeString(x.(string))
		return p
	}
	return x
}
