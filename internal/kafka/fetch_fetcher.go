// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fetchRules is what the batch path needs of the consumer's keys; kgo's options hold the same for the client path.
type fetchRules struct {
	minBytes     int32
	maxWait      time.Duration
	waitIsGiven  bool // the user set fetch.max.wait.ms
	maxBytes     int32
	maxPartition int32
	checkCRC     bool
	rack         string
	reset        resetRule
}

// resetRule is auto.offset.reset.
type resetRule struct {
	kind resetKind
	back time.Duration // of resetDuration
}

type resetKind uint8

const (
	resetEarliest resetKind = iota
	resetLatest
	resetNone
	resetDuration
)

// rowFetcher is the batch path of PollRows: record batches are read from connections of our own and become rows without
// a record object in between.
//
//	keeper     leaders, positions to start from ──► partitions that can be read, by broker
//	broker     one goroutine each: request ─► header of the response ─► list of answers
//	PollRows   the caller's goroutine: takes the oldest answer, reads it from the socket chunk by chunk, decodes
//
// A response is decoded by who wants the rows, while it is in the cache, and stays in the socket until then: that
// bounds memory by one chunk, however many brokers there are, and makes the caller's pace the brokers'. One request per
// broker is in flight; the next one is sent when the rest of the response is in the chunk, before its rows are decoded.
//
// mu guards everything but drain, which is PollRows's. It is taken per set of rows and per response, never per row.
type rowFetcher struct {
	client *kgo.Client
	cfg    *ClientConfig
	rules  *fetchRules
	pool   *brokerPool
	log    *slog.Logger
	// gate keeps rows from being handed out while a rebalance callback runs: it is held in writing by those.
	gate *sync.RWMutex

	ctx    context.Context // ends at close
	cancel context.CancelFunc
	wg     sync.WaitGroup // keeper and brokers

	mu      sync.Mutex
	closed  bool
	woken   bool
	parts   map[TopicPartition]*fetchPart
	brokers map[int32]*fetchBroker
	answers []*fetchBroker // whose response has come, oldest first
	errs    []error

	poke  chan struct{} // for PollRows
	tidy  chan struct{} // for the keeper
	drain drainer

	bound     context.Context // of the last PollRows: its end ends the wait
	unbind    func() bool
	reading   *brokerConn // PollRows reads from it
	readCount uint64      // how often it did
}

// fetchPart is a partition that is held, under one assignment.
type fetchPart struct {
	TopicPartition
	assignment uint64

	seq     uint64 // changes when what was fetched so far is void
	pos     int64  // offset of the next row to hand out; -1 = auto.offset.reset decides
	next    int64  // offset to ask for
	epoch   int32  // leader epoch of the row before pos, -1 = none
	paused  bool
	failed  bool // its bytes are corrupt at pos, or it may not be read: only Seek helps
	state   partState
	tries   int       // of the keeper in a row
	due     time.Time // of the keeper's next
	checked int32     // leader epoch for which pos is known not to be truncated

	leader      int32
	leaderEpoch int32
	replica     int32 // preferred read replica, -1 = the leader
	replicaEnds time.Time

	from       *fetchBroker // while partLive
	validFrom  uint64       // first request of from whose answer counts
	inSession  bool         // the broker's fetch session has it, with
	sentOffset int64
	sentEpoch  int32
}

type partState uint8

const (
	partLost  partState = iota // its leader is to be found
	partReset                  // its position is
	partCheck                  // whether its log was truncated
	partLive
)

func newRowFetcher(cfg *ClientConfig, client *kgo.Client, log *slog.Logger) *rowFetcher {
	f := &rowFetcher{
		client: client, cfg: cfg, rules: &cfg.fetch, pool: newBrokerPool(cfg, client, log), log: log,
		gate: &sync.RWMutex{}, parts: map[TopicPartition]*fetchPart{}, brokers: map[int32]*fetchBroker{},
		poke: make(chan struct{}, 1), tidy: make(chan struct{}, 1),
	}
	f.drain.f = f
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.wg.Go(f.keeper)
	return f
}

func (f *rowFetcher) close() {
	f.mu.Lock()
	f.closed = true
	if f.unbind != nil {
		f.unbind()
	}
	f.mu.Unlock()
	f.cancel()
	f.pool.close()
	f.wake()
	f.wg.Wait()
}

// add starts reading partitions at positions; -1 = where auto.offset.reset says.
func (f *rowFetcher) add(assignment uint64, starts map[TopicPartition]Offset) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for tp, o := range starts {
		if old := f.parts[tp]; old != nil {
			f.detach(old)
		}
		f.parts[tp] = &fetchPart{
			TopicPartition: tp, assignment: assignment, pos: max(o.Offset, -1), next: max(o.Offset, -1), epoch: o.LeaderEpoch,
			leader: -1, leaderEpoch: -1, replica: -1, checked: -1,
		}
	}
	signal(f.tidy)
}

// remove forgets partitions: no row of theirs comes any more.
func (f *rowFetcher) remove(tps []TopicPartition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, tp := range tps {
		if p := f.parts[tp]; p != nil {
			f.detach(p)
			delete(f.parts, tp)
		}
	}
}

// seek moves positions. What was fetched is void.
func (f *rowFetcher) seek(offsets map[TopicPartition]int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for tp, o := range offsets {
		p := f.parts[tp]
		if p == nil {
			continue
		}
		p.pos, p.epoch, p.failed = max(o, -1), -1, false
		f.void(p)
		if p.state != partLive || p.pos < 0 {
			f.lose(p, 0)
			continue
		}
		p.from.stir(true)
	}
}

func (f *rowFetcher) pause(tps []TopicPartition, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, tp := range tps {
		p := f.parts[tp]
		if p == nil || p.paused == on {
			continue
		}
		p.paused = on
		f.void(p)
		if p.from != nil {
			p.from.stir(!on)
		}
	}
}

func (f *rowFetcher) pausedNow() []TopicPartition {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []TopicPartition
	for tp, p := range f.parts {
		if p.paused {
			out = append(out, tp)
		}
	}
	return sorted(out)
}

// void makes what was fetched of a partition so far worthless. mu is held, as by all below.
func (f *rowFetcher) void(p *fetchPart) {
	p.seq++
	p.next = p.pos
	if p.from != nil {
		p.validFrom = p.from.request + 1
	}
}

// detach takes a partition from its broker.
func (f *rowFetcher) detach(p *fetchPart) {
	f.void(p)
	b := p.from
	if b == nil {
		return
	}
	p.from = nil
	b.parts = slices.DeleteFunc(b.parts, func(q *fetchPart) bool { return q == p })
	if p.inSession {
		p.inSession = false
		b.forget = append(b.forget, p.TopicPartition)
	}
}

// attach gives a partition to the broker it is to be read from.
func (f *rowFetcher) attach(p *fetchPart, node int32) {
	f.detach(p)
	b := f.brokers[node]
	if b == nil {
		b = &fetchBroker{f: f, node: node, poke: make(chan struct{}, 1)}
		f.brokers[node] = b
		f.wg.Go(b.run)
	}
	p.state, p.from, p.inSession, p.validFrom = partLive, b, false, b.request+1
	at, _ := slices.BinarySearchFunc(b.parts, p, func(a, b *fetchPart) int { return compareTP(a.TopicPartition, b.TopicPartition) })
	b.parts = slices.Insert(b.parts, at, p)
	b.stir(true)
}

// lose hands a partition to the keeper, to be looked at after a delay.
func (f *rowFetcher) lose(p *fetchPart, after time.Duration) {
	f.detach(p)
	p.state, p.due = partLost, time.Now().Add(after)
	signal(f.tidy)
}

// fail stops reading a partition and tells the caller.
func (f *rowFetcher) fail(p *fetchPart, err error) {
	f.void(p)
	p.failed = true
	if p.from != nil {
		p.from.stir(false)
	}
	f.report(&PartitionError{TopicPartition: p.TopicPartition, Err: err})
}

// report makes PollRows return err.
func (f *rowFetcher) report(err error) {
	f.errs = append(f.errs, err)
	signal(f.poke)
}

// wake makes PollRows return soon, now or when it is called next.
func (f *rowFetcher) wake() {
	f.mu.Lock()
	f.woken = true
	f.mu.Unlock()
	f.unblock()
}

// unblock makes PollRows look up from what it waits for.
func (f *rowFetcher) unblock() {
	f.mu.Lock()
	stuck, count := f.reading, f.readCount
	f.mu.Unlock()
	signal(f.poke)
	if stuck == nil {
		return
	}
	// In the middle of a response, which comes at once unless the broker hangs: then it is given up.
	time.AfterFunc(stuckAfter, func() {
		f.mu.Lock()
		still := f.reading == stuck && f.readCount == count
		f.mu.Unlock()
		if still {
			stuck.fail(errWoken)
		}
	})
}

const stuckAfter = 100 * time.Millisecond

var errWoken = errors.New("the rest of the response did not come in time")

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// bind makes the end of ctx end the wait of PollRows. It costs nothing when the context is that of the call before.
func (f *rowFetcher) bind(ctx context.Context) {
	if f.bound == ctx {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unbind != nil {
		f.unbind()
	}
	f.bound, f.unbind = ctx, nil
	if ctx.Done() != nil && !f.closed {
		f.unbind = context.AfterFunc(ctx, f.unblock)
	}
}

// pollRows is PollRows.
func (f *rowFetcher) pollRows(ctx context.Context, dst *RowSet, maxRows, maxBytes int) error {
	start := len(dst.Buf)
	dst.clear(start)
	f.bind(ctx)
	for {
		if ctx.Err() != nil {
			return nil
		}
		done, err := f.turn()
		if done || err != nil {
			return err
		}
		if f.drain.b == nil {
			select {
			case <-f.poke:
			case <-ctx.Done():
			}
			continue
		}
		err = f.drain.run(dst, start, max(maxRows, 1), maxBytes)
		if dst.N > 0 || err != nil {
			return err
		}
	}
}

// turn looks at what is to be told before rows, and gives the drainer the next answer when it has none.
func (f *rowFetcher) turn() (done bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return true, ErrClosed
	case len(f.errs) > 0:
		err = f.errs[0]
		f.errs = slices.Delete(f.errs, 0, 1)
		return true, err
	case f.woken:
		f.woken = false
		return true, nil
	}
	if f.drain.b == nil && len(f.answers) > 0 {
		b := f.answers[0]
		f.answers = f.answers[:copy(f.answers, f.answers[1:])]
		f.drain.begin(b)
	}
	return false, nil
}
