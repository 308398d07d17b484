// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/penstock-io/penstock/batch"
)

// single converts one value at a time: what headers need.
type single interface {
	// fromConnect is fromConnectHeader: nil bytes are null.
	fromConnect(s *batch.Schema, v any) ([]byte, error)
	// toConnect is toConnectHeader; p is nil for null and borrowed.
	toConnect(topic, key string, p []byte) (*batch.Schema, any, error)
}

// headers makes a HeaderConverter of a converter of single values. Headers are few, so they take the general path.
type headers struct{ single single }

func newHeaders(s single) HeaderConverter { return headers{s} }

// DecodeHeaders gives every header of every live row its Schema and Value.
func (c headers) DecodeHeaders(b *batch.Batch) error {
	for row, hs := range b.Headers.Rows {
		if row >= b.N || b.IsDead(row) {
			continue
		}
		for i := range hs {
			h := &hs[i]
			if h.Decoded {
				continue
			}
			p := b.Slab.Bytes(h.Raw)
			if !h.Raw.IsNull() {
				p = notNil(p)
			}
			var err error
			if h.Schema, h.Value, err = c.single.toConnect(b.Topics.At(row), h.Key, p); err != nil {
				b.Fail(row, batch.HeaderConverter, err)
				break
			}
			h.Decoded = true
		}
	}
	b.Headers.Decoded = true
	return nil
}

// EncodeHeaders gives every header of every live row its Raw bytes; one that was never decoded keeps those it has.
func (c headers) EncodeHeaders(b *batch.Batch) error {
	for row, hs := range b.Headers.Rows {
		if row >= b.N || b.IsDead(row) {
			continue
		}
		for i := range hs {
			h := &hs[i]
			if !h.Decoded {
				continue
			}
			p, err := c.single.fromConnect(h.Schema, b.HeaderValue(h))
			if err != nil {
				b.Fail(row, batch.HeaderConverter, err)
				break
			}
			h.Raw = batch.NullView
			if p != nil {
				h.Raw = b.Slab.Append(p)
			}
		}
	}
	return nil
}

func (j *JSON) fromConnect(s *batch.Schema, v any) ([]byte, error) {
	if s == nil && v == nil {
		return nil, nil
	}
	if !j.schemas {
		return j.appendValue(nil, s, v, 1)
	}
	head, err := j.write.head(s)
	if err != nil {
		return nil, err
	}
	p, err := j.appendValue(head, s, v, 1)
	return append(p, '}'), err
}

func (j *JSON) toConnect(_, _ string, p []byte) (*batch.Schema, any, error) {
	if p == nil {
		return nil, nil, nil
	}
	text, err := relax([]byte{}, p)
	if err != nil {
		return nil, nil, syntaxFault(err)
	}
	r := valueReader{j.replaceNull}
	if !j.schemas {
		return nil, r.schemaless(text), nil
	}
	if j.content != nil {
		v, err := r.read(j.content.schema, text)
		return j.content.schema, v, err
	}
	schema, payload, _, fits := envelope(text, 0, "")
	if !fits {
		return nil, nil, batch.DataFault(errEnvelope)
	}
	e, err := j.read.schema(text[schema[0]:schema[1]])
	if err != nil {
		return nil, nil, err
	}
	v, err := r.read(e.schema, node(text[payload[0]:payload[1]]))
	return e.schema, v, err
}
