// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ackAll is a broker that acknowledges every produce request for partition 0 of topic t, without an allocation of its
// own.
func ackAll(t testing.TB) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	versions := kmsg.NewPtrApiVersionsResponse()
	versions.Version = apiVersionsVersion
	versions.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: produceKey, MaxVersion: 9}}
	hello := framed(versions.AppendTo(nil), false)
	produce := kmsg.NewPtrProduceResponse()
	produce.Version = 9
	produce.Topics = []kmsg.ProduceResponseTopic{{Topic: "t", Partitions: []kmsg.ProduceResponseTopicPartition{kmsg.NewProduceResponseTopicPartition()}}}
	ack := framed(produce.AppendTo(nil), true)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := make([]byte, 4<<20)
				for {
					if _, err := io.ReadFull(c, in[:4]); err != nil {
						return
					}
					n := binary.BigEndian.Uint32(in)
					if _, err := io.ReadFull(c, in[:n]); err != nil {
						return
					}
					answer := ack
					if int16(binary.BigEndian.Uint16(in)) == int16(kmsg.ApiVersions) {
						answer = hello
					}
					copy(answer[4:8], in[4:8])
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr()
}

// framed puts the size and a header in front of a response.
func framed(body []byte, flexible bool) []byte {
	out := make([]byte, 8, len(body)+9)
	if flexible {
		out = append(out, 0)
	}
	out = append(out, body...)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out
}

// ackedProducer is a producer whose data goes to ackAll.
func ackedProducer(t testing.TB) *Producer {
	t.Helper()
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c)
	if err := p.topics.wait(testContext(t), "t"); err != nil {
		t.Fatal(err)
	}
	addr := ackAll(t).(*net.TCPAddr)
	p.rows.pool.hint(0, "127.0.0.1", int32(addr.Port))
	return p
}

// paddedRows are n rows of size bytes.
func paddedRows(n, size int) *Rows {
	rows := &Rows{N: n, Topic: "t", Buf: make([]byte, n*size)}
	for i := range n {
		rows.Value = append(rows.Value, PackBytes(uint32(i*size), uint32(size)))
	}
	return rows
}

// From the rows to their acknowledgement, over a real socket, not a byte per row is allocated.
func TestBatchPathDoesNotAllocate(t *testing.T) {
	const runs, perRun = 100, 2048
	p := ackedProducer(t)
	rows := paddedRows(perRun, 300)
	got := make(chan []RowError, 1)
	done := func(errs []RowError) { got <- errs }
	step := func() {
		if err := p.ProduceRows(context.Background(), rows, done); err != nil {
			t.Fatal(err)
		}
		if errs := <-got; errs != nil {
			t.Fatal(errs[0].Err)
		}
	}
	for range 10 {
		step()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		step()
	}
	runtime.ReadMemStats(&after)
	bytes, count := after.TotalAlloc-before.TotalAlloc, after.Mallocs-before.Mallocs
	// What is left is per request: goroutines that start and end, a timer.
	if bytes > runs*perRun || count > runs*perRun/100 {
		t.Errorf("%d bytes in %d allocations for %d rows", bytes, count, runs*perRun)
	}
	t.Logf("%.2f bytes, %.5f allocations per row", float64(bytes)/runs/perRun, float64(count)/runs/perRun)
}

// BenchmarkProduceAcked is the producer alone: the broker at the other end of the socket only reads.
func BenchmarkProduceAcked(b *testing.B) {
	const perCall = 2048
	p := ackedProducer(b)
	rows := paddedRows(perCall, 300)
	slots := make(chan struct{}, 4)
	done := func(errs []RowError) {
		if errs != nil {
			b.Error(errs[0].Err)
		}
		<-slots
	}
	b.SetBytes(300)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += perCall {
		slots <- struct{}{}
		if err := p.ProduceRows(context.Background(), rows, done); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
}
