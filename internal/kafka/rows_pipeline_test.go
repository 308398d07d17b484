// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// network is what connections of a test cluster go over: far away, and cut at any byte.
type network struct {
	delay time.Duration // of every answer
	mu    sync.Mutex
	rng   *rand.Rand
	cuts  atomic.Int32 // connections that are still to be cut
}

func (n *network) listen(proto, address string) (net.Listener, error) {
	l, err := net.Listen(proto, address)
	return networkListener{l, n}, err
}

type networkListener struct {
	net.Listener
	network *network
}

func (l networkListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	far := &farConn{Conn: c, network: l.network, late: make(chan lateBytes, 1<<12), done: make(chan struct{}), left: -1}
	go far.deliver()
	return far, nil
}

type lateBytes struct {
	due   time.Time
	bytes []byte
}

// farConn delays what the server writes, without holding the server up, and breaks after as many bytes as cutting says.
type farConn struct {
	net.Conn
	network *network
	late    chan lateBytes
	done    chan struct{}
	once    sync.Once
	mu      sync.Mutex
	left    int // bytes in either direction until the cut, -1 = none
}

// count says how many of n bytes go through. It draws where a connection is cut when it carries its first large request.
func (c *farConn) count(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left < 0 {
		if n < 200 || c.network.cuts.Load() <= 0 || c.network.cuts.Add(-1) < 0 {
			return n
		}
		c.network.mu.Lock()
		c.left = c.network.rng.IntN(20_000)
		c.network.mu.Unlock()
	}
	n = min(n, c.left)
	c.left -= n
	return n
}

func (c *farConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if through := c.count(n); through < n {
		_ = c.Close()
		return through, net.ErrClosed
	}
	return n, err
}

func (c *farConn) Write(p []byte) (int, error) {
	select {
	case c.late <- lateBytes{time.Now().Add(c.network.delay), slices.Clone(p)}:
		return len(p), nil
	case <-c.done:
		return 0, net.ErrClosed
	}
}

func (c *farConn) deliver() {
	for {
		select {
		case b := <-c.late:
			time.Sleep(time.Until(b.due))
			n := c.count(len(b.bytes))
			if _, err := c.Conn.Write(b.bytes[:n]); err != nil || n < len(b.bytes) {
				_ = c.Close()
				return
			}
		case <-c.done:
			return
		}
	}
}

func (c *farConn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}

// A far broker is kept busy by several requests, of one partition too, and they arrive in order.
func TestBatchPathFillsALongWay(t *testing.T) {
	f := func(name string, want int, kv ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			n := &network{delay: 150 * time.Millisecond}
			c := faultCluster(t, 1, 1, kfake.ListenFn(n.listen))
			var mu sync.Mutex
			var came []time.Time
			c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				mu.Lock()
				came = append(came, time.Now())
				mu.Unlock()
				return nil, nil, false
			})
			p := batchProducer(t, c, kv...)
			sendNumbers(t, p, 0, 10)
			if err := p.Flush(testContext(t)); err != nil {
				t.Fatal(err)
			}
			for i := 1; i < 60; i++ {
				sendNumbers(t, p, i*10, i*10+10)
				time.Sleep(10 * time.Millisecond)
			}
			if err := p.Flush(testContext(t)); err != nil {
				t.Fatal(err)
			}
			most := 0 // requests that came well within the time of one answer
			for i := range came {
				k := 0
				for _, other := range came[i:] {
					if other.Sub(came[i]) < n.delay*2/3 {
						k++
					}
				}
				most = max(most, k)
			}
			if most < min(want, 2) || most > want {
				t.Errorf("%d requests in flight, want up to %d", most, want)
			}
			wantNumbers(t, readLog(t, c, 600)[0], 600)
		})
	}
	f("five", 5)
	f("two", 2, "max.in.flight.requests.per.connection", "2")
	f("one", 1, "max.in.flight.requests.per.connection", "1")
	f("in order without sequence numbers", 1, "enable.idempotence", "false")
}

// Random faults of brokers and of the network, over a long way, with many small batches in flight: every row is there
// once, in the order of its writer.
func TestBatchPathStorm(t *testing.T) {
	a := newAuthority(t)
	server := a.server("127.0.0.1")
	scram := []string{"sasl.mechanism", "SCRAM-SHA-256", "sasl.jaas.config", `org.apache.kafka.common.security.scram.ScramLoginModule required username="ann" password="s3cret";`}
	login := []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "ann", "s3cret"), kfake.BrokerConfigs(map[string]string{"connections.max.reauth.ms": "1000"})}
	f := func(name string, opts []kfake.Opt, kv ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) { storm(t, opts, kv...) })
	}
	f("plain", nil, "max.request.size", "2000")
	f("large", nil)
	f("gzip", nil, "max.request.size", "3000", "compression.type", "gzip")
	f("login renewed", login, append(scram, "security.protocol", "SASL_PLAINTEXT", "max.request.size", "2000")...)
	f("tls", append(login, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{server.cert.Raw}, PrivateKey: server.key}}})),
		append(scram, "security.protocol", "SASL_SSL", "ssl.truststore.type", "PEM", "ssl.truststore.certificates", pemOf("CERTIFICATE", a.cert.Raw), "max.request.size", "2000")...)
}

func storm(t *testing.T, opts []kfake.Opt, kv ...string) {
	const writers, calls, perCall, seed = 3, 60, 100, 20261122
	n := &network{delay: 4 * time.Millisecond, rng: rand.New(rand.NewPCG(seed, 2))}
	c := faultCluster(t, 3, 4, append(opts, kfake.ListenFn(n.listen))...)
	if err := c.CreateTopic("s", 4, map[string]string{"max.message.bytes": "1500"}); err != nil {
		t.Fatal(err)
	}
	p := batchProducer(t, c, append([]string{"request.timeout.ms", "1000"}, kv...)...)
	if errs := produceRows(t, p, &Rows{Topic: "s"}); errs != nil {
		t.Fatal(errs)
	}
	rng := rand.New(rand.NewPCG(seed, 3))
	left := 150
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if left--; left < 0 {
			return nil, nil, false
		}
		codes := []*kerr.Error{kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.RequestTimedOut}
		switch at := rng.IntN(30); {
		case at < len(codes):
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: codes[at], Partitions: []int32{rng.Int32N(4)}})
		case at == 5 || at == 8:
			return nil, errors.New("cut"), true
		case at == 6:
			n.cuts.Add(1)
		case at == 7:
			go func(partition, leader int32) { _ = c.MoveTopicPartition("s", partition, leader) }(rng.Int32N(4), rng.Int32N(3))
		}
		return nil, nil, false
	})
	var wg sync.WaitGroup
	for who := range writers {
		wg.Go(func() {
			for k := range calls {
				rows := &Rows{Topic: "s", N: perCall}
				for i := range perCall {
					text := fmt.Sprintf("%d %d %s", who, k*perCall+i, "padding padding padding"[:(k*7+i)%20])
					rows.Value = append(rows.Value, PackBytes(uint32(len(rows.Buf)), uint32(len(text))))
					rows.Buf = append(rows.Buf, text...)
					rows.Partition = append(rows.Partition, int32((i+who)%4))
				}
				if err := p.ProduceRows(context.Background(), rows, func(errs []RowError) {
					if errs != nil {
						t.Errorf("%d rows failed: %v", len(errs), errs[0].Err)
					}
					clear(rows.Buf) // whoever still reads it is found out
				}); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, info := range c.PartitionInfos("s") {
		total += int(info.HighWatermark)
	}
	if total != writers*calls*perCall {
		t.Errorf("%d records in the log, want %d", total, writers*calls*perCall)
	}
	checkOrder(t, c, opts == nil, total, writers)
}

// checkOrder reads topic s, and finds the rows of each writer in order in each partition.
func checkOrder(t *testing.T, c *kfake.Cluster, readable bool, n, writers int) {
	t.Helper()
	if !readable {
		return // readLog does not log in
	}
	for partition, values := range readTopic(t, c, "s", n) {
		last := slices.Repeat([]int{-1}, writers)
		for _, v := range values {
			parts := strings.SplitN(v, " ", 3)
			if len(parts) != 3 {
				t.Fatalf("partition %d has %q", partition, v)
			}
			w, _ := strconv.Atoi(parts[0])
			k, _ := strconv.Atoi(parts[1])
			if k <= last[w] {
				t.Fatalf("partition %d: row %d of writer %d comes after %d", partition, k, w, last[w])
			}
			last[w] = k
		}
	}
}

// A broker that says where the leader went is believed at once (KIP-951): nobody is asked.
func TestBatchPathFollowsTheHint(t *testing.T) {
	c := faultCluster(t, 2, 1)
	p := batchProducer(t, c, "retry.backoff.ms", "60000", "retry.backoff.max.ms", "60000")
	sendNumbers(t, p, 0, 1)
	if err := p.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if err := c.MoveTopicPartition("t", 0, 1-c.PartitionInfo("t", 0).Leader); err != nil {
		t.Fatal(err)
	}
	sendNumbers(t, p, 1, 2)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, readLog(t, c, 2)[0], 2)
}

func TestPartitionSequences(t *testing.T) {
	p := &rowPartition{topic: &rowTopic{name: "t"}, stamp: producerStamp{id: 4, epoch: 2, seq: 1<<31 - 15}, proven: true}
	p.nextSeq = p.stamp.seq
	for range 4 {
		p.queue = append(p.queue, &chunk{p: p, rows: make([]int32, 10)})
	}
	f := func(want ...int32) {
		t.Helper()
		for _, seq := range want {
			if !p.canSend(true) {
				t.Fatal("nothing more may be sent")
			}
			if c := p.next(); c == nil || c.stamp != (producerStamp{4, 2, seq}) || !c.sealed {
				t.Fatalf("%+v, want %d", c, seq)
			}
		}
	}
	f(1<<31-15, 1<<31-5, 5)
	if p.flying != 3 {
		t.Error(p.flying)
	}
	// The second is done, the first and the third come back: they have their old numbers.
	p.queue[1].done = true
	p.flying = 0
	p.restart()
	f(1<<31-15, 5, 15)
	if p.canSend(true) || p.next() != nil {
		t.Error("sent twice")
	}
	p.proven = false
	p.queue = append(p.queue, &chunk{p: p, rows: make([]int32, 10)})
	if p.canSend(true) {
		t.Error("a second one before the first was acknowledged")
	}
	p.flying = 0
	if !p.canSend(false) {
		t.Error("nothing is in flight")
	}
}

func TestBatchPathWithoutAcks(t *testing.T) {
	c := faultCluster(t, 2, 3)
	p := batchProducer(t, c, "acks", "0")
	for i := range 20 {
		if errs := produceRows(t, p, numbered(i*10, i*10+10)); errs != nil {
			t.Fatal(errs)
		}
	}
	readLog(t, c, 200)
}

func TestBatchPathRoundRobin(t *testing.T) {
	c := faultCluster(t, 1, 4)
	p := batchProducer(t, c, "partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner")
	if errs := produceRows(t, p, numbered(0, 40)); errs != nil {
		t.Fatal(errs)
	}
	for partition, values := range readLog(t, c, 40) {
		if len(values) != 10 {
			t.Errorf("partition %d got %d rows", partition, len(values))
		}
	}
}

// linger.ms that the user set is waited for, but not by Flush.
func TestBatchPathLingers(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := batchProducer(t, c, "linger.ms", "300")
	start := time.Now()
	if errs := produceRows(t, p, numbered(0, 1)); errs != nil {
		t.Fatal(errs)
	}
	if took := time.Since(start); took < 250*time.Millisecond {
		t.Errorf("it left after %v", took)
	}
}
