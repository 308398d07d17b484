// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
)

// brokerPool hands out our own connections: one per broker and purpose, so that a fetch that waits for records holds
// nothing up. Where the brokers are, the client knows.
type brokerPool struct {
	client  *kgo.Client
	rules   wireRules
	log     *slog.Logger
	maxRead int
	ctx     context.Context // ends at close
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	slots  map[brokerSlot]*brokerEntry
	places map[int32]brokerAddr // where brokers are, as far as anybody said
}

type brokerSlot struct {
	node    int32
	purpose string
}

type brokerAddr struct {
	host string
	port int32
}

// brokerEntry is the one place of a connection. dialing has one element, taken by who dials: the others wait for it.
type brokerEntry struct {
	dialing chan struct{}
	conn    *brokerConn // brokerPool.mu
	tries   int         // connections that failed in a row; of who dials
	ended   time.Time   // when the last one did
}

func newBrokerPool(cfg *ClientConfig, client *kgo.Client, log *slog.Logger) *brokerPool {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &brokerPool{
		client: client, rules: cfg.wire, log: log, maxRead: 100 << 20,
		slots: map[brokerSlot]*brokerEntry{}, places: map[int32]brokerAddr{},
	}
	p.rules.tls = cfg.tls
	if ms, ok := client.OptValue(kgo.SASL).([]sasl.Mechanism); ok && len(ms) > 0 {
		p.rules.mechanism = ms[0]
	}
	if n, ok := client.OptValue(kgo.BrokerMaxReadBytes).(int32); ok && n > 0 {
		p.maxRead = int(n)
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// get returns the open connection to a broker for a purpose, or makes it. After one that failed it waits as long as
// reconnect.backoff.ms says. An error is a *ConnError, an authentication error, or that of ctx.
func (p *brokerPool) get(ctx context.Context, node int32, purpose string) (*brokerConn, error) {
	e, c, err := p.slot(brokerSlot{node, purpose})
	if c != nil || err != nil {
		return c, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(ErrClosed) })()
	select {
	case e.dialing <- struct{}{}:
		defer func() { <-e.dialing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if _, c, err := p.slot(brokerSlot{node, purpose}); c != nil || err != nil {
		return c, err // made while we waited
	}
	if e.tries > 0 {
		if err := sleep(ctx, time.Until(e.ended.Add(p.rules.reconnect(e.tries)))); err != nil {
			return nil, err
		}
	}
	c, err = p.dial(ctx, node, e.tries)
	if err != nil {
		e.tries++
		e.ended = time.Now()
		p.log.Debug("broker connection failed", "node", node, "purpose", purpose, "tries", e.tries, "err", err)
		return nil, contextError(ctx, err)
	}
	e.tries = 0
	p.mu.Lock()
	closed := p.closed
	if !closed {
		e.conn = c
	}
	p.mu.Unlock()
	if closed {
		c.close()
		return nil, ErrClosed
	}
	return c, nil
}

// slot returns the entry of a connection, and the connection when it is open. One that broke is forgotten.
func (p *brokerPool) slot(at brokerSlot) (*brokerEntry, *brokerConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	e := p.slots[at]
	if e == nil {
		e = &brokerEntry{dialing: make(chan struct{}, 1)}
		p.slots[at] = e
	}
	if e.conn != nil && e.conn.isOpen() {
		return e, e.conn, nil
	}
	e.conn = nil
	return e, nil, nil
}

// sleep waits, and returns the cause of ctx when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *brokerPool) dial(ctx context.Context, node int32, tries int) (*brokerConn, error) {
	at, err := p.address(ctx, node, tries > 0)
	if err != nil {
		return nil, err
	}
	return dialBroker(ctx, &p.rules, node, at.host, at.port, tries, p.maxRead)
}

// address finds where a broker is. After a failure the cluster is asked anew: it may have moved.
func (p *brokerPool) address(ctx context.Context, node int32, anew bool) (brokerAddr, error) {
	if at, ok := p.known(node); ok && !anew {
		return at, nil
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // none, where nil is all
	ask, cancel := context.WithTimeout(ctx, p.rules.timeout)
	defer cancel()
	resp, err := req.RequestWith(ask, p.client)
	if err == nil {
		p.learn(resp.Brokers)
	}
	if at, ok := p.known(node); ok {
		return at, nil // the old place, when nobody could be asked
	}
	if err == nil {
		err = errors.New("the cluster has no such broker")
	}
	return brokerAddr{}, &ConnError{Node: node, Addr: "unknown", Err: contextError(ctx, fmt.Errorf("find it: %w", err))}
}

func (p *brokerPool) known(node int32) (brokerAddr, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.places[node]
	return at, ok
}

// learn takes over where a metadata response says the brokers are. Those it does not name may just be down.
func (p *brokerPool) learn(brokers []kmsg.MetadataResponseBroker) {
	for i := range brokers {
		p.hint(brokers[i].NodeID, brokers[i].Host, brokers[i].Port)
	}
}

// hint says where a broker is, as responses tell along with a new leader (KIP-951).
func (p *brokerPool) hint(node int32, host string, port int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.places[node] = brokerAddr{host, port}
}

// close closes all connections; calls under way return ErrClosed.
func (p *brokerPool) close() {
	p.mu.Lock()
	p.closed = true
	var open []*brokerConn
	for _, e := range p.slots {
		if e.conn != nil {
			open = append(open, e.conn)
		}
	}
	p.mu.Unlock()
	p.cancel()
	for _, c := range open {
		c.close()
	}
}
