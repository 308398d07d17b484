// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"errors"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

// Chain is the transforms of a connector in their order, each behind its predicate if it has one. It belongs to one
// task and is not safe for concurrent use.
type Chain struct {
	stages []stage
	mask   batch.Bitmap
}

// StageInfo describes a stage of a chain, for metrics, previews and logs.
type StageInfo struct {
	Name           string // the alias in "transforms"
	Class          string // Java class name of the transform
	Predicate      string // the alias in "predicates", "" for none
	PredicateClass string // Java class name of the predicate, "" for none
	Negate         bool   // the transform works where the predicate does not hold
}

type stage struct {
	StageInfo
	transform Transform
	predicate Predicate
}

// NewChain makes the chain that a connector's configuration describes (keys transforms and predicates, and all keys
// under them). Errors are those of Java's ConnectorConfig: *config.Error for what validation refuses, a batch.Fault of
// class ConnectException around what a transform's own configuration refuses.
func NewChain(props config.Props) (*Chain, error) {
	lists, err := chainConfig.Parse(props)
	if err != nil {
		return nil, err
	}
	transforms, err := findPlugins(props, "transforms", unique(lists.List("transforms")))
	if err != nil {
		return nil, err
	}
	predicates, err := findPlugins(props, "predicates", unique(lists.List("predicates")))
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Concat(transforms, predicates) {
		if err := p.validate(props); err != nil {
			return nil, err
		}
	}
	c := &Chain{}
	for _, p := range transforms {
		s, err := newStage(props, p, predicates)
		if err != nil {
			return nil, &batch.Fault{Class: batch.ConnectException, Message: javaText(err), Cause: causeOf(err)}
		}
		c.stages = append(c.stages, s)
	}
	return c, nil
}

var chainConfig = config.Def{
	config.List("transforms").Default([]string{}).Low().Validate(config.UniqueAliases("transformation")).
		Doc("Aliases for the transformations to be applied to records."),
	config.List("predicates").Default([]string{}).Low().Validate(config.UniqueAliases("predicate")).
		Doc("Aliases for the predicates used by transformations."),
}

func unique(names []string) []string {
	out := []string{}
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// newStage is the body of ConnectorConfig.transformationStages.
func newStage(props config.Props, p chainPlugin, predicates []chainPlugin) (stage, error) {
	own := under(props, p.prefix)
	alias := own["predicate"]
	negate := own["negate"]
	delete(own, "predicate")
	delete(own, "negate")
	s := stage{StageInfo: StageInfo{Name: p.alias, Class: p.class}}
	v, err := p.plugin.Def.Parse(own)
	if err != nil {
		return s, err
	}
	if s.transform, err = p.plugin.New(v); err != nil {
		return s, err
	}
	if alias == nil {
		return s, nil
	}
	at := slices.IndexFunc(predicates, func(q chainPlugin) bool { return q.alias == *alias })
	if at < 0 {
		inner := config.Plain("transforms."+p.alias+".predicate", "Unknown configuration 'predicates."+*alias+".plugin.version'")
		return s, &batch.Fault{Class: batch.ConnectException, Message: javaText(inner), Cause: causeOf(inner)}
	}
	q := predicates[at]
	if v, err = q.plugin.Def.Parse(under(props, q.prefix)); err != nil {
		return s, err
	}
	if s.predicate, err = q.plugin.NewPredicate(v); err != nil {
		return s, err
	}
	s.Predicate, s.PredicateClass = q.alias, q.class
	s.Negate = negate != nil && strings.EqualFold(*negate, "true")
	return s, nil
}

// under is AbstractConfig.originalsWithPrefix.
func under(props config.Props, prefix string) config.Props {
	out := config.Props{}
	for k, v := range props {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			out[rest] = v
		}
	}
	return out
}

// javaText is Throwable.toString: class and message.
func javaText(err error) string {
	text := javaErrorClass(err)
	if m := err.Error(); m != "" {
		text += ": " + m
	}
	return text
}

// causeOf gives a cause the form of a Fault, so that traces show its class.
func causeOf(err error) error {
	var f *batch.Fault
	if errors.As(err, &f) {
		return err
	}
	return &batch.Fault{Class: javaErrorClass(err), Message: err.Error(), Cause: nil}
}

func javaErrorClass(err error) string {
	var f *batch.Fault
	if errors.As(err, &f) {
		return f.Class
	}
	var j interface{ JavaClass() string }
	if errors.As(err, &j) {
		return j.JavaClass()
	}
	return batch.ConnectException
}

// Empty reports a chain without stages.
func (c *Chain) Empty() bool { return len(c.stages) == 0 }

// Len is the number of stages.
func (c *Chain) Len() int { return len(c.stages) }

// Stages describes the stages in their order.
func (c *Chain) Stages() []StageInfo {
	out := make([]StageInfo, len(c.stages))
	for i := range c.stages {
		out[i] = c.stages[i].StageInfo
	}
	return out
}

// UsesHeaders reports whether some stage reads or writes header values, so that they must be decoded before.
func (c *Chain) UsesHeaders() bool {
	for i := range c.stages {
		for _, p := range []any{c.stages[i].transform, c.stages[i].predicate} {
			if u, ok := p.(HeaderUser); ok && u.UsesHeaders() {
				return true
			}
		}
	}
	return false
}

// Apply runs all stages over b. Rows fail and are dropped on the way; an error returned ends the chain at its stage,
// which left b as it was if the error is retriable. To retry that stage alone, use ApplyStage.
func (c *Chain) Apply(b *batch.Batch) error {
	for i := range c.stages {
		if err := c.ApplyStage(i, b); err != nil {
			return err
		}
	}
	return nil
}

// ApplyStage runs stage i over the live rows of b that its predicate lets through. Row errors of the stage carry the
// transform's class afterwards.
func (c *Chain) ApplyStage(i int, b *batch.Batch) error {
	s := &c.stages[i]
	if b.Alive() == 0 {
		return nil
	}
	before := len(b.Errs)
	err := c.run(s, b)
	for k := before; k < len(b.Errs); k++ {
		b.Errs[k].Class = s.Class
	}
	return err
}

func (c *Chain) run(s *stage, b *batch.Batch) error {
	if s.predicate == nil {
		return s.transform.Apply(b)
	}
	c.mask = batch.MakeBitmap(c.mask, b.N, false)
	if err := s.predicate.Test(b, c.mask); err != nil {
		return err
	}
	if s.Negate {
		for w := range c.mask {
			c.mask[w] = ^c.mask[w]
		}
	}
	hits := 0
	for row := range b.N {
		if c.mask.Get(row) && !b.IsDead(row) {
			hits++
		}
	}
	switch hits {
	case 0:
		return nil
	case b.Alive():
		return s.transform.Apply(b)
	}
	b.Limit(c.mask)
	defer b.Unlimit()
	return s.transform.Apply(b)
}
