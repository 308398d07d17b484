// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"

	"github.com/penstock-io/penstock/internal/kafka"
)

// maxSyncsInFlight bounds the offset syncs under way; what comes meanwhile replaces what waits for its partition.
const maxSyncsInFlight = 10

// offsetSync says that a record of the source is at another offset on the target.
type offsetSync struct{ upstream, downstream int64 }

// appendSyncKey is the key of an offset sync record: STRING topic, INT32 partition (org.apache.kafka.connect.mirror.OffsetSync).
func appendSyncKey(dst []byte, tp kafka.TopicPartition) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(tp.Topic)))
	dst = append(dst, tp.Topic...)
	return binary.BigEndian.AppendUint32(dst, uint32(tp.Partition))
}

// appendSyncValue is the value: INT64 upstream offset, INT64 downstream offset.
func appendSyncValue(dst []byte, s offsetSync) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.upstream))
	return binary.BigEndian.AppendUint64(dst, uint64(s.downstream))
}

// syncState is what is known of one partition (OffsetSyncWriter.PartitionState).
type syncState struct {
	tp         kafka.TopicPartition
	upstream   int64 // of the last record, -1 = none
	downstream int64
	synced     int64 // downstream offset of the last sync, -1 = none in this life
}

// update notes where a record went, and tells whether a sync is due: the first of this life, a gap upstream, a topic that
// was cut downstream, or offset.lag.max records since the last.
func (s *syncState) update(upstream, downstream, lagMax int64) bool {
	due := s.synced == -1 || downstream-(s.synced+1) >= lagMax || upstream-s.upstream != 1 || downstream < s.downstream
	if due {
		s.synced = downstream
	}
	s.upstream, s.downstream = upstream, downstream
	return due
}

// syncQueue is the syncs to be sent, a newest one per partition, oldest partition first (a LinkedHashMap).
type syncQueue struct {
	order []*syncState
	last  map[*syncState]offsetSync
}

func (q *syncQueue) put(s *syncState, sync offsetSync) {
	if _, have := q.last[s]; !have {
		q.order = append(q.order, s)
	}
	q.last[s] = sync
}

func (q *syncQueue) remove(s *syncState) {
	if _, have := q.last[s]; !have {
		return
	}
	delete(q.last, s)
	for i, o := range q.order {
		if o == s {
			q.order = append(q.order[:i], q.order[i+1:]...)
			return
		}
	}
}

// offsetSyncs writes the offset-syncs topic (org.apache.kafka.connect.mirror.OffsetSyncWriter). It is safe for concurrent use:
// acknowledgements come on the producer's goroutines, commits on the task's.
type offsetSyncs struct {
	topic    string
	lagMax   int64
	log      *slog.Logger
	queue    chan *syncRecord // in flight, in order, maxSyncsInFlight long: a send never blocks
	stop     func()           // of the goroutine that produces them
	mu       sync.Mutex
	closed   bool
	idle     chan struct{} // closed when nothing is left to send; nil = nobody waits
	inFlight int
	pending  syncQueue // due
	delayed  syncQueue // to be sent with the next commit
	free     []*syncRecord
}

// syncRecord is a sync in flight, as the one row of a batch. There are up to maxSyncsInFlight, which are used again: with
// offset.lag.max=0 there is one for each record.
type syncRecord struct {
	rows       kafka.Rows
	key, value [1]uint64 // views of rows.Buf
	done       kafka.RowsDone
}

// record is a sync as a row to be produced. mu is held.
func (o *offsetSyncs) record(tp kafka.TopicPartition, sync offsetSync) *syncRecord {
	var r *syncRecord
	if n := len(o.free); n > 0 {
		r, o.free = o.free[n-1], o.free[:n-1]
	} else {
		r = newSyncRecord(o)
	}
	buf := appendSyncKey(r.rows.Buf[:0], tp)
	n := uint32(len(buf))
	r.rows.Buf = appendSyncValue(buf, sync)
	r.key[0], r.value[0] = kafka.PackBytes(0, n), kafka.PackBytes(n, uint32(len(r.rows.Buf))-n)
	return r
}

func newSyncRecord(o *offsetSyncs) *syncRecord {
	r := &syncRecord{}
	r.rows = kafka.Rows{N: 1, Topic: o.topic, Key: r.key[:], Value: r.value[:]}
	r.done = func(errs []kafka.RowError) {
		if len(errs) > 0 {
			o.answered(r, errs[0].Err)
			return
		}
		o.answered(r, nil)
	}
	return r
}

func newOffsetSyncs(topic string, lagMax int64, log *slog.Logger) *offsetSyncs {
	return &offsetSyncs{
		topic: topic, lagMax: lagMax, log: log, queue: make(chan *syncRecord, maxSyncsInFlight),
		pending: syncQueue{last: map[*syncState]offsetSync{}}, delayed: syncQueue{last: map[*syncState]offsetSync{}},
	}
}

// openOffsetSyncs opens the producer of the end where the topic is.
func openOffsetSyncs(s *settings, path kafka.Path, log *slog.Logger) (*offsetSyncs, error) {
	end := s.syncsEnd()
	cfg, err := s.parseClient(kafka.RoleProducer, end, "producer", "offset-syncs-"+string(end)+"-producer")
	if err != nil {
		return nil, err
	}
	producer, err := kafka.OpenProducer(cfg, kafka.ProducerOptions{Path: path, Log: log})
	if err != nil {
		return nil, err
	}
	o := newOffsetSyncs(s.syncsTopic(), s.v.Long("offset.lag.max"), log)
	o.produce(producer)
	return o, nil
}

// produce sends the queue. It has a goroutine of its own because the first record waits until its topic is known, and
// whoever acknowledges rows must not wait.
func (o *offsetSyncs) produce(producer *kafka.Producer) {
	life, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for r := range o.queue {
			if err := producer.ProduceRows(life, &r.rows, r.done); err != nil {
				o.answered(r, err)
			}
		}
	})
	o.stop = func() {
		end()
		running.Wait()
		producer.Close()
	}
}

// close sends what is due, until ctx ends, and closes the producer.
func (o *offsetSyncs) close(ctx context.Context) {
	o.mu.Lock()
	idle := make(chan struct{})
	if o.idle = idle; o.inFlight == 0 && len(o.pending.order) == 0 {
		close(idle)
		o.idle = nil
	}
	o.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		o.log.Warn("the last offset syncs were not acknowledged in time", "topic", o.topic)
	}
	o.mu.Lock()
	o.closed, o.idle = true, nil
	o.mu.Unlock()
	close(o.queue)
	o.stop()
}

// written notes where rows of one partition went: upstream offsets, and downstream ones with -1 for rows that were not
// written.
func (o *offsetSyncs) written(s *syncState, upstream, downstream []int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := -1
	for i, down := range downstream {
		if down < 0 {
			continue
		}
		if s.update(upstream[i], down, o.lagMax) {
			o.delayed.remove(s)
			o.pending.put(s, offsetSync{upstream[i], down})
			o.fire()
			last = -1
			continue
		}
		last = i
	}
	if last >= 0 {
		o.delayed.put(s, offsetSync{upstream[last], downstream[last]})
	}
}

// commit sends what waited for a commit, too, so that quiet topics are not left with a lag.
func (o *offsetSyncs) commit() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.delayed.order {
		o.pending.put(s, o.delayed.last[s])
	}
	clear(o.delayed.last)
	o.delayed.order = o.delayed.order[:0]
	o.fire()
}

// fire sends what is pending, as far as there is room. mu is held.
func (o *offsetSyncs) fire() {
	for len(o.pending.order) > 0 && o.inFlight < maxSyncsInFlight && !o.closed {
		s := o.pending.order[0]
		sync := o.pending.last[s]
		o.pending.remove(s)
		o.inFlight++
		o.queue <- o.record(s.tp, sync)
	}
}

// answered takes a record back.
func (o *offsetSyncs) answered(r *syncRecord, err error) {
	o.mu.Lock()
	o.free = append(o.free, r)
	o.mu.Unlock()
	o.sent(err)
}

// sent makes room for the next. Java looks for it with the next record or commit; here it goes at once.
func (o *offsetSyncs) sent(err error) {
	if err != nil {
		o.log.Error("an offset sync was not written", "topic", o.topic, "err", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inFlight--
	o.fire()
	if o.inFlight == 0 && len(o.pending.order) == 0 && o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}
