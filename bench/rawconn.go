// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawConn is one connection to a broker and nothing around it: the floor that a client's data path can be held to.
// It speaks the last versions of Fetch and Produce that name topics and have no tagged fields.
type rawConn struct {
	net.Conn
	format *kmsg.RequestFormatter
	id     int32
	out    []byte
	in     []byte
}

const (
	rawFetchVersion    = 11
	rawProduceVersion  = 8
	rawMetadataVersion = 8
)

func dialRaw(ctx context.Context, brokers string) (*rawConn, error) {
	first, _, _ := strings.Cut(brokers, ",")
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", first)
	if err != nil {
		return nil, err
	}
	if at, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(at); err != nil {
			return nil, err
		}
	}
	return &rawConn{Conn: conn, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw"))}, nil
}

// send writes a request and does not wait.
func (c *rawConn) send(req kmsg.Request) error {
	c.id++
	c.out = c.format.AppendRequest(c.out[:0], req, c.id)
	_, err := c.Write(c.out)
	return err
}

// receive reads the next answer into memory that the one after it takes over.
func (c *rawConn) receive(into kmsg.Response) error {
	var size [8]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(size[:])) - 4
	if n < 0 || n > 256<<20 {
		return fmt.Errorf("an answer of %d bytes", n)
	}
	if cap(c.in) < n {
		c.in = make([]byte, n)
	}
	c.in = c.in[:n]
	if _, err := io.ReadFull(c, c.in); err != nil {
		return err
	}
	return into.ReadFrom(c.in)
}

func (c *rawConn) call(req kmsg.Request, into kmsg.Response) error {
	if err := c.send(req); err != nil {
		return err
	}
	return c.receive(into)
}

// partitions asks how many partitions a topic has; they must all be led by the one node there is.
func (c *rawConn) partitions(topic string) (int, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = rawMetadataVersion
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	resp := kmsg.NewPtrMetadataResponse()
	resp.Version = rawMetadataVersion
	if err := c.call(req, resp); err != nil {
		return 0, err
	}
	if len(resp.Brokers) != 1 {
		return 0, errManyNodes
	}
	if len(resp.Topics) != 1 {
		return 0, fmt.Errorf("no topic %s", topic)
	}
	return len(resp.Topics[0].Partitions), kerr.ErrorForCode(resp.Topics[0].ErrorCode)
}

// rawFetcher reads a topic from its beginning, one request at a time: answers of about a megabyte stay in the cache.
type rawFetcher struct {
	c    *rawConn
	req  *kmsg.FetchRequest
	resp *kmsg.FetchResponse
}

const (
	rawFetchBytes     = 1 << 20
	rawPartitionBytes = 1 << 20
)

func (c *rawConn) newFetcher(topic string) (*rawFetcher, error) {
	n, err := c.partitions(topic)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID = rawFetchVersion, -1
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 500, 1, rawFetchBytes
	req.SessionEpoch = -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	for p := range n {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.PartitionMaxBytes = int32(p), rawPartitionBytes
		t.Partitions = append(t.Partitions, part)
	}
	req.Topics = append(req.Topics, t)
	return &rawFetcher{c, req, kmsg.NewPtrFetchResponse()}, nil
}

// next fetches once and hands over the whole batches that came, in memory that the next call takes over.
func (f *rawFetcher) next(do func(partition int32, batch []byte) error) error {
	f.resp.Default()
	f.resp.Version = rawFetchVersion
	if err := f.c.call(f.req, f.resp); err != nil {
		return err
	}
	if err := kerr.ErrorForCode(f.resp.ErrorCode); err != nil {
		return err
	}
	asked := f.req.Topics[0].Partitions
	for _, t := range f.resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("partition %d: %w", p.Partition, err)
			}
			for rest := p.RecordBatches; len(rest) >= batchHeader; {
				n := batchSize(rest)
				if n > len(rest) {
					break // the rest comes again, whole
				}
				next := lastOffset(rest) + 1 // before the batch may be changed
				if err := do(p.Partition, rest[:n]); err != nil {
					return err
				}
				for i := range asked {
					if asked[i].Partition == p.Partition {
						asked[i].FetchOffset = next
					}
				}
				rest = rest[n:]
			}
		}
	}
	// Partitions that were answered go to the end, as a consumer's do: otherwise the first would come alone.
	if len(asked) > 1 {
		f.req.Topics[0].Partitions = append(asked[1:], asked[0])
	}
	return nil
}

// rawProducer sends batches with acks=all, up to five requests under way.
type rawProducer struct {
	c        *rawConn
	topic    string
	inFlight int
}

const rawInFlight = 5

func (c *rawConn) newProducer(topic string) *rawProducer { return &rawProducer{c: c, topic: topic} }

// send sends one batch; its memory is free when send returns.
func (p *rawProducer) send(partition int32, batch []byte) error {
	if p.inFlight == rawInFlight {
		if err := p.acknowledged(); err != nil {
			return err
		}
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = rawProduceVersion, -1, 30_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = p.topic
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = partition, batch
	t.Partitions = append(t.Partitions, part)
	req.Topics = append(req.Topics, t)
	p.inFlight++
	return p.c.send(req)
}

// acknowledged reads the oldest answer that is due; the broker answers in the order of the requests.
func (p *rawProducer) acknowledged() error {
	p.inFlight--
	resp := kmsg.NewPtrProduceResponse()
	resp.Version = rawProduceVersion
	if err := p.c.receive(resp); err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, part := range t.Partitions {
			if err := kerr.ErrorForCode(part.ErrorCode); err != nil {
				return fmt.Errorf("produce to %s-%d: %w", t.Topic, part.Partition, err)
			}
		}
	}
	return nil
}

// flush waits until everything is acknowledged.
func (p *rawProducer) flush() error {
	for p.inFlight > 0 {
		if err := p.acknowledged(); err != nil {
			return err
		}
	}
	return nil
}
