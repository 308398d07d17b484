// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/text"
)

// FieldSyntax says how the text of a field path is read (FieldSyntaxVersion, KIP-821).
type FieldSyntax uint8

// The versions of the syntax.
const (
	FieldSyntaxV1 FieldSyntax = iota // the text is the name of one field
	FieldSyntaxV2                    // steps between dots; backticks wrap a step that has dots in its name
)

// fieldSyntaxConfig is the key that chooses the syntax.
const fieldSyntaxConfig = "field.syntax.version"

// fieldSyntaxKey defines field.syntax.version, for transforms that know paths.
func fieldSyntaxKey() *config.Key {
	return config.String(fieldSyntaxConfig).Default("V1").InAnyCase("V1", "V2").High().Doc("Defines the version of the syntax to access fields: " +
		"V1 reads the text as the name of one field at the root, V2 as steps between dots into nested structs and maps; " +
		"a step whose name has dots is wrapped in backticks.")
}

// fieldSyntaxOf reads field.syntax.version.
func fieldSyntaxOf(v config.Values) FieldSyntax {
	if strings.EqualFold(v.String(fieldSyntaxConfig), "V2") {
		return FieldSyntaxV2
	}
	return FieldSyntaxV1
}

// FieldPath leads to a field of a struct or map, or of one nested in it (SingleFieldPath). No steps at all (an empty
// text under V2) make every access fail, as in Java.
type FieldPath struct {
	Text  string // as configured
	Steps []string
}

// ParseFieldPath reads a path. The error is Java's ConfigException about a backtick without its twin.
func ParseFieldPath(path string, syntax FieldSyntax) (FieldPath, error) {
	if syntax == FieldSyntaxV1 {
		return FieldPath{path, []string{path}}, nil
	}
	p := FieldPath{Text: path}
	for i := 0; i < len(path); {
		if path[i] == '`' {
			step, next := quotedStep(path, i+1)
			if next < 0 {
				return FieldPath{}, config.Plain("", "Incomplete backtick pair in path: ["+path+
					"], consider adding a backslash before backtick at position "+strconv.Itoa(text.UTF16Len(path[:i]))+" to escape it")
			}
			p.Steps = append(p.Steps, step)
			i = next
			continue
		}
		dot := strings.IndexByte(path[i:], '.')
		if dot < 0 {
			p.Steps = append(p.Steps, path[i:])
			break
		}
		p.Steps = append(p.Steps, path[i:i+dot])
		i += dot + 1
	}
	if strings.HasSuffix(path, ".") {
		p.Steps = append(p.Steps, "")
	}
	return p, nil
}

// quotedStep reads a step from the byte after its opening backtick; next is where the following step starts, -1 when
// the closing backtick is missing. Only a backtick at the end or before a dot can close; a backslash before it keeps it.
func quotedStep(path string, i int) (step string, next int) {
	var name strings.Builder
	start := i
	for {
		tick := strings.IndexByte(path[i:], '`')
		if tick < 0 {
			return "", -1
		}
		i += tick
		escaped := path[i-1] == '\\'
		switch {
		case i == len(path)-1 && escaped:
			return "", -1
		case i == len(path)-1:
			name.WriteString(path[start:i])
			return name.String(), len(path)
		case path[i+1] != '.':
			i++
		case escaped:
			name.WriteString(path[start : i-1])
			name.WriteByte('`')
			i++
			start = i
		default:
			name.WriteString(path[start:i])
			return name.String(), i + 2
		}
	}
}

// noSteps is what Java's List.subList says of an empty path.
func (p FieldPath) noSteps() error {
	if len(p.Steps) > 0 {
		return nil
	}
	return batch.NewFault(batch.IllegalArgument, "fromIndex(0) > toIndex(-1)")
}

// Nested reports whether the path has more than one step.
func (p FieldPath) Nested() bool { return len(p.Steps) > 1 }

// Last is the name of the field that the path leads to.
func (p FieldPath) Last() string { return p.Steps[len(p.Steps)-1] }

// SchemaOf is the schema of the field that the path leads to; nil when there is none (SingleFieldPath.fieldFrom).
func (p FieldPath) SchemaOf(s *batch.Schema) (*batch.Schema, error) {
	if s == nil {
		return nil, nil
	}
	if err := p.noSteps(); err != nil {
		return nil, err
	}
	for _, step := range p.Steps {
		if s.Type != batch.Struct {
			return nil, batch.DataFault("Cannot look up fields on non-struct type")
		}
		i := s.Field(step)
		if i < 0 {
			return nil, nil
		}
		s = s.Fields[i].Schema
	}
	return s, nil
}

// FromStruct is the value that the path leads to, nil when a step is missing or null (SingleFieldPath.valueFrom).
// Defaults stand in for nulls on the way, and at the end when withDefault is set.
func (p FieldPath) FromStruct(v *batch.StructValue, withDefault bool) (any, error) {
	if v == nil {
		return nil, nil
	}
	if err := p.noSteps(); err != nil {
		return nil, err
	}
	for _, step := range p.Steps[:len(p.Steps)-1] {
		if v.Schema.Field(step) < 0 {
			return nil, nil
		}
		sub := v.Get(step)
		if sub == nil {
			return nil, nil
		}
		next, ok := sub.(*batch.StructValue)
		if !ok {
			return nil, requireStructFault(sub, "nested field access")
		}
		v = next
	}
	i := v.Schema.Field(p.Last())
	switch {
	case i < 0:
		return nil, nil
	case withDefault:
		return v.Get(p.Last()), nil
	}
	return v.Vals[i], nil
}

// FromMap is the value that the path leads to, nil when a step is missing or null.
func (p FieldPath) FromMap(m *batch.MapValue) (any, error) {
	if m == nil {
		return nil, nil
	}
	if err := p.noSteps(); err != nil {
		return nil, err
	}
	for _, step := range p.Steps[:len(p.Steps)-1] {
		sub, _ := m.Get(step)
		if sub == nil {
			return nil, nil
		}
		next, ok := sub.(*batch.MapValue)
		if !ok {
			return nil, requireMapFault(sub, "nested field access")
		}
		m = next
	}
	v, _ := m.Get(p.Last())
	return v, nil
}
