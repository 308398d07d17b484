// SPDX-License-Identifier: Apache-2.0

// Package smt holds Kafka Connect's single message transforms and predicates, one file each, and the chain that runs
// them over the columns of a batch.
//
// A transform edits columns in place. Schema work is done once per input schema and cached; the column work is a loop
// over plain slices; nothing is allocated per record on the usual paths. A row that cannot be transformed is failed
// with a batch.Fault that carries the Java exception's class and message, and the others go on.
//
// How a transform sees the rows (see batch.Vec):
//
//	for i := range p.Variants {            // p := b.Side(side)
//		v := &p.Variants[i]
//		if v.Frozen { continue }            // a predicate keeps us away from these rows
//		switch v.Root.Kind { KindStruct: schema-full; KindObject: schemaless map; KindWords, KindDyn, ...: others }
//	}
//
// Per-row effects (topic, headers, Drop, Fail) must skip rows for which b.IsDead(row).
package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

// Transform changes the rows of a batch (org.apache.kafka.connect.transforms.Transformation). One instance belongs to
// one task; it may cache per schema, with a bound.
type Transform interface {
	// Apply edits b. A row that it cannot transform fails at batch.Transformation; a row that it filters is dropped.
	// An error returned is fatal for the task, or retriable and then b is unchanged.
	Apply(b *batch.Batch) error
}

// Predicate tests rows (org.apache.kafka.connect.transforms.predicates.Predicate).
type Predicate interface {
	// Test sets bit i of mask (b.N bits, zero on entry) for each live row i that the predicate holds for.
	Test(b *batch.Batch, mask batch.Bitmap) error
}

// HeaderUser is implemented by transforms and predicates that read or write headers: the engine decodes headers before
// the chain only if one of its stages says so.
type HeaderUser interface {
	// UsesHeaders reports whether header values (not only keys) must be decoded.
	UsesHeaders() bool
}

// Plugin describes a registered transform: exactly one of New and NewPredicate is set.
type Plugin struct {
	Def          config.Def
	New          func(v config.Values) (Transform, error)
	NewPredicate func(v config.Values) (Predicate, error)
}

// Transforms holds every transform by Java class name (Key and Value forms apart: "...ReplaceField$Value").
var Transforms = config.NewRegistry[Plugin]("transformation", "Transformation")

// Predicates holds every predicate by Java class name.
var Predicates = config.NewRegistry[Plugin]("predicate", "Predicate")

// Register adds a transform or predicate. It panics when the class is there already. Call it from init.
func Register(class string, p Plugin) {
	if p.New != nil {
		Transforms.Register(class, p)
	}
	if p.NewPredicate != nil {
		Predicates.Register(class, p)
	}
}

// RegisterKeyAndValue adds the $Key and $Value forms of a transform that works on one side.
func RegisterKeyAndValue(class string, def config.Def, make func(v config.Values, side batch.Side) (Transform, error)) {
	for _, f := range []struct {
		name string
		side batch.Side
	}{{"$Key", batch.Key}, {"$Value", batch.Value}} {
		Register(class+f.name, Plugin{Def: def, New: func(v config.Values) (Transform, error) { return make(v, f.side) }})
	}
}
