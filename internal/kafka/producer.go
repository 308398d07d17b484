// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Header is a record header. A nil Value is a null.
type Header = kgo.RecordHeader

// Producer writes records. It is safe for concurrent use; records of one partition keep the order of the calls that
// one goroutine makes, of Produce and of ProduceRows each on its own when the path is PathBatch.
type Producer struct {
	client *kgo.Client
	cfg    *ClientConfig
	topics topicWait
	rows   *rowWriter // nil on the client path

	batches chan *rowBatch // idle ones
	closed  atomic.Bool
}

// idleBatches is how many finished row batches are kept: about those in flight with five requests.
const idleBatches = 16

// Path is how ProduceRows takes rows to the brokers.
type Path string

const (
	// PathClient hands each row to franz-go as a record of its own.
	PathClient Path = "client"
	// PathBatch encodes record batches from the rows (rows_writer.go) and sends them on connections of its own; franz-go
	// keeps the metadata. Producers with a transactional.id take PathClient.
	PathBatch Path = "batch"
	// DefaultPath is that of a worker that does not say.
	DefaultPath = PathBatch
	// PathKey is the worker property that chooses.
	PathKey = "penstock.kafka.path"
)

// ProducerOptions is what a producer takes beside its properties.
type ProducerOptions struct {
	// Path of ProduceRows; "" is PathClient.
	Path Path
	// Log may be nil.
	Log *slog.Logger
}

// NewProducer makes a producer of cfg (a RoleProducer) on the client path. It connects on first use.
func NewProducer(cfg *ClientConfig, log *slog.Logger) (*Producer, error) {
	return OpenProducer(cfg, ProducerOptions{Log: log})
}

// OpenProducer makes a producer of cfg (a RoleProducer). It connects on first use.
func OpenProducer(cfg *ClientConfig, o ProducerOptions) (*Producer, error) {
	log := o.Log
	if cfg.Role != RoleProducer {
		return nil, errors.New("a producer needs producer properties")
	}
	p := &Producer{cfg: cfg, batches: make(chan *rowBatch, idleBatches)}
	client, err := kgo.NewClient(cfg.options(log)...)
	if err != nil {
		return nil, fmt.Errorf("open producer: %w", err)
	}
	p.client = client
	p.topics = topicWait{producer: p, known: map[string]bool{}}
	if o.Path == PathBatch && canBatch(cfg) {
		if p.rows, err = newRowWriter(p, log); err != nil {
			client.Close()
			return nil, err
		}
	}
	return p, nil
}

// Path is how ProduceRows really goes.
func (p *Producer) Path() Path {
	if p.rows != nil {
		return PathBatch
	}
	return PathClient
}

// Produce sends one record and calls done from another goroutine when it was acknowledged or failed. The record must
// not be touched in between. Partition AnyPartition leaves the choice to the partitioner. It blocks while
// buffer.memory is full, until ctx ends; done is called in any case. done must not block and must not produce.
func (p *Producer) Produce(ctx context.Context, r *Record, done func(*Record, error)) {
	if err := p.topics.wait(ctx, r.Topic); err != nil {
		done(r, err)
		return
	}
	p.client.Produce(ctx, r, func(r *kgo.Record, err error) { done(r, p.explain(err)) })
}

// ProduceSync sends one record and waits for it.
func (p *Producer) ProduceSync(ctx context.Context, r *Record) error {
	got := make(chan error, 1)
	p.Produce(ctx, r, func(_ *Record, err error) { got <- err })
	return <-got
}

// Flush waits until all that was produced before is acknowledged or failed.
func (p *Producer) Flush(ctx context.Context) error {
	if p.rows != nil {
		if err := p.rows.flush(ctx); err != nil {
			return err
		}
	}
	return contextError(ctx, p.client.Flush(ctx))
}

// Buffered is how many records wait to be acknowledged.
func (p *Producer) Buffered() int64 {
	n := p.client.BufferedProduceRecords()
	if p.rows != nil {
		n += p.rows.buffered()
	}
	return n
}

// Close fails what is not acknowledged yet and closes the connections. Flush first to keep it.
func (p *Producer) Close() {
	if !p.closed.Swap(true) {
		if p.rows != nil {
			p.rows.close()
		}
		p.client.Close()
	}
}

// InitTransactions claims the transactional id: older producers with it are fenced, their open transaction is aborted.
func (p *Producer) InitTransactions(ctx context.Context) error {
	if _, _, err := p.client.ProducerID(ctx); err != nil {
		return fmt.Errorf("init transactions of %s: %w", p.cfg.TransactionalID, p.explain(contextError(ctx, err)))
	}
	return nil
}

// Begin starts a transaction. Records produced outside one fail.
func (p *Producer) Begin() error { return p.explain(p.client.BeginTransaction()) }

// Commit flushes and commits the transaction.
func (p *Producer) Commit(ctx context.Context) error {
	if err := p.client.Flush(ctx); err != nil {
		return contextError(ctx, err)
	}
	return p.end(ctx, kgo.TryCommit)
}

// Abort drops what is buffered and aborts the transaction.
func (p *Producer) Abort(ctx context.Context) error {
	if err := p.client.AbortBufferedRecords(ctx); err != nil {
		return contextError(ctx, err)
	}
	return p.end(ctx, kgo.TryAbort)
}

func (p *Producer) end(ctx context.Context, how kgo.TransactionEndTry) error {
	return p.explain(contextError(ctx, p.client.EndTransaction(ctx, how)))
}

// explain adds what to do where the broker's error alone does not tell.
func (p *Producer) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return ErrClosed
	case p.cfg.Idempotent && p.cfg.TransactionalID == "" && errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("%w: the idempotent producer needs IDEMPOTENT_WRITE on brokers before 2.8; grant it or set enable.idempotence=false (producer.override.enable.idempotence in a connector)", err)
	}
	return err
}

// topicWait makes sure that a topic exists before records go to it. kgo counts failed lookups; Java counts time, and
// the lookup is also what makes the broker create the topic.
type topicWait struct {
	producer *Producer
	mu       sync.RWMutex
	known    map[string]bool
}

// wait returns at once for a topic seen before; else it looks until max.block.ms is over.
func (t *topicWait) wait(ctx context.Context, topic string) error {
	t.mu.RLock()
	known := t.known[topic]
	t.mu.RUnlock()
	if known {
		return nil
	}
	limit := t.producer.cfg.MaxBlock
	start := time.Now()
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := t.lookWithin(ctx, topic, limit-time.Since(start))
		if err == nil {
			t.mu.Lock()
			t.known[topic] = true
			t.mu.Unlock()
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		unreachable := isNetwork(err)
		if !unreachable && !kerr.IsRetriable(err) {
			return fmt.Errorf("look up topic %s: %w", topic, t.producer.explain(err))
		}
		switch left := limit - time.Since(start); {
		case unreachable && t.producer.cfg.waitForBroker: // as a batch in flight would
		case left <= 0 && unreachable:
			return fmt.Errorf("look up topic %s: %w", topic, err)
		case left <= 0:
			return &UnknownTopicError{Topic: topic, After: limit}
		case wait > left:
			wait = left
		}
		pause.Reset(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
