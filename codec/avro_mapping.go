// SPDX-License-Identifier: Apache-2.0

package codec

import "github.com/penstock-io/penstock/batch"

// AvroMapping maps schemas and values between Connect and Avro, without a registry and its wire format
// (io.confluent.connect.avro.AvroData). The fields are the options of AvroDataConfig of the names given.
type AvroMapping struct {
	Enhanced bool // enhanced.avro.schema.support
	Meta     bool // connect.meta.data
	Scrub    bool // scrub.invalid.names
	SumTypes bool // generalized.sum.type.support
}

func (m AvroMapping) options() avroOptions {
	return avroOptions{enhanced: m.Enhanced, meta: m.Meta, scrub: m.Scrub, sum: m.SumTypes}
}

// FromSchema gives the text of the Avro schema for a Connect schema; nil is no schema.
func (m AvroMapping) FromSchema(s *batch.Schema) ([]byte, error) {
	a, err := m.options().fromConnectSchema(s)
	if err != nil {
		return nil, err
	}
	return a.appendText(nil, "", map[string]*avroSchema{}), nil
}

// ToSchema gives the Connect schema for the text of an Avro schema.
func (m AvroMapping) ToSchema(text []byte) (*batch.Schema, error) {
	_, s, err := m.parse(text)
	return s, err
}

func (m AvroMapping) parse(text []byte) (*avroSchema, *batch.Schema, error) {
	a, err := (&avroParser{}).parse(text)
	if err != nil {
		return nil, nil, err
	}
	s, err := m.options().toConnectSchema(a)
	return a, s, err
}

// Encode gives the Avro binary of a value under a Connect schema, as FromSchema maps that.
func (m AvroMapping) Encode(s *batch.Schema, x any) ([]byte, error) {
	a, err := m.options().fromConnectSchema(s)
	if err != nil {
		return nil, err
	}
	e, err := m.options().newAvroEnc(s, a)
	if err != nil {
		return nil, err
	}
	return e.value([]byte{}, x)
}

// Decode reads Avro binary under the text of its schema: the Connect schema and the value.
func (m AvroMapping) Decode(text, p []byte) (*batch.Schema, any, error) {
	a, s, err := m.parse(text)
	if err != nil {
		return nil, nil, err
	}
	b := batch.New()
	b.N = 1
	b.Slab.Append(p)
	v := b.NewColumn(s)
	r := avroRow{b: b, buf: b.Slab.Buf(), epoch: 1}
	if err := r.value(newAvroDec(s, a), v); err != nil {
		return nil, nil, err
	}
	return s, b.Read(v, 0), nil
}
