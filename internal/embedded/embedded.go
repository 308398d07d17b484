// SPDX-License-Identifier: Apache-2.0

// Package embedded runs an in-process Kafka broker (franz-go's kfake) for quickstarts and tests.
//
// It speaks the real protocol on a real socket: topics, idempotent and transactional producers, consumer groups
// of every protocol type, compaction, SASL and TLS. It is one goroutine without quotas, replication or an fsync
// on each write: for development, not for production.
package embedded

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// createTopicsMaxVersion caps CreateTopics: from version 5 on kfake answers config source -1, which Java's admin
// client refuses to parse, so a JVM worker could not start against the embedded broker.
const createTopicsMaxVersion = 4

// User is one SASL account of the broker. Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
type User struct {
	Mechanism, Name, Password string
}

// Options configures Start. The zero value is a broker on a free loopback port that keeps nothing.
type Options struct {
	// Listen is host:port. Empty means 127.0.0.1 and a free port; port 0 means a free port. Clients are told to come
	// back to the same address, so a wildcard serves this machine only.
	Listen string
	// DataDir keeps topics, records, groups and transactions between runs. Empty keeps them in memory.
	DataDir string
	// ClusterID is what the broker reports; empty leaves kfake's own.
	ClusterID string
	// Partitions of an auto-created topic; 0 means 1, as Kafka's num.partitions.
	Partitions int
	// NoAutoCreate turns auto-creation of topics off (auto.create.topics.enable=false).
	NoAutoCreate bool
	// MinSession is the least session timeout of a group; 0 leaves Kafka's 6 seconds.
	MinSession time.Duration
	// Users turns SASL on.
	Users []User
	// TLS turns TLS on.
	TLS *tls.Config
	// BrokerConfigs are broker settings by their Kafka names.
	BrokerConfigs map[string]string
	// Log receives the one line that says what this broker is for. Nil logs nothing.
	Log *slog.Logger
}

// Broker is a running embedded broker. Close it.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
}

// Start starts a broker and returns when it listens.
func Start(o Options) (*Broker, error) {
	host, port, err := splitListen(o.Listen)
	if err != nil {
		return nil, err
	}
	// Not Tip: it finalizes no features, and without transaction.version a transactional client sends produce requests
	// that the broker then refuses with INVALID_TXN_STATE.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.CreateTopics), createTopicsMaxVersion)
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.Ports(port),
		kfake.MaxVersions(versions),
		kfake.DefaultNumPartitions(max(o.Partitions, 1)),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			_, p, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return net.Listen(network, net.JoinHostPort(host, p))
		}),
	}
	if !o.NoAutoCreate {
		opts = append(opts, kfake.AllowAutoTopicCreation())
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir))
	}
	if o.ClusterID != "" {
		opts = append(opts, kfake.ClusterID(o.ClusterID))
	}
	if o.MinSession > 0 {
		opts = append(opts, kfake.GroupMinSessionTimeout(o.MinSession))
	}
	if len(o.Users) > 0 {
		opts = append(opts, kfake.EnableSASL())
		for _, u := range o.Users {
			opts = append(opts, kfake.Superuser(u.Mechanism, u.Name, u.Password))
		}
	}
	if o.TLS != nil {
		opts = append(opts, kfake.TLS(o.TLS))
	}
	if len(o.BrokerConfigs) > 0 {
		opts = append(opts, kfake.BrokerConfigs(o.BrokerConfigs))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("start embedded broker on %s: %w", net.JoinHostPort(host, strconv.Itoa(port)), err)
	}
	addrs := cluster.ListenAddrs()
	if len(addrs) == 0 {
		cluster.Close()
		return nil, errors.New("start embedded broker: it listens nowhere")
	}
	b := &Broker{cluster: cluster, addr: addrs[0]}
	if o.Log != nil {
		o.Log.Info("embedded broker: for development, not for production", "listen", b.addr, "data_dir", o.DataDir)
	}
	return b, nil
}

// Addr is the host:port to put into bootstrap.servers.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker and, with a DataDir, writes what is still in memory.
func (b *Broker) Close() { b.cluster.Close() }

// CreateTopic creates a topic directly, without a client. Configs may be nil.
func (b *Broker) CreateTopic(topic string, partitions int32, configs map[string]string) error {
	return b.cluster.CreateTopic(topic, partitions, configs)
}

// Cluster is the kfake cluster below, for tests that inject faults.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

func splitListen(listen string) (host string, port int, err error) {
	if listen == "" {
		return "127.0.0.1", 0, nil
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("parse listen address %q: %w", listen, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("parse listen address %q: port must be 0 to 65535", listen)
	}
	return host, port, nil
}
