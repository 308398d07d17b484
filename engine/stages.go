// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/invariants"
	"github.com/penstock-io/penstock/smt"
)

// stages are the converters and transforms of one task, in Connect's order (connect-contract §5.2):
//
//	sink    key, value, headers, chain
//	source  chain, headers, key, value
type stages struct {
	task    *Task
	key     converter
	value   converter
	headers headerConverter
	chain   *smt.Chain
	tol     tolerance

	lane  *lane
	steps []step // in the order they run
	judge *stageClock
}

// step is one converter or transform at work.
type step struct {
	kind  stepKind
	index int    // of a transform in the chain
	class string // "" for transforms: the chain names them
	clock *stageClock
}

type stepKind uint8

const (
	decodeKey stepKind = iota
	decodeValue
	decodeHeaders
	transform
	encodeHeaders
	encodeKey
	encodeValue
)

type converter struct {
	codec.Converter
	class string
}

type headerConverter struct {
	codec.HeaderConverter
	class string
}

const defaultHeaderConverter = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

func newStages(t *Task) (*stages, error) {
	s := &stages{task: t, tol: newTolerance(t.o.Config)}
	var err error
	if s.key, err = t.converter("key.converter", batch.Key); err != nil {
		return nil, err
	}
	if s.value, err = t.converter("value.converter", batch.Value); err != nil {
		return nil, err
	}
	if s.headers, err = t.headerConverter(); err != nil {
		return nil, err
	}
	if s.chain, err = smt.NewChain(config.NewProps(t.o.Config)); err != nil {
		if f := (*batch.Fault)(nil); errors.As(err, &f) {
			return nil, err // a context would be a line more than Java's trace has
		}
		return nil, fmt.Errorf("configure transforms: %w", err)
	}
	return s, nil
}

// plan lays the steps out on a lane, in Connect's order, behind the stages that the lane has.
func (s *stages) plan(l *lane) {
	s.lane = l
	add := func(kind stepKind, name, class string) {
		s.steps = append(s.steps, step{kind: kind, class: class, clock: s.task.stage(l, name, class, roleWork)})
	}
	sink := s.task.o.Plugin.Kind == connectors.SinkKind
	if sink {
		add(decodeKey, stageKey, s.key.class)
		add(decodeValue, stageValue, s.value.class)
		add(decodeHeaders, stageHeaders, s.headers.class)
	}
	for i, info := range s.chain.Stages() {
		s.steps = append(s.steps, step{kind: transform, index: i,
			clock: s.task.stage(l, stageTransform+info.Name, info.Class, roleWork)})
	}
	if !sink {
		add(encodeHeaders, stageHeaders, s.headers.class)
		add(encodeKey, stageKey, s.key.class)
		add(encodeValue, stageValue, s.value.class)
	}
	s.judge = s.task.stage(l, stageErrors, "", roleWork)
}

// plugin finds a converter's class and configuration: the connector's, else the worker's, each with its own sub-keys.
func (t *Task) plugin(key, dflt string) (class string, props config.Props) {
	if c, ok := t.o.Config[key]; ok && c != "" {
		return c, withPrefix(config.NewProps(t.o.Config), key+".")
	}
	if c, ok := t.o.Worker.Get(key); ok && c != "" {
		return c, withPrefix(t.o.Worker, key+".")
	}
	return dflt, config.Props{}
}

func withPrefix(props config.Props, prefix string) config.Props {
	cut := config.Props{}
	for k, v := range props {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			cut[rest] = v
		}
	}
	return cut
}

func (t *Task) converter(key string, side batch.Side) (converter, error) {
	class, props := t.plugin(key, "")
	p, full, ok := codec.Registry.Lookup(class)
	if !ok {
		return converter{}, unknownClass(key, class, codec.Registry.Suggest(class))
	}
	kind := side.String()
	props["converter.type"] = &kind
	v, err := p.Def.Parse(props)
	if err != nil {
		return converter{}, fmt.Errorf("configure %s (%s): %w", key, full, err)
	}
	c, err := p.New(v, side)
	if err != nil {
		return converter{}, fmt.Errorf("configure %s (%s): %w", key, full, err)
	}
	return converter{c, full}, nil
}

func (t *Task) headerConverter() (headerConverter, error) {
	const key = "header.converter"
	class, props := t.plugin(key, defaultHeaderConverter)
	p, full, ok := codec.HeaderRegistry.Lookup(class)
	if !ok {
		return headerConverter{}, unknownClass(key, class, codec.HeaderRegistry.Suggest(class))
	}
	kind := "header"
	props["converter.type"] = &kind
	v, err := p.Def.Parse(props)
	if err != nil {
		return headerConverter{}, fmt.Errorf("configure %s (%s): %w", key, full, err)
	}
	c, err := p.NewHeader(v)
	if err != nil {
		return headerConverter{}, fmt.Errorf("configure %s (%s): %w", key, full, err)
	}
	return headerConverter{c, full}, nil
}

func unknownClass(key, class, near string) error {
	text := fmt.Sprintf("Class %s could not be found.", class)
	if near != "" {
		text += " Did you mean " + near + "?"
	}
	return config.Invalid(key, class, text)
}

// sink takes a fetched batch to what the sink sees.
func (s *stages) sink(ctx context.Context, b *batch.Batch) error {
	s.task.pool.refuse(b, func(row int) int { return b.Raw.Key[row].Len() + b.Raw.Value[row].Len() }, batch.KafkaConsume)
	return s.run(ctx, b)
}

// source takes a polled batch to the bytes that are produced.
func (s *stages) source(ctx context.Context, b *batch.Batch) error { return s.run(ctx, b) }

// run takes a batch through all steps, and judges the rows that failed.
func (s *stages) run(ctx context.Context, b *batch.Batch) error {
	before := s.lane.at()
	defer s.lane.to(before)
	defer s.task.pool.settle(b)
	defer s.lane.count(b.N) // runs before the lane goes back
	for i := range s.steps {
		st := &s.steps[i]
		if (st.kind == decodeHeaders || st.kind == encodeHeaders) && !b.Headers.Any() {
			continue
		}
		s.lane.to(st.clock)
		if err := s.step(ctx, b, st); err != nil {
			return err
		}
	}
	if len(b.Errs) > 0 {
		s.lane.to(s.judge)
	}
	return s.tol.judge(ctx, s.task, b)
}

// apply is the work of one step.
func (s *stages) apply(b *batch.Batch, st *step) error {
	switch st.kind {
	case decodeKey:
		return s.key.Decode(b, batch.Key)
	case decodeValue:
		return s.value.Decode(b, batch.Value)
	case decodeHeaders:
		return s.headers.DecodeHeaders(b)
	case transform:
		return s.chain.ApplyStage(st.index, b)
	case encodeHeaders:
		return s.headers.EncodeHeaders(b)
	case encodeKey:
		return s.key.Encode(b, batch.Key)
	case encodeValue:
		return s.value.Encode(b, batch.Value)
	}
	panic("BUG: unknown step")
}

// step runs one step over the batch. What is retriable is repeated with Connect's backoff, up to errors.retry.timeout.
// New row errors get the class that was at work.
func (s *stages) step(ctx context.Context, b *batch.Batch, st *step) error {
	before := len(b.Errs)
	err := s.apply(b, st)
	if err != nil && batch.IsRetriable(err) {
		if err = s.retry(ctx, err, func() error { return s.apply(b, st) }); batch.IsRetriable(err) {
			failAll(b, st.stage(), err) // retried in vain: errors.tolerance decides
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", st.class, err)
	}
	for i := before; i < len(b.Errs); i++ {
		if b.Errs[i].Class == "" {
			b.Errs[i].Class = st.class
		}
	}
	if invariants.Enabled {
		if err := b.Check(); err != nil {
			panic("BUG: " + st.clock.name + " broke the batch: " + err.Error())
		}
	}
	return nil
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
