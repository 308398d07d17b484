// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/smt"
)

// prepared is how many batches are filled before the clock starts: enough for the clock's microseconds not to count,
// few enough to stay near the processor.
const prepared = 16

// maxRounds ends the measurement of transforms that take next to nothing; filling batches for them takes much longer.
const maxRounds = 30

// minRounds are enough for a median after the warm-up.
const minRounds = 6

// measure times a case in one form.
func measure(c *smtCase, form string, want time.Duration) (result, error) {
	tr, err := transform(c)
	if err != nil {
		return result{}, err
	}
	conv, err := converter()
	if err != nil {
		return result{}, err
	}
	texts := make([]string, rows)
	for i := range texts {
		texts[i] = orderText(i)
	}
	batches := make([]*batch.Batch, prepared)
	for i := range batches {
		batches[i] = batch.New()
	}
	fill := func(b *batch.Batch) error {
		b.Reset()
		switch form {
		case "struct":
			fillStructs(b)
			return nil
		case "map":
			fillRaw(b, texts)
			return conv.Decode(b, batch.Value)
		}
		fillRaw(b, texts)
		return nil
	}
	work := tr.Apply
	if form == "text" {
		work = func(b *batch.Batch) error {
			return errors.Join(conv.Decode(b, batch.Value), tr.Apply(b), conv.Encode(b, batch.Value))
		}
	}
	var sum result
	var spent time.Duration
	var nanos []float64
	for round := 0; round < minRounds || spent < want && round <= maxRounds; round++ {
		for _, b := range batches {
			if err := fill(b); err != nil {
				return result{}, err
			}
		}
		r, err := timed(batches, work)
		if err != nil {
			return result{}, err
		}
		if round == 0 {
			continue // the warm-up
		}
		spent += time.Duration(r.nanos)
		nanos = append(nanos, r.nanos)
		sum.allocs, sum.bytes = sum.allocs+r.allocs, sum.bytes+r.bytes
	}
	slices.Sort(nanos)
	each := float64(rows * len(batches))
	all := each * float64(len(nanos))
	return result{nanos[len(nanos)/2] / each, sum.allocs / all, sum.bytes / all}, nil
}

// timed runs work over the batches and tells processor time and allocations of it all.
func timed(batches []*batch.Batch, work func(*batch.Batch) error) (result, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpuTime()
	for _, b := range batches {
		if err := work(b); err != nil {
			return result{}, err
		}
	}
	spent := cpuTime() - start
	runtime.ReadMemStats(&after)
	for _, b := range batches {
		if len(b.Errs) > 0 {
			return result{}, fmt.Errorf("row %d: %w", b.Errs[0].Row, b.Errs[0].Err)
		}
	}
	return result{float64(spent), float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)}, nil
}

// cpuTime is the processor time of this process.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// none stands for the case without a transform.
type none struct{}

func (none) Apply(*batch.Batch) error { return nil }

func transform(c *smtCase) (smt.Transform, error) {
	if c.class == "" {
		return none{}, nil
	}
	plugin, _, ok := smt.Transforms.Lookup(prefix + c.class)
	if !ok {
		return nil, errors.New("not registered")
	}
	props := map[string]string{}
	for i := 0; i < len(c.pairs); i += 2 {
		props[c.pairs[i]] = c.pairs[i+1]
	}
	v, err := plugin.Def.ParseStrings(props)
	if err != nil {
		return nil, err
	}
	return plugin.New(v)
}

func converter() (codec.Converter, error) {
	plugin, _, _ := codec.Registry.Lookup(kafkadefs.JSONConverter)
	v, err := plugin.Def.Parse(config.NewProps(map[string]string{"schemas.enable": "false", "converter.type": "value"}))
	if err != nil {
		return nil, err
	}
	return plugin.New(v, batch.Value)
}
