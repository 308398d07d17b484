// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/simpledate"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/javastring"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue("org.apache.kafka.connect.transforms.TimestampConverter", timestampConverterConfig, newTimestampConverter)
}

var timestampConverterConfig = config.Def{
	config.String("field").Default("").High().Doc("The field that holds the timestamp; empty when the whole value is one."),
	config.String("target.type").Required().High().In("string", "unix", "Date", "Time", "Timestamp").
		Doc("What the timestamp becomes: string, unix, Date, Time or Timestamp."),
	config.String("format").Default("").
		Doc("A pattern of SimpleDateFormat: writes the output when target.type is string, reads the input when that is a string."),
	config.String("unix.precision").Default("milliseconds").Low().In("nanoseconds", "microseconds", "milliseconds", "seconds").
		Doc("What a unix timestamp counts, as input and as output: seconds, milliseconds, microseconds or nanoseconds. " +
			"Between them there are milliseconds: anything finer is lost."),
	defaultForNullKey(),
}

// TimestampConverter changes the form of a timestamp: text, a number since the epoch, or Connect's Date, Time and
// Timestamp. Nulls become nulls of the new type; a key that a map lacks appears as null.
type TimestampConverter struct {
	side   batch.Side
	field  string // "": the whole value
	target timestampForm
	format *simpledate.Format // nil: none given
	perSec int64              // unix units per second
	fill   bool
	plans  schemaCache[*timestampPlan]
	memo   dayMemo
}

// timestampForm is one of the five forms, as target or as source.
type timestampForm uint8

const (
	formString timestampForm = iota
	formUnix
	formDate
	formTime
	formTimestamp
)

var timestampForms = map[string]timestampForm{
	"string": formString, "unix": formUnix, "Date": formDate, "Time": formTime, "Timestamp": formTimestamp,
}

// timestampSchemas are the schemas of the forms, required and optional.
var timestampSchemas = [...][2]*batch.Schema{
	formString:    {batch.StringSchema, batch.OptionalStringSchema},
	formUnix:      {batch.Int64Schema, batch.OptionalInt64Schema},
	formDate:      {batch.DateSchema(false), batch.DateSchema(true)},
	formTime:      {batch.TimeSchema(false), batch.TimeSchema(true)},
	formTimestamp: {batch.TimestampSchema(false), batch.TimestampSchema(true)},
}

// schema is the schema of a form.
func (f timestampForm) schema(optional bool) *batch.Schema {
	return timestampSchemas[f][batch.BoolCell(optional)]
}

// tag is the tag of a form's cells.
func (f timestampForm) tag() batch.Tag {
	switch f {
	case formString:
		return batch.TagString
	case formUnix:
		return batch.TagInt64
	}
	return batch.TagDate
}

var unitsPerSecond = map[string]int64{"seconds": 1, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}

func newTimestampConverter(v config.Values, side batch.Side) (Transform, error) {
	t := &TimestampConverter{
		side: side, field: v.String("field"), target: timestampForms[v.String("target.type")],
		perSec: unitsPerSecond[v.String("unix.precision")], fill: v.Bool(defaultForNull),
	}
	pattern := v.String("format")
	blank := text.Trim(pattern) == ""
	if blank && t.target == formString {
		return nil, config.Plain("format", "TimestampConverter requires format option to be specified when using string timestamps")
	}
	if blank {
		return t, nil
	}
	f, err := simpledate.New(pattern, nil)
	if err != nil {
		return nil, config.Invalid("TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: "+pattern,
			"java.lang.IllegalArgumentException: "+err.Error(), "")
	}
	t.format = f
	return t, nil
}

// Apply converts the whole column.
func (t *TimestampConverter) Apply(b *batch.Batch) error {
	if t.field != "" {
		b.OpenObjects(t.side)
		alignTables(b, t.side, copiedTable, t.field)
	}
	applySide(b, t.side, func(p *batch.Payload, k int) bool {
		v := &p.Variants[k]
		switch {
		case t.field == "":
			return t.wholeColumn(b, v)
		case v.Root.Kind == batch.KindStruct:
			return t.structColumns(b, v)
		case v.Root.Kind == batch.KindObject:
			return t.objectColumns(b, p, k)
		}
		return v.Schema == nil && allNull(v.Root)
	}, t.row)
	return nil
}

func (t *TimestampConverter) row(s *batch.Schema, x any) (*batch.Schema, any, error) {
	switch {
	case s == nil && (x == nil || t.field == ""):
		x, err := t.convertAny(x)
		return nil, x, err
	case s == nil:
		m, err := requireMap(x, timestampPurpose)
		if err != nil {
			return nil, nil, err
		}
		old, _ := m.Get(t.field)
		v, err := t.convertAny(old)
		if err != nil {
			return nil, nil, err
		}
		out := copyMap(m)
		out.Put(t.field, v)
		return nil, out, nil
	case t.field == "":
		form, err := timestampFormOf(s)
		if err != nil {
			return nil, nil, err
		}
		x, err := t.convert(x, form)
		return t.target.schema(s.Optional), x, err
	}
	var v *batch.StructValue
	if x != nil {
		var err error
		if v, err = requireStruct(x, timestampPurpose); err != nil {
			return nil, nil, err
		}
	}
	plan := t.plans.get(s, t.plan)
	if plan.err != nil || v == nil {
		return plan.schema, nil, plan.err
	}
	out, err := t.structRow(v, plan.schema)
	if err != nil {
		return nil, nil, err
	}
	return plan.schema, out, nil
}

const timestampPurpose = "converting timestamp formats"

// structRow is TimestampConverter.applyValueWithSchema.
func (t *TimestampConverter) structRow(v *batch.StructValue, s *batch.Schema) (*batch.StructValue, error) {
	out := newStruct(s)
	for _, f := range v.Schema.Fields {
		x, err := getField(v, f.Name, t.fill)
		if err != nil {
			return nil, err
		}
		if f.Name == t.field {
			form, err := timestampFormOf(f.Schema)
			if err != nil {
				return nil, err
			}
			if x, err = t.convert(x, form); err != nil {
				return nil, err
			}
		}
		if err := putField(out, f.Name, x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// timestampPlan is what becomes of one input schema when a field is converted.
type timestampPlan struct {
	schema *batch.Schema
	err    error
}

func (t *TimestampConverter) plan(s *batch.Schema) *timestampPlan {
	fields, err := listFields(s)
	if err != nil {
		return &timestampPlan{err: err}
	}
	out := schemaBasics(s, batch.Struct)
	for _, f := range fields {
		fs := f.Schema
		if f.Name == t.field {
			fs = t.target.schema(fs.Optional)
		}
		if err := addField(&out, f.Name, fs); err != nil {
			return &timestampPlan{err: err}
		}
	}
	out.Optional = s.Optional
	if d, ok := s.Default.(*batch.StructValue); ok && s.HasDefault {
		bare := batch.NewSchema(out)
		x, err := t.structRow(d, bare)
		if err == nil {
			err = values.ValidateStruct(x)
		}
		if err != nil {
			return &timestampPlan{err: err}
		}
		out.HasDefault, out.Default = true, x
	}
	return &timestampPlan{schema: batch.NewSchema(out)}
}

// timestampFormOf is TimestampConverter.timestampTypeFromSchema: names of logical types count before the type.
func timestampFormOf(s *batch.Schema) (timestampForm, error) {
	switch s.NameText() {
	case batch.TimestampName:
		return formTimestamp, nil
	case batch.DateName:
		return formDate, nil
	case batch.TimeName:
		return formTime, nil
	}
	switch s.Type {
	case batch.String:
		return formString, nil
	case batch.Int64:
		return formUnix, nil
	}
	return 0, batch.NewFault(batch.ConnectException, "Schema "+javastring.Schema(s)+" does not correspond to a known timestamp type format")
}

// convertAny converts a value whose class tells its form.
func (t *TimestampConverter) convertAny(x any) (any, error) {
	switch x.(type) {
	case nil:
		return nil, nil
	case batch.Date:
		return t.convert(x, formTimestamp)
	case int64:
		return t.convert(x, formUnix)
	case string:
		return t.convert(x, formString)
	}
	return nil, batch.DataFault("TimestampConverter does not support class " + values.ClassName(x) + " objects as timestamps")
}

// convert is TimestampConverter.convertTimestamp.
func (t *TimestampConverter) convert(x any, from timestampForm) (any, error) {
	if x == nil {
		return nil, nil
	}
	var ms int64
	switch from {
	case formString:
		s, ok := x.(string)
		if !ok {
			return nil, batch.DataFault("Expected string timestamp to be a String, but found class " + values.ClassName(x))
		}
		var err error
		if ms, err = t.parse(s); err != nil {
			return nil, err
		}
	case formUnix:
		n, ok := x.(int64)
		if !ok {
			return nil, batch.DataFault("Expected Unix timestamp to be a Long, but found class " + values.ClassName(x))
		}
		ms = t.fromUnix(n)
	default:
		d, ok := x.(batch.Date)
		if !ok {
			name := [...]string{formDate: "Date", formTime: "Time", formTimestamp: "Timestamp"}[from]
			return nil, batch.DataFault("Expected " + name + " to be a java.util.Date, but found class " + values.ClassName(x))
		}
		ms = int64(d)
	}
	switch t.target {
	case formString:
		return t.format.Format(ms), nil
	case formUnix:
		return t.toUnix(ms), nil
	}
	return batch.Date(t.target.cut(ms)), nil
}

// parse reads a text timestamp into milliseconds.
func (t *TimestampConverter) parse(s string) (int64, error) {
	if t.format == nil {
		return 0, batch.NewFault(batch.NullPointerException, "cannot read a text timestamp: no format is given")
	}
	ms, _, ok := t.format.Parse(s)
	if !ok {
		// s may be borrowed; the error outlives it.
		return 0, &batch.Fault{
			Class:   batch.DataException,
			Message: "Could not parse timestamp: value (" + s + ") does not match pattern (" + t.format.Pattern() + ")",
			Cause:   batch.NewFault(batch.ParseException, `Unparseable date: "`+s+`"`),
		}
	}
	return ms, nil
}

// fromUnix is TimeUnit.toMillis: saturating when the unit is coarser, truncating when it is finer.
func (t *TimestampConverter) fromUnix(n int64) int64 {
	if t.perSec >= 1e3 {
		return n / (t.perSec / 1e3)
	}
	return saturate(n, 1e3)
}

// toUnix is the way back.
func (t *TimestampConverter) toUnix(ms int64) int64 {
	if t.perSec >= 1e3 {
		return saturate(ms, t.perSec/1e3)
	}
	return ms / 1e3
}

func saturate(n, times int64) int64 {
	switch {
	case n > math.MaxInt64/times:
		return math.MaxInt64
	case n < math.MinInt64/times:
		return math.MinInt64
	}
	return n * times
}

// cut reduces milliseconds to what Date (midnights) and Time (within the first day) keep.
func (f timestampForm) cut(ms int64) int64 {
	switch f {
	case formDate:
		return ms - floorMod(ms, millisPerDay)
	case formTime:
		return floorMod(ms, millisPerDay)
	}
	return ms
}

func floorMod(n, m int64) int64 {
	if n %= m; n < 0 {
		n += m
	}
	return n
}
