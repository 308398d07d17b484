// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"math"
	"strconv"
	"unsafe"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/java/number"
	"github.com/penstock-io/penstock/internal/jsontext"
)

// A node is the text of one validated JSON value, without white space around it. It stands for Jackson's JsonNode; nil
// is Java's null (no such member), empty text is a MissingNode (no content at all).
type node []byte

// kind is JsonNode.getNodeType().
func (n node) kind() string {
	if len(n) == 0 {
		return "MISSING"
	}
	switch n[0] {
	case '{':
		return "OBJECT"
	case '[':
		return "ARRAY"
	case '"':
		return "STRING"
	case 't', 'f':
		return "BOOLEAN"
	case 'n':
		return "NULL"
	}
	return "NUMBER"
}

func (n node) is(first byte) bool { return len(n) > 0 && n[0] == first }

func (n node) isNumber() bool { return len(n) > 0 && (n[0] == '-' || n[0]-'0' <= 9) }

// isIntegral is JsonNode.isIntegralNumber.
func (n node) isIntegral() bool { return n.isNumber() && jsontext.Integral(n) }

// isInt is JsonNode.isInt: an integer of 32 bits.
func (n node) isInt() bool {
	if !n.isIntegral() || len(n) > 11 {
		return false
	}
	i, _ := jsontext.Int(n)
	return i == int64(int32(i))
}

// text is JsonNode.textValue of a string.
func (n node) text() string { return string(jsontext.AppendUnquoted(nil, n)) }

// long is JsonNode.longValue, whose lower bits are intValue: 0 for anything but a number.
func (n node) long() int64 {
	if !n.isNumber() {
		return 0
	}
	if i, ok := jsontext.Int(n); ok {
		return i
	}
	return n.decimal().Int64()
}

// decimal is JsonNode.decimalValue of a number.
func (n node) decimal() number.Decimal {
	d, err := number.ParseDecimal(string(n))
	if err != nil {
		panic("BUG: number " + strconv.Quote(string(n)) + ": " + err.Error())
	}
	return d
}

// double is JsonNode.doubleValue.
func (n node) double() float64 {
	if !n.isNumber() {
		return 0
	}
	return jsontext.Float(n)
}

// float is JsonNode.floatValue.
func (n node) float() float32 {
	if !n.isNumber() {
		return 0
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData([]byte(n)), len(n)), 32)
	if err == nil && f == 0 && math.Signbit(f) && jsontext.Float(n) == 0 {
		return float32(jsontext.Float(n))
	}
	return float32(f)
}

// members calls each for the members of an object, in order, repetitions included. The name has its quotes.
func (n node) members(each func(name []byte, value node)) {
	i := jsontext.Space(n, 1)
	for n[i] != '}' {
		end, _ := jsontext.StringEnd(n, i)
		name := n[i:end]
		i = jsontext.Space(n, jsontext.Space(n, end)+1)
		end, _ = jsontext.Value(n, i)
		each(name, n[i:end])
		if i = jsontext.Space(n, end); n[i] == ',' {
			i = jsontext.Space(n, i+1)
		}
	}
}

// elements calls each for the elements of an array until it reports false.
func (n node) elements(each func(value node) bool) {
	i := jsontext.Space(n, 1)
	for n[i] != ']' {
		end, _ := jsontext.Value(n, i)
		if !each(n[i:end]) {
			return
		}
		if i = jsontext.Space(n, end); n[i] == ',' {
			i = jsontext.Space(n, i+1)
		}
	}
}

// member finds a member of an object, the last one of that name; nil when there is none or n is no object.
func (n node) member(name string) node {
	if !n.is('{') {
		return nil
	}
	var found node
	n.members(func(key []byte, value node) {
		if nameIs(key, name) {
			found = value
		}
	})
	return found
}

// nameIs compares a name in its quotes with a plain one.
func nameIs(quoted []byte, name string) bool {
	if !jsontext.Escaped(quoted) {
		return string(quoted[1:len(quoted)-1]) == name
	}
	return string(jsontext.AppendUnquoted(nil, quoted)) == name
}

// trimmed cuts white space from around a validated value; nothing is left of blank text.
func trimmed(text []byte) node {
	i := jsontext.Space(text, 0)
	end := len(text)
	for end > i && text[end-1] <= ' ' {
		end--
	}
	return node(text[i:end:end])
}

// base64Fault is Jackson's refusal of base64 text.
func base64Fault(why string) error {
	return batch.NewFault("com.fasterxml.jackson.databind.exc.InvalidFormatException", "Cannot access contents of TextNode as binary due to broken Base64 encoding: "+why)
}

// base64Value is the value of a character of the standard alphabet, or -1.
var base64Value = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = int8(i)
	}
	return t
}()

// appendBase64 decodes as Jackson's Base64Variant MIME_NO_LINEFEEDS does: padding is required, and characters up to the
// blank are skipped between groups of four.
func appendBase64(dst, text []byte) ([]byte, error) {
	for i := 0; i < len(text); {
		if text[i] <= ' ' {
			i++
			continue
		}
		group := text[i:min(i+4, len(text))]
		n := 0 // characters before the padding
		var bits uint32
		for n < len(group) && base64Value[group[n]] >= 0 {
			bits = bits<<6 | uint32(base64Value[group[n]])
			n++
		}
		switch {
		case n < len(group) && (n < 2 || group[n] != '='):
			return dst, base64Fault("Illegal character " + strconv.QuoteRune(rune(group[n])) + " in base64 content")
		case len(group) < 4:
			return dst, base64Fault("Unexpected end of base64-encoded String")
		case n == 2 && group[3] != '=':
			return dst, base64Fault("expected padding character '='")
		case n == 2:
			dst = append(dst, byte(bits>>4))
		case n == 3:
			dst = append(dst, byte(bits>>10), byte(bits>>2))
		default:
			dst = append(dst, byte(bits>>16), byte(bits>>8), byte(bits))
		}
		i += 4
	}
	return dst, nil
}
