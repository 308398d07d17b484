// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"crypto/md5"  //nolint:gosec // the user's choice, for fingerprints
	"crypto/sha1" //nolint:gosec // the user's choice, for fingerprints
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
)

func init() {
	RegisterKeyAndValue(aivenPrefix+"Hash", aivenHashConfig, newAivenHash)
}

const hashFunction = "function"

var aivenHashConfig = config.Def{
	config.String(aivenFieldName).Default(nil).High().Doc("Name of the field to hash. Null or empty: the whole key or value, which must be a string."),
	skipMissingKey("a text"),
	config.String(hashFunction).Required().High().In("md5", "sha1", "sha256").Doc("The hash function: md5, sha1 or sha256."),
}

// AivenHash replaces a text by its hash in hexadecimal digits. It works on keys and values with schemas.
type AivenHash struct {
	side  batch.Side
	field string
	skip  bool
	hash  hash.Hash
	sum   []byte
	utf8  []byte
}

func newAivenHash(v config.Values, side batch.Side) (Transform, error) {
	t := &AivenHash{side: side, field: v.String(aivenFieldName), skip: v.Bool(skipMissing)}
	switch v.String(hashFunction) {
	case "md5":
		t.hash = md5.New() //nolint:gosec // see the import
	case "sha1":
		t.hash = sha1.New() //nolint:gosec // see the import
	default:
		t.hash = sha256.New()
	}
	return t, nil
}

// append appends the hash of a text.
func (t *AivenHash) append(dst, s []byte) []byte {
	t.hash.Reset()
	t.utf8 = text.AppendUTF8(t.utf8[:0], string(s))
	t.hash.Write(t.utf8)
	t.sum = t.hash.Sum(t.sum[:0])
	return hex.AppendEncode(dst, t.sum)
}

// Apply hashes the column, or row by row where the rows differ.
func (t *AivenHash) Apply(b *batch.Batch) error {
	p := b.Side(t.side)
	for k := len(p.Variants) - 1; k >= 0; k-- {
		v := &p.Variants[k]
		if v.Frozen || t.columns(b, v) {
			continue
		}
		rewriteRows(b, p, k, func(row int, s *batch.Schema, x any) (*batch.Schema, any, error) {
			out, fault := t.row(s, x)
			if fault != "" {
				return nil, nil, batch.DataFault(fault + ": " + recordText(b, row))
			}
			return s, out, nil
		})
	}
	return nil
}

func (t *AivenHash) columns(b *batch.Batch, v *batch.Variant) bool {
	root := v.Root
	if v.Schema == nil || root.Kind == batch.KindDyn {
		return false
	}
	if t.field == "" {
		if v.Schema.Type != batch.String || !t.skip && hasNulls(root, nil) {
			return false
		}
		if out := editStrings(b, root, t.append); out != nil {
			v.Root = out
			return true
		}
		return false
	}
	if root.Kind != batch.KindStruct || hasNulls(root, nil) {
		return false
	}
	kid, i := root.Kid(t.field)
	if i < 0 {
		return t.skip
	}
	if kid.Kind != batch.KindWords || kid.Schema.Type != batch.String || !t.skip && hasNulls(kid, nil) {
		return false
	}
	out := editStrings(b, kid, t.append)
	if out == nil {
		return false
	}
	v.Root = withKid(b, root, i, out)
	return true
}

// row hashes one value; fault is what is wrong, without the record.
func (t *AivenHash) row(s *batch.Schema, x any) (out any, fault string) {
	place := t.side.String()
	switch {
	case s == nil:
		return nil, place + " schema can't be null"
	case t.field == "" && s.Type != batch.String:
		return nil, place + " schema type must be STRING if field name is not specified"
	case t.field == "" && x == nil:
		if t.skip {
			return nil, ""
		}
		return nil, place + " can't be null"
	case t.field == "":
		return string(t.append(nil, []byte(x.(string)))), ""
	case s.Type != batch.Struct:
		return nil, place + " schema type must be STRUCT if field name is specified"
	case x == nil:
		return nil, place + " can't be null if field name is specified"
	}
	i := s.Field(t.field)
	switch {
	case i < 0 && t.skip:
		return x, ""
	case i < 0:
		return nil, t.field + " in " + place + " schema can't be missing"
	case s.Fields[i].Schema.Type != batch.String:
		return nil, t.field + " schema type in " + place + " must be STRING"
	}
	v := x.(*batch.StructValue)
	old, ok := v.Vals[i].(string)
	switch {
	case !ok && t.skip:
		return x, ""
	case !ok:
		return nil, t.field + " in " + place + " can't be null"
	}
	// The row keeps its own list of values: a boxed one may be shared.
	hashed := &batch.StructValue{Schema: v.Schema, Vals: append([]any(nil), v.Vals...)}
	hashed.Vals[i] = string(t.append(nil, []byte(old)))
	return hashed, ""
}
