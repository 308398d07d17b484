// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
)

// structMaker makes random schemas and values that fit them, mostly: a required field is null now and then, as a source
// connector may leave it.
type structMaker struct{ r *rand.Rand }

var sampleNames = []string{"a", "b", "c", "ts", "s", "a.b", "n"}

func (m structMaker) schema(depth int) *batch.Schema {
	s := batch.Schema{Optional: m.r.IntN(2) == 0}
	kinds := 13
	if depth > 2 {
		kinds = 11
	}
	switch k := m.r.IntN(kinds); {
	case k < 8:
		s.Type = [...]batch.Type{batch.Int8, batch.Int32, batch.Int64, batch.Float32, batch.Float64, batch.Boolean, batch.String, batch.Bytes}[k]
	case k < 10:
		return [...]*batch.Schema{batch.DateSchema(s.Optional), batch.TimestampSchema(s.Optional)}[k-8]
	case k == 10:
		name := batch.DecimalName
		s.Type, s.Name, s.Params = batch.Bytes, &name, []batch.Param{{Key: "scale", Value: "2"}}
	case k == 11:
		s.Type, s.ValueSchema = batch.Array, m.schema(3)
	default:
		return m.structSchema(depth + 1)
	}
	if s.Type != batch.Array && m.r.IntN(4) == 0 {
		plain := batch.NewSchema(s)
		s.HasDefault, s.Default = true, m.value(plain, false)
	}
	return batch.NewSchema(s)
}

func (m structMaker) structSchema(depth int) *batch.Schema {
	s := batch.Schema{Type: batch.Struct, Optional: m.r.IntN(2) == 0}
	for _, i := range m.r.Perm(len(sampleNames))[:1+m.r.IntN(4)] {
		s.Fields = append(s.Fields, batch.Field{Name: sampleNames[i], Schema: m.schema(depth)})
	}
	return batch.NewSchema(s)
}

var sampleTexts = []string{"", "12", "-7", "x", "true", "1.5", "2024-02-29T01:02:03.004"}

func (m structMaker) value(s *batch.Schema, nulls bool) any {
	if nulls && (s.Optional || s.HasDefault) && m.r.IntN(3) == 0 || nulls && m.r.IntN(60) == 0 {
		return nil
	}
	n := m.r.Int64N(2000) - 1000
	switch s.Logical() {
	case batch.LogicalDate:
		return batch.Date(n * millisPerDay)
	case batch.LogicalTimestamp:
		return batch.Date(n * 1e9)
	case batch.LogicalDecimal:
		return batch.Decimal{Unscaled: big.NewInt(n), Scale: 2}
	}
	switch s.Type {
	case batch.Int8:
		return int8(n)
	case batch.Int32:
		return int32(n)
	case batch.Int64:
		return n * 1e9
	case batch.Float32:
		return float32(n) / 8
	case batch.Float64:
		return float64(n) * 1e8
	case batch.Boolean:
		return n > 0
	case batch.String:
		return sampleTexts[m.r.IntN(len(sampleTexts))]
	case batch.Bytes:
		return []byte{byte(n)}
	case batch.Array:
		list := []any{}
		for range m.r.IntN(3) {
			list = append(list, m.value(s.ValueSchema, nulls))
		}
		return list
	}
	v := &batch.StructValue{Schema: s}
	for _, f := range s.Fields {
		v.Vals = append(v.Vals, m.value(f.Schema, nulls))
	}
	return v
}

// structConfigs are configurations over the names that structMaker uses.
var structConfigs = []struct {
	class string
	conf  map[string]string
}{
	{"ReplaceField", map[string]string{"renames": "a:A,ts:b", "exclude": "c"}},
	{"ReplaceField", map[string]string{"include": "a,b,n", "replace.null.with.default": "false"}},
	{"MaskField", map[string]string{"fields": "a,s"}},
	{"MaskField", map[string]string{"fields": "b,c", "replacement": "300", "replace.null.with.default": "false"}},
	{"Cast", map[string]string{"spec": "a:string,b:int8,c:float64"}},
	{"Cast", map[string]string{"spec": "s:int64,ts:int32,n:boolean", "replace.null.with.default": "false"}},
	{"Cast", map[string]string{"spec": "string"}},
	{"TimestampConverter", map[string]string{"field": "ts", "target.type": "string", "format": "yyyy-MM-dd'T'HH:mm:ss.SSS"}},
	{"TimestampConverter", map[string]string{"field": "s", "target.type": "unix", "format": "yyyy-MM-dd'T'HH:mm:ss.SSS", "unix.precision": "nanoseconds"}},
	{"TimestampConverter", map[string]string{"field": "a", "target.type": "Date", "replace.null.with.default": "false"}},
	{"TimestampConverter", map[string]string{"target.type": "Time"}},
	{"Flatten", map[string]string{}},
	{"Flatten", map[string]string{"delimiter": "_"}},
}

// TestStructColumnsAgreeWithRows runs kernels over batches of random structs and compares each row with the row form.
func TestStructColumnsAgreeWithRows(t *testing.T) {
	m := structMaker{rand.New(rand.NewPCG(1, 2))}
	fast := 0
	for round := range 400 {
		s := m.structSchema(0)
		if round%5 == 0 {
			s = m.schema(3)
		}
		records := make([]batch.Record, 0, 12)
		for range 12 {
			records = append(records, batch.Record{Topic: "t", Timestamp: batch.NoTimestamp, ValueSchema: s, Value: m.value(s, true)})
		}
		for _, c := range structConfigs {
			class := "org.apache.kafka.connect.transforms." + c.class + "$Value"
			rows := transformOf(t, class, c.conf).(interface {
				row(s *batch.Schema, x any) (*batch.Schema, any, error)
			})
			b := batch.New()
			b.Load(records, false)
			if err := transformOf(t, class, c.conf).Apply(b); err != nil {
				t.Fatal(err)
			}
			if err := b.Check(); err != nil {
				t.Fatalf("%s %v: %v\nschema %s", class, c.conf, err, batchtest.ShowSchema(s))
			}
			if len(b.Value.Variants) == 1 {
				fast++
			}
			for i, r := range records {
				want := r
				var err error
				want.ValueSchema, want.Value, err = rows.row(r.ValueSchema, r.Value)
				outcome := batchtest.Kept(want)
				if err != nil {
					outcome = batchtest.Failed(batch.ClassOf(err), err.Error())
				}
				if d := batchtest.Diff(b, i, outcome); d != "" {
					t.Fatalf("%s %v: row %d: %s\nin %s", class, c.conf, i, d, batchtest.Show(r))
				}
			}
		}
	}
	if fast < 100 {
		t.Errorf("only %d batches stayed in one variant", fast)
	}
}
