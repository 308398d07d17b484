// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/vectors"
)

// goldenCase is one vector of a transform.
type goldenCase struct {
	ID     string          `json:"id"`
	Op     string          `json:"op"`
	Class  string          `json:"class"`
	Config json.RawMessage `json:"config"`
	Record json.RawMessage `json:"record"`
	Expect struct {
		Record json.RawMessage `json:"record"`
		Error  *vectors.Error  `json:"error"`
	} `json:"expect"`
}

// columnKinds are the transforms that edit fields in place.
var columnKinds = []string{"Cast", "TimestampConverter", "ReplaceField", "MaskField", "Flatten"}

// TestGoldenColumns runs every vector of these transforms: record by record, and (each fiftieth) in all forms of the
// harness.
func TestGoldenColumns(t *testing.T) {
	const path = "testdata/vectors/smt.jsonl.gz"
	if _, err := os.Stat(path); err != nil {
		t.Skip("no vectors")
	}
	total, good, n := map[string]int{}, map[string]int{}, 0
	err := vectors.Lines(path, func(line []byte) error {
		kind, _, _ := strings.Cut(string(line[bytes.Index(line, []byte(`"id":`))+5:]), "-")
		kind = strings.Trim(kind, ` "`)
		if !contains(columnKinds, kind) {
			return nil
		}
		var c goldenCase
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		n++
		total[kind]++
		if err := c.run(t, n%50 == 0); err != nil {
			t.Errorf("%s: %v\n%s", c.ID, err, c.Config)
			return nil
		}
		good[kind]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range columnKinds {
		t.Logf("%s: %d of %d", k, good[k], total[k])
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// make configures the transform of a case.
func (c *goldenCase) make() (Transform, error) {
	plugin, _, ok := Transforms.Lookup(c.Class)
	if !ok {
		return nil, fmt.Errorf("no class %s", c.Class)
	}
	props, err := vectors.Config(c.Config)
	if err != nil {
		return nil, err
	}
	v, err := plugin.Def.Parse(config.Props(props))
	if err != nil {
		return nil, err
	}
	return plugin.New(v)
}

func (c *goldenCase) run(t *testing.T, all bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	in, err := vectors.ReadRecord(c.Record)
	if err != nil {
		return err
	}
	transform, err := c.make()
	if e := c.Expect.Error; e != nil && e.Phase == "configure" {
		if d := e.Matches(err); d != "" {
			return fmt.Errorf("%s", d)
		}
		return nil
	}
	if err != nil {
		return err
	}
	want := batchtest.Dropped()
	if e := c.Expect.Error; e != nil {
		if e.Message == nil {
			return c.fails(transform, in)
		}
		want = batchtest.Failed(e.Class, *e.Message)
	} else {
		out, err := vectors.ReadRecord(c.Expect.Record)
		if err != nil {
			return err
		}
		if out != nil {
			want = batchtest.Kept(out.Record)
		}
	}
	if all {
		batchtest.Run(t, func() (func(*batch.Batch) error, error) {
			tr, err := c.make()
			return tr.Apply, err
		}, []batch.Record{in.Record, in.Record, in.Record}, in.Sink, []batchtest.Outcome{want, want, want})
	}
	b := batch.New()
	b.Load([]batch.Record{in.Record}, in.Sink)
	if err := transform.Apply(b); err != nil {
		return err
	}
	if err := b.Check(); err != nil {
		return err
	}
	if d := batchtest.Diff(b, 0, want); d != "" {
		return fmt.Errorf("%s\nin %s", d, batchtest.Show(in.Record))
	}
	return nil
}

// fails checks that a record fails, however the JVM would word it.
func (c *goldenCase) fails(transform Transform, in *vectors.Record) error {
	b := batch.New()
	b.Load([]batch.Record{in.Record}, in.Sink)
	if err := transform.Apply(b); err != nil {
		return err
	}
	if len(b.Errs) != 1 {
		return fmt.Errorf("no error, want %s\nin %s", c.Expect.Error, batchtest.Show(in.Record))
	}
	return nil
}
