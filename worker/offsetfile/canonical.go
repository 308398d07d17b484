// SPDX-License-Identifier: Apache-2.0

package offsetfile

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

// splitKey takes the JSON ["connector",partition] apart.
func splitKey(key []byte) (connector string, partition []byte, err error) {
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

// canonical writes a partition so that equal Java maps give equal text: members sorted, no blanks, integers as longs
// and other numbers as doubles, which is what the JVM makes of them when it reads JSON.
func canonical(partition []byte) (string, error) {
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
