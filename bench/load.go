// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// filled returns a topic with exactly the records of s, filled now unless it exists from before.
func (b *bench) filled(s spec) (string, error) {
	topic := s.topic()
	if b.endOffset(topic) == s.n {
		return topic, nil
	}
	b.note("filling %s", topic)
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(b.brokers, ",")...), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(50_000),
		kgo.MaxBufferedBytes(128<<20))
	if err != nil {
		return "", err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	// A part of an earlier, broken load.
	_, _ = admin.DeleteTopics(ctx, topic)
	if err := b.createTopic(topic, s.partitions); err != nil {
		return "", err
	}
	var failed atomic.Pointer[error]
	err = s.records(func(i int64, key, value []byte) error {
		record := &kgo.Record{Key: append([]byte(nil), key...), Value: append([]byte(nil), value...), Partition: s.partition(i)}
		client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
		if e := failed.Load(); e != nil {
			return *e
		}
		return nil
	})
	if err == nil {
		err = client.Flush(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("fill %s: %w", topic, err)
	}
	got := b.endOffset(topic)
	for end := time.Now().Add(15 * time.Second); got != s.n && time.Now().Before(end); got = b.endOffset(topic) {
		time.Sleep(50 * time.Millisecond) // a new topic's offsets may not be known everywhere at once
	}
	if got != s.n {
		return "", fmt.Errorf("fill %s: it holds %d records, want %d", topic, got, s.n)
	}
	return topic, nil
}

// slackLines follow the n lines that count. The FileStreamSource of the JVM may leave the last lines in its buffer until
// the file grows, so the n-th line must not be the last.
const slackLines = 10_000

// linesFile returns a file with the values of s and some more lines, and what its first n lines must be in partition 0.
func (b *bench) linesFile(s spec) (path string, truth digests, err error) {
	path = fmt.Sprintf("%s/%s.txt", b.dir, s.topic())
	truth = digests{}
	f, err := os.Create(path)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	n := s.n
	s.n += slackLines
	err = s.records(func(i int64, _, value []byte) error {
		if i < n {
			truth.add(0, nil, value)
		}
		if _, err := w.Write(value); err != nil {
			return err
		}
		return w.WriteByte('\n')
	})
	if err != nil {
		return "", nil, err
	}
	return path, truth, w.Flush()
}
