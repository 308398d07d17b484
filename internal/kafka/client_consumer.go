// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Fetch sizes when the user sets neither fetch.max.bytes nor max.partition.fetch.bytes. Java's 50 MB and 1 MB suit a
// client that copies; kgo allocates each response whole and keeps one buffered behind the one being read, so the
// response is what memory hangs on, while small shares per partition cost time (512 KB: 1.6 times the CPU of 8 MB).
// One response of 2 MB from whichever partition is next keeps both: measured with 300-byte records from 6 partitions,
// 39 MB resident at full speed, and no size from 1 to 16 MB takes less CPU; 8 MB takes 50 to 70 MB.
const (
	defaultFetchMaxBytes          = 2 << 20
	defaultFetchMaxPartitionBytes = 2 << 20
	maxReadBytes                  = 1 << 30
	// rowFetchBytes is the same for the batch path, which leaves the response in the socket: the larger, the less of it is
	// the cut off end of a batch that comes again.
	rowFetchBytes = 8 << 20
)

// consumer translates the consumer's keys.
func (p *parser) consumer(c *ClientConfig) {
	p.byteArrays("key.deserializer", "value.deserializer", "Deserializer")
	c.Group = p.text("group.id", "")
	c.MaxPollRecords = int(p.long("max.poll.records", 0))
	c.excludeInternal = p.flag("exclude.internal.topics", true)
	c.ReadCommitted = p.text("isolation.level", "read_uncommitted") == "read_committed"
	if p.flag("enable.auto.commit", false) {
		p.fail("enable.auto.commit", "true", "the worker commits offsets itself, after the sink has taken the records: use false")
	}
	isolation := kgo.ReadUncommitted()
	if c.ReadCommitted {
		isolation = kgo.ReadCommitted()
	}
	start, reset := p.offsetReset()
	maxBytes, maxPartition := p.fetchSizes()
	c.fetch = fetchRules{
		minBytes: clamp32(p.long("fetch.min.bytes", 1), 0, 1<<31-1),
		maxWait:  max(p.millis("fetch.max.wait.ms", 500), 10*time.Millisecond), waitIsGiven: p.has("fetch.max.wait.ms"),
		maxBytes: max(maxBytes, rowFetchBytes), maxPartition: max(maxPartition, rowFetchBytes),
		checkCRC: p.flag("check.crcs", true), rack: p.text("client.rack", ""), reset: reset,
	}
	c.extra = append(c.extra,
		kgo.ConsumeStartOffset(start), kgo.ConsumeResetOffset(start),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMinBytes(c.fetch.minBytes),
		kgo.FetchMaxBytes(maxBytes), kgo.FetchMaxPartitionBytes(maxPartition),
		kgo.BrokerMaxReadBytes(maxReadBytes),
		kgo.FetchMaxWait(c.fetch.maxWait),
		kgo.MaxConcurrentFetches(maxConcurrentFetches),
	)
	if p.has("fetch.max.bytes") || p.has("max.partition.fetch.bytes") {
		c.fetch.maxBytes, c.fetch.maxPartition = maxBytes, maxPartition
	}
	if !c.fetch.checkCRC {
		c.extra = append(c.extra, kgo.DisableFetchCRCValidation())
	}
	if p.flag("allow.auto.create.topics", true) {
		c.extra = append(c.extra, kgo.AllowAutoTopicCreation())
	}
	c.ungrouped = slices.Clone(c.extra)
	if c.Group != "" {
		p.group(c)
	}
}

// maxConcurrentFetches bounds responses in flight or buffered over all brokers, so that memory does not grow with
// the size of the cluster.
const maxConcurrentFetches = 3

func (p *parser) fetchSizes() (maxBytes, maxPartition int32) {
	maxBytes, maxPartition = defaultFetchMaxBytes, defaultFetchMaxPartitionBytes
	if p.has("fetch.max.bytes") || p.has("max.partition.fetch.bytes") {
		maxBytes = clamp32(p.long("fetch.max.bytes", 50<<20), 1, maxReadBytes)
		maxPartition = clamp32(p.long("max.partition.fetch.bytes", 1<<20), 1, maxReadBytes)
	}
	return maxBytes, maxPartition
}

// group translates membership.
func (p *parser) group(c *ClientConfig) {
	session := p.millis("session.timeout.ms", 45_000)
	heartbeat := p.millis("heartbeat.interval.ms", 3_000)
	switch {
	case session < 100*time.Millisecond:
		p.fail("session.timeout.ms", p.props["session.timeout.ms"], "Value must be at least 100")
	case heartbeat <= 0:
		p.fail("heartbeat.interval.ms", p.props["heartbeat.interval.ms"], "Value must be at least 1")
	case heartbeat >= session:
		p.failPlain("heartbeat.interval.ms", "Heartbeat must be set lower than the session timeout")
	}
	if strings.EqualFold(p.text("group.protocol", "classic"), "consumer") {
		p.fail("group.protocol", p.text("group.protocol", ""), "only classic is supported")
	} else if p.text("group.remote.assignor", "") != "" {
		p.failPlain("group.remote.assignor", "group.remote.assignor cannot be set when group.protocol=CLASSIC")
	}
	c.extra = append(c.extra,
		kgo.ConsumerGroup(c.Group),
		kgo.Balancers(p.balancers()...),
		kgo.SessionTimeout(session),
		kgo.HeartbeatInterval(heartbeat),
		kgo.RebalanceTimeout(max(p.millis("max.poll.interval.ms", 300_000), 100*time.Millisecond)),
		kgo.DisableAutoCommit(),
	)
	if id := p.text("group.instance.id", ""); id != "" {
		c.extra = append(c.extra, kgo.InstanceID(id))
	}
}

// offsetReset reads auto.offset.reset. Connect's default for sinks is earliest, where a plain consumer has latest.
func (p *parser) offsetReset() (kgo.Offset, resetRule) {
	const key = "auto.offset.reset"
	text := p.text(key, "earliest")
	start := kgo.NewOffset().AtStart()
	switch strings.ToLower(text) {
	case "earliest":
		return start, resetRule{kind: resetEarliest}
	case "latest":
		return kgo.NewOffset().AtEnd(), resetRule{kind: resetLatest}
	case "none":
		return kgo.NewOffset().AtCommitted(), resetRule{kind: resetNone}
	}
	if rest, ok := cutPrefixFold(text, "by_duration:"); ok {
		if d, ok := parseISODuration(rest); ok && d >= 0 {
			return kgo.LookbackOffset(d), resetRule{kind: resetDuration, back: d}
		}
		p.fail(key, text, "Unable to parse duration string in by_duration strategy: the form is by_duration:PnDTnHnMn.nS")
		return start, resetRule{}
	}
	p.fail(key, text, "Unknown auto offset reset strategy: use latest, earliest, none or by_duration:PnDTnHnMn.nS")
	return start, resetRule{}
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// balancers reads partition.assignment.strategy. The default is the JVM's pair, which makes a group run the eager
// flow with range and leaves it a common protocol with JVM tasks of the same connector.
func (p *parser) balancers() []kgo.GroupBalancer {
	const (
		key = "partition.assignment.strategy"
		pkg = "org.apache.kafka.clients.consumer."
	)
	classes := p.list(key, []string{pkg + "RangeAssignor", pkg + "CooperativeStickyAssignor"})
	if len(classes) == 0 {
		p.fail(key, p.props[key], "at least one assignor is needed")
	}
	var out []kgo.GroupBalancer
	var seen []string
	for _, class := range classes {
		if slices.Contains(seen, class) {
			continue
		}
		seen = append(seen, class)
		switch strings.TrimPrefix(class, "class ") {
		case pkg + "RangeAssignor":
			out = append(out, kgo.RangeBalancer())
		case pkg + "RoundRobinAssignor":
			out = append(out, kgo.RoundRobinBalancer())
		case pkg + "StickyAssignor":
			out = append(out, kgo.StickyBalancer())
		case pkg + "CooperativeStickyAssignor":
			out = append(out, kgo.CooperativeStickyBalancer())
		default:
			p.fail(key, class, "Class "+class+" could not be found: supported are RangeAssignor, RoundRobinAssignor, StickyAssignor and CooperativeStickyAssignor of "+strings.TrimSuffix(pkg, "."))
		}
	}
	return out
}

// parseISODuration is java.time.Duration.parse: PnDTnHnMn.nS with signs, at least one part.
func parseISODuration(s string) (time.Duration, bool) {
	sign := time.Duration(1)
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		s, sign = rest, -1
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	s, ok := cutPrefixFold(s, "P")
	if !ok || s == "" {
		return 0, false
	}
	date, clock, hasClock := strings.Cut(strings.ToUpper(s), "T")
	if hasClock && clock == "" {
		return 0, false
	}
	total, ok := isoParts(date, []isoUnit{{'D', 24 * time.Hour}})
	if !ok {
		return 0, false
	}
	more, ok := isoParts(clock, []isoUnit{{'H', time.Hour}, {'M', time.Minute}, {'S', time.Second}})
	return sign * (total + more), ok
}

type isoUnit struct {
	letter byte
	size   time.Duration
}

// isoParts reads numbers followed by the units' letters, each at most once and in order. Only seconds have a fraction.
func isoParts(s string, units []isoUnit) (total time.Duration, ok bool) {
	for s != "" {
		end := strings.IndexAny(s, "DHMS")
		if end < 1 {
			return 0, false
		}
		at := slices.IndexFunc(units, func(u isoUnit) bool { return u.letter == s[end] })
		if at < 0 {
			return 0, false
		}
		d, ok := isoNumber(s[:end], units[at])
		if !ok {
			return 0, false
		}
		total += d
		units, s = units[at+1:], s[end+1:]
	}
	return total, true
}

func isoNumber(text string, u isoUnit) (time.Duration, bool) {
	whole, frac, dotted := strings.Cut(text, ".")
	if dotted && (u.letter != 'S' || len(frac) > 9) {
		return 0, false
	}
	n, ok := javaInteger(whole, kindLong)
	if !ok || n > int64(1<<62)/int64(u.size) || n < -int64(1<<62)/int64(u.size) {
		return 0, false
	}
	d := time.Duration(n) * u.size
	if frac != "" {
		f, ok := javaInteger(frac+strings.Repeat("0", 9-len(frac)), kindLong)
		if !ok || f < 0 {
			return 0, false
		}
		if strings.HasPrefix(whole, "-") {
			f = -f
		}
		d += time.Duration(f)
	}
	return d, true
}
