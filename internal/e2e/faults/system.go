// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-io/penstock/internal/e2e/stack"
	"github.com/penstock-io/penstock/internal/faultproxy"
)

// nodes is the size of the cluster: with two in-sync replicas asked for, one node may be away.
const nodes = 3

// System is what all cases share: three brokers, each behind two proxies (plaintext, and TLS with SASL), and the binary.
type System struct {
	// Dir takes everything that is written.
	Dir string
	// Kind is the worker under test, Binary the penstock binary.
	Kind   stack.Kind
	Binary string
	// Cluster is the brokers; its addresses lead past the proxies.
	Cluster *stack.Cluster

	plain, secure [nodes]*faultproxy.Proxy
	ports         [][]int // of workers
	client        *kgo.Client
	admin         *kadm.Client
}

const (
	plainUser = `org.apache.kafka.common.security.plain.PlainLoginModule required username="plain-user" password="plain-secret";`
	scramUser = `org.apache.kafka.common.security.scram.ScramLoginModule required username="scram-user" password="scram-secret";`
)

// StartSystem starts the brokers and their proxies in dir.
func StartSystem(dir string, kind stack.Kind, binary string) (*System, error) {
	if err := makeKeys(dir); err != nil {
		return nil, err
	}
	s := &System{Dir: dir, Kind: kind, Binary: binary}
	advertise := func(proxies *[nodes]*faultproxy.Proxy) func(int32, string) (string, error) {
		return func(node int32, addr string) (string, error) {
			p, err := faultproxy.Listen("127.0.0.1:0", addr)
			if err != nil {
				return "", err
			}
			proxies[node-1] = p
			return p.Addr(), nil
		}
	}
	var err error
	s.Cluster, err = stack.StartCluster(dir, nodes, []stack.NodeListener{
		{Name: "CLIENT", Protocol: "PLAINTEXT", Advertise: advertise(&s.plain)},
		{Name: "SECURE", Protocol: "SASL_SSL", Advertise: advertise(&s.secure)},
	}, []string{"BROKER_FORMAT=--add-scram SCRAM-SHA-512=[name=scram-user,password=scram-secret]"},
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512",
		`listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_plain-user="plain-secret";`,
		`listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;`,
		"ssl.keystore.location="+filepath.Join(dir, "server.p12"), "ssl.keystore.type=PKCS12", "ssl.keystore.password=server-secret",
		// A login ends within a case, so that clients have to log in again on open connections.
		"connections.max.reauth.ms=15000",
		// A dead broker and a dead member are noticed soon: the faults are many.
		"broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500", "group.min.session.timeout.ms=1000",
		"replica.lag.time.max.ms=3000", "controlled.shutdown.enable=true", "auto.create.topics.enable=false",
		"auto.leader.rebalance.enable=false", "log.segment.bytes=67108864", "num.network.threads=2", "num.io.threads=4",
		"offsets.topic.segment.bytes=8388608", "log.cleaner.dedupe.buffer.size=8388608",
	)
	if err != nil {
		s.Close()
		return nil, err
	}
	if s.client, err = kgo.NewClient(kgo.SeedBrokers(strings.Split(s.Cluster.Addr(), ",")...), kgo.MetadataMinAge(200*time.Millisecond)); err != nil {
		s.Close()
		return nil, err
	}
	s.admin = kadm.NewClient(s.client)
	s.admin.SetTimeoutMillis(10_000)
	return s, nil
}

// Close ends the brokers and proxies.
func (s *System) Close() {
	if s.client != nil {
		s.client.Close()
	}
	for _, p := range s.proxies() {
		p.Close()
	}
	if s.Cluster != nil {
		s.Cluster.Kill()
	}
}

// proxies is all that were started.
func (s *System) proxies() []*faultproxy.Proxy {
	all := slices.Concat(s.plain[:], s.secure[:])
	return slices.DeleteFunc(all, func(p *faultproxy.Proxy) bool { return p == nil })
}

// heal ends every lasting fault of the network.
func (s *System) heal() {
	for _, p := range s.proxies() {
		p.Refuse(false)
		p.Silence(false)
		p.Delay(0)
	}
}

// workerPorts are the two ports of worker i: cases follow one another, and a worker comes back where it was.
func (s *System) workerPorts(i int) ([]int, error) {
	for len(s.ports) <= i {
		two, err := stack.FreePorts(2)
		if err != nil {
			return nil, err
		}
		s.ports = append(s.ports, two)
	}
	return s.ports[i], nil
}

func addrs(proxies [nodes]*faultproxy.Proxy) string {
	var out []string
	for _, p := range proxies {
		out = append(out, p.Addr())
	}
	return strings.Join(out, ",")
}

// access is a way to reach the brokers, as client properties without their prefix.
type access struct {
	name  string
	props map[string]string
}

// accesses are the three ways: in the clear, and through TLS with two kinds of login.
func (s *System) accesses() []access {
	secured := func(mechanism, jaas string) map[string]string {
		return map[string]string{
			"bootstrap.servers": addrs(s.secure), "security.protocol": "SASL_SSL", "sasl.mechanism": mechanism, "sasl.jaas.config": jaas,
			"ssl.truststore.type": "PEM", "ssl.truststore.location": filepath.Join(s.Dir, "ca.pem"),
		}
	}
	return []access{
		{"plaintext", map[string]string{"bootstrap.servers": addrs(s.plain)}},
		{"scram", secured("SCRAM-SHA-512", scramUser)},
		{"plain", secured("PLAIN", plainUser)},
	}
}

// createTopic makes a topic with a replica on every node.
func (s *System) createTopic(ctx context.Context, topic string, partitions int32) error {
	if _, err := s.admin.CreateTopic(ctx, partitions, nodes, nil, topic); err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return nil
}

// waitInSync waits until every replica of every topic follows again, so that another node may go away.
func (s *System) waitInSync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		if missing, err := s.outOfSync(ctx); err == nil && missing == 0 {
			return nil
		} else if ctx.Err() != nil {
			return fmt.Errorf("replicas are not in sync after two minutes (%d of them): %w", missing, context.Cause(ctx))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *System) outOfSync(ctx context.Context) (int, error) {
	details, err := s.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return -1, err
	}
	missing := 0
	details.EachPartition(func(p kadm.PartitionDetail) {
		missing += nodes - len(p.ISR)
		if p.Leader < 0 {
			missing++
		}
	})
	return missing, nil
}

// leaders counts the partitions of topics, or of all topics, that each node leads.
func (s *System) leaders(ctx context.Context, topics ...string) (map[int32]int, error) {
	details, err := s.admin.ListTopicsWithInternal(ctx, topics...)
	if err != nil {
		return nil, err
	}
	out := map[int32]int{}
	details.EachPartition(func(p kadm.PartitionDetail) { out[p.Leader]++ })
	return out, nil
}

// moveLeaders makes another replica the leader of every partition of all topics, the internal ones included: the list of
// replicas is turned by one, and its first is elected.
func (s *System) moveLeaders(ctx context.Context) error {
	details, err := s.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	var order kadm.AlterPartitionAssignmentsReq
	all := kadm.TopicsSet{}
	details.EachPartition(func(p kadm.PartitionDetail) {
		i := slices.Index(p.Replicas, p.Leader) + 1
		order.Assign(p.Topic, p.Partition, slices.Concat(p.Replicas[i:], p.Replicas[:i]))
		all.Add(p.Topic, p.Partition)
	})
	if _, err := s.admin.AlterPartitionAssignments(ctx, order); err != nil {
		return fmt.Errorf("reorder replicas: %w", err)
	}
	if _, err := s.admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, all); err != nil {
		return fmt.Errorf("elect leaders: %w", err)
	}
	return nil
}

var memberFailed = regexp.MustCompile(`(?m)^\[([^]]+)\].* in group (\S+) has failed, removing it from the group`)

// expelled reads from the brokers' logs when members were removed from groups because they were not heard of, by group.
func (s *System) expelled(since time.Time) map[string][]time.Time {
	out := map[string][]time.Time{}
	for _, n := range s.Cluster.Nodes {
		for _, m := range memberFailed.FindAllStringSubmatch(n.Process().Output(), -1) {
			at, err := time.ParseInLocation("2006-01-02 15:04:05,000", m[1], time.Local)
			if err == nil && at.After(since) {
				out[m[2]] = append(out[m[2]], at)
			}
		}
	}
	return out
}

// makeKeys makes the brokers' keystore for 127.0.0.1 and its certificate as PEM, with Java's own tool.
func makeKeys(dir string) error {
	for _, args := range [][]string{
		{"-genkeypair", "-alias", "server", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "3", "-dname", "CN=127.0.0.1",
			"-ext", "san=ip:127.0.0.1", "-ext", "bc=ca:true", "-storetype", "PKCS12", "-keystore", "server.p12", "-storepass", "server-secret"},
		{"-exportcert", "-rfc", "-alias", "server", "-keystore", "server.p12", "-storepass", "server-secret", "-file", "ca.pem"},
	} {
		cmd := exec.Command("keytool", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make keys: %w\n%s", err, out)
		}
	}
	return nil
}
