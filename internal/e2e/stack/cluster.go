// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Cluster is several Apache Kafka nodes on this machine, each both broker and controller, so that one of them can be
// killed and the others go on.
type Cluster struct {
	// Nodes has the node with id i+1 at index i.
	Nodes []*Node
}

// Node is one member of a Cluster; it can be ended and started again with the same ports and storage.
type Node struct {
	// ID is its node.id.
	ID int32
	// Addr is the plaintext address at which nodes and tests reach it directly, whatever clients are told.
	Addr string

	dir  string
	env  []string
	argv []string

	mu   sync.Mutex
	proc *Proc
}

// NodeListener is one more listener of every node of a cluster.
type NodeListener struct {
	// Name is the listener's name, such as CLIENT; Protocol its security protocol, such as SASL_SSL.
	Name, Protocol string
	// Advertise says at which address HOST:PORT clients are told to find the listener, given where it listens: that
	// of a proxy, for one. It is called once per node, before the node is started.
	Advertise func(node int32, addr string) (string, error)
}

// heap and flags of a node: three of them share the machine with what is tested.
var nodeEnv = []string{"KAFKA_HEAP=-Xms128m -Xmx384m", "BROKER_JVM=-XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1"}

// StartCluster starts n nodes with empty storage in dir. Nodes talk to each other at once, beside the listeners given.
// properties ("key=value") override the configuration of each. It returns when all nodes serve.
func StartCluster(dir string, n int, listeners []NodeListener, env []string, properties ...string) (*Cluster, error) {
	run, err := script("broker")
	if err != nil {
		return nil, err
	}
	per := 2 + len(listeners) // ports of a node
	ports, err := FreePorts(per * n)
	if err != nil {
		return nil, err
	}
	var voters []string
	for i := range n {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i+1, ports[per*i+1]))
	}
	c := &Cluster{}
	for i := range n {
		port, controller := ports[per*i], ports[per*i+1]
		internal := fmt.Sprintf("PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", port, controller)
		listen, advertise, protocols := internal, internal, "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"
		for j, l := range listeners {
			addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[per*i+2+j]))
			advertised, err := l.Advertise(int32(i+1), addr)
			if err != nil {
				return nil, fmt.Errorf("advertise listener %s of node %d: %w", l.Name, i+1, err)
			}
			listen += fmt.Sprintf(",%s://%s", l.Name, addr)
			advertise += fmt.Sprintf(",%s://%s", l.Name, advertised)
			protocols += fmt.Sprintf(",%s:%s", l.Name, l.Protocol)
		}
		node := &Node{
			ID: int32(i + 1), Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir,
			env:  append(append([]string{"BROKER_NODE=" + strconv.Itoa(i+1), "BROKER_VOTERS=" + strings.Join(voters, ",")}, nodeEnv...), env...),
			argv: []string{run, "run", filepath.Join(dir, fmt.Sprintf("node%d", i+1)), strconv.Itoa(port), strconv.Itoa(controller)},
		}
		replicas, isr := strconv.Itoa(n), strconv.Itoa(min(2, n))
		node.argv = append(node.argv, "listeners="+listen, "advertised.listeners="+advertise, "listener.security.protocol.map="+protocols,
			"inter.broker.listener.name=PLAINTEXT", "offsets.topic.replication.factor="+replicas, "default.replication.factor="+replicas,
			"min.insync.replicas="+isr, "transaction.state.log.replication.factor="+replicas, "transaction.state.log.min.isr="+isr)
		node.argv = append(node.argv, properties...)
		c.Nodes = append(c.Nodes, node)
	}
	return c, c.startAll()
}

// startAll starts all nodes side by side: none serves before a majority is there.
func (c *Cluster) startAll() error {
	errs := make([]error, len(c.Nodes))
	for _, node := range c.Nodes {
		errs[node.ID-1] = node.launch()
	}
	for i, node := range c.Nodes {
		if errs[i] == nil {
			errs[i] = node.WaitReady(3 * time.Minute)
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		c.Kill()
	}
	return err
}

// Addr is the bootstrap address of all nodes, for clients that reach them directly.
func (c *Cluster) Addr() string {
	var addrs []string
	for _, n := range c.Nodes {
		addrs = append(addrs, n.Addr)
	}
	return strings.Join(addrs, ",")
}

// Kill ends all nodes.
func (c *Cluster) Kill() {
	for _, n := range c.Nodes {
		n.Kill()
	}
}

func (n *Node) launch() error {
	p, err := Start(fmt.Sprintf("broker%d", n.ID), n.dir, n.env, n.argv...)
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.proc = p
	n.mu.Unlock()
	return nil
}

// Start starts the node again after Kill or Stop. It returns at once; see WaitReady.
func (n *Node) Start() error { return n.launch() }

// WaitReady waits until the node, started last, serves.
func (n *Node) WaitReady(limit time.Duration) error {
	p := n.process()
	// The log is appended to: what an earlier start said does not count.
	return p.ready(limit, func() bool { return strings.Contains(p.outputSinceStart(), "Kafka Server started") })
}

// Kill ends the node as kill -9 does.
func (n *Node) Kill() {
	if p := n.process(); p != nil {
		p.Kill()
	}
}

// Stop asks the node to end, which moves its leaders away first, and waits.
func (n *Node) Stop(limit time.Duration) error { return n.process().Stop(limit) }

// Process is the node's running process, or the last that ran.
func (n *Node) Process() *Proc { return n.process() }

func (n *Node) process() *Proc {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.proc
}
