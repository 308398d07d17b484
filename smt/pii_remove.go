// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"hash"
	"math/big"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

func init() {
	RegisterKeyAndValue("io.penstock.transforms.PIIRemove", piiConfig, newPIIRemove)
}

const (
	piiFields   = "drop.fields"
	piiMode     = "mode"
	piiSalt     = "salt"
	piiTokenKey = "token.key"
	piiMask     = "mask.replacement"
)

var piiModes = []string{"remove", "mask", "hash", "tokenise"}

var piiConfig = config.Def{
	config.List(piiFields).Required().High().Validate(config.ValidatorFunc{Text: "list of pattern or pattern:mode", Check: checkPII}).
		Doc("Patterns of field paths: steps between dots, * for any part of a name, ** for any number of steps, " +
			"backticks around a name with dots. A mode may follow a colon: **.email:hash. The first pattern that matches counts."),
	config.String(piiMode).Default("remove").In(piiModes...).
		Doc("What becomes of fields whose pattern names no mode: remove, mask, hash (SHA-256) or tokenise (the same text gives the same token)."),
	config.Secret(piiSalt).Default(nil).Doc("Text that is hashed before the value, so that hashes cannot be looked up."),
	config.Secret(piiTokenKey).Default(nil).Doc("The key of the tokens. Needed by the mode tokenise."),
	config.String(piiMask).Default("****").Low().Doc("What masked texts become. Numbers become zero, as in MaskField."),
}

func checkPII(key string, value any) error {
	list, _ := value.([]string)
	if len(list) == 0 {
		return config.Invalid(key, value, "must name at least one pattern, e.g. **.email")
	}
	for _, entry := range list {
		if _, err := parsePII(entry, "remove"); err != "" {
			return config.Invalid(key, value, err)
		}
	}
	return nil
}

// piiRule is one pattern and what becomes of the fields that it matches.
type piiRule struct {
	steps []string
	mode  string
	leaf  leafEdit // nil: remove
}

func parsePII(entry, mode string) (rule piiRule, fault string) {
	pattern := entry
	if i := strings.LastIndexByte(entry, ':'); i >= 0 && !strings.Contains(entry[i:], "`") {
		pattern, mode = strings.TrimSpace(entry[:i]), strings.ToLower(strings.TrimSpace(entry[i+1:]))
	}
	if mode == "tokenize" {
		mode = "tokenise"
	}
	ok := false
	for _, m := range piiModes {
		ok = ok || m == mode
	}
	if !ok {
		return rule, "unknown mode " + mode + " in " + entry + "; use remove, mask, hash or tokenise"
	}
	path, err := ParseFieldPath(pattern, FieldSyntaxV2)
	if err != nil {
		return rule, err.Error()
	}
	for _, step := range path.Steps {
		if step == "" {
			return rule, "the pattern " + entry + " has an empty step"
		}
	}
	if len(path.Steps) == 0 {
		return rule, "a pattern is empty"
	}
	return piiRule{steps: path.Steps, mode: mode}, ""
}

// PIIRemove takes personal data out of keys or values: fields are found by patterns and removed, masked, hashed or
// replaced by tokens. It works with and without schemas, in structs, maps and lists. A field that is a struct, map or
// list is removed whole, or all values in it are masked, hashed or replaced. Hashes and tokens are text: numbers and
// the like get the schema STRING.
type PIIRemove struct {
	side   batch.Side
	editor pathEditor
}

func newPIIRemove(v config.Values, side batch.Side) (Transform, error) {
	rules := &piiRules{}
	for _, entry := range v.List(piiFields) {
		rule, fault := parsePII(entry, v.String(piiMode))
		if fault != "" {
			return nil, config.Invalid(piiFields, v.List(piiFields), fault)
		}
		switch rule.mode {
		case "mask":
			rule.leaf = &piiMasker{replacement: v.String(piiMask)}
		case "hash":
			rule.leaf = newPIIHasher(v.Password(piiSalt).Reveal())
		case "tokenise":
			key := v.Password(piiTokenKey).Reveal()
			if key == "" {
				return nil, config.Invalid(piiTokenKey, nil, "must be set for the mode tokenise of "+entry)
			}
			rule.leaf = &piiTokeniser{mac: hmac.New(sha256.New, []byte(key))}
		}
		rules.rules = append(rules.rules, rule)
	}
	return &PIIRemove{side: side, editor: pathEditor{rules: rules}}, nil
}

// Apply changes the columns, or the rows one by one where they differ.
func (t *PIIRemove) Apply(b *batch.Batch) error {
	t.editor.apply(b, t.side)
	return nil
}

type piiRules struct{ rules []piiRule }

func (r *piiRules) decide(path []string) fieldEdit {
	for i := range r.rules {
		if rule := &r.rules[i]; globPath(rule.steps, path, false) {
			return fieldEdit{drop: rule.leaf == nil && path[len(path)-1] != anyKey, leaf: rule.leaf}
		}
	}
	return fieldEdit{}
}

func (r *piiRules) below(path []string) bool {
	for i := range r.rules {
		if globPath(r.rules[i].steps, path, true) {
			return true
		}
	}
	return false
}

// globPath matches a path with a pattern; ** at the end is one step or more. With prefix set it asks whether a longer
// path could match.
func globPath(pattern, path []string, prefix bool) bool {
	for len(path) > 0 {
		if len(pattern) == 0 {
			return false
		}
		if pattern[0] == "**" {
			if prefix {
				return true
			}
			for i := range len(path) + 1 {
				if globPath(pattern[1:], path[i:], false) {
					return true
				}
			}
			return false
		}
		if path[0] != anyKey && !globName(pattern[0], path[0]) {
			return false
		}
		pattern, path = pattern[1:], path[1:]
	}
	return (len(pattern) > 0) == prefix
}

// globName matches a name with a pattern of one step: * is any run of bytes, ? any one.
func globName(pattern, name string) bool {
	star, mark, p, n := -1, 0, 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// piiMasker replaces values by constants of the same type.
type piiMasker struct{ replacement string }

func (m *piiMasker) schema(s *batch.Schema) *batch.Schema { return s }

func (m *piiMasker) text(dst, _ []byte) []byte { return append(dst, m.replacement...) }

func (m *piiMasker) value(x any) any {
	switch y := x.(type) {
	case bool:
		return false
	case int8:
		return int8(0)
	case int16:
		return int16(0)
	case int32:
		return int32(0)
	case int64:
		return int64(0)
	case float32:
		return float32(0)
	case float64:
		return float64(0)
	case string:
		return m.replacement
	case batch.Decimal:
		return batch.Decimal{Unscaled: new(big.Int), Scale: y.Scale}
	case *big.Int:
		return new(big.Int)
	case batch.Date:
		return batch.Date(0)
	case []byte, batch.ByteBuffer:
		return []byte{}
	}
	return nil
}

// textSchema is the schema of a leaf that became text.
func textSchema(s *batch.Schema) *batch.Schema {
	if s.Type == batch.String {
		return s
	}
	if s.Optional || s.HasDefault {
		return batch.OptionalStringSchema
	}
	return batch.StringSchema
}

// leafText is the text that is hashed for a value: bytes as they are, others as Java prints them.
func leafText(x any) []byte {
	switch y := x.(type) {
	case []byte:
		return y
	case batch.ByteBuffer:
		return y
	}
	return text.AppendUTF8(nil, values.String(x))
}

// piiHasher replaces values by their SHA-256 in hexadecimal digits.
type piiHasher struct {
	salt []byte
	hash hash.Hash
	sum  []byte
}

func newPIIHasher(salt string) *piiHasher { return &piiHasher{salt: []byte(salt), hash: sha256.New()} }

func (h *piiHasher) schema(s *batch.Schema) *batch.Schema { return textSchema(s) }

func (h *piiHasher) text(dst, s []byte) []byte {
	h.hash.Reset()
	h.hash.Write(h.salt)
	h.hash.Write(s)
	h.sum = h.hash.Sum(h.sum[:0])
	return hex.AppendEncode(dst, h.sum)
}

func (h *piiHasher) value(x any) any { return string(h.text(nil, leafText(x))) }

// piiTokeniser replaces values by tokens: the same value under the same key gives the same token, and nothing leads
// back. Tokens are 16, 26 or 52 letters and digits for texts of up to 16, up to 26 and more bytes.
type piiTokeniser struct {
	mac hash.Hash
	sum []byte
}

var tokenAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

func (t *piiTokeniser) schema(s *batch.Schema) *batch.Schema { return textSchema(s) }

func (t *piiTokeniser) text(dst, s []byte) []byte {
	t.mac.Reset()
	t.mac.Write(s)
	t.sum = t.mac.Sum(t.sum[:0])
	size := 52
	switch {
	case len(s) <= 16:
		size = 16
	case len(s) <= 26:
		size = 26
	}
	start := len(dst)
	dst = tokenAlphabet.AppendEncode(dst, t.sum)
	return dst[:start+size]
}

func (t *piiTokeniser) value(x any) any { return string(t.text(nil, leafText(x))) }
