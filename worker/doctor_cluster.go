// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/group"
	"github.com/penstock-io/penstock/worker/store"
)

var internalKinds = []string{"config", "offset", "status"}

// examineTopics looks at the settings of the internal topics: those that lose records, and those that stop a cluster when
// one broker is away.
func (d *doctor) examineTopics(ctx context.Context) {
	d.topics = map[string]kafka.Topic{}
	brokers, err := d.asks.Brokers(ctx)
	if err != nil {
		d.warn(bootstrapKey, "%v", err)
	}
	seen := map[string]string{}
	for _, kind := range internalKinds {
		t := d.cfg.internalTopic(kind)
		if other, taken := seen[t.Name]; taken {
			d.problem(t.Key, "topic %s is also that of %s: each needs one of its own", t.Name, other)
			continue
		}
		seen[t.Name] = t.Key
		all, err := d.admin.DescribeTopics(ctx, t.Name)
		if err != nil {
			d.problem(t.Key, "topic %s cannot be described: %v", t.Name, err)
			continue
		}
		one, ok := all[t.Name]
		if !ok {
			d.missingTopic(t, brokers)
			continue
		}
		d.topics[t.Name] = one
		d.examineTopic(ctx, kind, t, one)
	}
}

func (d *doctor) missingTopic(t store.Topic, brokers int) {
	d.warn(t.Key, "topic %s does not exist, or may not be described; a worker that joins creates it with %s partitions and replication factor %s",
		t.Name, orDefault(t.Partitions), orDefault(t.Replication))
	if brokers > 0 && t.Replication > brokers {
		d.problem(t.Key, "topic %s cannot be created: replication factor %d, but there are %d brokers; set %s", t.Name, t.Replication, brokers,
			strings.TrimSuffix(t.Key, ".topic")+".replication.factor")
	}
}

func orDefault(n int) string {
	if n < 0 {
		return "the broker's"
	}
	return strconv.Itoa(n)
}

func (d *doctor) examineTopic(ctx context.Context, kind string, t store.Topic, one kafka.Topic) {
	before := len(d.out.Findings)
	if kind == "config" && one.Partitions != 1 {
		d.problem(t.Key, "topic %s has %d partitions; it must have 1, or configurations come in no order", t.Name, one.Partitions)
	}
	cfg, err := d.admin.TopicConfig(ctx, t.Name)
	if err != nil {
		d.warn(t.Key, "the settings of topic %s cannot be read: %v", t.Name, err)
		return
	}
	if policy := strings.TrimSpace(cfg["cleanup.policy"]); policy != "compact" {
		d.problem(t.Key, "topic %s has cleanup.policy=%s; it must be compact, or what is in it is lost in time", t.Name, policy)
	}
	insync, _ := strconv.Atoi(cfg["min.insync.replicas"])
	switch rf := one.ReplicationFactor; {
	case insync > rf:
		d.problem(t.Key, "topic %s has min.insync.replicas=%d and %d replicas: nothing can be written to it", t.Name, insync, rf)
	case rf == 1:
		d.warn(t.Key, "topic %s has one replica: the loss of a broker loses it", t.Name)
	case insync == rf:
		d.warn(t.Key, "topic %s has min.insync.replicas=%d and as many replicas: nothing can be written while a broker is away", t.Name, insync)
	}
	if cfg["unclean.leader.election.enable"] == "true" {
		d.warn(t.Key, "topic %s has unclean.leader.election.enable=true: an election may lose what was acknowledged", t.Name)
	}
	if len(d.out.Findings) == before {
		d.ok(t.Key, "topic %s: %d partitions, %d replicas, compacted", t.Name, one.Partitions, one.ReplicationFactor)
	}
}

// examineGroup looks at the group and the protocol its members agreed on.
func (d *doctor) examineGroup(ctx context.Context) {
	var err error
	if d.look, err = d.asks.Look(ctx); err != nil {
		d.problem("group.id", "%v", err)
		return
	}
	if len(d.look.Members) == 0 {
		d.info("group.id", "group %s has no members: this worker would be the first", d.out.Group)
		return
	}
	if d.look.ProtocolType != group.Type {
		d.problem("group.id", "group %s is of type %s, not of Connect workers: choose another group.id", d.out.Group, d.look.ProtocolType)
		d.look = nil
		return
	}
	d.out.Protocol = d.look.Protocol
	ours := lower(d.cfg.Values.String("connect.protocol"))
	if ours == "eager" {
		ours = "default"
	}
	switch theirs := d.look.Protocol; {
	case theirs == "":
		d.info("connect.protocol", "the group is rebalancing; its protocol is not known now")
	case theirs == ours:
		d.ok("connect.protocol", "the group of %d members uses %s, as this worker would", len(d.look.Members), theirs)
	case protocolRank(theirs) > protocolRank(ours):
		d.warn("connect.protocol", "the group uses %s; with connect.protocol=%s this worker brings all of it down to %s",
			theirs, d.cfg.Values.String("connect.protocol"), ours)
	default:
		d.info("connect.protocol", "the group uses %s, because a member offers no more", theirs)
	}
	d.compareOffsets()
}

func protocolRank(protocol string) int {
	p, err := group.ProtocolOf(protocol)
	if err != nil {
		return -1
	}
	return int(p)
}

// compareOffsets finds out whether the members read the config topic that this worker would read: they tell the group how
// far they are in it.
func (d *doctor) compareOffsets() {
	var most int64 = -1
	for _, m := range d.look.Members {
		p := Peer{ID: m.ID, Share: shareOf(m.Work.Sorted())}
		if m.State != nil {
			p.URL = m.State.URL
			most = max(most, m.State.ConfigOffset)
		} else {
			d.problem("member "+m.ID, "what it told the group cannot be read: it speaks another version of the protocol")
		}
		d.out.Members = append(d.out.Members, p)
	}
	own := int64(-1)
	if d.found != nil {
		own = d.found.Offset
	}
	if most > own {
		d.problem("config.storage.topic", "the members have read to offset %d of their config topic, but %s ends at %d: they use another topic or "+
			"another Kafka cluster", most, d.cfg.Values.String("config.storage.topic"), max(own, 0))
	}
	for _, m := range d.look.Members {
		for _, name := range m.Work.Connectors {
			if d.found != nil && d.found.Connector(name) == nil && most <= own {
				d.info("connector "+name, "runs on %s and is not configured any more; a rebalance ends it", m.ID)
			}
		}
	}
}

// examineExactlyOnce compares the flag with how the cluster behaves: one worker that leads and writes plainly undoes the
// fencing of all others.
func (d *doctor) examineExactlyOnce(ctx context.Context) {
	const key = "exactly.once.source.support"
	if d.found == nil {
		return
	}
	ours := d.cfg.exactlyOnce()
	// The last record may be from before a change of the flag; a leader that writes in transactions has used its id.
	claimed := d.asks.Transactional(ctx, d.cfg.leaderID()).Exists
	switch written := d.found.Leader; {
	case ours == "disabled" && written == store.LeaderTransactions:
		d.problem(key, "the leader of the cluster writes to the config topic in transactions, so its workers have exactly-once support; this one has %s=disabled: "+
			"set it as they do", key)
	case ours == "disabled" && claimed:
		d.warn(key, "the transactional id %s has been used, so workers of this cluster have or had exactly-once support; this one has %s=disabled", d.cfg.leaderID(), key)
	case ours == "enabled" && written == store.LeaderPlain && !claimed:
		d.problem(key, "the leader of the cluster writes to the config topic without transactions; set %s=preparing on all workers first, then enabled", key)
	case written == store.LeaderUnknown && !claimed:
		d.info(key, "is %s; no leader has written anything yet that would show what the others have", ours)
	default:
		d.ok(key, "is %s, and the leader writes accordingly", ours)
	}
	for _, name := range d.names() {
		one := d.found.Connector(name)
		if one.FencedTasks >= 0 && ours != "enabled" {
			d.warn("connector "+name, "its tasks have run with exactly-once support, which is %s here", ours)
		}
		if level, _ := one.Config.Get("exactly.once.support"); strings.EqualFold(strings.TrimSpace(level), "required") && ours != "enabled" {
			d.problem("connector "+name, "requires exactly-once support, which is %s here", ours)
		}
	}
}

// skewAllowed is how far clocks may be apart before the ages of session keys and statuses mislead.
const skewAllowed = 5 * time.Second

// examinePeers asks the members for what any client may ask: whether they can be reached from here, which Kafka cluster
// they use, and what time it is there.
func (d *doctor) examinePeers(ctx context.Context) {
	peer, err := newPeerClient(d.cfg)
	if err != nil {
		d.problem("listeners", "%v", err)
		return
	}
	defer peer.http.CloseIdleConnections()
	for i := range d.out.Members {
		if d.out.Members[i].URL != "" {
			d.examinePeer(ctx, peer.http, &d.out.Members[i])
		}
	}
	if d.found != nil && d.found.Session != nil {
		if ahead := time.Until(time.UnixMilli(d.found.Session.Created)); ahead > skewAllowed {
			d.warn("clock", "the session key of the cluster is from %v in the future: a clock is wrong", ahead.Round(time.Second))
		}
	}
}

func (d *doctor) examinePeer(ctx context.Context, client *http.Client, p *Peer) {
	about := "worker " + p.URL
	limit, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(limit, http.MethodGet, p.URL, nil)
	if err != nil {
		d.problem(about, "its URL is wrong: %v", err)
		return
	}
	req.Header.Set("Accept", "application/json")
	asked := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		d.problem(about, "cannot be reached from here, so requests could not be passed on: %v", err)
		return
	}
	defer resp.Body.Close()
	middle := asked.Add(time.Since(asked) / 2)
	var root struct {
		Version string `json:"version"`
		Cluster string `json:"kafka_cluster_id"`
	}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		d.info(about, "asks for a password")
	case json.Unmarshal(raw, &root) != nil || root.Version == "":
		d.problem(about, "answers %d to GET /, and not as a Connect worker does", resp.StatusCode)
	case root.Cluster != d.out.ClusterID:
		d.problem(about, "uses Kafka cluster %s, this worker %s", root.Cluster, d.out.ClusterID)
	default:
		p.Version = root.Version
		d.ok(about, "answers, version %s", root.Version)
	}
	// The header has whole seconds.
	if theirs, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		if skew := theirs.Add(500 * time.Millisecond).Sub(middle); skew.Abs() > skewAllowed {
			d.warn("clock", "the clock of %s is %v from this machine's", p.URL, skew.Round(time.Second))
		}
	}
}
