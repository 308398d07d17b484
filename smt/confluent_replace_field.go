// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"slices"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

// confluentPrefix is the package of Confluent's transforms.
const confluentPrefix = "io.confluent.connect.transforms."

func init() {
	RegisterKeyAndValue(confluentPrefix+"ReplaceField", confluentReplaceConfig, newConfluentReplace)
}

var confluentReplaceConfig = config.Def{
	config.List("exclude").Default([]string{}).Doc("Fields to leave out: paths with dots between the names. This wins over the fields to include."),
	config.List("include").Default([]string{}).Doc("Fields to keep: paths with dots between the names. When given, all others are left out."),
	config.List("blacklist").Default([]string{}).Low().Doc("The old name of exclude."),
	config.List("whitelist").Default([]string{}).Low().Doc("The old name of include."),
	config.List("renames").Default([]string{}).Validate(pairsValidator(checkRenames)).
		Doc("Fields to rename, as path:name pairs. Paths are those before any renaming; a field stays in its place."),
}

// ConfluentReplaceField is ReplaceField for fields at any depth (io.confluent.connect.transforms.ReplaceField).
type ConfluentReplaceField struct {
	side   batch.Side
	editor pathEditor
}

func newConfluentReplace(v config.Values, side batch.Side) (Transform, error) {
	r := &replaceRules{renames: map[string]string{}}
	for _, key := range []string{"exclude", "blacklist"} {
		r.exclude = append(r.exclude, v.List(key)...)
	}
	for _, key := range []string{"include", "whitelist"} {
		r.include = append(r.include, v.List(key)...)
	}
	for _, pair := range v.List("renames") {
		parts := splitPair(pair)
		r.renames[parts[0]] = parts[1]
	}
	return &ConfluentReplaceField{side: side, editor: pathEditor{rules: r}}, nil
}

// Apply renames and drops columns, or works row by row where that needs a look into nested text.
func (t *ConfluentReplaceField) Apply(b *batch.Batch) error {
	t.editor.apply(b, t.side)
	return nil
}

type replaceRules struct {
	exclude, include []string
	renames          map[string]string
}

func (r *replaceRules) decide(path []string) fieldEdit {
	if slices.Contains(path, anyKey) {
		return fieldEdit{}
	}
	at := strings.Join(path, ".")
	return fieldEdit{drop: slices.Contains(r.exclude, at) || !r.included(at), name: r.renames[at]}
}

// included reports whether a field, one above it, or one below it is to be kept.
func (r *replaceRules) included(at string) bool {
	if len(r.include) == 0 {
		return true
	}
	for _, want := range r.include {
		if at == want || strings.HasPrefix(at, want+".") || strings.HasPrefix(want, at+".") {
			return true
		}
	}
	return false
}

func (r *replaceRules) below(path []string) bool {
	if len(path) == 0 {
		return true
	}
	if slices.Contains(path, anyKey) {
		return false
	}
	at := strings.Join(path, ".") + "."
	for from := range r.renames {
		if strings.HasPrefix(from, at) {
			return true
		}
	}
	inside := func(p string) bool { return strings.HasPrefix(p, at) }
	return slices.ContainsFunc(r.exclude, inside) || slices.ContainsFunc(r.include, inside)
}
