// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// limit is where a direction of a connection is cut, counted in bytes from its beginning.
type limit struct {
	at    int64
	reset bool
}

// conn is one connection through the proxy.
type conn struct {
	p      *Proxy
	client net.Conn
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	passed [2]atomic.Int64
	limit  [2]atomic.Pointer[limit]
	drop   [2]atomic.Bool

	mu     sync.Mutex
	server net.Conn // nil until connected
	ended  bool
}

// setServer takes the connection to the target; false when this one was cut meanwhile.
func (c *conn) setServer(server net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = server.Close()
		return false
	}
	c.server = server
	return true
}

// end closes both sides, once. fault tells whether a fault did it.
func (c *conn) end(reset, fault bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	c.cancel()
	if fault {
		c.p.cut.Add(1)
	}
	closeConn(c.client, reset)
	if c.server != nil {
		closeConn(c.server, reset)
	}
}

// closeConn closes with FIN or RST.
func closeConn(c net.Conn, reset bool) {
	if tcp, ok := c.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // fails only on a closed connection
	}
	_ = c.Close()
}

// wait holds data back while the proxy is silent and for its delay; false when the connection has ended.
func (c *conn) wait() bool {
	var delayed bool
	for {
		c.p.mu.Lock()
		silent, delay, changed := c.p.silent, c.p.delay, c.p.changed
		c.p.mu.Unlock()
		switch {
		case silent:
			select {
			case <-changed:
			case <-c.ctx.Done():
				return false
			}
		case delay > 0 && !delayed:
			delayed = true
			select {
			case <-time.After(delay):
			case <-changed:
			case <-c.ctx.Done():
				return false
			}
		default:
			return c.ctx.Err() == nil
		}
	}
}

// copy passes on what comes in a direction, in pieces, obeying the faults.
func (c *conn) copy(d Direction, to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !c.pass(d, to, buf[:n]) {
			return
		}
		if errors.Is(err, io.EOF) {
			// One side has said all: the other may still answer.
			if tcp, ok := to.(*net.TCPConn); ok && c.wait() {
				_ = tcp.CloseWrite()
			}
			return
		}
		if err != nil {
			c.end(true, false)
			return
		}
	}
}

// pass writes one piece, or its part before the cut; false when the connection has ended.
func (c *conn) pass(d Direction, to net.Conn, p []byte) bool {
	if !c.wait() {
		return false
	}
	if c.drop[d].Load() {
		return true
	}
	cut := c.limit[d].Load()
	if cut != nil {
		p = p[:max(0, min(int64(len(p)), cut.at-c.passed[d].Load()))]
	}
	n, err := to.Write(p)
	at := c.passed[d].Add(int64(n))
	c.p.bytes[d].Add(int64(n))
	if err != nil {
		c.end(true, false)
		return false
	}
	if cut != nil && at >= cut.at {
		c.end(cut.reset, true)
		return false
	}
	return true
}
