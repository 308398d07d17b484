// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
)

func init() {
	Register(kafkadefs.JSONConverter, Plugin{
		Def: kafkadefs.MustGet(kafkadefs.JSONConverter),
		New: func(v config.Values, side batch.Side) (Converter, error) { return newJSON(v) },
		NewHeader: func(v config.Values) (HeaderConverter, error) {
			j, err := newJSON(v)
			if err != nil {
				return nil, err
			}
			return newHeaders(j), nil
		},
	})
}

// JSON is org.apache.kafka.connect.json.JsonConverter.
//
// Without schemas a row of text is validated and cut into its members in one pass; the cells are views of the text,
// undecoded (json_split.go). Text that Jackson takes and RFC 8259 does not is rewritten first (json_relax.go). With
// schemas the envelope is compared with the one before (json_fill.go), or its schema is looked up by its text
// (json_schema.go), and the payload is validated and decoded in one pass straight into typed columns, by a plan made of
// the schema (json_plan.go, json_direct.go). What does not fit those goes through single values (json_value.go), which are
// also how headers and defaults are converted. Encoding: columns are made ready once per batch (json_encode.go) and printed
// row by row (json_print.go; json_reprint.go for cells that are text still), single values by json_write.go.
type JSON struct {
	schemas     bool
	numeric     bool // decimal.format=NUMERIC
	replaceNull bool
	content     *jsonSchema // schema.content: the schema of every payload, which then has no envelope

	read  schemaReader
	split splitter
	fill  filler
	write schemaWriter
	enc   encoder
}

func newJSON(v config.Values) (*JSON, error) {
	j := &JSON{
		schemas:     v.Bool("schemas.enable"),
		numeric:     strings.EqualFold(v.String("decimal.format"), "NUMERIC"),
		replaceNull: v.Bool("replace.null.with.default"),
	}
	j.read = schemaReader{replaceNull: j.replaceNull, limit: max(v.Int("schemas.cache.size"), minSchemas)}
	j.write = schemaWriter{json: j, limit: max(v.Int("schemas.cache.size"), minSchemas)}
	j.fill = filler{json: j}
	j.enc = encoder{json: j}
	if v.Has("schema.content") && v.String("schema.content") != "" {
		text, err := relax(nil, []byte(v.String("schema.content")))
		if err != nil {
			return nil, &batch.Fault{Class: batch.DataException, Message: "Failed to parse schema in converter config due to serialization error: ", Cause: err}
		}
		s, err := j.read.schema(text)
		if err != nil {
			return nil, err
		}
		if s.schema != nil {
			j.content = s
		}
	}
	return j, nil
}

// minSchemas is how many schemas are remembered even where schemas.cache.size is less: without any, each row would
// have a schema, and so a variant, of its own.
const minSchemas = 16

// syntaxFault is how JsonConverter reports text that Jackson refuses.
func syntaxFault(cause error) error {
	return &batch.Fault{Class: batch.DataException, Message: "Converting byte[] to Kafka Connect data failed due to serialization error: ", Cause: cause}
}

// views are the fetched bytes of one side.
func views(b *batch.Batch, side batch.Side) []batch.View {
	if side == batch.Key {
		return b.Raw.Key
	}
	return b.Raw.Value
}

// Decode fills the payload of a side.
func (j *JSON) Decode(b *batch.Batch, side batch.Side) error {
	if j.schemas {
		return j.fill.decode(b, side)
	}
	s := &j.split
	s.begin(b, b.Side(side))
	for row, v := range views(b, side)[:b.N] {
		if b.IsDead(row) || v.Len() == 0 {
			b.AssignNull(s.p, row)
			continue
		}
		if s.row(row, v.Off(), v.Off()+v.Len()) {
			continue
		}
		if err := s.relaxed(row, v); err != nil {
			b.Fail(row, batch.ConverterStage(side), syntaxFault(err))
			b.AssignNull(s.p, row)
		}
	}
	s.end()
	b.Side(side).Seal(b.N)
	return nil
}
