// SPDX-License-Identifier: Apache-2.0

package codeccase

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/internal/jsontext"
)

var errText = errors.New("no JSON")

// ordered rewrites JSON with the members of its objects sorted and nothing else changed.
func ordered(p []byte) (string, error) {
	if !json.Valid(p) {
		return "", errText
	}
	end, ok := jsontext.Value(p, 0)
	if !ok || end != len(p) {
		return "", errText
	}
	s, _ := sorted(p, 0)
	return s, nil
}

func sorted(p []byte, i int) (string, int) {
	if p[i] != '{' && p[i] != '[' {
		end, _ := jsontext.Value(p, i)
		return string(p[i:end]), end
	}
	object := p[i] == '{'
	open, closing := p[i], p[i]+2
	var parts []string
	for i++; p[i] != closing; {
		if p[i] == ',' {
			i++
		}
		part := ""
		if object {
			end, _ := jsontext.StringEnd(p, i)
			part = string(p[i:end]) + ":"
			i = end + 1
		}
		var v string
		v, i = sorted(p, i)
		parts = append(parts, part+v)
	}
	if object {
		slices.Sort(parts)
	}
	return string(open) + strings.Join(parts, ",") + string(closing), i + 1
}
