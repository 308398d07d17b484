// SPDX-License-Identifier: Apache-2.0

package dlq

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
)

// Cause is what the header penstock.errors.cause says of a failure, as JSON. Code is stable over releases; the other
// members are there when they are known.
type Cause struct {
	// Code is what happened, such as "value-converter.malformed"; see Codes.
	Code string `json:"code"`
	// Stage and Class are those of Connect's headers, Exception its Java class.
	Stage     string `json:"stage"`
	Class     string `json:"class"`
	Exception string `json:"exception,omitempty"`
	// Field is the path of the field, Expected and Got are types or values.
	Field    string `json:"field,omitempty"`
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got,omitempty"`
	// Connector to Offset say whose record it was. Partition and Offset are absent for a source.
	Connector string `json:"connector,omitempty"`
	Task      int    `json:"task"`
	Topic     string `json:"topic,omitempty"`
	Partition *int32 `json:"partition,omitempty"`
	Offset    *int64 `json:"offset,omitempty"`
}

// JSON is the header's value.
func (c Cause) JSON() []byte {
	p, err := json.Marshal(c)
	if err != nil { // strings and numbers only
		return []byte("{}")
	}
	return p
}

// The second part of a code: what went wrong, whatever the stage.
const (
	Malformed    = "malformed"     // bytes that are not what the converter reads
	Envelope     = "no-envelope"   // JSON without schema and payload, or a schema that is none
	MissingField = "missing-field" // a field that is not there
	NullValue    = "null"          // a null where there must be a value
	WrongType    = "wrong-type"    // a type that the stage does not take
	BadValue     = "bad-value"     // a value of the right type that cannot be converted
	TooLarge     = "too-large"     // more than a limit allows
	Unauthorized = "unauthorized"  // rights or credentials
	Timeout      = "timeout"       // no answer in time
	Unavailable  = "unavailable"   // retried in vain
	Failed       = "failed"        // anything else
)

// Codes lists the second parts of codes; the first is the stage in lower case with dashes.
func Codes() []string {
	return []string{Malformed, Envelope, MissingField, NullValue, WrongType, BadValue, TooLarge, Unauthorized, Timeout, Unavailable, Failed}
}

// rule reads one kind of message. Named groups field, expected and got fill the members of a Cause.
type rule struct {
	kind      string
	exception string // "" = any; else the simple name of the class
	pattern   string
}

// rules are tried in order; the messages are those of Connect's converters, transforms and clients.
var rules = []rule{
	{Envelope, "", `requires "schema" and "payload" fields`},
	{Envelope, "", `^(?:Unknown schema type: (?P<got>\S+)|Schema must contain 'type' field|Array schema did not specify the element type)`},
	{Malformed, "SerializationException", ``},
	{Malformed, "", `due to serialization error|JsonParseException|cannot be decoded|Could not parse|Malformed`},
	{TooLarge, "RecordTooLargeException", ``},
	{TooLarge, "RecordBatchTooLargeException", ``},
	{Unauthorized, "", `[Nn]ot authorized|[Aa]uthorization failed|Access denied`},
	{MissingField, "", `(?:Field does not exist|[Uu]nknown field|No such field|is not a valid field name|missing field|does not contain field):? *'?"?(?P<field>[^'"\s,]*)`},
	{MissingField, "", `(?P<field>\S+) is not a valid field name`},
	{NullValue, "", `null used for required field: "(?P<field>[^"]*)", schema type: (?P<expected>\w+)`},
	{NullValue, "NullPointerException", ``},
	{NullValue, "", `(?:is|was|found:?) null|null (?:value|key|was|is|cannot|can't|can not|where)|required .* null`},
	{WrongType, "", `Only (?P<expected>.+?) objects supported.*, found: (?P<got>\S+)`},
	{WrongType, "", `Invalid Java object for schema (?:"[^"]*" )?with type (?P<expected>\w+): class (?P<got>\S+?)(?: for field: "(?P<field>[^"]*)")?$`},
	{WrongType, "", `Invalid type for (?P<expected>\w+): class (?P<got>\S+)`},
	{WrongType, "", `Cast transformation does not support casting (?:to/from )?(?P<got>\S+)`},
	{WrongType, "ClassCastException", `class (?P<got>\S+) cannot be cast to class (?P<expected>\S+)`},
	{WrongType, "", `[Uu]nexpected type|does not match|not supported|incompatible|cannot be cast|Unsupported`},
	{BadValue, "NumberFormatException", `For input string: "(?P<got>.*)"`},
	{BadValue, "", `[Uu]nable to (?:convert|parse)|[Cc]annot (?:convert|parse)|Unexpected|Invalid value|out of (?:range|bounds)|overflow`},
	{BadValue, "NumberFormatException", ``},
	{BadValue, "DateTimeParseException", ``},
	{Timeout, "TimeoutException", ``},
	{Unavailable, "RetriableException", ``},
}

// compiled is done on first use: a worker without failures never pays for it.
var compiled = sync.OnceValue(func() []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(rules))
	for i, r := range rules {
		out[i] = regexp.MustCompile(r.pattern)
	}
	return out
})

// CauseOf works out code, field, expected and got from what Connect's headers say.
func CauseOf(stage, class, exception, message string) Cause {
	c := Cause{Stage: stage, Class: class, Exception: exception, Task: -1}
	kind := Failed
	simple := exception[strings.LastIndexByte(exception, '.')+1:]
	for i, re := range compiled() {
		r := rules[i]
		if r.exception != "" && r.exception != simple {
			continue
		}
		m := re.FindStringSubmatch(message)
		if m == nil {
			continue
		}
		kind = r.kind
		for g, name := range re.SubexpNames() {
			switch name {
			case "field":
				c.Field = m[g]
			case "expected":
				c.Expected = m[g]
			case "got":
				c.Got = m[g]
			}
		}
		break
	}
	c.Code = codeStage(stage) + "." + kind
	return c
}

// codeStage is the first part of a code: VALUE_CONVERTER becomes value-converter.
func codeStage(stage string) string {
	if stage == "" {
		return "unknown"
	}
	return strings.ReplaceAll(strings.ToLower(stage), "_", "-")
}
