// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// suspects is a hook of one client that closes all connections to a broker when a request on one of them was not answered in time.
//
// The client has several connections to a broker where Java's has one, and sends JoinGroup and SyncGroup on one that is idle
// otherwise, with a timeout of max.poll.interval.ms and more. When the path to a broker is lost in silence, heartbeats notice
// it soon on their connection; the other would be found dead only by a member that joins again and waits for five minutes.
type suspects struct {
	mu    sync.Mutex
	conns map[net.Conn]string // the address of its broker
}

func newSuspects() *suspects { return &suspects{conns: map[net.Conn]string{}} }

func address(b kgo.BrokerMetadata) string { return net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))) }

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (s *suspects) OnBrokerConnect(b kgo.BrokerMetadata, _ time.Duration, c net.Conn, err error) {
	if err != nil || c == nil {
		return
	}
	s.mu.Lock()
	s.conns[c] = address(b)
	s.mu.Unlock()
}

// OnBrokerDisconnect implements kgo.HookBrokerDisconnect.
func (s *suspects) OnBrokerDisconnect(_ kgo.BrokerMetadata, c net.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// OnBrokerRead implements kgo.HookBrokerRead.
func (s *suspects) OnBrokerRead(b kgo.BrokerMetadata, _ int16, _ int, _, _ time.Duration, err error) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	var gone []net.Conn
	s.mu.Lock()
	for c, at := range s.conns {
		if at == address(b) {
			gone = append(gone, c)
		}
	}
	s.mu.Unlock()
	for _, c := range gone {
		_ = c.Close() // its owner finds out by reading
	}
}
