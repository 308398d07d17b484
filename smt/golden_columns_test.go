// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
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

// TestGoldenColumns runs every vector of these transforms: alone, and then all of one configuration together, in every
// form of the harness.
func TestGoldenColumns(t *testing.T) {
	const path = "testdata/vectors/smt.jsonl.gz"
	if _, err := os.Stat(path); err != nil {
		t.Skip("no vectors")
	}
	total, good := map[string]int{}, map[string]int{}
	groups := map[string]*goldenGroup{}
	err := vectors.Lines(path, func(line []byte) error {
		kind, _, _ := strings.Cut(string(line[bytes.Index(line, []byte(`"id":`))+5:]), "-")
		kind = strings.Trim(kind, ` "`)
		if !slices.Contains(columnKinds, kind) {
			return nil
		}
		var c goldenCase
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		total[kind]++
		if err := c.run(groups); err != nil {
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
	for _, g := range groups {
		batchtest.Run(t, g.make, g.in, g.sink, g.want)
	}
}

// goldenGroup is the cases that share a configuration.
type goldenGroup struct {
	make func() (func(*batch.Batch) error, error)
	sink bool
	in   []batch.Record
	want []batchtest.Outcome
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

// run checks a case alone and puts it into the group of its configuration.
func (c *goldenCase) run(groups map[string]*goldenGroup) error {
	in, err := vectors.ReadRecord(c.Record)
	if err != nil {
		return err
	}
	transform, err := c.make()
	if e := c.Expect.Error; e != nil && e.Phase == "configure" {
		if d := e.Matches(err); d != "" {
			return errors.New(d)
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
	key := fmt.Sprint(c.Class, string(c.Config), in.Sink)
	g := groups[key]
	if g == nil {
		g = &goldenGroup{sink: in.Sink, make: func() (func(*batch.Batch) error, error) {
			tr, err := c.make()
			return tr.Apply, err
		}}
		groups[key] = g
	}
	if strings.HasPrefix(want.Message, "Flatten transformation was passed a value of type") {
		want.Message = "" // of two bad members the first counts, and the order of a map's members is lost among other rows
	}
	g.in, g.want = append(g.in, in.Record), append(g.want, want)
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
