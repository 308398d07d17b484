// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"
	"strings"

	"github.com/penstock-io/penstock/config"
)

const unwrapClass = "io.debezium.transforms.ExtractNewRecordState"

func init() {
	Register(unwrapClass, Plugin{Def: unwrapConfig, New: newUnwrap})
}

// Keys of ExtractNewRecordState that are read in more than one place.
const (
	unwrapMode         = "delete.tombstone.handling.mode"
	unwrapLegacyDrop   = "drop.tombstones"
	unwrapLegacyDelete = "delete.handling.mode"
)

var unwrapConfig = config.Def{
	config.String(unwrapMode).Default("tombstone").
		Validate(anyCaseOrAbsent("drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone")).
		Doc("What becomes of delete events and of the tombstones behind them. drop: both are dropped. tombstone: the delete " +
			"becomes a null of the table's schema. rewrite: the old row, with a field __deleted. rewrite-with-tombstone: the " +
			"same, and tombstones pass. delete-to-tombstone: the delete becomes a tombstone without schema."),
	config.String("route.by.field").Default("").Low().Doc("Field of the row whose value becomes the topic."),
	config.String("add.fields.prefix").Default("__").Low().Doc("Prefix of the fields added."),
	config.List("add.fields").Default("").Low().
		Doc("Fields of the event to add to the row: op, ts_ms, source.lsn, table:name_to_use."),
	config.String("add.headers.prefix").Default("__").Low().Doc("Prefix of the headers added."),
	config.List("add.headers").Default("").Low().Doc("Fields of the event to add to the headers, as in add.fields."),
	config.String("drop.fields.header.name").Low().Doc("Header that holds a list of fields to leave out."),
	config.Bool("drop.fields.from.key").Default(false).Low().Doc("Whether these fields leave the key, too."),
	config.Bool("drop.fields.keep.schema.compatible").Default(true).Low().
		Doc("Whether only optional fields may be left out."),
	config.Bool(defaultForNull).Default(true).Low().
		Doc("Whether nulls of fields with a default become that default when rows are rewritten."),
	config.Bool(unwrapLegacyDrop).Low().Doc("Deprecated, see " + unwrapMode + ": whether tombstones are dropped (true)."),
	config.String(unwrapLegacyDelete).Low().Validate(anyCaseOrAbsent("drop", "rewrite", "none")).
		Doc("Deprecated, see " + unwrapMode + ": drop (default), rewrite, or none, which passes the null on."),
}

// anyCaseOrAbsent accepts one of the values, in any case, or null.
func anyCaseOrAbsent(values ...string) config.Validator {
	text := strings.Join(values, ", ")
	return config.ValidatorFunc{
		Text: "[" + text + "]",
		Check: func(key string, value any) error {
			s, ok := value.(string)
			if !ok || slices.Contains(values, strings.ToLower(strings.TrimSpace(s))) {
				return nil
			}
			return config.Invalid(key, value, "Value must be one of "+text)
		},
	}
}

// choice is the value of a key that anyCaseOrAbsent checked.
func choice(v config.Values, key, absent string) string {
	if v.IsNull(key) {
		return absent
	}
	return strings.ToLower(strings.TrimSpace(v.String(key)))
}

// flag is a BOOLEAN, or what stands for it when it is null.
func flag(v config.Values, key string, absent bool) bool {
	if v.IsNull(key) {
		return absent
	}
	return v.Bool(key)
}

// onDelete says what becomes of a delete event.
type onDelete uint8

const (
	deleteToNull      onDelete = iota // a null under the schema of the row
	deleteToTombstone                 // a null without schema
	deleteDrop
	deleteRewrite // the old row with __deleted
)

func newUnwrap(v config.Values) (Transform, error) {
	t := &Unwrap{
		route: v.String("route.by.field"), dropHeader: v.String("drop.fields.header.name"),
		dropFromKey: flag(v, "drop.fields.from.key", false), dropOptional: flag(v, "drop.fields.keep.schema.compatible", true),
		fill: flag(v, defaultForNull, true), after: ExtractField{defaults: true}, before: ExtractField{defaults: true},
	}
	t.setMode(v)
	var err error
	if t.fields, err = parseEnvelopeRefs("add.fields", rawText(v, "add.fields"), prefixText(v, "add.fields.prefix")); err != nil {
		return nil, err
	}
	if t.headers, err = parseEnvelopeRefs("add.headers", rawText(v, "add.headers"), prefixText(v, "add.headers.prefix")); err != nil {
		return nil, err
	}
	if t.after.path, err = ParseFieldPath(envelopeAfter, FieldSyntaxV1); err != nil {
		return nil, err
	}
	t.before.path, err = ParseFieldPath(envelopeBefore, FieldSyntaxV1)
	return t, err
}

// setMode reads how deletes are handled; the deprecated keys count where the new one is not given.
func (t *Unwrap) setMode(v config.Values) {
	if !v.IsSet(unwrapMode) && (!v.IsNull(unwrapLegacyDrop) || !v.IsNull(unwrapLegacyDelete)) {
		t.keepTombstones = !flag(v, unwrapLegacyDrop, true)
		t.deletes = map[string]onDelete{"drop": deleteDrop, "rewrite": deleteRewrite, "none": deleteToNull}[choice(v, unwrapLegacyDelete, "drop")]
		return
	}
	mode := choice(v, unwrapMode, "tombstone")
	t.keepTombstones = mode == "rewrite-with-tombstone"
	t.deletes = map[string]onDelete{
		"drop": deleteDrop, "tombstone": deleteToNull, "rewrite": deleteRewrite, "rewrite-with-tombstone": deleteRewrite,
		"delete-to-tombstone": deleteToTombstone,
	}[mode]
}

// rawText is a list as the user wrote it: Debezium splits it in its own way.
func rawText(v config.Values, key string) string {
	text, _ := v.Originals().Get(key)
	return text
}

func prefixText(v config.Values, key string) string {
	if v.IsNull(key) {
		return "__"
	}
	return v.String(key)
}
