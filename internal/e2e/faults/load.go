// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tick is how often load is written and files are looked at.
const tick = 20 * time.Millisecond

// load writes records of a stream at a rate until its context ends; made is how many there are.
type load struct {
	stream stream
	rate   int // records per second
	made   atomic.Int64
}

// run makes records and hands them to write, a tick's worth at a time.
func (l *load) run(ctx context.Context, write func(from, n int) error) error {
	started := time.Now()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		// A machine that was busy does not make up for it by a burst of more than a quarter of a second.
		made := int(l.made.Load())
		n := min(int(time.Since(started).Seconds()*float64(l.rate))-made, l.rate/4)
		if n <= 0 {
			continue
		}
		if err := write(made, n); err != nil {
			return err
		}
		l.made.Add(int64(n))
	}
}

// toFile appends the records as lines to a file, in two writes that usually part a line.
func (l *load) toFile(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	var buf []byte
	return l.run(ctx, func(from, n int) error {
		buf = buf[:0]
		for seq := from; seq < from+n; seq++ {
			buf = append(l.stream.append(buf, seq), '\n')
		}
		half := len(buf) * (1 + from%7) / 8
		_, err1 := f.Write(buf[:half])
		_, err2 := f.Write(buf[half:])
		return errors.Join(err1, err2)
	})
}

// toTopic produces the records past the proxies, record seq to partition seq modulo their number.
func (l *load) toTopic(ctx context.Context, seeds, topic string, partitions int, codec kgo.CompressionCodec) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(seeds, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec), kgo.MetadataMinAge(200*time.Millisecond))
	if err != nil {
		return err
	}
	defer c.Close()
	var failed atomic.Pointer[error]
	err = l.run(ctx, func(from, n int) error {
		for seq := from; seq < from+n; seq++ {
			r := &kgo.Record{Topic: topic, Partition: int32(seq % partitions), Value: l.stream.append(nil, seq)}
			// Not ctx: its end means no more records, not that those underway are in doubt.
			c.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			})
		}
		if err := failed.Load(); err != nil {
			return fmt.Errorf("produce the load: %w", *err)
		}
		return nil
	})
	flush, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(err, c.Flush(flush))
}

// follow counts the lines of a file that grows, until its context ends; then once more what is there.
func follow(ctx context.Context, path string, to *ledger) error {
	var f *os.File
	var held []byte
	buf := make([]byte, 256<<10)
	for {
		last := ctx.Err() != nil
		if f == nil {
			var err error
			if f, err = os.Open(path); err == nil {
				defer f.Close()
			}
		}
		for f != nil {
			n, err := f.Read(buf)
			held = append(held, buf[:n]...)
			for {
				line, rest, ok := bytes.Cut(held, []byte{'\n'})
				if !ok {
					break
				}
				to.add(noPartition, line)
				held = rest
			}
			held = append([]byte(nil), held...) // the lines counted are let go
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("read what the sink wrote: %w", err)
			}
		}
		if last {
			if len(held) > 0 {
				to.add(noPartition, held)
			}
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(tick):
		}
	}
}

// consume counts the records of topics past the proxies until its context ends. It reads what is committed only, so that
// a source with transactions is judged as its readers see it.
func consume(ctx context.Context, seeds string, to map[string]*ledger) error {
	var topics []string
	for topic := range to {
		topics = append(topics, topic)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(seeds, ",")...), kgo.ConsumeTopics(topics...), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.MetadataMinAge(200*time.Millisecond))
	if err != nil {
		return err
	}
	defer c.Close()
	type at struct {
		topic     string
		partition int32
	}
	next := map[at]int64{}
	for ctx.Err() == nil {
		// Errors of partitions heal when their broker is back; a record that never comes shows in the ledger.
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			// The client may read an offset again after an error; only another offset is another record.
			if p := (at{r.Topic, r.Partition}); r.Offset >= next[p] {
				next[p] = r.Offset + 1
				to[r.Topic].add(r.Partition, r.Value)
			}
		})
	}
	return nil
}
