// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// openPool makes a pool of producer properties at addr.
func openPool(t testing.TB, addr string, kv ...string) *brokerPool {
	t.Helper()
	cfg := mustParse(t, RoleProducer, with(map[string]string{"bootstrap.servers": addr}, kv...))
	client, err := kgo.NewClient(cfg.options(nil)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	p := newBrokerPool(cfg, client, nil)
	t.Cleanup(p.close)
	return p
}

// metadata sends a request of our own over c and reads the answer.
func metadata(ctx context.Context, c *brokerConn) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = min(c.maxVersion(req.Key()), 12)
	sent, err := c.send(ctx, req.Key(), req.Version, req.IsFlexible(), req.AppendTo(nil))
	if err != nil {
		return err
	}
	return readMetadata(ctx, c, req.Version, sent)
}

func readMetadata(ctx context.Context, c *brokerConn, version int16, sent int32) error {
	got, n, err := c.receive(ctx)
	if err != nil {
		return err
	}
	if got != sent {
		return errors.New("another correlation")
	}
	body := make([]byte, n)
	for at := 0; at < n; at += 7 {
		if err := c.read(body[at:min(at+7, n)]); err != nil {
			return err
		}
	}
	resp := kmsg.NewPtrMetadataResponse()
	resp.Version = version
	if err := resp.ReadFrom(body); err != nil {
		return err
	}
	if len(resp.Topics) != 1 {
		return errors.New("not the topics of this cluster")
	}
	return nil
}

func TestWire(t *testing.T) {
	c := faultCluster(t, 3, 1)
	p := openPool(t, c.ListenAddrs()[0])
	ctx := testContext(t)
	for _, node := range []int32{0, 1, 2} {
		conn, err := p.get(ctx, node, "test")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := metadata(ctx, conn); err != nil {
				t.Fatal(err)
			}
		}
		again, err := p.get(ctx, node, "test")
		if err != nil || again != conn {
			t.Errorf("a second connection: %v", err)
		}
		if other, err := p.get(ctx, node, "other"); err != nil || other == conn {
			t.Errorf("purposes share a connection: %v", err)
		}
		again.fail(errors.New("broken"))
		if err := metadata(ctx, conn); err == nil {
			t.Error("a broken connection works")
		}
		if again, err = p.get(ctx, node, "test"); err != nil || again == conn {
			t.Errorf("a broken connection came back: %v", err)
		}
	}
	if _, err := p.get(ctx, 7, "test"); !errors.As(err, new(*ConnError)) {
		t.Errorf("no such broker: %v", err)
	}
}

func TestWirePipelines(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := openPool(t, c.ListenAddrs()[0])
	ctx := testContext(t)
	conn, err := p.get(ctx, 0, "test")
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	body := req.AppendTo(nil)
	var sent []int32
	for range 5 {
		corr, err := conn.begin(ctx, req.Key(), 12, true, true, len(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := range body {
			if err := conn.write(body[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		sent = append(sent, corr)
	}
	for i, corr := range sent {
		if n := conn.inFlight(); n != 5-i {
			t.Fatalf("%d in flight", n)
		}
		if err := readMetadata(ctx, conn, 12, corr); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWireSteadyStateDoesNotAllocate(t *testing.T) {
	local, remote := net.Pipe()
	defer remote.Close()
	go func() { // answers every request of 14 bytes with its correlation and four bytes
		var in [14]byte
		out := []byte{0, 0, 0, 8, 0, 0, 0, 0, 1, 2, 3, 4}
		for {
			for n := 0; n < len(in); {
				k, err := remote.Read(in[n:])
				if err != nil {
					return
				}
				n += k
			}
			copy(out[4:], in[8:12])
			if _, err := remote.Write(out); err != nil {
				return
			}
		}
	}()
	c := newPipedConn(local)
	defer c.close()
	ctx := testContext(t)
	var body [4]byte
	step := func() {
		if _, err := c.send(ctx, 3, 0, false); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.receive(ctx); err != nil {
			t.Fatal(err)
		}
		if err := c.read(body[:]); err != nil {
			t.Fatal(err)
		}
	}
	step()
	// net.Pipe allocates for its own deadlines and writes; a socket does not.
	if n := testing.AllocsPerRun(100, step); n > 12 {
		t.Errorf("%v allocations", n)
	}
}

func TestWireErrors(t *testing.T) {
	f := func(name string, answer []byte, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			local, remote := net.Pipe()
			go func() {
				var in [64]byte
				_, _ = remote.Read(in[:])
				_, _ = remote.Write(answer)
				_ = remote.Close()
			}()
			c := newPipedConn(local)
			ctx := testContext(t)
			_, err := c.send(ctx, 3, 12, true)
			if err == nil {
				_, _, err = c.receive(ctx)
			}
			if err == nil || !errors.As(err, new(*ConnError)) {
				t.Fatal(err)
			}
			if want != "" && err.Error() != "connection to broker 4 (there:1): "+want {
				t.Error(err)
			}
			if _, err := c.send(ctx, 3, 12, true); err == nil {
				t.Error("it is still open")
			}
		})
	}
	f("closed", nil, "the broker closed it")
	f("cut in the head", []byte{0, 0, 0, 9, 0}, "the broker closed it")
	f("other correlation", []byte{0, 0, 0, 9, 0, 0, 0, 7}, "the broker answers request 7, which is not the one to be answered")
	f("negative size", []byte{255, 0, 0, 9, 0, 0, 0, 1}, "")
	f("huge", []byte{127, 0, 0, 9, 0, 0, 0, 1}, "the broker announces a response of 2130706441 bytes; the limit is 1000")
	f("tags beyond the end", []byte{0, 0, 0, 7, 0, 0, 0, 1, 1, 0, 200, 1}, "")
	f("endless tag", []byte{0, 0, 0, 12, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255}, "a number in the response does not end")
	f("no tags", []byte{0, 0, 0, 4, 0, 0, 0, 1}, errTruncated.Error())
}

func newPipedConn(conn net.Conn) *brokerConn {
	c := &brokerConn{node: 4, addr: "there:1", conn: conn, maxRead: 1000, rules: &wireRules{timeout: 10 * time.Second}}
	c.in = bufio.NewReaderSize(conn, smallRead)
	return c
}

func TestWireContextEnds(t *testing.T) {
	c := faultCluster(t, 1, 1)
	c.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, nil, false })
	p := openPool(t, c.ListenAddrs()[0])
	conn, err := p.get(testContext(t), 0, "test")
	if err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	c.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-hold })
		return nil, nil, false
	})
	ctx, cancel := context.WithCancelCause(testContext(t))
	mine := errors.New("mine")
	time.AfterFunc(20*time.Millisecond, func() { cancel(mine) })
	err = metadata(ctx, conn)
	close(hold)
	if !errors.Is(err, mine) {
		t.Error(err)
	}
	// One that ends when nothing is under way leaves the connection alone.
	if conn, err = p.get(testContext(t), 0, "test"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancelCause(testContext(t))
	if err := metadata(ctx, conn); err != nil {
		t.Error(err)
	}
	cancel(mine)
	time.Sleep(20 * time.Millisecond)
	if !conn.isOpen() {
		t.Error("an idle connection was closed")
	}
}

func TestWireTimeoutAndIdle(t *testing.T) {
	c := faultCluster(t, 1, 1)
	p := openPool(t, c.ListenAddrs()[0], "request.timeout.ms", "200", "connections.max.idle.ms", "300")
	ctx := testContext(t)
	conn, err := p.get(ctx, 0, "test")
	if err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	c.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-hold })
		return nil, nil, false
	})
	err = metadata(ctx, conn)
	close(hold)
	if err == nil || !errors.As(err, new(*ConnError)) {
		t.Error(err)
	}
	if conn, err = p.get(ctx, 0, "test"); err != nil {
		t.Fatal(err)
	}
	for i := 0; conn.closed() == nil; i++ {
		if i > 500 {
			t.Fatal("it stays open")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := conn.closed(); !errors.Is(err, errIdle) {
		t.Error(err)
	}
	if conn, err = p.get(ctx, 0, "test"); err != nil || metadata(ctx, conn) != nil {
		t.Error("no new connection", err)
	}
}

func TestWireLogin(t *testing.T) {
	a := newAuthority(t)
	server := a.server("127.0.0.1")
	f := func(name, protocol, mechanism, module string, refuse bool) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			const password = "s3cret"
			opts := []kfake.Opt{
				kfake.EnableSASL(), kfake.Superuser(mechanism, "ann", password),
				kfake.BrokerConfigs(map[string]string{"connections.max.reauth.ms": "1000"}),
			}
			kv := []string{
				"security.protocol", protocol, "sasl.mechanism", mechanism,
				"sasl.jaas.config", "org.apache.kafka.common.security." + module + ` required username="ann" password="` + password + `";`,
			}
			if protocol == "SASL_SSL" {
				opts = append(opts, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{server.cert.Raw}, PrivateKey: server.key}}}))
				kv = append(kv, "ssl.truststore.type", "PEM", "ssl.truststore.certificates", pemOf("CERTIFICATE", a.cert.Raw))
			}
			c := faultCluster(t, 1, 1, opts...)
			p := openPool(t, c.ListenAddrs()[0], kv...)
			ctx := testContext(t)
			p.learnAddr(t, c.ListenAddrs()[0])
			if refuse {
				c.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
					resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
					resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
					return resp, nil, true
				})
				_, err := p.get(ctx, 0, "test")
				if !IsAuthentication(err) || !isFatalRequest(err) || strings.Contains(err.Error(), password) {
					t.Error(err)
				}
				return
			}
			conn, err := p.get(ctx, 0, "test")
			if err != nil {
				t.Fatal(err)
			}
			var logins atomic.Int32
			c.ControlKey(int16(kmsg.SASLHandshake), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				logins.Add(1)
				return nil, nil, false
			})
			// The login is renewed on the same connection.
			for range 25 {
				if err := metadata(ctx, conn); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if logins.Load() < 2 {
				t.Errorf("%d logins in 2.5 seconds", logins.Load())
			}
		})
	}
	f("plain", "SASL_PLAINTEXT", "PLAIN", "plain.PlainLoginModule", false)
	f("plain, refused", "SASL_PLAINTEXT", "PLAIN", "plain.PlainLoginModule", true)
	f("scram 256", "SASL_PLAINTEXT", "SCRAM-SHA-256", "scram.ScramLoginModule", false)
	f("scram 512 and TLS", "SASL_SSL", "SCRAM-SHA-512", "scram.ScramLoginModule", false)
	f("scram 512 and TLS, refused", "SASL_SSL", "SCRAM-SHA-512", "scram.ScramLoginModule", true)
}

// learnAddr tells where broker 0 is, so that only our own connections log in.
func (p *brokerPool) learnAddr(t testing.TB, addr string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	p.hint(0, host, int32(n))
}
