// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"fmt"
	"strings"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
)

const mirrorPackage = "org.apache.kafka.connect.mirror."

// patterns is a list of names and regular expressions, any of which matches a whole name. Nil matches nothing.
type patterns struct{ re *regex.Regex }

// newPatterns joins the elements of a LIST key to one expression, as MirrorUtils.compilePatternList does.
func newPatterns(v config.Values, key string) (patterns, error) {
	list := v.List(key)
	if len(list) == 0 {
		return patterns{}, nil
	}
	joined := strings.Join(list, "|")
	re, err := regex.Compile(joined)
	if err != nil {
		return patterns{}, config.Invalid(key, joined, "is not a list of names and regular expressions: "+err.Error())
	}
	return patterns{re}, nil
}

// match reports whether the whole name matches. An expression that runs away matches nothing.
func (p patterns) match(name string) bool {
	if p.re == nil {
		return false
	}
	ok, err := p.re.Matches(name)
	return ok && err == nil
}

// filter takes what is included and not excluded: DefaultTopicFilter, DefaultGroupFilter.
type filter struct{ include, exclude patterns }

func newFilter(v config.Values, classKey, class, include, exclude string) (filter, error) {
	var f filter
	err := onlyClass(v, classKey, class)
	if err == nil {
		f.include, err = newPatterns(v, include)
	}
	if err == nil {
		f.exclude, err = newPatterns(v, exclude)
	}
	return f, err
}

func (f filter) match(name string) bool { return f.include.match(name) && !f.exclude.match(name) }

// onlyClass refuses plug-ins written in Java: the one class that Kafka brings is built in.
func onlyClass(v config.Values, key, class string) error {
	if name := v.Class(key).Name; name != class {
		return config.Invalid(key, name, fmt.Sprintf("only %s is supported", class))
	}
	return nil
}

// propertyFilter chooses the configs of topics that are copied: DefaultConfigPropertyFilter.
type propertyFilter struct {
	exclude patterns
	// sourceDefaults copies what is a default on the source, too (use.defaults.from=source).
	sourceDefaults bool
}

func newPropertyFilter(v config.Values) (propertyFilter, error) {
	var f propertyFilter
	if err := onlyClass(v, propertyFilterKey, mirrorPackage+"DefaultConfigPropertyFilter"); err != nil {
		return f, err
	}
	var err error
	if f.exclude, err = newPatterns(v, "config.properties.exclude"); err != nil {
		return f, err
	}
	from, _ := v.Originals().Get("use.defaults.from")
	f.sourceDefaults = from == "source"
	return f, nil
}
