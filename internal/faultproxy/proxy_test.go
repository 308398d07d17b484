// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

// through is a proxy in front of an echo and a connection through it on which something was said already.
func through(t *testing.T) (*Proxy, net.Conn) {
	t.Helper()
	p, err := Listen("127.0.0.1:0", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	c := dial(t, p)
	if got := say(t, c, "hello"); got != "hello" {
		t.Fatalf("through the proxy came %q", got)
	}
	return p, c
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// say sends text and reads as much as comes back of it within a time that is long for loopback.
func say(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		return ""
	}
	return hear(c, len(text), 300*time.Millisecond)
}

func hear(c net.Conn, n int, limit time.Duration) string {
	_ = c.SetReadDeadline(time.Now().Add(limit))
	buf := make([]byte, n)
	got, _ := io.ReadFull(c, buf)
	return string(buf[:got])
}

func TestPassesEverything(t *testing.T) {
	p, c := through(t)
	sent := bytes.Repeat([]byte("0123456789"), 100_000)
	go func() { _, _ = c.Write(sent) }()
	if got := hear(c, len(sent), 10*time.Second); got != string(sent) {
		t.Fatalf("%d of %d bytes came back", len(got), len(sent))
	}
	if s := p.Stats(); s.Bytes != [2]int64{1_000_005, 1_000_005} || s.Opened != 1 || s.Cut != 0 {
		t.Errorf("stats %+v", s)
	}
	// The client's end reaches the server, whose end reaches the client.
	_ = c.(*net.TCPConn).CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

func TestCutsAtTheByte(t *testing.T) {
	f := func(d Direction, n int64, want string) {
		t.Helper()
		p, c := through(t)
		if got := p.CutAfter(d, n, false); got != 1 {
			t.Fatalf("%d connections marked", got)
		}
		if got := say(t, c, "0123456789"); got != want {
			t.Errorf("cut after %d bytes in direction %d: got %q, want %q", n, d, got, want)
		}
		if s := p.Stats(); s.Cut != 1 {
			t.Errorf("stats %+v", s)
		}
		// A new connection is whole.
		if got := say(t, dial(t, p), "again"); got != "again" {
			t.Errorf("afterwards: %q", got)
		}
	}
	f(Responses, 3, "012")
	f(Responses, 10, "0123456789")
	f(Responses, 0, "")
	// Whether the echo's answer to the first bytes still passes is a race the fault does not decide.
	p, c := through(t)
	p.CutAfter(Requests, 0, true)
	if got := say(t, c, "x"); got != "" {
		t.Errorf("cut before the first byte: %q", got)
	}
}

func TestResets(t *testing.T) {
	p, c := through(t)
	if n := p.Cut(true); n != 1 {
		t.Fatalf("%d connections cut", n)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("want a reset, got %v", err)
	}
	p.Refuse(true)
	r, err := net.Dial("tcp", p.Addr())
	if err == nil {
		defer r.Close()
		if got := say(t, r, "x"); got != "" {
			t.Errorf("a refused connection said %q", got)
		}
	}
	p.Refuse(false)
	if got := say(t, dial(t, p), "back"); got != "back" {
		t.Errorf("afterwards: %q", got)
	}
}

func TestHalfOpen(t *testing.T) {
	for _, d := range []Direction{Requests, Responses} {
		p, c := through(t)
		p.HalfOpen(d)
		if got := say(t, c, "lost"); got != "" {
			t.Errorf("direction %d: %q came back", d, got)
		}
		if _, err := c.Write([]byte("still open")); err != nil {
			t.Errorf("direction %d: %v", d, err)
		}
		if got := say(t, dial(t, p), "new"); got != "new" {
			t.Errorf("direction %d: a new connection says %q", d, got)
		}
	}
}

func TestSilenceHoldsBack(t *testing.T) {
	p, c := through(t)
	p.Silence(true)
	if got := say(t, c, "held"); got != "" {
		t.Errorf("%q came through the silence", got)
	}
	fresh := dial(t, p)
	if got := say(t, fresh, "new"); got != "" {
		t.Errorf("%q came through the silence", got)
	}
	p.Silence(false)
	if got := hear(c, 4, 10*time.Second); got != "held" {
		t.Errorf("after the silence: %q", got)
	}
	if got := hear(fresh, 3, 10*time.Second); got != "new" {
		t.Errorf("after the silence, on a new connection: %q", got)
	}
}

func TestDelay(t *testing.T) {
	p, c := through(t)
	p.Delay(50 * time.Millisecond)
	started := time.Now()
	_, _ = c.Write([]byte("slow"))
	if got := hear(c, 4, 10*time.Second); got != "slow" || time.Since(started) < 100*time.Millisecond {
		t.Errorf("%q after %s, want at least 100 ms", got, time.Since(started))
	}
}

func TestTargetAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p, err := Listen("127.0.0.1:0", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return // reset that soon
	}
	defer c.Close()
	if got := say(t, c, "x"); got != "" {
		t.Errorf("nobody is there, and says %q", got)
	}
}
