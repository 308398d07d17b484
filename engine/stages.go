// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
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
}

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
	if err := s.step(ctx, b, s.key.class, func() error { return s.key.Decode(b, batch.Key) }); err != nil {
		return err
	}
	if err := s.step(ctx, b, s.value.class, func() error { return s.value.Decode(b, batch.Value) }); err != nil {
		return err
	}
	if b.Headers.Any() {
		if err := s.step(ctx, b, s.headers.class, func() error { return s.headers.DecodeHeaders(b) }); err != nil {
			return err
		}
	}
	if err := s.transform(ctx, b); err != nil {
		return err
	}
	return s.tol.judge(ctx, s.task, b)
}

// source takes a polled batch to the bytes that are produced.
func (s *stages) source(ctx context.Context, b *batch.Batch) error {
	if err := s.transform(ctx, b); err != nil {
		return err
	}
	if b.Headers.Any() {
		if err := s.step(ctx, b, s.headers.class, func() error { return s.headers.EncodeHeaders(b) }); err != nil {
			return err
		}
	}
	if err := s.step(ctx, b, s.key.class, func() error { return s.key.Encode(b, batch.Key) }); err != nil {
		return err
	}
	if err := s.step(ctx, b, s.value.class, func() error { return s.value.Encode(b, batch.Value) }); err != nil {
		return err
	}
	return s.tol.judge(ctx, s.task, b)
}

func (s *stages) transform(ctx context.Context, b *batch.Batch) error {
	for i := range s.chain.Len() {
		if err := s.step(ctx, b, "", func() error { return s.chain.ApplyStage(i, b) }); err != nil {
			return err
		}
	}
	return nil
}

// step runs one stage over the batch. What is retriable is repeated with Connect's backoff, up to errors.retry.timeout.
// New row errors get the class that was at work.
func (s *stages) step(ctx context.Context, b *batch.Batch, class string, run func() error) error {
	before := len(b.Errs)
	err := run()
	if err != nil && batch.IsRetriable(err) {
		err = s.retry(ctx, err, run)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", class, err)
	}
	for i := before; i < len(b.Errs); i++ {
		if b.Errs[i].Class == "" {
			b.Errs[i].Class = class
		}
	}
	if invariants.Enabled {
		if err := b.Check(); err != nil {
			panic("BUG: " + class + " broke the batch: " + err.Error())
		}
	}
	return nil
}

func (s *stages) retry(ctx context.Context, err error, run func() error) error {
	deadline := time.Now().Add(s.tol.retryTimeout)
	for attempt := 0; batch.IsRetriable(err); attempt++ {
		if s.tol.retryTimeout == 0 || s.tol.retryTimeout > 0 && time.Now().After(deadline) {
			return err
		}
		s.task.metrics.retries.Add(1)
		if !sleep(ctx, s.tol.delay(attempt)) {
			return context.Cause(ctx)
		}
		err = run()
	}
	return err
}

// delay is the wait before a retry: 300 ms doubling; past the maximum a random part of it (RetryWithToleranceOperator).
func (t *tolerance) delay(attempt int) time.Duration {
	d := 300 * time.Millisecond << min(attempt, 30)
	if d > t.retryDelayMax && t.retryDelayMax > 0 {
		d = rand.N(t.retryDelayMax)
	}
	return d
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
