// SPDX-License-Identifier: Apache-2.0

// Package codec turns bytes into columns and back: Kafka Connect's converters and header converters.
//
// One file per converter; each registers itself under its Java class name. A converter works on one side of a whole
// batch at a time and never sees errors.tolerance: a row that cannot be converted is failed (batch.Batch.Fail) with a
// batch.Fault that carries the Java exception's class and message, and the others go on.
//
//	sink:    Raw.Key/Raw.Value views ──Decode──► Key/Value payload
//	source:  Key/Value payload       ──Encode──► Out.Key/Out.Value views into Out.Buf
package codec

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

// Converter converts one side of a batch (org.apache.kafka.connect.storage.Converter). It belongs to one task and one
// side and is not safe for concurrent use; it may cache schemas and buffers between calls.
type Converter interface {
	// Decode fills the payload of side from b.Raw for every row, dead ones included (a dead row may read as null).
	// Rows that cannot be decoded fail at the converter's stage. An error returned is fatal for the task, or retriable.
	Decode(b *batch.Batch, side batch.Side) error
	// Encode appends the bytes of every live row to b.Out.Buf and sets its view in b.Out.Side(side, b.N);
	// null bytes are batch.NullView. Bytes that are in the slab already may stay there: see batch.Out.SideInSlab. Rows that cannot be encoded fail at the converter's stage.
	Encode(b *batch.Batch, side batch.Side) error
}

// HeaderConverter converts headers (org.apache.kafka.connect.storage.HeaderConverter).
type HeaderConverter interface {
	// DecodeHeaders gives every header of every live row its Schema and Value, and sets b.Headers.Decoded.
	DecodeHeaders(b *batch.Batch) error
	// EncodeHeaders gives every header of every live row its Raw bytes: views into b.Slab, NullView for null.
	EncodeHeaders(b *batch.Batch) error
}

// Plugin describes a registered converter.
type Plugin struct {
	// Def is the table of its configuration keys.
	Def config.Def
	// New makes a converter for one side from its parsed configuration.
	New func(v config.Values, side batch.Side) (Converter, error)
	// NewHeader makes a header converter; nil when the class is none.
	NewHeader func(v config.Values) (HeaderConverter, error)
}

// Registry holds every converter by Java class name. Its plugins have New.
var Registry = config.NewRegistry[Plugin]("converter", "Converter")

// HeaderRegistry holds every header converter by Java class name. Its plugins have NewHeader.
var HeaderRegistry = config.NewRegistry[Plugin]("header converter", "HeaderConverter", "Converter")

// Register adds a converter class to the registries that its plugin can serve. It panics when the class is there
// already. Call it from init.
func Register(class string, p Plugin) {
	if p.New != nil {
		Registry.Register(class, p)
	}
	if p.NewHeader != nil {
		HeaderRegistry.Register(class, p)
	}
}
