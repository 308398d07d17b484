// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// An answer that does not come in time discredits all connections to its broker, and to no other.
func TestSuspects(t *testing.T) {
	s := newSuspects()
	one, two := kgo.BrokerMetadata{NodeID: 1, Host: "a", Port: 1}, kgo.BrokerMetadata{NodeID: 2, Host: "a", Port: 2}
	seed := kgo.BrokerMetadata{NodeID: -1, Host: "a", Port: 1}
	open := func(b kgo.BrokerMetadata) net.Conn {
		c, other := net.Pipe()
		t.Cleanup(func() { _, _ = c.Close(), other.Close() })
		s.OnBrokerConnect(b, 0, c, nil)
		return c
	}
	closed := func(c net.Conn) bool { return c.SetDeadline(time.Time{}) != nil }
	busy, idle, asSeed, elsewhere := open(one), open(one), open(seed), open(two)
	s.OnBrokerConnect(two, 0, nil, errors.New("refused"))
	f := func(err error, want bool) {
		t.Helper()
		s.OnBrokerRead(one, 12, 0, 0, 0, err)
		for _, c := range []net.Conn{busy, idle, asSeed} {
			if closed(c) != want {
				t.Errorf("after %v: closed is %v, want %v", err, !want, want)
			}
		}
		if closed(elsewhere) {
			t.Errorf("after %v: a connection to another broker is closed", err)
		}
	}
	f(nil, false)
	f(errors.New("reset"), false)
	f(fmt.Errorf("read: %w", os.ErrDeadlineExceeded), true)
	for _, c := range []net.Conn{busy, idle, asSeed, elsewhere} {
		s.OnBrokerDisconnect(one, c)
	}
	if len(s.conns) != 0 {
		t.Errorf("%d connections are still known", len(s.conns))
	}
}
