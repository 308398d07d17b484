// SPDX-License-Identifier: Apache-2.0

// Package offsetkey is about the JSON keys under which Connect stores source offsets, ["connector",{partition}]: what equal
// keys are, and how the JVM, which compares their bytes, spells them. It serves the offset file and the offsets topic.
package offsetkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/internal/java/jackson"
	"github.com/penstock-io/penstock/internal/java/number"
)

// Split takes the JSON ["connector",partition] apart.
func Split(key []byte) (connector string, partition []byte, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(key, &parts); err != nil {
		return "", nil, err
	}
	if len(parts) != 2 {
		return "", nil, errors.New("not an array of connector and partition")
	}
	if err := json.Unmarshal(parts[0], &connector); err != nil {
		return "", nil, err
	}
	return connector, parts[1], nil
}

// Append writes the key of a partition, which is JSON and taken as it is.
func Append(dst []byte, connector string, partition []byte) []byte {
	dst = append(jackson.AppendString(append(dst, '['), connector), ',')
	return append(append(dst, partition...), ']')
}

// Canonical writes a partition so that equal Java maps give equal text: members sorted, no blanks, integers as longs
// and other numbers as doubles, which is what the JVM makes of them when it reads JSON.
func Canonical(partition []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(partition))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "", fmt.Errorf("partition is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("partition is more than one JSON value")
	}
	out, err := appendCanonical(nil, v)
	return string(out), err
}

func appendCanonical(dst []byte, v any) ([]byte, error) {
	var err error
	switch x := v.(type) {
	case json.Number:
		return appendNumber(dst, string(x))
	case []any:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendCanonical(dst, e); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		dst = append(dst, '{')
		for i, k := range slices.Sorted(maps.Keys(x)) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(jackson.AppendString(dst, k), ':')
			if dst, err = appendCanonical(dst, x[k]); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	}
	return jackson.AppendAny(dst, v)
}

func appendNumber(dst []byte, s string) ([]byte, error) {
	if strings.ContainsAny(s, ".eE") {
		v, err := number.ParseDouble(s)
		if err != nil {
			return nil, err
		}
		return jackson.AppendDouble(dst, v), nil
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, fmt.Errorf("number %q", s)
	}
	return jackson.AppendInt(dst, number.Decimal{Unscaled: n}.Int64()), nil
}

// AppendJava appends a JSON value as the JVM writes it after reading it: no blanks, its own escapes and spelling of
// numbers. Members keep their order. Offsets that come from people are stored in this form, so that a worker on the JVM,
// which compares bytes, finds them.
func AppendJava(dst, text []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	dst, err := appendNext(dst, dec)
	if err != nil {
		return nil, fmt.Errorf("not a JSON value: %w", err)
	}
	return dst, nil
}

func appendNext(dst []byte, dec *json.Decoder) ([]byte, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return appendCanonical(dst, t)
	}
	dst = append(dst, byte(open))
	for first := true; dec.More(); first = false {
		if !first {
			dst = append(dst, ',')
		}
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			dst = append(jackson.AppendString(dst, key.(string)), ':')
		}
		if dst, err = appendNext(dst, dec); err != nil {
			return nil, err
		}
	}
	end, err := dec.Token()
	if err != nil {
		return nil, err
	}
	return append(dst, byte(end.(json.Delim))), nil
}
