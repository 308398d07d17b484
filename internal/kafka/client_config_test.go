// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-io/penstock/config"
)

func parsePairs(role Role, kv ...string) (*ClientConfig, error) {
	props := map[string]string{"bootstrap.servers": "127.0.0.1:9092"}
	if role == RoleConsumer {
		props["group.id"] = "g"
	}
	return Parse(role, with(props, kv...))
}

func TestParseGood(t *testing.T) {
	f := func(role Role, kv ...string) {
		t.Helper()
		c, err := parsePairs(role, kv...)
		if err != nil {
			t.Errorf("%v %v: %v", role, kv, err)
			return
		}
		cl, err := kgo.NewClient(c.options(nil)...)
		if err != nil {
			t.Errorf("%v %v: franz-go refuses it: %v", role, kv, err)
			return
		}
		cl.CloseAllowingRebalance()
	}
	const pkg = "org.apache.kafka.clients.consumer."
	for _, role := range []Role{RoleConsumer, RoleProducer, RoleAdmin} {
		f(role)
		f(role, "bootstrap.servers", "a:1, b:2,PLAINTEXT://c:3,[::1]:9092")
		f(role, "client.id", "x", "security.protocol", "plaintext")
		f(role, "request.timeout.ms", "0")
		f(role, "request.timeout.ms", "2147483647")
		f(role, "metadata.max.age.ms", "0")
		f(role, "metadata.max.age.ms", "9223372036854775807")
		f(role, "retry.backoff.ms", "0", "retry.backoff.max.ms", "0", "reconnect.backoff.ms", "0", "reconnect.backoff.max.ms", "0")
		f(role, "reconnect.backoff.ms", "5000", "connections.max.idle.ms", "-1")
		f(role, "socket.connection.setup.timeout.ms", "1", "send.buffer.bytes", "-1", "receive.buffer.bytes", " 65536 ")
		f(role, "metrics.recording.level", "DEBUG", "client.dns.lookup", "use_all_dns_ips")
		f(role, "ssl.truststore.type", "PEM", "ssl.truststore.location", "/not/read/with/plaintext")
	}
	f(RoleConsumer, "client.rack", "r1", "isolation.level", "read_committed")
	for _, v := range []string{"earliest", "LATEST", "none", "by_duration:P1D", "by_duration:PT1H30M", "by_duration:P2DT3H4M5.678S"} {
		f(RoleConsumer, "auto.offset.reset", v)
	}
	f(RoleConsumer, "fetch.min.bytes", "0", "fetch.max.bytes", "0", "fetch.max.wait.ms", "0", "max.partition.fetch.bytes", "0")
	f(RoleConsumer, "fetch.max.bytes", "2147483647", "max.partition.fetch.bytes", "2147483647")
	f(RoleConsumer, "max.poll.records", "1", "max.poll.interval.ms", "1", "session.timeout.ms", "6000", "heartbeat.interval.ms", "100")
	f(RoleConsumer, "max.poll.interval.ms", "2147483647", "session.timeout.ms", "2147483647")
	f(RoleConsumer, "group.instance.id", "i", "check.crcs", "false", "exclude.internal.topics", "false", "allow.auto.create.topics", "FALSE")
	for _, v := range []string{"RangeAssignor", "RoundRobinAssignor", "StickyAssignor", "CooperativeStickyAssignor"} {
		f(RoleConsumer, "partition.assignment.strategy", pkg+v)
	}
	f(RoleConsumer, "group.protocol", "CLASSIC", "enable.auto.commit", "false")
	f(RoleConsumer, "key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer")

	for _, v := range []string{"all", "-1", "0", "1"} {
		f(RoleProducer, "acks", v)
	}
	f(RoleProducer, "enable.idempotence", "false", "max.in.flight.requests.per.connection", "1")
	f(RoleProducer, "enable.idempotence", "true", "max.in.flight.requests.per.connection", "1")
	f(RoleProducer, "max.in.flight.requests.per.connection", "10")
	f(RoleProducer, "retries", "0")
	f(RoleProducer, "linger.ms", "9223372036854775807")
	f(RoleProducer, "linger.ms", "0", "batch.size", "0", "buffer.memory", "0", "max.request.size", "0")
	f(RoleProducer, "max.request.size", "2147483647", "batch.size", "2147483647", "buffer.memory", "9223372036854775807")
	for _, v := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		f(RoleProducer, "compression.type", v)
	}
	f(RoleProducer, "compression.type", "gzip", "compression.gzip.level", "9")
	f(RoleProducer, "compression.type", "lz4", "compression.lz4.level", "17")
	f(RoleProducer, "compression.type", "zstd", "compression.zstd.level", "-5")
	f(RoleProducer, "delivery.timeout.ms", "2147483647", "max.block.ms", "9223372036854775807")
	f(RoleProducer, "delivery.timeout.ms", "30005", "max.block.ms", "0")
	f(RoleProducer, "partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner")
	f(RoleProducer, "partitioner.ignore.keys", "true", "partitioner.adaptive.partitioning.enable", "false")
	f(RoleProducer, "transactional.id", "t", "transaction.timeout.ms", "1000")
	f(RoleAdmin, "default.api.timeout.ms", "1000", "retries", "3")
}

func TestParseBad(t *testing.T) {
	f := func(role Role, key, value, want string, more ...string) {
		t.Helper()
		_, err := parsePairs(role, append([]string{key, value}, more...)...)
		var ce *config.Error
		if !errors.As(err, &ce) || ce.Key != key || !strings.Contains(err.Error(), want) {
			t.Errorf("%s=%s: %v; want key %s and %q", key, value, err, key, want)
		}
	}
	f(RoleAdmin, "bootstrap.servers", "", "No resolvable bootstrap urls given in bootstrap.servers")
	f(RoleAdmin, "bootstrap.servers", "host", "Invalid value host for configuration bootstrap.servers: Invalid url in bootstrap.servers")
	f(RoleAdmin, "bootstrap.servers", "host:99999", "Invalid url")
	f(RoleAdmin, "bootstrap.servers", "host:", "Invalid url")
	f(RoleAdmin, "request.timeout.ms", "1s", "Invalid value 1s for configuration request.timeout.ms: Not a number of type INT")
	f(RoleAdmin, "request.timeout.ms", "-1", "Value must be at least 0")
	f(RoleAdmin, "request.timeout.ms", "2147483648", "Not a number of type INT")
	f(RoleAdmin, "metadata.max.age.ms", "0x10", "Not a number of type LONG")
	f(RoleAdmin, "security.protocol", "TLS", "String must be one of (case insensitive): ")
	f(RoleAdmin, "sasl.mechanism", "GSSAPI", "Kerberos is not supported: supported are PLAIN", "security.protocol", "SASL_PLAINTEXT")
	f(RoleAdmin, "sasl.mechanism", "OAUTHBEARER", "SASL mechanism is not supported", "security.protocol", "SASL_SSL")
	f(RoleAdmin, "sasl.client.callback.handler.class", "x.Y", "Java classes cannot be loaded")
	f(RoleAdmin, "sasl.jaas.config", "x required;", "does not serve sasl.mechanism=PLAIN", "security.protocol", "SASL_SSL", "sasl.mechanism", "PLAIN")
	f(RoleAdmin, "ssl.protocol", "SSLv9", "supported are TLS", "security.protocol", "SSL")
	f(RoleAdmin, "ssl.enabled.protocols", "TLSv1.4", "supported are TLSv1.2", "security.protocol", "SSL")
	f(RoleAdmin, "ssl.cipher.suites", "TLS_NONE", "Unsupported CipherSuite", "security.protocol", "SSL")
	f(RoleAdmin, "ssl.endpoint.identification.algorithm", "ldap", "use https", "security.protocol", "SSL")
	f(RoleAdmin, "ssl.engine.factory.class", "x.Y", "Java classes")
	f(RoleConsumer, "auto.offset.reset", "first", "use latest, earliest, none or by_duration")
	f(RoleConsumer, "auto.offset.reset", "by_duration:1h", "Unable to parse duration")
	f(RoleConsumer, "auto.offset.reset", "by_duration:-P1D", "Unable to parse duration")
	f(RoleConsumer, "enable.auto.commit", "true", "use false")
	f(RoleConsumer, "enable.auto.commit", "yes", "Expected value to be either true or false")
	f(RoleConsumer, "isolation.level", "READ_COMMITTED", "String must be one of: read_committed, read_uncommitted")
	f(RoleConsumer, "max.poll.records", "0", "Value must be at least 1")
	f(RoleConsumer, "heartbeat.interval.ms", "45000", "Heartbeat must be set lower than the session timeout")
	f(RoleConsumer, "heartbeat.interval.ms", "0", "at least 1")
	f(RoleConsumer, "session.timeout.ms", "10", "at least 100")
	f(RoleConsumer, "group.protocol", "consumer", "only classic is supported")
	f(RoleConsumer, "group.remote.assignor", "uniform", "cannot be set when group.protocol=CLASSIC")
	f(RoleConsumer, "group.instance.id", "", "String must be non-empty")
	f(RoleConsumer, "partition.assignment.strategy", "my.Assignor", "supported are RangeAssignor")
	f(RoleConsumer, "partition.assignment.strategy", "", "at least one assignor")
	f(RoleConsumer, "key.deserializer", "my.Deserializer", "only org.apache.kafka.common.serialization.ByteArrayDeserializer is supported")
	f(RoleProducer, "value.serializer", "my.Serializer", "only org.apache.kafka.common.serialization.ByteArraySerializer is supported")
	f(RoleProducer, "acks", "2", "String must be one of: all, -1, 0, 1")
	f(RoleProducer, "compression.type", "brotli", "String must be one of: none, gzip, snappy, lz4, zstd")
	f(RoleProducer, "compression.gzip.level", "0", "between 1 and 9", "compression.type", "gzip")
	f(RoleProducer, "compression.lz4.level", "18", "Value must be no more than 17")
	f(RoleProducer, "compression.zstd.level", "23", "Value must be no more than 22")
	f(RoleProducer, "enable.idempotence", "true", "Must set acks to all", "acks", "1")
	f(RoleProducer, "enable.idempotence", "true", "Must set retries to non-zero", "retries", "0")
	f(RoleProducer, "enable.idempotence", "true", "to at most 5", "max.in.flight.requests.per.connection", "6")
	f(RoleProducer, "transactional.id", "t", "without also enabling idempotence", "enable.idempotence", "false")
	f(RoleProducer, "transactional.id", "", "String must be non-empty")
	f(RoleProducer, "delivery.timeout.ms", "30000", "should be equal to or larger than linger.ms + request.timeout.ms")
	f(RoleProducer, "partitioner.class", "my.Partitioner", "RoundRobinPartitioner")
	f(RoleProducer, "transaction.two.phase.commit.enable", "true", "not supported")
	f(RoleProducer, "max.in.flight.requests.per.connection", "0", "Value must be at least 1")
}

func TestMissingBootstrapAndMechanism(t *testing.T) {
	if _, err := Parse(RoleAdmin, nil); err == nil || !strings.Contains(err.Error(), "bootstrap.servers") {
		t.Error(err)
	}
	// Java's default mechanism is the one we lack, so say that it was the default.
	if _, err := parsePairs(RoleAdmin, "security.protocol", "SASL_SSL"); err == nil || !strings.Contains(err.Error(), "Kerberos is the default mechanism") {
		t.Error(err)
	}
}

func TestErrorsAreCollected(t *testing.T) {
	_, err := parsePairs(RoleConsumer, "fetch.min.bytes", "x", "session.timeout.ms", "y", "max.poll.records", "z")
	if err == nil || strings.Count(err.Error(), "Not a number") != 3 {
		t.Error(err)
	}
}

func TestWarnings(t *testing.T) {
	f := func(role Role, key, want string) {
		t.Helper()
		c, err := parsePairs(role, key, "x")
		if err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], want) {
			t.Errorf("%s: %v %q", key, err, c.Warnings)
		}
	}
	f(RoleProducer, "linger.mss", "did you mean linger.ms?")
	f(RoleProducer, "Batch.Size", "did you mean batch.size?")
	f(RoleConsumer, "max.pool.records", "did you mean max.poll.records?")
	f(RoleConsumer, "max.partitions.fetch.byte", "did you mean max.partition.fetch.bytes?")
	f(RoleConsumer, "linger.ms", "not a key of the consumer")
	f(RoleConsumer, "interceptor.classes", "has no effect")
	f(RoleConsumer, "my.own.key", "not a known key of the consumer and is ignored")
}

func TestSecretsStayOut(t *testing.T) {
	const secret = "hunter2"
	for _, jaas := range []string{
		`x.Module required password="` + secret + `";`,
		`org.apache.kafka.common.security.plain.PlainLoginModule required password="` + secret + `"`,
		`org.apache.kafka.common.security.plain.PlainLoginModule required password="` + secret + `";`,
		`org.apache.kafka.common.security.plain.PlainLoginModule required a="1" password "` + secret + `";`,
	} {
		_, err := parsePairs(RoleAdmin, "security.protocol", "SASL_SSL", "sasl.mechanism", "PLAIN", "sasl.jaas.config", jaas,
			"ssl.keystore.password", secret, "ssl.truststore.password", secret)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%v", err)
		}
	}
}

func TestIdempotenceChoice(t *testing.T) {
	f := func(want bool, kv ...string) {
		t.Helper()
		c, err := Parse(RoleProducer, with(SourceProducerDefaults("h:1", "id"), kv...))
		if err != nil || c.Idempotent != want {
			t.Errorf("%v: %v %v", kv, c, err)
		}
	}
	f(true)
	f(false, "enable.idempotence", "false")
	f(false, "acks", "1")
	f(false, "max.in.flight.requests.per.connection", "6")
	f(true, "max.in.flight.requests.per.connection", "1")
}

func TestMaxBlock(t *testing.T) {
	c := mustParse(t, RoleProducer, SourceProducerDefaults("h:1", "id"))
	if c.MaxBlock != time.Minute || !c.waitForBroker {
		t.Error(c.MaxBlock)
	}
	if c = mustParse(t, RoleProducer, with(SourceProducerDefaults("h:1", "id"), "max.block.ms", "1500")); c.MaxBlock != 1500*time.Millisecond || c.waitForBroker {
		t.Error(c.MaxBlock)
	}
}

func TestISODuration(t *testing.T) {
	f := func(s string, want time.Duration, ok bool) {
		t.Helper()
		if got, gotOK := parseISODuration(s); got != want || gotOK != ok {
			t.Errorf("%q = %v %v", s, got, gotOK)
		}
	}
	f("PT15M", 15*time.Minute, true)
	f("pt15m", 15*time.Minute, true)
	f("P2D", 48*time.Hour, true)
	f("P2DT3H4M", 51*time.Hour+4*time.Minute, true)
	f("PT20.345S", 20*time.Second+345*time.Millisecond, true)
	f("PT-0.5S", -500*time.Millisecond, true)
	f("-PT6H", -6*time.Hour, true)
	f("PT-6H+3M", -6*time.Hour+3*time.Minute, true)
	for _, bad := range []string{"", "P", "PT", "15M", "P1Y", "PT1.5H", "PT1M1H", "P1DT", "PTS", "PT1.1234567890S", "P99999999999999999999D"} {
		f(bad, 0, false)
	}
}

func TestOverrides(t *testing.T) {
	worker := map[string]string{
		"bootstrap.servers": "b:1", "group.id": "workers", "sasl.mechanism": "PLAIN", "key.converter": "x",
		"consumer.max.poll.records": "7", "consumer.fetch.min.bytes": "1", "producer.linger.ms": "9", "admin.retries": "2",
		"consumer.override.x": "worker-level overrides are none",
	}
	connector := map[string]string{
		"consumer.override.fetch.min.bytes": "2", "consumer.override.group.id": "mine", "producer.override.acks": "1",
		"admin.override.client.id": "adm", "consumer.override.": "no key",
	}
	got := SinkConsumerProps(worker, connector, "c", ConsumerClientID("c-0"))
	want := map[string]string{
		"bootstrap.servers": "b:1", "group.id": "mine", "client.id": "connector-consumer-c-0", "max.poll.records": "7", "fetch.min.bytes": "2",
		"auto.offset.reset": "earliest", "enable.auto.commit": "false", "override.x": "worker-level overrides are none",
		"key.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer", "value.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer",
	}
	if !maps.Equal(got, want) {
		t.Errorf("consumer: %v", got)
	}
	if got = SourceProducerProps(worker, connector, "p"); got["linger.ms"] != "9" || got["acks"] != "1" || got["sasl.mechanism"] != "" {
		t.Errorf("producer: %v", got)
	}
	got = AdminProps(worker, connector, AdminClientID("c-0"))
	if want := map[string]string{"bootstrap.servers": "b:1", "sasl.mechanism": "PLAIN", "retries": "2", "client.id": "adm"}; !maps.Equal(got, want) {
		t.Errorf("admin: %v", got)
	}
}

func TestOverridePolicies(t *testing.T) {
	f := func(name, key string, want bool) {
		t.Helper()
		p, err := NewOverridePolicy(name, []string{"acks"})
		if err != nil {
			t.Fatal(err)
		}
		why := p.Refuse(key)
		if (why == "") != want {
			t.Errorf("%s on %s: %q", name, key, why)
		}
		if err := p.Check(map[string]string{"producer.override." + key: "v", "other": "x"}, ProducerOverridePrefix); (err == nil) != want {
			t.Errorf("%s on %s: %v", name, key, err)
		}
	}
	f("All", "acks", true)
	f("None", "acks", false)
	f("NoneConnectorClientConfigOverridePolicy", "acks", false)
	f("org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy", "sasl.jaas.config", true)
	f("Principal", "acks", false)
	f("Allowlist", "acks", true)
	f("org.apache.kafka.connect.connector.policy.AllowlistConnectorClientConfigOverridePolicy", "linger.ms", false)
	if _, err := NewOverridePolicy("Mine", nil); err == nil {
		t.Error("an unknown policy was taken")
	}
	p, _ := NewOverridePolicy("None", nil)
	if want := "The 'None' policy does not allow 'acks' to be overridden in the connector configuration."; p.Refuse("acks") != want {
		t.Error(p.Refuse("acks"))
	}
}

func TestJAAS(t *testing.T) {
	f := func(text string, want map[string]string) {
		t.Helper()
		got, err := parseJAAS(text)
		if err != nil || len(got) != 1 || !maps.Equal(got[0].options, want) {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	f(`a.b.C required;`, map[string]string{})
	f(`a.b.C required username="alice" password="a\"b\\c";`, map[string]string{"username": "alice", "password": `a"b\c`})
	f(`a.b.C Required username='alice'  password='x y' ;`, map[string]string{"username": "alice", "password": "x y"})
	f("a.b.C sufficient // a comment\n user_a-b$ = word1 /* two */ debug=true;", map[string]string{"user_a-b$": "word1", "debug": "true"})
	f(`a.b.C optional p="\101\tä";`, map[string]string{"p": "A\tä"})
	f(`a.b.C required p="";`, map[string]string{"p": ""})

	bad := func(text, want string) {
		t.Helper()
		if got, err := parseJAAS(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	bad(``, "Login module not specified in JAAS config")
	bad(`a.b.C`, "Login module control flag not specified")
	bad(`a.b.C maybe;`, "Invalid login module control flag 'maybe'")
	bad(`a.b.C required`, "not terminated by semi-colon")
	bad(`a.b.C required a`, "Value not specified for key 'a'")
	bad(`a.b.C required a=;`, "Value not specified for key 'a'")
	bad(`a.b.C required a=5;`, "Value not specified for key 'a'") // a bare number is no option value in Java either
	bad(`a.b.C required a=-5;`, "Value not specified for key 'a'")
	bad(`a.b.C required a="x"`, "not terminated by semi-colon")
	if got, err := parseJAAS(`a.b.C required; d.e.F required;`); err != nil || len(got) != 2 {
		t.Error(got, err)
	}
}

func FuzzJAAS(f *testing.F) {
	f.Add(`a.b.C required username="alice" password="x";`)
	f.Add("a /* */ required // x\n b='\\377' c=d;")
	f.Add(`"\`)
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseJAAS(text)
		if err == nil && len(entries) == 0 {
			t.Error("no entry and no error")
		}
	})
}

func TestNearestKeyIsStable(t *testing.T) {
	// No key of a role is taken for another one.
	for i := range clientKeys {
		for _, role := range []Role{RoleConsumer, RoleProducer, RoleAdmin} {
			if k := clientKeys[i]; k.roles&role != 0 && nearestKey(k.name, role) != k.name {
				t.Errorf("%s is nearest to %s", k.name, nearestKey(k.name, role))
			}
		}
	}
	if !slices.IsSortedFunc(clientKeys, func(a, b clientKey) int { return strings.Compare(a.name, b.name) }) {
		t.Error("clientKeys is not sorted")
	}
}
