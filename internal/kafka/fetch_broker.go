// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchBroker asks one broker for the partitions that are read from it. rowFetcher.mu guards it.
type fetchBroker struct {
	f     *rowFetcher
	node  int32
	parts []*fetchPart  // by topic and partition
	poke  chan struct{} // for run: there is something to ask for

	state   brokerState
	conn    *brokerConn
	request uint64 // number of the last one
	size    int    // of the response that has come, in bytes
	version int16
	asked   time.Time
	kicked  bool // conn was closed because something else is to be asked for
	kickAt  time.Time
	calm    int // responses in a row without records

	session int32 // fetch session (KIP-227), 0 = none
	epoch   int32 // of the next request
	forget  []TopicPartition
	body    []byte
	since   int // requests that failed in a row
}

type brokerState uint8

const (
	brokerFree    brokerState = iota // may ask
	brokerAsks                       // a request is in flight
	brokerAnswers                    // its response is in the list, or being read
)

const (
	// The oldest version read is that of Kafka 1.1, the newest names topics, as Kafka 2.7 to 4.x take it.
	minFetchVersion = 7
	maxFetchVersion = 12
	// kickDelay and kickPause keep cutting a request off, so that another can be sent, from being the rule.
	kickDelay = 20 * time.Millisecond
	kickPause = time.Second
	// calmWait is the longest wait for records that the client chooses by itself.
	calmWait = 5 * time.Second
)

var errKicked = errors.New("other partitions are to be asked for")

// stir makes the broker look at its partitions again. urgent cuts a request that waits for records of others.
func (b *fetchBroker) stir(urgent bool) {
	signal(b.poke)
	if !urgent || b.state != brokerAsks {
		return
	}
	request := b.request
	delay := max(kickDelay, time.Until(b.kickAt.Add(kickPause)))
	time.AfterFunc(delay, func() {
		b.f.mu.Lock()
		var conn *brokerConn
		if !b.f.closed && b.state == brokerAsks && b.request == request && b.conn != nil {
			conn, b.kicked, b.kickAt = b.conn, true, time.Now()
		}
		b.f.mu.Unlock()
		if conn != nil {
			conn.fail(errKicked)
		}
	})
}

// run is the goroutine of a broker.
func (b *fetchBroker) run() {
	f := b.f
	for {
		if !b.build() {
			select {
			case <-b.poke:
				continue
			case <-f.ctx.Done():
				return
			}
		}
		conn, size, err := b.ask()
		f.mu.Lock()
		if err != nil {
			b.broke(err)
		} else {
			b.conn, b.size, b.state, b.since = conn, size, brokerAnswers, 0
			f.answers = append(f.answers, b)
			signal(f.poke)
		}
		f.mu.Unlock()
		if f.ctx.Err() != nil {
			return
		}
	}
}

// broke is what a failed connection means: the session is over, the partitions may have gone elsewhere. mu is held.
func (b *fetchBroker) broke(err error) {
	f := b.f
	b.state, b.session, b.epoch, b.conn, b.forget = brokerFree, 0, 0, nil, b.forget[:0]
	kicked := b.kicked
	b.kicked = false
	if f.ctx.Err() != nil {
		return
	}
	if kicked || errors.Is(err, errIdle) {
		signal(b.poke)
		for _, p := range b.parts {
			p.inSession, p.next = false, p.pos
		}
		return
	}
	b.since++
	after := f.cfg.backoff(b.since)
	f.log.Debug("fetch failed; looking for the leaders again", "node", b.node, "err", err)
	for len(b.parts) > 0 {
		p := b.parts[len(b.parts)-1]
		p.inSession = false
		p.replica = -1
		f.lose(p, after)
	}
	if IsAuthentication(err) || errors.Is(err, errOldBroker) {
		f.report(fmt.Errorf("fetch from broker %d: %w", b.node, err))
	}
}

// ask sends the request that build made and waits for the header of the response.
func (b *fetchBroker) ask() (*brokerConn, int, error) {
	f := b.f
	conn, err := f.pool.get(f.ctx, b.node, "fetch")
	if err != nil {
		return nil, 0, err
	}
	version := min(conn.maxVersion(int16(kmsg.Fetch)), maxFetchVersion)
	if version < minFetchVersion {
		conn.close()
		return nil, 0, errOldBroker
	}
	f.mu.Lock()
	b.conn, b.version, b.asked = conn, version, time.Now()
	b.encode(version)
	f.mu.Unlock()
	if _, err := conn.send(f.ctx, int16(kmsg.Fetch), version, version >= 12, b.body); err != nil {
		return nil, 0, err
	}
	_, size, err := conn.receive(f.ctx)
	return conn, size, err
}

var errOldBroker = errors.New("org.apache.kafka.common.errors.UnsupportedVersionException: the broker is older than Kafka 1.1; penstock.kafka.path=client can read from it")

// build decides whether there is something to ask for.
func (b *fetchBroker) build() bool {
	b.f.mu.Lock()
	defer b.f.mu.Unlock()
	if b.state != brokerFree || b.f.closed {
		return false
	}
	for _, p := range b.parts {
		if p.wanted() {
			b.state = brokerAsks
			return true
		}
	}
	return false
}

func (p *fetchPart) wanted() bool { return p.state == partLive && !p.paused && !p.failed }

// encode writes the body of the request: with a session only what changed since the request before.
func (b *fetchBroker) encode(version int16) {
	b.request++
	r := b.f.rules
	w := wireWriter{p: b.body[:0], flexible: version >= 12}
	w.int32(-1) // replica
	w.int32(int32(b.wait().Milliseconds()))
	w.int32(r.minBytes)
	w.int32(r.maxBytes)
	isolation := byte(0)
	if b.f.cfg.ReadCommitted {
		isolation = 1
	}
	w.p = append(w.p, isolation)
	full := b.session == 0
	if full {
		b.epoch, b.forget = 0, b.forget[:0]
	}
	w.int32(b.session)
	w.int32(b.epoch)
	for _, p := range b.parts {
		if !p.wanted() && p.inSession {
			p.inSession = false
			b.forget = append(b.forget, p.TopicPartition)
		}
	}
	b.encodeParts(&w, version, full)
	b.encodeForgotten(&w)
	if version >= 11 {
		w.text(r.rack)
	}
	w.tags()
	b.body = w.p
}

func (b *fetchBroker) encodeParts(w *wireWriter, version int16, full bool) {
	send := func(p *fetchPart) bool {
		return p.wanted() && (full || !p.inSession || p.sentOffset != p.next || p.sentEpoch != p.leaderEpoch)
	}
	topics := 0
	last := ""
	for _, p := range b.parts {
		if send(p) && (topics == 0 || p.Topic != last) {
			topics, last = topics+1, p.Topic
		}
	}
	w.array(topics)
	for i := 0; i < len(b.parts); {
		topic, n, end := b.parts[i].Topic, 0, i
		for ; end < len(b.parts) && b.parts[end].Topic == topic; end++ {
			if send(b.parts[end]) {
				n++
			}
		}
		if n > 0 {
			w.text(topic)
			w.array(n)
		}
		for _, p := range b.parts[i:end] {
			if !send(p) {
				continue
			}
			w.int32(p.Partition)
			if version >= 9 {
				w.int32(p.leaderEpoch)
			}
			w.int64(p.next)
			if version >= 12 {
				w.int32(-1) // last fetched epoch: of followers
			}
			w.int64(-1) // log start, of followers
			w.int32(b.f.rules.maxPartition)
			w.tags()
			p.inSession, p.sentOffset, p.sentEpoch = true, p.next, p.leaderEpoch
		}
		if n > 0 {
			w.tags()
		}
		i = end
	}
}

// encodeForgotten names what the session is to drop, unless it came back meanwhile.
func (b *fetchBroker) encodeForgotten(w *wireWriter) {
	gone := b.forget[:0]
	for _, tp := range b.forget {
		if p := b.f.parts[tp]; p == nil || p.from != b || !p.inSession {
			gone = append(gone, tp)
		}
	}
	w.array(len(gone)) // a topic may come more than once
	for _, tp := range gone {
		w.text(tp.Topic)
		w.array(1)
		w.int32(tp.Partition)
		w.tags()
	}
	b.forget = gone[:0]
}

// wait is how long the broker may hold the response back: as the user says, or longer the longer nothing came.
func (b *fetchBroker) wait() time.Duration {
	r := b.f.rules
	if r.waitIsGiven || b.calm < 4 {
		return r.maxWait
	}
	return max(r.maxWait, min(r.maxWait<<min(b.calm-4, 8), calmWait, b.f.cfg.RequestTimeout/2))
}

// wireWriter writes the primitive types of a request.
type wireWriter struct {
	p        []byte
	flexible bool
}

func (w *wireWriter) int32(v int32) { w.p = binary.BigEndian.AppendUint32(w.p, uint32(v)) }
func (w *wireWriter) int64(v int64) { w.p = binary.BigEndian.AppendUint64(w.p, uint64(v)) }

func (w *wireWriter) array(n int) {
	if w.flexible {
		w.p = binary.AppendUvarint(w.p, uint64(n)+1)
		return
	}
	w.int32(int32(n))
}

func (w *wireWriter) text(s string) {
	if w.flexible {
		w.p = binary.AppendUvarint(w.p, uint64(len(s))+1)
	} else {
		w.p = binary.BigEndian.AppendUint16(w.p, uint16(len(s)))
	}
	w.p = append(w.p, s...)
}

func (w *wireWriter) tags() {
	if w.flexible {
		w.p = append(w.p, 0)
	}
}
