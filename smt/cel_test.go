// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/config"
)

func TestCELFilter(t *testing.T) {
	inner := batch.NewSchema(batch.Schema{Type: batch.Struct, Optional: true, Fields: []batch.Field{
		{Name: "id", Schema: batch.Int32Schema}, {Name: "name", Schema: batch.OptionalStringSchema}, {Name: "price", Schema: batch.OptionalFloat64Schema},
	}})
	s := batch.NewSchema(batch.Schema{Type: batch.Struct, Fields: []batch.Field{
		{Name: "op", Schema: batch.StringSchema}, {Name: "before", Schema: inner}, {Name: "after", Schema: inner},
	}})
	row := func(op string, before, after *batch.StructValue) any {
		v := &batch.StructValue{Schema: s, Vals: []any{op, nil, nil}}
		if before != nil {
			v.Vals[1] = before
		}
		if after != nil {
			v.Vals[2] = after
		}
		return v
	}
	item := func(id int32, name, price any) *batch.StructValue {
		return &batch.StructValue{Schema: inner, Vals: []any{id, name, price}}
	}
	f := func(class string, conf map[string]string, keep string) {
		t.Helper()
		in := []batch.Record{
			{Topic: "server.items", Timestamp: 1000, ValueSchema: s, Value: row("u", item(2, "a", nil), item(2, "b", 9.5))},
			{Topic: "server.items", Timestamp: 2000, ValueSchema: s, Value: row("c", nil, item(3, nil, 1.0))},
			{Topic: "server.items", Timestamp: 3000, ValueSchema: s, Value: row("d", item(4, "z", 2.0), nil)},
			{Topic: "server.items", Timestamp: 4000, Value: objectOf("op", "u", "before", objectOf("id", int64(2)), "after", objectOf("name", "b"))},
			{Topic: "other", Timestamp: 5000, Value: objectOf("op", "x")},
			{Topic: "server.items", Timestamp: 6000, ValueSchema: s, Value: nil},
		}
		var want []batchtest.Outcome
		for i, r := range in {
			switch keep[i] {
			case '+':
				want = append(want, batchtest.Kept(r))
			case '-':
				want = append(want, batchtest.Dropped())
			default:
				want = append(want, batchtest.Failed(debeziumException, ""))
			}
		}
		batchtest.Run(t, func() (func(*batch.Batch) error, error) { return transformOf(t, class, conf).Apply, nil }, in, true, want)
	}
	debezium, own := "io.debezium.transforms.Filter", "io.penstock.transforms.Filter"
	when := func(condition string) map[string]string { return map[string]string{"condition": condition} }
	f(debezium, when("value.op == 'u' && value.before.id == 2"), "+--+-+")
	f(own, when("value.op != 'u'"), "-++-++")
	f(own, when("value.op in ['c', 'd']"), "-++--+")
	f(own, when("has(value.before)"), "++++-+")
	f(own, when("value.after == null"), "--+-!+")
	f(own, when("value.op == 'd' || value.after.name == 'b'"), "+-++!+")
	f(own, when("value.after.price > 1"), "+-!!!+")
	f(own, when("value.op.startsWith('c') || topic == 'other'"), "-+--++")
	f(own, when("timestamp >= 3000 && partition == 0"), "--++++")
	f(own, when("valueSchema != null && valueSchema.type == 'STRUCT' && value.op.matches('[uc]')"), "++---+")
	f(own, when("value.op.upperAscii() + '!' == 'U!'"), "+--+-+")
	f(own, map[string]string{"condition": "value.op == 'u'", "topic.regex": "server\\..*", "null.handling.mode": "drop"}, "+--++-")
	f(own, map[string]string{"condition": "value == null", "null.handling.mode": "evaluate"}, "-----+")
	f(own, map[string]string{"condition": "value != null && value.op == 'u'", "null.handling.mode": "evaluate", "language": "CEL"}, "+--+--")
}

func TestCELRouter(t *testing.T) {
	f := func(expression, conf string, topics ...string) {
		t.Helper()
		in := []batch.Record{
			{Topic: "t", Timestamp: 1, Value: objectOf("op", "u", "n", int64(1))},
			{Topic: "t", Timestamp: 1, Value: objectOf("op", "c", "n", int64(2))},
			{Topic: "t", Timestamp: 1, Value: objectOf("op", "d", "n", nil), Headers: []batch.Header{{Key: "h", Schema: batch.StringSchema, Value: "hv"}}},
			{Topic: "t", Timestamp: 1},
		}
		var want []batchtest.Outcome
		for i, r := range in {
			if topics[i] == "!" {
				want = append(want, batchtest.Failed(debeziumException, ""))
				continue
			}
			r.Topic = topics[i]
			want = append(want, batchtest.Kept(r))
		}
		c := map[string]string{"topic.expression": expression, "null.handling.mode": conf}
		for _, class := range []string{"io.debezium.transforms.ContentBasedRouter", "io.penstock.transforms.Router"} {
			batchtest.Run(t, func() (func(*batch.Batch) error, error) { return transformOf(t, class, c).Apply, nil }, in, true, want)
		}
	}
	f("value.op == 'u' ? 'updates' : null", "keep", "updates", "t", "t", "t")
	f("value.op == 'u' ? 'updates' : value.op == 'c' ? topic : 'rest'", "keep", "updates", "t", "rest", "t")
	f("topic + '-' + value.op", "keep", "t-u", "t-c", "t-d", "t")
	f("value.n > 1 ? 'big' : 'small'", "keep", "small", "big", "!", "t")
	f("value.n", "keep", "!", "!", "t", "t")
	f("value == null ? 'graves' : topic", "evaluate", "t", "t", "t", "graves")
	f("'h' in headers ? headers.h.value : null", "keep", "t", "t", "hv", "t")
	f("'h' in header && header['h'].schema.type == 'STRING' ? 'typed' : topic", "keep", "t", "t", "typed", "t")
}

// TestCELErrors checks what a wrong configuration is told.
func TestCELErrors(t *testing.T) {
	f := func(class string, conf map[string]string, want string) {
		t.Helper()
		plugin, _, _ := Transforms.Lookup(class)
		v, err := plugin.Def.Parse(config.NewProps(conf))
		if err == nil {
			_, err = plugin.New(v)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", conf, err, want)
		}
	}
	filter := "io.debezium.transforms.Filter"
	f(filter, map[string]string{"language": "jsr223.groovy", "condition": "value.op == 'u'"}, "Invalid value jsr223.groovy for configuration language: only cel")
	f(filter, map[string]string{"condition": "value.op =="}, "Invalid value value.op == for configuration condition: not a CEL expression")
	f(filter, map[string]string{"condition": "valu.op == 'u'"}, "undeclared reference to 'valu'")
	f(filter, map[string]string{"condition": "'text'"}, "must be true or false")
	f(filter, map[string]string{}, `Missing required configuration "condition"`)
	f("io.penstock.transforms.Router", map[string]string{"topic.expression": "1 + 1"}, "must be a topic name or null")
	f(filter, map[string]string{"condition": "true", "topic.regex": "("}, "topic.regex")
}

// TestCELHeaders checks that header values are asked for only when the expression names them.
func TestCELHeaders(t *testing.T) {
	f := func(condition string, want bool) {
		t.Helper()
		tr := transformOf(t, "io.penstock.transforms.Filter", map[string]string{"condition": condition})
		if got := tr.(HeaderUser).UsesHeaders(); got != want {
			t.Errorf("%s: %v", condition, got)
		}
	}
	f("value.headers == 1", false)
	f("headers.a.value == 1", true)
	f("value.a == 1 || has(header.a)", true)
}

// celMaker makes random conditions over the fields that random values have.
type celMaker struct{ r *rand.Rand }

func (m celMaker) pick(of ...string) string { return of[m.r.IntN(len(of))] }

func (m celMaker) path() string {
	return m.pick("value.a", "value.b", "value.ts", "value.s", "value.n", "value.n.p", "value.n.q.r", "value['a.b']", "value.n.a", "value.c", "topic", "timestamp")
}

func (m celMaker) constant() string {
	return m.pick("1", "2", "-7", "1000000000", "0.5", "3.5", "-1e3", "'x'", "'12'", "''", "'true'", "true", "false", "null", "1700000000123")
}

func (m celMaker) condition(depth int) string {
	if depth > 0 {
		switch m.r.IntN(5) {
		case 0:
			return "(" + m.condition(depth-1) + " && " + m.condition(depth-1) + ")"
		case 1:
			return "(" + m.condition(depth-1) + " || " + m.condition(depth-1) + ")"
		case 2:
			return "!(" + m.condition(depth-1) + ")"
		}
	}
	switch m.r.IntN(7) {
	case 0:
		return "has(" + m.pick("value.a", "value.s", "value.n.p", "value.n.q.r", "value.none") + ")"
	case 1:
		return m.path() + " in [" + m.constant() + ", " + m.constant() + "]"
	case 2:
		return m.path() + m.pick(".startsWith('", ".endsWith('", ".contains('") + m.pick("1", "x", "", "2024") + "')"
	case 3:
		return m.constant() + m.pick(" == ", " != ", " < ", " >= ") + m.path()
	}
	return m.path() + m.pick(" == ", " != ", " < ", " <= ", " > ", " >= ") + m.constant()
}

// TestCELColumnsAgree compares column loops over random batches with CEL's own evaluation of the rows one by one.
func TestCELColumnsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	m, sm := celMaker{r}, structMaker{r}
	known, rows := 0, 0
	for range 400 {
		condition := m.condition(2)
		b := batch.New()
		if r.IntN(2) == 0 {
			texts := make([]string, 1+r.IntN(90))
			for i := range texts {
				texts[i] = jsonRows[r.IntN(len(jsonRows))]
			}
			loadJSON(b, texts)
			if r.IntN(2) == 0 {
				b.OpenObjects(batch.Value)
			}
		} else {
			schemas := []*batch.Schema{sm.structSchema(0), sm.structSchema(0)}
			var in []batch.Record
			for i := range 1 + r.IntN(90) {
				s := schemas[r.IntN(1+r.IntN(2))]
				in = append(in, batch.Record{Topic: "t", Timestamp: int64(i), ValueSchema: s, Value: sm.value(s, true)})
			}
			b.Load(in, true)
		}
		p, err := compileCEL(condition, true)
		if err != nil {
			if strings.Contains(err.Error(), "no matching overload") {
				continue // e.g. topic == 1
			}
			t.Fatalf("%s: %v", condition, err)
		}
		yes, open := p.test(b)
		for row := range b.N {
			alone := batch.New()
			alone.Load([]batch.Record{b.RecordAt(row)}, true)
			want, werr := p.evalBool(alone, 0)
			got, gerr := p.evalBool(b, row)
			if fmt.Sprint(want, werr != nil) != fmt.Sprint(got, gerr != nil) {
				t.Fatalf("%s: row %s: in its batch %v %v, alone %v %v", condition, batchtest.Show(b.RecordAt(row)), got, gerr, want, werr)
			}
			if werr == nil {
				rows++
			}
			if yes == nil || open.Get(row) {
				continue
			}
			known++
			if werr != nil || want != yes.Get(row) {
				t.Fatalf("%s: row %s: columns say %v, CEL %v %v", condition, batchtest.Show(b.RecordAt(row)), yes.Get(row), want, werr)
			}
		}
	}
	if known*10 < rows*7 {
		t.Errorf("columns knew %d of %d rows", known, rows)
	}
}

// TestCELColumnsDoNotAllocate checks that a comparison of undecoded text allocates nothing per row.
func TestCELColumnsDoNotAllocate(t *testing.T) {
	texts := make([]string, 512)
	for i := range texts {
		texts[i] = jsonRows[i%2]
	}
	b := batch.New()
	loadJSON(b, texts)
	tr := transformOf(t, "io.penstock.transforms.Filter", map[string]string{"condition": "value.a >= 1 && value.n.p in [1, 2] && topic == 't'"})
	if n := testing.AllocsPerRun(5, func() { _ = tr.Apply(b) }); n > 10 {
		t.Errorf("%v allocations per batch", n)
	}
}

func BenchmarkCELFilter(b *testing.B) {
	f := func(name, condition string) {
		b.Run(name, func(b *testing.B) {
			bt := batch.New()
			fillStruct(bt, 2048)
			tr := transformOf(b, "io.penstock.transforms.Filter", map[string]string{"condition": condition})
			b.ReportAllocs()
			for b.Loop() {
				_ = tr.Apply(bt)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2048, "ns/row")
		})
	}
	f("columns", "value.id >= 0 && value.id != -1")
	f("cel", "value.id + 1 >= 1")
}
