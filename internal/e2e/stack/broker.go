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

// StartBroker starts an Apache Kafka node with empty storage in dir; properties ("key=value") override its configuration,
// where {PORT} and {CONTROLLER_PORT} stand for the ports that it got (a test that sets listeners= needs them).
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
	argv := []string{run, "run", filepath.Join(dir, "broker"), strconv.Itoa(ports[0]), strconv.Itoa(ports[1])}
	fill := strings.NewReplacer("{PORT}", argv[3], "{CONTROLLER_PORT}", argv[4])
	for _, p := range properties {
		argv = append(argv, fill.Replace(p))
	}
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
