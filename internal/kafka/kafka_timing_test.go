// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The broker shares the process: it serves one canned batch over and over, or drops what it is given, so that its own
// work is small. Compare the lines with each other, not with a real broker's.

const benchValueBytes = 300

func benchCluster(b *testing.B, opt kfake.Opt) string {
	b.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(6, "t"), opt)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

func BenchmarkConsume(b *testing.B) {
	synthetic := kfake.SyntheticFetch(kfake.SyntheticBatch{RecordBytes: benchValueBytes})
	ours := func(path Path, kv ...string) func(*testing.B) {
		return func(b *testing.B) {
			cfg := mustParse(b, RoleConsumer, with(SinkConsumerDefaults(benchCluster(b, synthetic), "bench", "bench"), kv...))
			c := newConsumer(b, cfg, ConsumerOptions{Topics: []string{"t"}, Path: path})
			var set RowSet
			drain(b, func(ctx context.Context) int {
				set.Buf = set.Buf[:0]
				if err := c.PollRows(ctx, &set, 1024, 1<<20); err != nil {
					b.Fatal(err)
				}
				for _, v := range set.Value {
					benchSink += int(uint32(v))
				}
				return set.N
			})
		}
	}
	b.Run("client", ours(PathClient))
	b.Run("batch", ours(PathBatch))
	for _, mb := range []int{1, 4, 8} {
		size := strconv.Itoa(mb << 20)
		b.Run("batch-fetch="+strconv.Itoa(mb)+"MB", ours(PathBatch, "fetch.max.bytes", size, "max.partition.fetch.bytes", size))
	}
	b.Run("raw", func(b *testing.B) {
		cl, err := kgo.NewClient(kgo.SeedBrokers(benchCluster(b, synthetic)), kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g"), kgo.DisableAutoCommit())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(cl.Close)
		drain(b, func(ctx context.Context) int {
			f := cl.PollFetches(ctx)
			f.EachRecord(func(r *kgo.Record) { benchSink += len(r.Value) })
			return f.NumRecords()
		})
	})
}

var benchSink int

// drain polls until b.N records came.
func drain(b *testing.B, poll func(context.Context) int) {
	ctx := context.Background()
	poll(ctx) // joins the group
	b.SetBytes(benchValueBytes)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		n += poll(ctx)
	}
	b.StopTimer()
}

func BenchmarkProduce(b *testing.B) {
	const batch = 2048
	rows := &Rows{N: batch, Topic: "t", Buf: make([]byte, benchValueBytes)}
	for range batch {
		rows.Value = append(rows.Value, PackBytes(0, benchValueBytes))
	}
	ours := func(path Path, kv ...string) func(*testing.B) {
		return func(b *testing.B) {
			p := newProducerOn(b, benchCluster(b, kfake.BlackholeProduce()), path, kv...)
			ctx := context.Background()
			slots := make(chan struct{}, 8) // batches in flight, as an engine's free list
			done := func(errs []RowError) {
				if errs != nil {
					b.Error(errs[0].Err)
				}
				<-slots
			}
			b.SetBytes(benchValueBytes)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += batch {
				slots <- struct{}{}
				if err := p.ProduceRows(ctx, rows, done); err != nil {
					b.Fatal(err)
				}
			}
			if err := p.Flush(ctx); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
		}
	}
	b.Run("client", ours(PathClient))
	b.Run("client-sticky=512K", ours(PathClient, "batch.size", "524288"))
	b.Run("batch", ours(PathBatch))
	b.Run("batch-sticky=64K", ours(PathBatch, "batch.size", "65536"))
	b.Run("raw", func(b *testing.B) {
		cl, err := kgo.NewClient(kgo.SeedBrokers(benchCluster(b, kfake.BlackholeProduce())), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(8*batch))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(cl.Close)
		ctx := context.Background()
		value := make([]byte, benchValueBytes)
		b.SetBytes(benchValueBytes)
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			cl.Produce(ctx, &kgo.Record{Topic: "t", Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
		if err := cl.Flush(ctx); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
	})
}
