// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/registry"
)

// AvroReader is the reading half of io.confluent.connect.avro.AvroConverter: rows of a zero byte, the id of a schema (four
// bytes, big endian) and Avro binary, into columns, a variant per schema. It belongs to one task and one side.
type AvroReader struct {
	mapping avroOptions
	client  *registry.Client
	limit   int
	known   map[uint32]*avroEntry
	row     avroRow
}

// avroEntry is what is known of an id.
type avroEntry struct {
	dec     *avroDec
	err     error  // why rows of the id cannot be read
	epoch   uint64 // of the batch that variant is of
	variant int
}

// NewAvroReader makes a reader that asks client for schemas and remembers at most limit of them.
func NewAvroReader(m AvroMapping, client *registry.Client, limit int) *AvroReader {
	return &AvroReader{mapping: m.options(), client: client, limit: max(limit, minSchemas), known: map[uint32]*avroEntry{}}
}

const (
	avroHeader        = 5 // the magic byte and the id
	restClientFailure = "io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException"
)

// Decode fills the payload of a side. Rows that cannot be read fail with DataException; when the registry cannot be
// reached the error is retriable and nothing has been filled.
func (c *AvroReader) Decode(b *batch.Batch, side batch.Side) error {
	rows := views(b, side)[:b.N]
	if err := c.learn(b, side, rows); err != nil {
		return err
	}
	r, p := &c.row, b.Side(side)
	r.b, r.epoch = b, r.epoch+1
	for row, v := range rows {
		if v.IsNull() || b.IsDead(row) {
			b.AssignNull(p, row)
			continue
		}
		if err := c.decodeRow(p, row, v); err != nil {
			b.Fail(row, batch.ConverterStage(side), &batch.Fault{Class: batch.DataException,
				Message: "Failed to deserialize data for topic " + b.Topics.At(row) + " to Avro: ", Cause: err})
			b.AssignNull(p, row)
		}
	}
	p.Seal(b.N)
	r.b, r.buf = nil, nil
	return nil
}

// learn looks up the ids of the rows that are not known yet, before anything is filled.
func (c *AvroReader) learn(b *batch.Batch, side batch.Side, rows []batch.View) error {
	if len(c.known) >= c.limit {
		clear(c.known)
	}
	last, some := uint32(0), false
	for row, v := range rows {
		if v.Len() < avroHeader || b.IsDead(row) {
			continue
		}
		id := binary.BigEndian.Uint32(b.Slab.Bytes(v)[1:])
		if some && id == last || b.Slab.Bytes(v)[0] != 0 {
			continue
		}
		last, some = id, true
		if e := c.known[id]; e != nil && e.dec != nil {
			continue
		}
		e, err := c.entry(id, side)
		if err != nil {
			return err
		}
		c.known[id] = e
	}
	return nil
}

// entry makes the decoder of an id. The error is retriable; what will not get better is the entry's own.
func (c *AvroReader) entry(id uint32, side batch.Side) (*avroEntry, error) {
	ctx := context.Background()
	s, err := c.client.Schema(ctx, int(id))
	var refs []registry.Schema
	if err == nil {
		refs, err = c.client.Resolve(ctx, s)
	}
	var answer *registry.Error
	switch {
	case errors.As(err, &answer) && answer.Retriable():
		return nil, batch.Retriable(&batch.Fault{Class: batch.RetriableException,
			Message: fmt.Sprintf("Error retrieving Avro %s schema for id %d", side, id), Cause: err})
	case err != nil:
		return &avroEntry{err: &batch.Fault{Class: batch.SerializationException,
			Message: "Error retrieving Avro " + side.String() + " schema for id " + strconv.Itoa(int(id)),
			Cause:   &batch.Fault{Class: restClientFailure, Message: err.Error(), Cause: nil}}}, nil
	}
	p := avroParser{}
	for _, ref := range refs {
		if _, err := p.parse([]byte(ref.Text)); err != nil {
			return &avroEntry{err: err}, nil
		}
	}
	a, err := p.parse([]byte(s.Text))
	if err != nil {
		return &avroEntry{err: err}, nil
	}
	connect, err := c.mapping.toConnectSchema(a)
	if err != nil {
		return &avroEntry{err: err}, nil
	}
	return &avroEntry{dec: newAvroDec(connect, a)}, nil
}

func (c *AvroReader) decodeRow(p *batch.Payload, row int, v batch.View) error {
	r := &c.row
	end := v.Off() + v.Len()
	r.buf, r.at, r.empty = r.b.Slab.Buf()[:end], v.Off()+avroHeader, 0
	if v.Len() < avroHeader || r.buf[v.Off()] != 0 {
		return batch.NewFault(batch.SerializationException, "Unknown magic byte!")
	}
	id := binary.BigEndian.Uint32(r.buf[v.Off()+1:])
	e := c.known[id]
	if e.err != nil {
		return e.err
	}
	if e.epoch != r.epoch {
		e.epoch, e.variant = r.epoch, p.Add(e.dec.schema, r.b.NewColumn(e.dec.schema))
	}
	root := p.Variants[e.variant].Root
	n := root.N
	if err := r.value(e.dec, root); err != nil {
		truncate(root, n)
		return &batch.Fault{Class: batch.SerializationException, Message: "Error deserializing Avro message for id " + strconv.Itoa(int(id)), Cause: err}
	}
	p.Assign(e.variant, row)
	return nil
}
