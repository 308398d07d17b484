// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// rowWriter is the batch path of ProduceRows: rows become record batches without a record object in between.
//
//	ProduceRows ─► choose ─► chunk at the end of its partition's queue ─► leader's ready list
//	                                                                          │ drive: one goroutine per busy leader
//	   done ◄─ answer ◄─ collect ◄── response ◄── broker ◄── rowsRequest (one chunk of each ready partition)
//
// Up to max.in.flight.requests.per.connection requests per leader are in flight. Calls that come meanwhile join the
// chunks that wait, so that a slow broker gets large batches, and a lone row leaves at once. Everything below is guarded
// by mu, but for what a request in flight reads. mu is taken per call and per response, never per row.
type rowWriter struct {
	client     *kgo.Client
	pool       *brokerPool
	cfg        *ClientConfig
	rules      *produceRules
	explain    func(error) error
	log        *slog.Logger
	packer     kgo.Compressor // nil = none
	chunkBytes int            // when a chunk is full

	ctx    context.Context // ends at close
	cancel context.CancelFunc
	wg     sync.WaitGroup // drive and heal
	rows   atomic.Int64   // not answered for yet

	mu       sync.Mutex
	closed   bool
	topics   map[string]*rowTopic
	leaders  map[int32]*rowLeader
	held     int64           // bytes of all chunks
	changed  chan struct{}   // closed when something ends, if anybody waits
	waiting  int             // for changed
	flushing int             // calls of flush
	written  *sync.Cond      // a request was written
	touched  []*rowPartition // scratch of produce
	chunks   []*chunk        // idle
	calls    []*rowCall      // idle
	lists    [][]*rowCall    // idle: of calls that have ended

	idMu  sync.Mutex    // held while an id is asked for; before mu
	stamp producerStamp // the producer's id and newest epoch; id -1 = to be asked for

	sick    []*rowPartition
	healing bool
	poke    chan struct{}
}

// rowCall is one ProduceRows under way.
type rowCall struct {
	rows *Rows
	now  int64 // milliseconds
	left int   // rows not answered for
	errs []RowError
	n    int // rows that were not skipped
	done RowsDone
}

// millis is the timestamp of row i.
func (c *rowCall) millis(i int) int64 {
	if ts := c.rows.Timestamp; ts != nil && ts[i] != NowMillis {
		return ts[i]
	}
	return c.now
}

const (
	// maxIdleChunks, maxIdleCalls and maxIdleLists bound what is kept for reuse.
	maxIdleChunks = 64
	maxIdleCalls  = 64
	maxIdleLists  = 8
)

// canBatch says whether the batch path serves these properties. Transactions need franz-go's own bookkeeping.
func canBatch(c *ClientConfig) bool { return c.TransactionalID == "" }

func newRowWriter(p *Producer, log *slog.Logger) (*rowWriter, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	packer, err := kgo.DefaultCompressor(slices.Clone(p.cfg.produce.compression)...)
	if err != nil {
		return nil, fmt.Errorf("open compressor: %w", err)
	}
	w := &rowWriter{
		client: p.client, pool: newBrokerPool(p.cfg, p.client, log), cfg: p.cfg, rules: &p.cfg.produce, explain: p.explain, log: log, packer: packer,
		chunkBytes: min(p.cfg.produce.maxBatch, maxBatchBytes),
		topics:     map[string]*rowTopic{}, leaders: map[int32]*rowLeader{},
		changed: make(chan struct{}), poke: make(chan struct{}, 1), stamp: noStamp,
	}
	w.written = sync.NewCond(&w.mu)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w, nil
}

// produce is ProduceRows once the topics are known. It blocks while buffer.memory is full; a call that got in may go
// past it, as the bytes are the caller's own.
func (w *rowWriter) produce(ctx context.Context, rows *Rows, done RowsDone) error {
	if err := w.room(ctx); err != nil {
		return err // without mu
	}
	call := w.takeCall(rows, done)
	call.now = time.Now().UnixMilli()
	call.left = 1 // one for this loop
	var topic *rowTopic
	for i := range rows.N {
		if rows.Skip != nil && rows.Skip(i) {
			continue
		}
		call.n++
		name := rows.Topic
		if rows.TopicOf != nil {
			name = rows.TopicOf(i)
		}
		if topic == nil || topic.name != name {
			if topic != nil {
				w.movedOn(topic)
			}
			topic = w.topics[name]
		}
		if err := w.push(call, topic, i); err != nil {
			call.errs = append(call.errs, RowError{Row: i, Err: err})
		}
	}
	if topic != nil {
		w.movedOn(topic)
		if time.Since(topic.learned) > w.cfg.MetadataMaxAge && len(topic.partitions) > 0 {
			topic.learned = time.Now()
			w.wg.Go(func() { w.refresh([]string{topic.name}, w.cfg.RequestTimeout) })
		}
	}
	for _, p := range w.touched {
		p.touched = false
		w.makeReady(p)
		if l := p.ready; l != nil && len(l.flying) > 0 && l.readyBytes() >= fullBytes {
			l.poke()
		}
	}
	clear(w.touched)
	w.touched = w.touched[:0]
	w.rows.Add(int64(call.n))
	call.left--
	finished := call.left == 0
	w.mu.Unlock()
	if finished {
		w.finish([]*rowCall{call})
	}
	return nil
}

// room waits for buffer.memory and returns with mu held, or with an error and without.
func (w *rowWriter) room(ctx context.Context) error {
	for {
		w.mu.Lock()
		if w.closed {
			w.mu.Unlock()
			return ErrClosed
		}
		if w.held < w.rules.buffer {
			return nil
		}
		if err := w.await(ctx); err != nil {
			return err
		}
	}
}

// await waits for changed. mu is held before, and not after.
func (w *rowWriter) await(ctx context.Context) error {
	w.waiting++
	changed := w.changed
	w.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
		w.mu.Lock()
		if w.changed == changed {
			w.waiting--
		}
		w.mu.Unlock()
		return context.Cause(ctx)
	}
	return nil
}

// push puts row i at the end of its partition's queue.
func (w *rowWriter) push(call *rowCall, topic *rowTopic, i int) error {
	rows := call.rows
	if topic == nil || len(topic.partitions) == 0 {
		return kerr.UnknownTopicOrPartition // cannot be: waitTopics saw it
	}
	var headers []Header
	if rows.Headers != nil {
		headers = rows.Headers(i)
	}
	body := rows.bodyLen(i, headers)
	p, err := w.choose(topic, rows, i, body)
	if err != nil {
		return err
	}
	if !p.touched {
		p.touched = true
		w.touched = append(w.touched, p)
	}
	millis := call.millis(i)
	c := p.tail()
	if c != nil {
		record, total := c.grow(body, millis)
		if c.bytes+total <= p.limit {
			w.append(c, call, i, millis, record, total, headers)
			return nil
		}
		c.sealed = true
	}
	c = w.takeChunk(p)
	record, total := c.grow(body, millis)
	if size := batchHeaderBytes + total; size > w.rules.maxBatch {
		w.giveChunk(c)
		return fmt.Errorf("%w (the record is %d bytes when serialized, max.request.size is %d)", kerr.MessageTooLarge, size, w.rules.maxBatch)
	}
	if w.rules.delivery > 0 {
		c.deadline = time.Now().Add(w.rules.delivery)
	}
	p.queue = append(p.queue, c)
	w.append(c, call, i, millis, record, total, headers)
	return nil
}

func (w *rowWriter) append(c *chunk, call *rowCall, i int, millis int64, record, total int, headers []Header) {
	before := c.bytes
	c.add(call, i, millis, record, total, headers)
	w.held += int64(c.bytes - before)
	c.p.queued += c.bytes - before
}

// flush waits until nothing is under way. What lingers leaves.
func (w *rowWriter) flush(ctx context.Context) error {
	w.mu.Lock()
	w.flushing++
	for _, l := range w.leaders {
		l.poke()
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.flushing--
		w.mu.Unlock()
	}()
	for {
		w.mu.Lock()
		if w.rows.Load() == 0 {
			w.mu.Unlock()
			return nil
		}
		if err := w.await(ctx); err != nil {
			return err
		}
	}
}

func (w *rowWriter) buffered() int64 { return w.rows.Load() }

// close fails what is left with ErrClosed and waits for the goroutines.
func (w *rowWriter) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	w.pool.close()
	w.wg.Wait()
	var finished []*rowCall
	w.mu.Lock()
	for _, t := range w.topics {
		for _, p := range t.partitions {
			for len(p.queue) > 0 {
				finished = w.fail(p.queue[0], ErrClosed, finished)
			}
		}
	}
	w.mu.Unlock()
	w.finish(finished)
}

// signal wakes whoever waits for room or for the end.
func (w *rowWriter) signal() {
	if w.waiting > 0 {
		close(w.changed)
		w.changed, w.waiting = make(chan struct{}), 0
	}
}

// finish calls done of calls that have ended. mu is not held.
func (w *rowWriter) finish(calls []*rowCall) {
	if len(calls) == 0 {
		return
	}
	n := 0
	for _, c := range calls {
		n += c.n
		if len(c.errs) > 0 {
			c.done(c.errs)
		} else {
			c.done(nil)
		}
	}
	w.rows.Add(int64(-n))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range calls {
		clear(c.errs)
		*c = rowCall{errs: c.errs[:0]}
		if len(w.calls) < maxIdleCalls {
			w.calls = append(w.calls, c)
		}
	}
	w.giveList(calls)
	w.signal()
}

// takeList is memory for calls that have ended; finish takes it back. mu is held.
func (w *rowWriter) takeList() []*rowCall {
	n := len(w.lists)
	if n == 0 {
		return nil
	}
	l := w.lists[n-1]
	w.lists = w.lists[:n-1]
	return l
}

func (w *rowWriter) giveList(l []*rowCall) {
	if cap(l) > 0 && cap(l) <= maxIdleCalls && len(w.lists) < maxIdleLists {
		clear(l)
		w.lists = append(w.lists, l[:0])
	}
}

func (w *rowWriter) takeCall(rows *Rows, done RowsDone) *rowCall {
	n := len(w.calls)
	if n == 0 {
		return &rowCall{rows: rows, done: done}
	}
	c := w.calls[n-1]
	w.calls = w.calls[:n-1]
	c.rows, c.done = rows, done
	return c
}

func (w *rowWriter) takeChunk(p *rowPartition) *chunk {
	n := len(w.chunks)
	if n == 0 {
		return &chunk{p: p}
	}
	c := w.chunks[n-1]
	w.chunks = w.chunks[:n-1]
	c.p = p
	return c
}

func (w *rowWriter) giveChunk(c *chunk) {
	if c.reset(); cap(c.rows) <= maxIdleRows && len(w.chunks) < maxIdleChunks {
		w.chunks = append(w.chunks, c)
	}
}
