// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"errors"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
)

const regexRouterClass = "org.apache.kafka.connect.transforms.RegexRouter"

func init() {
	Register(regexRouterClass, Plugin{Def: regexRouterConfig, New: newRegexRouter})
}

var regexRouterConfig = config.Def{
	config.String("regex").Required().High().Validate(validRegex).Doc("Regular expression to use for matching."),
	config.String("replacement").Required().High().Doc("Replacement string."),
}

// RegexRouter renames topics: where the regular expression matches the whole name, its first match is replaced.
type RegexRouter struct {
	regex       *regex.Regex
	replacement string
	noText      bool // the replacement is null, which Java notices at the first match
	seen        map[string]routed
}

func newRegexRouter(v config.Values) (Transform, error) {
	re, err := regex.Compile(v.String("regex"))
	if err != nil {
		return nil, batch.NewFault(batch.PatternSyntaxException, err.Error())
	}
	return &RegexRouter{regex: re, replacement: v.String("replacement"), noText: v.IsNull("replacement")}, nil
}

// Apply renames the topics of the live rows.
func (t *RegexRouter) Apply(b *batch.Batch) error {
	routeTopics(b, &t.seen, t.route)
	return nil
}

func (t *RegexRouter) route(topic string) (string, error) {
	ok, err := t.regex.Matches(topic)
	if err != nil {
		return "", asFault(err)
	}
	if !ok {
		return topic, nil
	}
	if t.noText {
		return "", batch.NewFault(batch.NullPointerException, "replacement")
	}
	out, err := t.regex.ReplaceFirst(topic, t.replacement)
	if err != nil {
		return "", asFault(err)
	}
	return out, nil
}

// asFault gives an error that knows its Java class the form of a data error.
func asFault(err error) error {
	var f *batch.Fault
	if errors.As(err, &f) {
		return err
	}
	var j interface{ JavaClass() string }
	if errors.As(err, &j) {
		return batch.NewFault(j.JavaClass(), err.Error())
	}
	return batch.NewFault(batch.ConnectException, err.Error())
}
