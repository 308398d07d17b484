// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/config"
)

// TestNullConfig gives null (which JSON configurations can hold) for keys that Java's validators let through.
func TestNullConfig(t *testing.T) {
	mapRow := batch.Record{Topic: "t", Timestamp: 1, Value: &batch.MapValue{Entries: []batch.Entry{{Key: "a", Value: "x"}}}}
	structRow := batch.Record{Topic: "t", Timestamp: 1, ValueSchema: columnsSchema,
		Value: &batch.StructValue{Schema: columnsSchema, Vals: []any{int64(1), nil}}}
	f := func(class, key string, in batch.Record, want batchtest.Outcome) {
		t.Helper()
		plugin, _, _ := Transforms.Lookup(class)
		batchtest.Run(t, func() (func(*batch.Batch) error, error) {
			v, err := plugin.Def.Parse(config.Props{key: nil})
			if err != nil {
				return nil, err
			}
			tr, err := plugin.New(v)
			return tr.Apply, err
		}, []batch.Record{in, in}, false, []batchtest.Outcome{want, want})
	}
	extracted, hoisted := mapRow, mapRow
	extracted.Value = nil
	hoisted.Value = &batch.MapValue{Entries: []batch.Entry{{Key: nil, Value: mapRow.Value}}}
	f(extractFieldClass+"$Value", "field", mapRow, batchtest.Kept(extracted))
	f(extractFieldClass+"$Value", "field", structRow, batchtest.Failed(batch.IllegalArgument, "Unknown field: null"))
	f(hoistFieldClass+"$Value", "field", mapRow, batchtest.Kept(hoisted))
	f(hoistFieldClass+"$Value", "field", structRow, batchtest.Failed(batch.SchemaBuilderException, "fieldName cannot be null."))
}

// TestNullFlags gives null for a flag that Java unboxes.
func TestNullFlags(t *testing.T) {
	f := func(class string, pairs ...string) {
		t.Helper()
		plugin, _, _ := Transforms.Lookup(class)
		props := config.NewProps(pairMap(pairs))
		props[replaceNullConfig] = nil
		v, err := plugin.Def.Parse(props)
		if err == nil {
			_, err = plugin.New(v)
		}
		if err == nil || javaErrorClass(err) != batch.NullPointerException {
			t.Errorf("%s: got %v", class, err)
		}
	}
	f(extractFieldClass+"$Key", "field", "a")
	f(insertFieldClass+"$Key", "topic.field", "a")
	f(valueToKeyClass, "fields", "a")
	f(setSchemaMetadataClass+"$Key", "schema.name", "a")
	f(headerFromClass+"$Key", "fields", "a", "headers", "a", "operation", "copy")
}
