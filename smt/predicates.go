// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/internal/java/regex"
)

// Names of the predicates' classes.
const (
	hasHeaderKeyClass      = "org.apache.kafka.connect.transforms.predicates.HasHeaderKey"
	recordIsTombstoneClass = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"
	topicNameMatchesClass  = "org.apache.kafka.connect.transforms.predicates.TopicNameMatches"
)

func init() {
	Register(hasHeaderKeyClass, Plugin{Def: hasHeaderKeyConfig, NewPredicate: func(v config.Values) (Predicate, error) {
		return HasHeaderKey{name: v.String("name"), never: v.IsNull("name")}, nil
	}})
	Register(recordIsTombstoneClass, Plugin{Def: config.Def{}, NewPredicate: func(config.Values) (Predicate, error) {
		return RecordIsTombstone{}, nil
	}})
	Register(topicNameMatchesClass, Plugin{Def: topicNameMatchesConfig, NewPredicate: newTopicNameMatches})
}

var hasHeaderKeyConfig = config.Def{
	config.String("name").Required().NonEmpty().Doc("The header name."),
}

var topicNameMatchesConfig = config.Def{
	config.String("pattern").Required().Validate(config.NonEmptyString, validRegex).
		Doc("A Java regular expression for matching against the name of a record's topic."),
}

// validRegex is RegexValidator.
var validRegex config.Validator = config.ValidatorFunc{Text: "valid regex", Check: func(key string, value any) error {
	pattern, ok := value.(string)
	if !ok {
		return config.Invalid(key, value, `Invalid regex: Cannot invoke "String.isEmpty()" because "this.pattern" is null`)
	}
	if _, err := regex.Compile(pattern); err != nil {
		return config.Invalid(key, value, "Invalid regex: "+err.Error())
	}
	return nil
}}

// HasHeaderKey holds for rows that have at least one header of a name.
type HasHeaderKey struct {
	name  string
	never bool // the name is null, which no header's is
}

// Test looks at header keys only: nothing needs to be decoded for it.
func (p HasHeaderKey) Test(b *batch.Batch, mask batch.Bitmap) error {
	if p.never || !b.Headers.Any() {
		return nil
	}
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		for _, h := range b.Headers.Of(row) {
			if h.Key == p.name {
				mask.Set(row)
				break
			}
		}
	}
	return nil
}

// RecordIsTombstone holds for rows whose value is null.
type RecordIsTombstone struct{}

// Test reads the validity of the value's columns.
func (RecordIsTombstone) Test(b *batch.Batch, mask batch.Bitmap) error {
	for i := range b.Value.Variants {
		v := &b.Value.Variants[i]
		b.Resolve(v.Root)
		for pos := range v.Root.N {
			if v.Root.IsNull(pos) && !b.IsDead(v.Row(pos)) {
				mask.Set(v.Row(pos))
			}
		}
	}
	return nil
}

// TopicNameMatches holds for rows whose whole topic name matches a regular expression.
type TopicNameMatches struct {
	pattern *regex.Regex
	seen    map[string]bool // topic -> answer
}

func newTopicNameMatches(v config.Values) (Predicate, error) {
	re, err := regex.Compile(v.String("pattern"))
	if err != nil {
		return nil, config.Invalid("pattern", v.String("pattern"), "entry must be a Java-compatible regular expression: "+err.Error())
	}
	return &TopicNameMatches{pattern: re}, nil
}

// Test matches each topic once.
func (p *TopicNameMatches) Test(b *batch.Batch, mask batch.Bitmap) error {
	last, on := "", false
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		topic := b.Topics.At(row)
		if topic == last && topic != "" {
			mask.Put(row, on)
			continue
		}
		last = topic
		ok := false
		if on, ok = p.seen[topic]; !ok {
			var err error
			if on, err = p.pattern.Matches(topic); err != nil {
				return err
			}
			if p.seen == nil || len(p.seen) >= maxTopicsSeen {
				p.seen = map[string]bool{}
			}
			p.seen[topic] = on
		}
		mask.Put(row, on)
	}
	return nil
}

// maxTopicsSeen bounds the answers that transforms and predicates remember per topic.
const maxTopicsSeen = 1024
