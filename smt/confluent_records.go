// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue(confluentPrefix+"Drop", confluentDropConfig, newConfluentDrop)
	Register(confluentPrefix+"TombstoneHandler", Plugin{Def: confluentTombstoneConfig, New: func(v config.Values) (Transform, error) {
		return &TombstoneHandler{fail: v.String(tombstoneBehavior) == "fail"}, nil
	}})
	RegisterKeyAndValue(confluentPrefix+"GzipDecompress", config.Def{}, func(_ config.Values, side batch.Side) (Transform, error) {
		return &GzipDecompress{side: side}, nil
	})
	// Confluent Cloud's router by regular expressions has the keys of Kafka's.
	Register("io.confluent.connect.cloud.transforms.TopicRegexRouter", Plugin{Def: regexRouterConfig, New: newRegexRouter})
}

var confluentTombstoneConfig = config.Def{
	config.String(tombstoneBehavior).Default("warn").In("warn", "fail", "ignore").
		Doc("What becomes of tombstones: ignore and warn drop them, fail fails them."),
}

const dropSchemaBehavior = "schema.behavior"

var confluentDropConfig = config.Def{
	config.String(dropSchemaBehavior).Default("nullify").In("nullify", "retain", "validate", "force_optional").
		Doc("What becomes of the schema: nullify takes it away, retain keeps it, validate fails records whose schema is not " +
			"optional, force_optional makes it optional."),
}

// ConfluentDrop takes keys or values away (io.confluent.connect.transforms.Drop).
type ConfluentDrop struct {
	side     batch.Side
	behavior string
	optional schemaCache[*batch.Schema]
}

func newConfluentDrop(v config.Values, side batch.Side) (Transform, error) {
	return &ConfluentDrop{side: side, behavior: v.String(dropSchemaBehavior)}, nil
}

// Apply replaces columns by nulls.
func (t *ConfluentDrop) Apply(b *batch.Batch) error {
	p := b.Side(t.side)
	for k := range p.Variants {
		v := &p.Variants[k]
		if v.Frozen {
			continue
		}
		s := v.Schema
		switch {
		case s == nil || t.behavior == "nullify":
			s = nil
		case t.behavior == "validate" && !s.Optional:
			failRows(b, v, batch.DataFault("Invalid schema for "+t.side.String()+": it is dropped, so it must be optional"))
			continue
		case t.behavior == "force_optional":
			s = t.optional.get(s, func(s *batch.Schema) *batch.Schema { return s.AsOptional(true) })
		}
		v.Schema, v.Root = s, b.NewNulls(s, v.Root.N)
	}
	return nil
}

// GzipDecompress unpacks keys or values that are gzip streams (io.confluent.connect.transforms.GzipDecompress).
type GzipDecompress struct {
	side batch.Side
	zip  gzip.Reader
}

// maxGunzipped bounds what one record may grow to: more than a broker takes by default, less than what hurts.
const maxGunzipped = 64 << 20

// Apply unpacks the bytes of the rows; nulls pass.
func (t *GzipDecompress) Apply(b *batch.Batch) error {
	applySide(b, t.side, t.kernel(b), func(s *batch.Schema, x any) (*batch.Schema, any, error) {
		var in []byte
		switch y := x.(type) {
		case nil:
			return s, nil, nil
		case []byte:
			in = y
		case batch.ByteBuffer:
			in = y
		default:
			return nil, nil, batch.DataFault("GzipDecompress needs bytes, found: " + values.ClassName(x))
		}
		out, err := t.unpack(in)
		return s, out, err
	})
	return nil
}

// kernel leaves columns of nothing but nulls alone.
func (t *GzipDecompress) kernel(*batch.Batch) func(p *batch.Payload, k int) bool {
	return func(p *batch.Payload, k int) bool { return onlyNulls(p.Variants[k].Root) }
}

func (t *GzipDecompress) unpack(in []byte) ([]byte, error) {
	fault := func(err error) error {
		return &batch.Fault{Class: batch.DataException, Message: "Failed to decompress gzip data", Cause: batch.NewFault("java.io.IOException", err.Error())}
	}
	if err := t.zip.Reset(bytes.NewReader(in)); err != nil {
		return nil, fault(err)
	}
	out, err := io.ReadAll(io.LimitReader(&t.zip, maxGunzipped+1))
	if err != nil {
		return nil, fault(err)
	}
	if len(out) > maxGunzipped {
		return nil, batch.DataFault("Failed to decompress gzip data: more than 64 MiB")
	}
	return out, nil
}
