// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// events calls emit with n records, the same for a seed: the key is a JSON number, the value a JSON object of some
// 308 bytes and 14 fields, with text beyond ASCII, a null, an array and a nested object. Both are overwritten by the next.
func events(n int64, seed uint64, emit func(key, value []byte) error) error {
	r := rand.New(rand.NewPCG(seed, 0))
	kinds := []string{"page_view", "add_to_cart", "purchase", "login", "logout"}
	cities := []string{"Hamburg", "Lyon", "Porto", "Gdańsk", "Malmö", "Torino"}
	countries := []string{`"DE"`, `"FR"`, `null`}
	var key, value []byte
	for i := range n {
		user := r.IntN(1_000_000)
		key = strconv.AppendInt(key[:0], int64(user), 10)
		value = fmt.Appendf(value[:0], `{"id":%d,"user_id":%d,"event":"%s","ts":%d,"email":"user%d@example.com","ip":"10.%d.%d.%d",`,
			i, user, kinds[r.IntN(len(kinds))], 1_760_000_000_000+i, user, r.IntN(256), r.IntN(256), r.IntN(256))
		value = fmt.Appendf(value, `"amount":%.2f,"currency":"EUR","country":%s,"device":"ios","active":%t,"session":"%08x-9d0b-4c57-8a3e-%012x",`,
			r.Float64()*1000, countries[r.IntN(len(countries))], r.IntN(2) == 0, r.Uint32(), r.Uint64()>>16)
		value = fmt.Appendf(value, `"tags":["a%d","b"],"address":{"city":"%s","zip":"%05d"}}`, r.IntN(10), cities[r.IntN(len(cities))], r.IntN(100_000))
		if err := emit(key, value); err != nil {
			return err
		}
	}
	return nil
}

// partitions of the topic of events.
const eventPartitions = 6

// eventsTopic returns a topic with exactly n events, filled now unless it exists from before.
func (b *bench) eventsTopic(n int64) (string, error) {
	topic := fmt.Sprintf("bench-events-%d-%d", b.options.seed, n)
	if b.endOffset(topic) == n {
		return topic, nil
	}
	b.note("filling %s", topic)
	ctx := context.Background()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.brokers), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		return "", err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	// A part of an earlier, broken load.
	_, _ = admin.DeleteTopics(ctx, topic)
	if err := b.createTopic(topic, eventPartitions); err != nil {
		return "", err
	}
	var failed atomic.Pointer[error]
	err = events(n, b.options.seed, func(key, value []byte) error {
		record := &kgo.Record{Key: append([]byte(nil), key...), Value: append([]byte(nil), value...)}
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
	if got := b.endOffset(topic); got != n {
		return "", fmt.Errorf("fill %s: it holds %d records, want %d", topic, got, n)
	}
	return topic, nil
}

// eventsFile returns a file with n lines and some more. The FileStreamSource of the JVM may leave the last lines in its
// buffer until the file grows, so the n-th line must not be the last.
func (b *bench) eventsFile(n int64) (string, error) {
	path := fmt.Sprintf("%s/events-%d.txt", b.dir, n)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	err = events(n+10_000, b.options.seed, func(_, value []byte) error {
		if _, err := w.Write(value); err != nil {
			return err
		}
		return w.WriteByte('\n')
	})
	if err != nil {
		return "", err
	}
	return path, w.Flush()
}
