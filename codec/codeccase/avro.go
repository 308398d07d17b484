// SPDX-License-Identifier: Apache-2.0

package codeccase

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/internal/vectors"
)

// avroCase is what cases of Avro have beside Case.
type avroCase struct {
	AvroSchema json.RawMessage `json:"avroSchema"`
	Expect     struct {
		AvroSchema json.RawMessage `json:"avroSchema"`
		Bytes      *string         `json:"bytes"`
	} `json:"expect"`
}

// mapping reads the options.
func (c *Case) mapping() (codec.AvroMapping, error) {
	m := codec.AvroMapping{Meta: true}
	props, err := vectors.Config(c.Config)
	if err != nil {
		return m, err
	}
	for key, value := range props {
		on := value != nil && *value == "true"
		switch key {
		case "enhanced.avro.schema.support":
			m.Enhanced = on
		case "connect.meta.data":
			m.Meta = on
		case "scrub.invalid.names":
			m.Scrub = on
		case "generalized.sum.type.support":
			m.SumTypes = on
		default:
			return m, fmt.Errorf("%w: option %s", errCase, key)
		}
	}
	return m, nil
}

// avro plays a case of the mapping between Connect and Avro. What the schema's text or the bytes have wrong is said by
// detail.
func (c *Case) avro(line []byte) (r result, detail string, err error) {
	var a avroCase
	if err := json.Unmarshal(line, &a); err != nil {
		return r, "", fmt.Errorf("%w: %w", errCase, err)
	}
	m, err := c.mapping()
	if err != nil {
		return r, "", err
	}
	switch c.Op {
	case "avro.schema.to":
		r.schema, err = m.ToSchema(a.AvroSchema)
		r.ops = hasSchema
		return r, "", err
	case "avro.to":
		p, berr := a.bytes()
		if berr != nil {
			return r, "", berr
		}
		r.schema, r.value, err = m.Decode(a.AvroSchema, p)
		r.ops = hasSchema | hasValue
		return r, "", err
	}
	s, v, err := vectors.SchemaAndValue(c.Schema, c.Value)
	if err != nil {
		return r, "", fmt.Errorf("%w: %w", errCase, err)
	}
	text, err := m.FromSchema(s)
	if err != nil {
		return r, "", err
	}
	var got []byte
	if c.Op == "avro.from" {
		if got, err = m.Encode(s, v); err != nil {
			return r, "", err
		}
	}
	return r, a.compare(text, got), nil
}

func (a *avroCase) bytes() ([]byte, error) {
	if a.Expect.Bytes == nil {
		return nil, fmt.Errorf("%w: no bytes", errCase)
	}
	p, err := base64.StdEncoding.DecodeString(*a.Expect.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCase, err)
	}
	return p, nil
}

// compare holds the text of a schema and the bytes, if there are any, against what is expected.
func (a *avroCase) compare(text, got []byte) string {
	if !sameValue(text, a.Expect.AvroSchema) {
		return fmt.Sprintf("got  %s\nwant %s", text, a.Expect.AvroSchema)
	}
	if got == nil {
		return ""
	}
	want, err := a.bytes()
	if err != nil {
		return err.Error()
	}
	if !bytes.Equal(got, want) {
		return fmt.Sprintf("got  %x\nwant %x", got, want)
	}
	return ""
}

// sameValue compares JSON by its values, numbers as numbers.
func sameValue(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
