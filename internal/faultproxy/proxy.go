// SPDX-License-Identifier: Apache-2.0

// Package faultproxy is a TCP proxy that breaks connections in the ways networks do: cut at any byte, reset, half open,
// silent, slow. A test puts it between a client and a server that advertises the proxy's address.
//
//	client ──► Proxy.Addr() ──► target
//
// Faults are asked for by method calls and hold for the connections that are open and, where it says so, for new ones.
// Which byte a connection is cut at comes from the caller's seed; when bytes arrive does not, so a run is like another
// with the same seed, not the same.
package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Direction is one of the two ways through a connection.
type Direction int

// The directions: what the client sends, and what the server answers.
const (
	Requests Direction = iota
	Responses
)

// Stats counts what a proxy has done.
type Stats struct {
	// Opened counts accepted connections, Cut those that a fault ended, Refused those that were not let in.
	Opened, Cut, Refused int64
	// Bytes counts what was passed on, by direction.
	Bytes [2]int64
}

// Proxy passes TCP connections to one target. All methods may be called from any goroutine.
type Proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	opened, cut, refused atomic.Int64
	bytes                [2]atomic.Int64

	mu      sync.Mutex
	conns   map[*conn]struct{}
	closed  bool
	refuse  bool
	silent  bool
	delay   time.Duration
	changed chan struct{} // closed and replaced when silent or delay change
}

// Listen starts a proxy on addr ("127.0.0.1:0" for any port) for target, HOST:PORT. The target need not be there yet.
func Listen(addr, target string) (*Proxy, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy of %s: %w", target, err)
	}
	p := &Proxy{target: target, listener: l, conns: map[*conn]struct{}{}, changed: make(chan struct{})}
	p.running.Go(p.accept)
	return p, nil
}

// Addr is the address clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Stats returns what was counted so far.
func (p *Proxy) Stats() Stats {
	return Stats{p.opened.Load(), p.cut.Load(), p.refused.Load(), [2]int64{p.bytes[0].Load(), p.bytes[1].Load()}}
}

// Open is the number of connections that are open now.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Close ends the proxy and all its connections and waits for their goroutines.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut(true)
	p.running.Wait()
}

// Cut ends all open connections now, with a reset (RST) or in order (FIN). It returns how many there were.
func (p *Proxy) Cut(reset bool) int {
	conns := p.all()
	for _, c := range conns {
		c.end(reset, true)
	}
	return len(conns)
}

// CutAfter ends each open connection after n more bytes in a direction have been passed on, wherever in a message that
// is: those n bytes arrive, the next do not. It returns how many connections were marked.
func (p *Proxy) CutAfter(d Direction, n int64, reset bool) int {
	conns := p.all()
	for _, c := range conns {
		c.limit[d].Store(&limit{c.passed[d].Load() + n, reset})
	}
	return len(conns)
}

// HalfOpen makes the open connections one-sided: what comes from then on in a direction is read and thrown away, as when
// the other side lost power or a router forgot it. New connections work. It returns how many connections were marked.
func (p *Proxy) HalfOpen(d Direction) int {
	conns := p.all()
	for _, c := range conns {
		c.drop[d].Store(true)
	}
	return len(conns)
}

// Refuse makes new connections fail, by a reset at once, while on.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	p.refuse = on
	p.mu.Unlock()
}

// Silence makes the network swallow everything while on: nothing is passed on in either direction, new connections are
// accepted and get no answer. When it is turned off, what was held back is passed on, as TCP would send it again.
func (p *Proxy) Silence(on bool) { p.change(func() { p.silent = on }) }

// Delay makes every piece of data wait that long, in both directions; 0 ends it.
func (p *Proxy) Delay(d time.Duration) { p.change(func() { p.delay = d }) }

func (p *Proxy) change(f func()) {
	p.mu.Lock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
}

func (p *Proxy) all() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		out = append(out, c)
	}
	return out
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of file descriptors, for one
			continue
		}
		p.mu.Lock()
		refuse := p.refuse || p.closed
		p.mu.Unlock()
		if refuse {
			p.refused.Add(1)
			closeConn(client, true)
			continue
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// serve connects to the target and copies both ways until one ends.
func (p *Proxy) serve(client net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := &conn{p: p, client: client, ctx: ctx, cancel: cancel}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		closeConn(client, true)
		return
	}
	p.conns[c] = struct{}{}
	p.mu.Unlock()
	p.opened.Add(1)
	defer func() {
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
	}()
	if !c.wait() {
		return
	}
	var d net.Dialer
	server, err := d.DialContext(ctx, "tcp", p.target)
	if err != nil {
		// As if the target had refused the client itself.
		c.end(true, false)
		return
	}
	if !c.setServer(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { c.copy(Requests, server, client) })
	both.Go(func() { c.copy(Responses, client, server) })
	both.Wait()
	c.end(false, false)
}
