// SPDX-License-Identifier: Apache-2.0

package smtcase

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/vectors"
)

// lazyGroup is the cases of one class and configuration whose side is a schemaless map that JSON can say, or null.
type lazyGroup struct {
	make  func() (apply, error)
	side  batch.Side
	cases []*expectation
	texts []string
	ids   []string
}

// TestGoldenLazy runs all vectors of a transform over schemaless maps as what the JSON converter makes of their text:
// columns of undecoded members, or one undecoded cell per row; in batches of 1, 3, 7 and all of a configuration, some
// rows dead. (One by one they run in Run.)
func TestGoldenLazy(t *testing.T) {
	groups, ran := readLazy(t), 0
	r := rand.New(rand.NewPCG(21, 22))
	for key, g := range groups {
		for _, size := range []int{1, 3, 7, len(g.cases)} {
			for _, whole := range []bool{false, true} {
				stage, err := g.make()
				if err != nil {
					t.Fatalf("%s: %v", key, err)
				}
				for lo := 0; lo < len(g.cases); lo += size {
					hi := min(lo+size, len(g.cases))
					if d := g.run(t, r, stage, lo, hi, whole); d != "" {
						t.Errorf("batches of %d, whole %v: %s\n%s", size, whole, d, key)
					}
				}
			}
		}
		ran += len(g.cases)
	}
	if ran < 200 {
		t.Errorf("only %d cases have a form as JSON text", ran)
	}
}

// run runs the cases lo to hi as one batch and says what is wrong with the first that differs.
func (g *lazyGroup) run(t *testing.T, r *rand.Rand, stage apply, lo, hi int, whole bool) string {
	t.Helper()
	b := batch.New()
	records := make([]batch.Record, 0, hi-lo)
	for _, e := range g.cases[lo:hi] {
		records = append(records, e.in.Record)
	}
	b.Load(records, g.cases[lo].in.Sink)
	p := b.Side(g.side)
	raw := &b.Raw.Value
	if g.side == batch.Key {
		raw = &b.Raw.Key
	}
	root := b.NewColumn(nil)
	for _, text := range g.texts[lo:hi] {
		view := b.Slab.AppendText(text)
		*raw = append(*raw, view)
		root.PushTag(batch.TagJSON, uint64(view))
	}
	*p = batch.Payload{}
	if whole {
		b.Resolve(root)
		p.Set(nil, root)
	} else if err := converter(t, g.side).Decode(b, g.side); err != nil {
		t.Fatal(err)
	}
	dead := -1
	if hi-lo > 1 && r.IntN(2) == 0 {
		dead = r.IntN(hi - lo)
		b.Drop(dead)
	}
	if err := stage(b); err != nil {
		return "fatal: " + err.Error()
	}
	if err := b.Check(); err != nil {
		return "the batch is broken: " + err.Error()
	}
	for i := range hi - lo {
		if i == dead {
			continue
		}
		e := *g.cases[lo+i]
		e.lazy = true
		if e.want.Error != nil && e.want.Error.Message != nil && strings.HasPrefix(*e.want.Error.Message, "Flatten transformation was passed a value of type") {
			loose := *e.want.Error // of two bad members the first counts, and the order of a map's members is lost among other rows
			loose.Message = nil
			e.want.Error = &loose
		}
		if d := e.diff(b, i); d != "" {
			return g.ids[lo+i] + ": " + d + "\n" + g.texts[lo+i]
		}
	}
	return ""
}

// readLazy reads the vectors of transforms that have a form as JSON text.
func readLazy(t *testing.T) map[string]*lazyGroup {
	t.Helper()
	groups := map[string]*lazyGroup{}
	err := vectors.Lines("../testdata/vectors/smt.jsonl.gz", func(line []byte) error {
		var c testCase
		var id struct{ ID string }
		var want outcome
		if err := json.Unmarshal(line, &c); err != nil || c.Op != "smt" || c.Records != nil {
			return err
		}
		if err := json.Unmarshal(line, &id); err != nil {
			return err
		}
		if err := json.Unmarshal(c.Expect, &want); err != nil || want.Error != nil && want.Error.Phase == "configure" {
			return err
		}
		e := &expectation{want: want}
		var err error
		if e.in, err = readRecord(c.Record); err != nil {
			return err
		}
		if e.out, err = vectors.ReadRecord(want.Record); err != nil {
			return err
		}
		side, schema, x := batch.Value, e.in.ValueSchema, e.in.Value
		if strings.HasSuffix(c.Class, "$Key") {
			side, schema, x = batch.Key, e.in.KeySchema, e.in.Key
		}
		text, ok := jsonMap(x)
		if schema != nil || !ok && x != nil {
			return nil
		}
		if x == nil {
			text = []byte("null")
		}
		// Messages may show where the batch is from, and a batch is from one partition.
		from := fmt.Sprint(e.in.Topic, e.in.Partition)
		props, err := vectors.Config(c.Config)
		if err != nil {
			return err
		}
		key := fmt.Sprint(c.Class, string(c.Config), e.in.Sink, from)
		g := groups[key]
		if g == nil {
			g = &lazyGroup{side: side, make: func() (apply, error) { return c.make(config.Props(props)) }}
			groups[key] = g
		}
		g.cases, g.texts, g.ids = append(g.cases, e), append(g.texts, string(text)), append(g.ids, id.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

// converter is the JSON converter without schemas.
func converter(t *testing.T, side batch.Side) codec.Converter {
	t.Helper()
	plugin, _, _ := codec.Registry.Lookup(kafkadefs.JSONConverter)
	v, err := plugin.Def.Parse(config.NewProps(map[string]string{"schemas.enable": "false", "converter.type": side.String()}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := plugin.New(v, side)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
