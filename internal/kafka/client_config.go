// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-io/penstock/config"
)

// Role is which of Kafka's three Java clients a set of properties is for.
type Role uint8

// The three clients.
const (
	RoleConsumer Role = 1 << iota
	RoleProducer
	RoleAdmin
)

// String is the Java name of the role: consumer, producer, adminclient.
func (r Role) String() string {
	switch r {
	case RoleConsumer:
		return "consumer"
	case RoleProducer:
		return "producer"
	default:
		return "adminclient"
	}
}

// ClientConfig is a validated set of client properties. Build one with Parse; it is read-only and may make
// several clients.
type ClientConfig struct {
	// Role is what it was parsed for.
	Role Role
	// Bootstrap are the host:port pairs of bootstrap.servers.
	Bootstrap []string
	// ClientID is client.id.
	ClientID string
	// Group is group.id of a consumer.
	Group string
	// MaxPollRecords is max.poll.records, or 0 when the user left it unset.
	MaxPollRecords int
	// ReadCommitted is isolation.level=read_committed.
	ReadCommitted bool
	// TransactionalID is transactional.id of a producer.
	TransactionalID string
	// Idempotent says whether the producer will be idempotent.
	Idempotent bool
	// MaxBlock is how long a produce to an unknown topic waits before it fails.
	MaxBlock time.Duration
	// RequestTimeout is request.timeout.ms.
	RequestTimeout time.Duration
	// APITimeout is default.api.timeout.ms.
	APITimeout time.Duration
	// MetadataMaxAge is metadata.max.age.ms.
	MetadataMaxAge time.Duration
	// Warnings are sentences about keys that are unknown or have no effect here, sorted by key.
	Warnings []string

	excludeInternal bool
	waitForBroker   bool // max.block.ms is for ever: a broker that is down is waited for
	common          []kgo.Opt
	extra           []kgo.Opt
	ungrouped       []kgo.Opt // extra of a consumer without its group
	tls             *tls.Config
	backoff         func(tries int) time.Duration
	produce         produceRules
	fetch           fetchRules
	wire            wireRules
}

// Parse validates the properties of one client (their prefixes already stripped) and translates them. Every error is
// a *config.Error; several come joined, in the order of the keys. Keys that are unknown or change nothing here become
// Warnings.
func Parse(role Role, props map[string]string) (*ClientConfig, error) {
	p := &parser{role: role, props: props, values: map[string]any{}}
	p.checkAll()
	c := &ClientConfig{Role: role}
	p.connection(c)
	p.security(c)
	switch role {
	case RoleConsumer:
		p.consumer(c)
	case RoleProducer:
		p.producer(c)
	case RoleAdmin:
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	c.Warnings = p.warnings
	return c, nil
}

// connection translates what all three clients share, security apart.
func (p *parser) connection(c *ClientConfig) {
	c.Bootstrap = p.bootstrap()
	c.ClientID = p.text("client.id", "")
	c.RequestTimeout = p.millis("request.timeout.ms", 30_000)
	c.APITimeout = p.millis("default.api.timeout.ms", 60_000)
	c.MetadataMaxAge = p.millis("metadata.max.age.ms", 300_000)
	clientID := c.ClientID
	if clientID == "" {
		clientID = "penstock"
	}
	// Java takes any age from 0; kgo takes up to an hour and nothing below its minimum.
	maxAge := clamp(c.MetadataMaxAge, metadataMinAge, time.Hour)
	first, last := p.millis("retry.backoff.ms", 100), p.millis("retry.backoff.max.ms", 1000)
	reconnectFirst, reconnectLast := p.millis("reconnect.backoff.ms", 50), p.millis("reconnect.backoff.max.ms", 1000)
	if !p.has("reconnect.backoff.max.ms") && reconnectFirst > reconnectLast {
		reconnectLast = reconnectFirst // Java raises an unset maximum to the user's first step
	}
	// kgo has one backoff for both; the slower of the two keeps either promise.
	c.backoff = backoff(max(first, reconnectFirst), max(last, reconnectLast))
	c.common = append(c.common,
		kgo.SeedBrokers(c.Bootstrap...),
		kgo.ClientID(clientID),
		kgo.SoftwareNameAndVersion("penstock", "v1"),
		kgo.MetadataMaxAge(maxAge),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.RequestTimeoutOverhead(clamp(c.RequestTimeout, 100*time.Millisecond, 15*time.Minute)),
		kgo.DialTimeout(max(p.millis("socket.connection.setup.timeout.ms", 10_000), time.Second)),
		kgo.RetryBackoffFn(c.backoff),
		kgo.DisableClientMetrics(),
	)
	if n := p.long("retries", math.MaxInt32); p.role == RoleAdmin && n < math.MaxInt32 {
		c.common = append(c.common, kgo.RequestRetries(int(n)))
	}
	if idle := p.long("connections.max.idle.ms", 540_000); idle > 0 {
		c.common = append(c.common, kgo.ConnIdleTimeout(clamp(time.Duration(min(idle, math.MaxInt32))*time.Millisecond, time.Second, 15*time.Minute)))
	}
	p.wire(c)
	if rack := p.text("client.rack", ""); rack != "" {
		c.common = append(c.common, kgo.Rack(rack))
	}
}

// metadataMinAge is the pause between metadata lookups the client starts itself. Java waits retry.backoff.ms (100);
// kgo's own 5 s would make the first records to a topic that is being created wait that long.
const metadataMinAge = 250 * time.Millisecond

// bootstrap reads bootstrap.servers as Java does: required, host:port each.
func (p *parser) bootstrap() []string {
	const key = "bootstrap.servers"
	list := p.list(key, nil)
	if !p.has(key) {
		p.fail(key, "null", "No resolvable bootstrap urls given in "+key+": a comma separated list of host:port is required")
		return nil
	}
	var out []string
	for _, s := range list {
		if s == "" {
			continue
		}
		// Java allows a protocol in front, as in PLAINTEXT://host:9092.
		if i := strings.Index(s, "://"); i >= 0 {
			s = s[i+len("://"):]
		}
		host, port, err := net.SplitHostPort(s)
		if err != nil || host == "" || !isPort(port) {
			p.fail(key, s, "Invalid url in bootstrap.servers: each entry must be host:port")
			continue
		}
		out = append(out, net.JoinHostPort(host, port))
	}
	if len(out) == 0 && len(p.errs) == 0 {
		p.fail(key, p.props[key], "No resolvable bootstrap urls given in "+key)
	}
	return out
}

func isPort(s string) bool {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 65535 {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return s != "" && n <= 65535
}

// backoff is Java's ExponentialBackoff without the jitter on the first step: first, doubled, at most last.
func backoff(first, last time.Duration) func(int) time.Duration {
	last = max(last, first)
	return func(tries int) time.Duration {
		d := first
		for i := 1; i < tries && d < last; i++ {
			d *= 2
		}
		return min(d, last)
	}
}

func clamp(d, low, high time.Duration) time.Duration { return min(max(d, low), high) }

// options assembles what a client is opened with. The slice is fresh.
func (c *ClientConfig) options(log *slog.Logger, more ...kgo.Opt) []kgo.Opt {
	opts := append(slices.Concat(c.common, c.extra, more), kgo.WithHooks(newSuspects()))
	if log != nil {
		opts = append(opts, kgo.WithLogger(&logger{log: log}))
	}
	return opts
}

// logger passes franz-go's log on. Its Info level is chatter about each metadata update, so it counts as Debug here.
type logger struct{ log *slog.Logger }

// Level implements kgo.Logger.
func (l *logger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

// Log implements kgo.Logger.
func (l *logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	at := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		at = slog.LevelError
	case kgo.LogLevelWarn:
		at = slog.LevelWarn
	default:
	}
	l.log.Log(context.Background(), at, "kafka client", append([]any{slog.String("event", msg)}, keyvals...)...)
}

// fail records a config error. The caller hides secrets: value is shown.
func (p *parser) fail(key, value, message string) {
	p.errs = append(p.errs, &config.Error{Key: key, Value: value, Message: message})
}

// failPlain records one of the messages that Java's clients give about several keys at once.
func (p *parser) failPlain(key, message string) {
	p.errs = append(p.errs, config.Plain(key, message))
}

func (p *parser) warnf(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}
