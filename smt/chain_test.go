// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"errors"
	"testing"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

// flaky is a transform that wants to be called again, and fails every row at the second call.
type flaky struct{ calls int }

func (f *flaky) Apply(b *batch.Batch) error {
	if f.calls++; f.calls == 1 {
		return batch.Retriable(errors.New("not now"))
	}
	for row := range b.N {
		b.Fail(row, batch.Transformation, batch.DataFault("never"))
	}
	return nil
}

func TestChainRetry(t *testing.T) {
	c := &Chain{stages: []stage{
		{StageInfo: StageInfo{Name: "w", Class: "W"}, transform: mustTransform(t, hoistFieldClass+"$Value", "field", "w")},
		{StageInfo: StageInfo{Name: "f", Class: "F"}, transform: &flaky{}},
	}}
	b := batch.New()
	fillStruct(b, 3)
	if err := c.ApplyStage(0, b); err != nil {
		t.Fatal(err)
	}
	if err := c.ApplyStage(1, b); !batch.IsRetriable(err) {
		t.Fatalf("got %v, want a retriable error", err)
	}
	if err := c.ApplyStage(1, b); err != nil {
		t.Fatal(err)
	}
	if len(b.Errs) != 3 || b.Errs[0].Class != "F" {
		t.Errorf("errors: %v", b.Errs)
	}
	if s := b.Value.Variants[0].Schema; len(s.Fields) != 1 || s.Fields[0].Name != "w" {
		t.Errorf("the first stage ran %d times", len(s.Fields))
	}
}

func TestChainDescribes(t *testing.T) {
	c, err := NewChain(config.NewProps(pairMap([]string{
		"transforms", "h,f",
		"transforms.h.type", "HeaderFrom$Value",
		"transforms.h.fields", "id", "transforms.h.headers", "id", "transforms.h.operation", "copy",
		"transforms.f.type", filterClass, "transforms.f.predicate", "p", "transforms.f.negate", "TRUE",
		"predicates", "p", "predicates.p.type", "RecordIsTombstone",
	})))
	if err == nil {
		t.Fatalf("an alias with $ was accepted: %v", c.Stages())
	}
	c, err = NewChain(config.NewProps(pairMap([]string{
		"transforms", "h,f",
		"transforms.h.type", headerFromClass + "$Value",
		"transforms.h.fields", "id", "transforms.h.headers", "id", "transforms.h.operation", "copy",
		"transforms.f.type", "Filter", "transforms.f.predicate", "p", "transforms.f.negate", "TRUE",
		"predicates", "p", "predicates.p.type", "RecordIsTombstone",
	})))
	if err != nil {
		t.Fatal(err)
	}
	if c.Len() != 2 || c.Empty() || !c.UsesHeaders() {
		t.Errorf("%d stages, headers %v", c.Len(), c.UsesHeaders())
	}
	want := StageInfo{Name: "f", Class: filterClass, Predicate: "p", PredicateClass: recordIsTombstoneClass, Negate: true}
	if got := c.Stages()[1]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	b := batch.New()
	fillObject(b, 4)
	if err := c.Apply(b); err != nil {
		t.Fatal(err)
	}
	if b.Alive() != 0 || len(b.Headers.Of(2)) != 1 || len(b.Errs) != 0 {
		t.Errorf("%d alive, headers %v, errors %v", b.Alive(), b.Headers.Of(2), b.Errs)
	}
}

func TestChainErrors(t *testing.T) {
	f := func(class, message string, pairs ...string) {
		t.Helper()
		_, err := NewChain(config.NewProps(pairMap(pairs)))
		if err == nil {
			t.Fatalf("%v was accepted", pairs)
		}
		if got := javaErrorClass(err); got != class || err.Error() != message {
			t.Errorf("%v:\ngot  %s: %s\nwant %s: %s", pairs, got, err, class, message)
		}
	}
	const configException = config.ExceptionClass
	f(configException, "Invalid value x.Y for configuration transforms.a.type: Class x.Y could not be found.", "transforms", "a", "transforms.a.type", "x.Y")
	f(configException, "Class class "+filterClass+" does not implement the Predicate interface",
		"predicates", "p", "predicates.p.type", filterClass)
	f(batch.ConnectException, configException+": No field insertion configured", "transforms", "a", "transforms.a.type", insertFieldClass+"$Key")
	f(configException, "Invalid value ( for configuration transforms.a.regex: Invalid regex: Unclosed group near index 1\n(",
		"transforms", "a", "transforms.a.type", "RegexRouter", "transforms.a.regex", "(", "transforms.a.replacement", "")
}
