// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
)

// wireRules is what our own connections need of a client's properties.
type wireRules struct {
	clientID      string
	timeout       time.Duration // request.timeout.ms
	setup         time.Duration // socket.connection.setup.timeout.ms
	setupMax      time.Duration // socket.connection.setup.timeout.max.ms
	maxIdle       time.Duration // connections.max.idle.ms; 0 = for ever
	reconnect     func(tries int) time.Duration
	sendBuffer    int // send.buffer.bytes the user gave; 0 = the system's, which grows as it needs
	receiveBuffer int // receive.buffer.bytes likewise
	tls           *tls.Config
	mechanism     sasl.Mechanism
}

// wire reads the keys of the sockets. What connection and security found out is taken over when a pool is made.
func (p *parser) wire(c *ClientConfig) {
	first, last := p.millis("reconnect.backoff.ms", 50), p.millis("reconnect.backoff.max.ms", 1000)
	setup := p.millis("socket.connection.setup.timeout.ms", 10_000)
	c.wire = wireRules{
		clientID: c.ClientID, timeout: max(c.RequestTimeout, 100*time.Millisecond),
		setup: max(setup, 100*time.Millisecond), setupMax: max(p.millis("socket.connection.setup.timeout.max.ms", 30_000), setup),
		reconnect:  backoff(first, last),
		sendBuffer: int(max(p.long("send.buffer.bytes", 0), 0)), receiveBuffer: int(max(p.long("receive.buffer.bytes", 0), 0)),
	}
	if idle := p.long("connections.max.idle.ms", 540_000); idle > 0 {
		c.wire.maxIdle = time.Duration(min(idle, math.MaxInt32)) * time.Millisecond
	}
	if c.ClientID == "" {
		c.wire.clientID = "penstock"
	}
}

// dialBroker connects, and goes through TLS, ApiVersions and the login.
func dialBroker(ctx context.Context, rules *wireRules, node int32, host string, port int32, tries, maxRead int) (*brokerConn, error) {
	c := &brokerConn{node: node, addr: net.JoinHostPort(host, strconv.Itoa(int(port))), rules: rules, maxRead: maxRead, used: time.Now()}
	setup := min(rules.setup<<min(tries, 8), rules.setupMax)
	setupCtx, cancel := context.WithTimeoutCause(ctx, setup, fmt.Errorf("not connected within socket.connection.setup.timeout.ms=%d", setup.Milliseconds()))
	defer cancel()
	if err := c.connect(setupCtx, host); err != nil {
		return nil, &ConnError{Node: node, Addr: c.addr, Err: contextError(setupCtx, err)}
	}
	err := c.askVersions(ctx)
	if err == nil && rules.mechanism != nil {
		err = c.login(ctx)
	}
	if err != nil {
		c.fail(err)
		return nil, c.closed()
	}
	c.sending.release(c)
	c.receiving.release(c)
	c.sending.ctx, c.receiving.ctx = nil, nil // the caller's may come again, and count again
	if rules.maxIdle > 0 {
		c.mu.Lock()
		c.idle = time.AfterFunc(rules.maxIdle, c.closeIdle)
		c.mu.Unlock()
	}
	return c, nil
}

// connect makes the socket. The system tries all addresses of the host.
func (c *brokerConn) connect(ctx context.Context, host string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	if t, ok := conn.(*net.TCPConn); ok {
		err = errors.Join(t.SetNoDelay(true), t.SetKeepAlive(true))
		if n := c.rules.sendBuffer; err == nil && n > 0 {
			err = t.SetWriteBuffer(n)
		}
		if n := c.rules.receiveBuffer; err == nil && n > 0 {
			err = t.SetReadBuffer(n)
		}
	}
	if err == nil && c.rules.tls != nil {
		conf := c.rules.tls.Clone()
		if conf.ServerName == "" {
			conf.ServerName = host
		}
		t := tls.Client(conn, conf)
		if err = t.HandshakeContext(ctx); err == nil {
			c.conn, c.tlsOut = t, bufio.NewWriterSize(t, tlsWrite)
		}
	} else {
		c.conn = conn
	}
	if err != nil {
		_ = conn.Close() // the reason is err
		return err
	}
	c.in = bufio.NewReaderSize(c.conn, smallRead)
	return nil
}

// tlsWrite is what gathers small parts of a request, the length of a TLS record.
const tlsWrite = 16 << 10

// ask sends a request of the set-up and waits for its response. It skips the renewal of the login that begin does.
func (c *brokerConn) ask(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	body := req.AppendTo(nil)
	if _, err := c.beginNow(ctx, req.Key(), req.GetVersion(), req.IsFlexible(), true, len(body)); err != nil {
		return nil, err
	}
	if err := c.write(body); err != nil {
		return nil, err
	}
	_, n, err := c.receive(ctx)
	if err != nil {
		return nil, err
	}
	if n > maxSetupResponse {
		return nil, fmt.Errorf("the broker answers %s with %d bytes", kmsg.NameForKey(req.Key()), n)
	}
	data := make([]byte, n)
	if err := c.read(data); err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	if len(data) >= 2 && req.Key() == int16(kmsg.ApiVersions) && kerr.TypedErrorForCode(int16(data[0])<<8|int16(data[1])) == kerr.UnsupportedVersion {
		resp.SetVersion(0) // KIP-511
	}
	if err := resp.ReadFrom(data); err != nil {
		return nil, fmt.Errorf("the broker's answer to %s cannot be read: %w", kmsg.NameForKey(req.Key()), err)
	}
	return resp, nil
}

// maxSetupResponse bounds what a broker may answer before it is known to be one.
const maxSetupResponse = 1 << 20

// apiVersionsVersion is the newest that names the software and that every broker since 2.4 knows.
const apiVersionsVersion = 3

// askVersions learns which versions the broker takes.
func (c *brokerConn) askVersions(ctx context.Context) error {
	for version := int16(apiVersionsVersion); ; version = 0 {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = version, "penstock", "v1"
		answer, err := c.ask(ctx, req)
		if err != nil {
			if errors.Is(err, io.EOF) && c.rules.tls == nil {
				err = fmt.Errorf("%w (does the listener want TLS? see security.protocol)", err)
			}
			return err
		}
		resp := answer.(*kmsg.ApiVersionsResponse)
		err = kerr.ErrorForCode(resp.ErrorCode)
		if errors.Is(err, kerr.UnsupportedVersion) && version > 0 {
			continue
		}
		if err != nil {
			return fmt.Errorf("ApiVersions: %w", err)
		}
		for i := range c.versions {
			c.versions[i] = -1
		}
		for _, k := range resp.ApiKeys {
			if k.ApiKey >= 0 && k.ApiKey < apiKeys {
				c.versions[k.ApiKey] = k.MaxVersion
			}
		}
		return nil
	}
}

// login authenticates with SASL, for the first time or again on the same connection (KIP-152, KIP-368). A refusal is
// one of Kafka's authentication errors. Nothing may be in flight.
func (c *brokerConn) login(ctx context.Context) error {
	m := c.rules.mechanism
	hello := kmsg.NewPtrSASLHandshakeRequest()
	hello.Version, hello.Mechanism = 1, m.Name()
	if c.maxVersion(hello.Key()) < 1 || c.maxVersion(int16(kmsg.SASLAuthenticate)) < 0 {
		return fmt.Errorf("%w: brokers before 1.0 are not supported", kerr.UnsupportedSaslMechanism)
	}
	answer, err := c.ask(ctx, hello)
	if err != nil {
		return err
	}
	if h := answer.(*kmsg.SASLHandshakeResponse); h.ErrorCode != 0 {
		return fmt.Errorf("SASL handshake: %w: sasl.mechanism=%s, the broker has %v", kerr.ErrorForCode(h.ErrorCode), m.Name(), h.SupportedMechanisms)
	}
	session, out, err := m.Authenticate(ctx, c.addr)
	if err != nil {
		return fmt.Errorf("%w: %w", kerr.SaslAuthenticationFailed, err)
	}
	var lifetime time.Duration
	began := time.Now()
	for done := false; !done || len(out) > 0; {
		req := kmsg.NewPtrSASLAuthenticateRequest()
		req.Version, req.SASLAuthBytes = min(c.maxVersion(req.Key()), req.MaxVersion()), out
		answer, err := c.ask(ctx, req)
		if err != nil {
			return err
		}
		resp := answer.(*kmsg.SASLAuthenticateResponse)
		if err := brokerError(resp.ErrorCode, resp.ErrorMessage); err != nil {
			return err
		}
		lifetime, out = time.Duration(min(resp.SessionLifetimeMillis, maxLifetimeMillis))*time.Millisecond, nil
		if done {
			break
		}
		if done, out, err = session.Challenge(resp.SASLAuthBytes); err != nil {
			return fmt.Errorf("%w: %w", kerr.SaslAuthenticationFailed, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.expiry = (time.Time{}); lifetime > 0 {
		// Java logs in again after 85 to 95 % of the session; the broker counts from its own answer, a little later.
		c.expiry = began.Add(lifetime / 20 * 17)
	}
	return nil
}

// maxLifetimeMillis is more than a session ever lasts, and keeps a Duration from overflowing.
const maxLifetimeMillis = 365 * 24 * 3600 * 1000
