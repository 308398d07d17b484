// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConnError is a connection to a broker that could not be made or broke. The same request may succeed on another one.
// It is what org.apache.kafka.common.errors.DisconnectException is in Java.
type ConnError struct {
	Node int32
	Addr string
	Err  error
}

// Error names the broker and the reason.
func (e *ConnError) Error() string {
	return fmt.Sprintf("connection to broker %d (%s): %v", e.Node, e.Addr, e.Err)
}

// Unwrap returns the reason.
func (e *ConnError) Unwrap() error { return e.Err }

// brokerConn is a connection of our own to one broker, logged in and ready for requests. Bytes go from the caller's
// memory to the socket and back without a copy and without an allocation.
//
//	begin ─ write … write        one goroutine at a time
//	receive ─ read … read        one goroutine at a time, the same or another; answers come in the order of the requests
//
// The context of begin and receive ends the connection with it: what is cut off in the middle cannot be used again.
// Callers should pass the same context again and again, because a change of it allocates.
type brokerConn struct {
	node    int32
	addr    string
	rules   *wireRules
	conn    net.Conn
	in      *bufio.Reader
	tlsOut  *bufio.Writer // nil = writev
	maxRead int           // bytes of one response

	versions [apiKeys]int16 // the broker's newest version by request key, -1 = unknown to it

	// The sender's.
	correlation int32
	head        []byte
	iov         [][]byte
	out         net.Buffers
	owed        int // bytes of the request begun that are not written
	sending     tether

	// The receiver's.
	left      int // bytes of the body not read
	receiving tether
	readUntil time.Time
	small     [8]byte

	mu      sync.Mutex
	pending []pendingRequest // sent, not fully received
	err     error            // why it is closed, nil = it is not
	used    time.Time        // the last request
	expiry  time.Time        // of the login, zero = none
	idle    *time.Timer
	onClose func()
}

// pendingRequest is a request that is to be answered.
type pendingRequest struct {
	correlation int32
	flexible    bool // the header of its response
}

// apiKeys is one past the largest request key that is looked up.
const apiKeys = 96

// smallRead is the buffer in front of the socket: heads and short answers in one system call. Longer reads go past it.
const smallRead = 4 << 10

// deadlineSlack is how much of a deadline may pass before it is moved again, as a part of the timeout.
const deadlineSlack = 4

var errIdle = errors.New("closed after connections.max.idle.ms")

// maxVersion is the newest version of a request that the broker takes, or -1.
func (c *brokerConn) maxVersion(key int16) int16 {
	if key < 0 || key >= apiKeys {
		return -1
	}
	return c.versions[key]
}

// send writes one request. It returns when the body is in the socket: the memory is the caller's again.
func (c *brokerConn) send(ctx context.Context, key, version int16, flexible bool, body ...[]byte) (correlation int32, err error) {
	n := 0
	for _, b := range body {
		n += len(b)
	}
	if correlation, err = c.begin(ctx, key, version, flexible, true, n); err != nil {
		return correlation, err
	}
	return correlation, c.write(body...)
}

// begin starts a request whose body has n bytes, which write must deliver before the next begin. replies is false for
// the one request without an answer, produce with acks=0.
//
// When the login is about to expire and nothing is in flight, it logs in again first (KIP-368): see stale.
func (c *brokerConn) begin(ctx context.Context, key, version int16, flexible, replies bool, n int) (int32, error) {
	if c.owed != 0 {
		return 0, c.unfinished("the request before is not written")
	}
	if c.stale() && c.inFlight() == 0 {
		if err := c.login(ctx); err != nil {
			c.fail(err)
			return 0, c.cause(ctx, err)
		}
	}
	return c.beginNow(ctx, key, version, flexible, replies, n)
}

func (c *brokerConn) beginNow(ctx context.Context, key, version int16, flexible, replies bool, n int) (int32, error) {
	c.correlation++
	id := c.rules.clientID
	h := append(c.head[:0], 0, 0, 0, 0)
	h = binary.BigEndian.AppendUint16(h, uint16(key))
	h = binary.BigEndian.AppendUint16(h, uint16(version))
	h = binary.BigEndian.AppendUint32(h, uint32(c.correlation))
	h = binary.BigEndian.AppendUint16(h, uint16(len(id)))
	h = append(h, id...)
	if flexible {
		h = append(h, 0) // no tags
	}
	size := len(h) - 4 + n
	if size > 1<<31-1 {
		return 0, fmt.Errorf("a request of %d bytes cannot be sent", size)
	}
	binary.BigEndian.PutUint32(h, uint32(size))
	c.head, c.owed = h, n
	now := time.Now()
	c.mu.Lock()
	err := c.err
	if err == nil {
		c.used = now
		if replies {
			// The answer to ApiVersions has an old header, so that any client can read it (KIP-511).
			c.pending = append(c.pending, pendingRequest{c.correlation, flexible && key != int16(kmsg.ApiVersions)})
		}
	}
	c.mu.Unlock()
	if err != nil {
		c.owed = 0
		return 0, err
	}
	c.sending.to(ctx, c)
	if ctx.Err() != nil {
		c.owed = 0
		return 0, c.broken(ctx, context.Cause(ctx))
	}
	if err := c.conn.SetWriteDeadline(c.deadline(ctx, now)); err != nil {
		return 0, c.broken(ctx, err)
	}
	if n == 0 {
		return c.correlation, c.flushOut(ctx)
	}
	return c.correlation, nil
}

// write appends to the request begun. Several calls let a request be built piece by piece in little memory.
func (c *brokerConn) write(body ...[]byte) error {
	for _, b := range body {
		c.owed -= len(b)
	}
	if c.owed < 0 {
		panic("BUG: more than the request has room for")
	}
	return c.flushOut(c.sending.ctx, body...)
}

func (c *brokerConn) flushOut(ctx context.Context, body ...[]byte) error {
	c.iov = c.iov[:0]
	if len(c.head) > 0 {
		c.iov = append(c.iov, c.head)
	}
	c.iov = append(c.iov, body...)
	var err error
	if c.tlsOut != nil {
		for _, b := range c.iov {
			if _, err = c.tlsOut.Write(b); err != nil {
				break
			}
		}
		if err == nil && c.owed == 0 {
			err = c.tlsOut.Flush()
		}
	} else {
		c.out = c.iov
		_, err = c.out.WriteTo(c.conn)
		c.out = nil
	}
	clear(c.iov)
	c.head = c.head[:0]
	if err != nil {
		return c.broken(ctx, err)
	}
	if c.owed == 0 {
		c.mu.Lock()
		c.sending.active = false
		c.mu.Unlock()
	}
	return nil
}

// receive waits for the next response, up to request.timeout.ms, and reads its header. n bytes of body follow: they are
// read before the next receive, and every read has that time again.
func (c *brokerConn) receive(ctx context.Context) (correlation int32, n int, err error) {
	if c.left != 0 {
		return 0, 0, c.unfinished("the response before is not read")
	}
	c.receiving.to(ctx, c)
	if ctx.Err() != nil {
		return 0, 0, c.broken(ctx, context.Cause(ctx))
	}
	c.readUntil = c.deadline(ctx, time.Now())
	if err := c.conn.SetReadDeadline(c.readUntil); err != nil {
		return 0, 0, c.broken(ctx, err)
	}
	if _, err := io.ReadFull(c.in, c.small[:]); err != nil {
		return 0, 0, c.broken(ctx, err)
	}
	size, correlation := int(int32(binary.BigEndian.Uint32(c.small[:4]))), int32(binary.BigEndian.Uint32(c.small[4:]))
	c.mu.Lock()
	var want pendingRequest
	none := len(c.pending) == 0
	if !none {
		want = c.pending[0]
	}
	c.mu.Unlock()
	switch {
	case none || want.correlation != correlation:
		return 0, 0, c.broken(ctx, fmt.Errorf("the broker answers request %d, which is not the one to be answered", correlation))
	case size < 4 || size > c.maxRead:
		return 0, 0, c.broken(ctx, fmt.Errorf("the broker announces a response of %d bytes; the limit is %d", size, c.maxRead))
	}
	c.left = size - 4
	if want.flexible {
		if err := c.skipTags(); err != nil {
			return 0, 0, c.broken(ctx, err)
		}
	}
	n = c.left
	c.received()
	return correlation, n, nil
}

// skipTags reads over the tagged fields of a response header.
func (c *brokerConn) skipTags() error {
	tags, err := c.uvarint()
	for ; err == nil && tags > 0; tags-- {
		if _, err = c.uvarint(); err != nil {
			break
		}
		var n uint64
		if n, err = c.uvarint(); err != nil {
			break
		}
		if n > uint64(c.left) {
			return errTruncated
		}
		if _, err = c.in.Discard(int(n)); err == nil {
			c.left -= int(n)
		}
	}
	return err
}

var errTruncated = errors.New("the response ends in the middle of a field")

func (c *brokerConn) uvarint() (uint64, error) {
	n := uint64(0)
	for shift := 0; shift < 35; shift += 7 {
		if c.left == 0 {
			return 0, errTruncated
		}
		b, err := c.in.ReadByte()
		if err != nil {
			return 0, err
		}
		c.left--
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n, nil
		}
	}
	return 0, errors.New("a number in the response does not end")
}

// read fills p with the next bytes of the body.
func (c *brokerConn) read(p []byte) error {
	if len(p) > c.left {
		panic("BUG: more than the response has")
	}
	ctx := c.receiving.ctx
	// Whoever works on a part of a response may take its time: the deadline is about bytes that do not come.
	if now := time.Now(); now.Add(c.rules.timeout - c.rules.timeout/deadlineSlack).After(c.readUntil) {
		c.readUntil = c.deadline(ctx, now)
		if err := c.conn.SetReadDeadline(c.readUntil); err != nil {
			return c.broken(ctx, err)
		}
	}
	if _, err := io.ReadFull(c.in, p); err != nil {
		return c.broken(ctx, err)
	}
	c.left -= len(p)
	c.received()
	return nil
}

// received takes the request off the pending ones when its response is read to the end.
func (c *brokerConn) received() {
	if c.left > 0 {
		return
	}
	c.mu.Lock()
	c.receiving.active = false
	c.pending = c.pending[:copy(c.pending, c.pending[1:])]
	c.used = time.Now()
	c.mu.Unlock()
}

// inFlight is the number of requests that are not answered to the last byte.
func (c *brokerConn) inFlight() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// stale says that the login expires soon. Whoever pipelines then waits for the answers before the next begin, which
// logs in again; no receive may be running at that time.
func (c *brokerConn) stale() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.expiry.IsZero() && time.Now().After(c.expiry)
}

// deadline is when a step that begins now is out of time. A broker that itself waits for request.timeout.ms, as it does
// for acknowledgements, gets a little longer to say so.
func (c *brokerConn) deadline(ctx context.Context, now time.Time) time.Time {
	t := now.Add(c.rules.timeout + min(c.rules.timeout/10, time.Second))
	if d, ok := ctx.Deadline(); ok && d.Before(t) {
		return d
	}
	return t
}

// broken closes the connection after an error of its socket and says what to report.
func (c *brokerConn) broken(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("no answer within request.timeout.ms=%d", c.rules.timeout.Milliseconds())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the broker closed it")
	}
	c.fail(err)
	return c.cause(ctx, err)
}

// cause is the error of a call on a closed connection: that of its context, or why the connection was closed first.
func (c *brokerConn) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if closed := c.closed(); closed != nil {
		return closed
	}
	return err
}

// closed is why the connection was closed, nil when it is open.
func (c *brokerConn) closed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// unfinished is the error of a call in the middle of something else, which a connection that broke may be left in.
func (c *brokerConn) unfinished(what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		panic("BUG: " + what)
	}
	return c.err
}

// fail closes the connection because of err: calls under way and later ones return it. It may be called from anywhere,
// and only the first counts.
func (c *brokerConn) fail(err error) {
	var ce *ConnError
	if !errors.As(err, &ce) {
		err = &ConnError{Node: c.node, Addr: c.addr, Err: err}
	}
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	c.mu.Unlock()
	if !first {
		return
	}
	if c.idle != nil {
		c.idle.Stop()
	}
	_ = c.conn.Close() // nothing is left to lose
	c.sending.release(c)
	c.receiving.release(c)
	if c.onClose != nil {
		c.onClose()
	}
}

// close ends the connection; calls under way return ErrClosed.
func (c *brokerConn) close() { c.fail(ErrClosed) }

// isOpen also counts as a use, so that the connection is not closed as idle right after.
func (c *brokerConn) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.used = time.Now()
	}
	return c.err == nil
}

// closeIdle is the timer of connections.max.idle.ms.
func (c *brokerConn) closeIdle() {
	c.mu.Lock()
	left := c.rules.maxIdle - time.Since(c.used)
	if len(c.pending) > 0 {
		left = c.rules.maxIdle
	}
	if left > 0 && c.err == nil {
		c.idle.Reset(left)
	}
	c.mu.Unlock()
	if left <= 0 {
		c.fail(errIdle)
	}
}

// tether ties a direction of a connection to a context: when the context ends, blocked calls return.
type tether struct {
	ctx    context.Context
	stop   func() bool
	active bool // a call is under way, or will go on in the middle
}

// to ties it to ctx, which costs nothing when it already is.
func (b *tether) to(ctx context.Context, c *brokerConn) {
	c.mu.Lock()
	b.active = true
	same, stop := b.ctx == ctx, b.stop
	if !same {
		b.ctx, b.stop = ctx, nil
	}
	c.mu.Unlock()
	if same {
		return
	}
	if stop != nil {
		stop()
	}
	if ctx.Done() == nil {
		return
	}
	stop = context.AfterFunc(ctx, func() {
		c.mu.Lock()
		cut := b.ctx == ctx && b.active
		c.mu.Unlock()
		if cut {
			c.fail(context.Cause(ctx))
		}
	})
	c.mu.Lock()
	b.stop = stop
	closed := c.err != nil
	c.mu.Unlock()
	if closed {
		stop()
	}
}

// release forgets the context.
func (b *tether) release(c *brokerConn) {
	c.mu.Lock()
	stop := b.stop
	b.stop, b.active = nil, false
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
}
