// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Broker is one running Apache Kafka node.
type Broker struct {
	*Proc
	// Addr is its bootstrap address, HOST:PORT.
	Addr string
}

// StartBroker starts an Apache Kafka node with empty storage in dir; properties ("key=value") override its configuration.
// It returns when the broker serves; the first call on a machine fetches the jars.
func StartBroker(dir string, env []string, properties ...string) (*Broker, error) {
	run, err := script("broker")
	if err != nil {
		return nil, err
	}
	ports, err := FreePorts(2)
	if err != nil {
		return nil, err
	}
	argv := append([]string{run, "run", filepath.Join(dir, "broker"), strconv.Itoa(ports[0]), strconv.Itoa(ports[1])}, properties...)
	p, err := Start("broker", dir, env, argv...)
	if err != nil {
		return nil, err
	}
	b := &Broker{p, net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))}
	if err := p.ready(3*time.Minute, func() bool { return strings.Contains(p.Output(), "Kafka Server started") }); err != nil {
		p.Kill()
		return nil, err
	}
	return b, nil
}
