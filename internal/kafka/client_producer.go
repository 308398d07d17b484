// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// defaultMaxBlock is the Java client's own max.block.ms. Connect sets Long.MAX_VALUE, with which a topic that does
	// not exist and cannot be created hangs a task for ever, without a word in its status. We fail it after this.
	defaultMaxBlock = time.Minute
	// maxBatchBytes is the Java default of max.request.size. Batches fill up to it whatever batch.size says: kgo has one
	// limit for "when is a batch full" and "what is too large", and 16 KB batches double a broker's cost per record.
	maxBatchBytes = 1 << 20
	// maxBufferedRecords is out of the way: buffer.memory is the limit.
	maxBufferedRecords = 1 << 22
	// defaultLingerMillis, where Java has 5, is enough to let the rows of one batch meet in one request: at full speed
	// requests wait for each other anyway and the setting does not show, at low rates it is latency.
	defaultLingerMillis = 1
	// stickyBytes is how much goes to one partition before an unkeyed stream moves on, when batch.size is unset.
	stickyBytes = 64 << 10
)

// produceRules is what the batch path needs of the producer's keys; kgo's options hold the same for the client path.
type produceRules struct {
	acks        kgo.Acks
	maxBatch    int           // max.request.size, bytes
	buffer      int64         // buffer.memory, bytes
	retries     int           // of a batch; -1 = without end
	delivery    time.Duration // delivery.timeout.ms; 0 = never
	inFlight    int           // requests per broker
	linger      time.Duration // linger.ms the user gave
	compression []kgo.CompressionCodec
	snappy      bool // it is that
	sticky      int  // bytes before unkeyed rows move on
	stickySet   bool // the user gave batch.size: it counts to the byte
	adaptive    bool // a partition with less to send is preferred
	hashKeys    bool
	roundRobin  bool
}

// producer translates the producer's keys.
//
// The JVM worker sets enable.idempotence=false and one request in flight: one slow batch stalls a partition's leader.
// An idempotent producer keeps order and loses nothing with five in flight, and drops duplicates as well, so it is
// what we use unless the user wrote enable.idempotence=false, acks other than all, retries=0 or more than five in
// flight. It needs IDEMPOTENT_WRITE on brokers older than 2.8.
func (p *parser) producer(c *ClientConfig) {
	p.byteArrays("key.serializer", "value.serializer", "Serializer")
	c.TransactionalID = p.text("transactional.id", "")
	acks := p.acks()
	c.Idempotent = p.idempotent(acks, c.TransactionalID != "")
	if c.MaxBlock = p.millis("max.block.ms", math.MaxInt64); c.MaxBlock > 100*365*24*time.Hour {
		c.MaxBlock, c.waitForBroker = defaultMaxBlock, true
	}
	batch := clamp32(p.long("max.request.size", maxBatchBytes), 512, 1<<30)
	rules := &c.produce
	*rules = produceRules{
		acks: acks, maxBatch: int(batch), buffer: max(p.long("buffer.memory", 32<<20), 1), retries: -1,
		delivery: p.deliveryTimeout(c.RequestTimeout), compression: p.compression(), snappy: p.text("compression.type", "none") == "snappy",
	}
	opts := []kgo.Opt{
		kgo.RequiredAcks(acks),
		kgo.ProducerBatchMaxBytes(batch),
		kgo.BrokerMaxWriteBytes(max(100<<20, batch)),
		kgo.MaxBufferedRecords(maxBufferedRecords),
		kgo.MaxBufferedBytes(int(rules.buffer)),
		kgo.ProducerLinger(min(p.millis("linger.ms", defaultLingerMillis), time.Minute)),
		kgo.ProduceRequestTimeout(max(c.RequestTimeout, 100*time.Millisecond)),
		kgo.ProducerBatchCompression(rules.compression...),
		kgo.RecordPartitioner(p.partitioner(rules)),
		// For a topic that vanishes later; one that never was is topicWait's.
		kgo.UnknownTopicRetries(int(clamp(c.MaxBlock/metadataMinAge, 4, 1<<20))),
		kgo.AllowAutoTopicCreation(),
	}
	// Java's own default, where the JVM worker has 1: here a partition keeps its order whatever is in flight.
	rules.inFlight = int(min(p.long("max.in.flight.requests.per.connection", 5), 64))
	if p.has("linger.ms") {
		rules.linger = min(p.millis("linger.ms", 0), time.Minute)
	}
	if !c.Idempotent {
		inFlight := int(p.long("max.in.flight.requests.per.connection", 1))
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(inFlight))
	}
	if n := p.long("retries", math.MaxInt32); n < math.MaxInt32 {
		rules.retries = int(n)
		opts = append(opts, kgo.RecordRetries(int(n)))
	}
	if rules.delivery > 0 {
		opts = append(opts, kgo.RecordDeliveryTimeout(rules.delivery))
	}
	if c.TransactionalID != "" {
		timeout := p.millis("transaction.timeout.ms", 60_000)
		if timeout <= 0 {
			p.fail("transaction.timeout.ms", p.props["transaction.timeout.ms"], "Value must be at least 1")
			timeout = time.Second
		}
		opts = append(opts, kgo.TransactionalID(c.TransactionalID), kgo.TransactionTimeout(timeout))
	}
	if p.flag("transaction.two.phase.commit.enable", false) {
		p.fail("transaction.two.phase.commit.enable", "true", "two phase commit is not supported: use false")
	}
	c.extra = append(c.extra, opts...)
}

func clamp32(n, low, high int64) int32 { return int32(min(max(n, low), high)) }

// acks reads acks; the table has already refused anything but all, -1, 0 and 1.
func (p *parser) acks() kgo.Acks {
	switch p.text("acks", "all") {
	case "0":
		return kgo.NoAck()
	case "1":
		return kgo.LeaderAck()
	default:
		return kgo.AllISRAcks()
	}
}

// idempotent decides enable.idempotence with Java's cross-checks: a setting that rules it out is an error when the
// user also asked for idempotence, and turns it off quietly when not.
func (p *parser) idempotent(acks kgo.Acks, transactional bool) bool {
	const key = "enable.idempotence"
	on, asked := p.flag(key, true), p.has(key)
	conflict := ""
	switch {
	case !on:
	case p.long("retries", 1) == 0:
		conflict = "Must set retries to non-zero when using the idempotent producer."
	case acks != kgo.AllISRAcks():
		conflict = "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
	case p.long("max.in.flight.requests.per.connection", 1) > 5:
		conflict = "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer."
	}
	if conflict != "" {
		if asked {
			p.failPlain(key, conflict)
		}
		on = false
	}
	if transactional && !on {
		p.failPlain("transactional.id", "Cannot set a transactional.id without also enabling idempotence.")
	}
	return on
}

// deliveryTimeout returns 0 for "never". Connect's default is Integer.MAX_VALUE, which is that.
func (p *parser) deliveryTimeout(request time.Duration) time.Duration {
	const key = "delivery.timeout.ms"
	n := p.long(key, math.MaxInt32)
	if n >= math.MaxInt32 {
		return 0
	}
	d := time.Duration(n) * time.Millisecond
	if d < request+p.millis("linger.ms", defaultLingerMillis) {
		p.failPlain(key, "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms")
	}
	return max(d, time.Second)
}

func (p *parser) compression() []kgo.CompressionCodec {
	switch p.text("compression.type", "none") {
	case "gzip":
		level := p.long("compression.gzip.level", -1)
		if level != -1 && (level < 1 || level > 9) {
			p.fail("compression.gzip.level", p.props["compression.gzip.level"], "Value must be between 1 and 9 or equal to -1")
		}
		return []kgo.CompressionCodec{kgo.GzipCompression().WithLevel(int(level))}
	case "snappy":
		return []kgo.CompressionCodec{kgo.SnappyCompression()}
	case "lz4":
		return []kgo.CompressionCodec{kgo.Lz4Compression().WithLevel(lz4Level(p.long("compression.lz4.level", lz4DefaultLevel)))}
	case "zstd":
		return []kgo.CompressionCodec{kgo.ZstdCompression().WithLevel(zstdLevel(p.long("compression.zstd.level", 3)))}
	default:
		return []kgo.CompressionCodec{kgo.NoCompression()}
	}
}

// lz4DefaultLevel is compression.lz4.level's default; Java compresses with the fast algorithm at exactly this level and
// with the high-compression one at any other.
const lz4DefaultLevel = 9

// lz4Level turns Kafka's 1..17 into the flag of the lz4 library, whose levels end at 9. 0 is its fast algorithm.
func lz4Level(n int64) int {
	if n == lz4DefaultLevel {
		return 0
	}
	return 1 << (8 + min(n, 9))
}

// zstdLevel turns zstd's own scale into the four of our library: fastest, default, better, best.
func zstdLevel(n int64) int {
	switch {
	case n < 3:
		return 1
	case n < 6:
		return 2
	case n < 10:
		return 3
	default:
		return 4
	}
}

// partitioner chooses by partitioner.class. The classes Kafka 4 removed are named in the error.
func (p *parser) partitioner(r *produceRules) kgo.Partitioner {
	const key = "partitioner.class"
	r.sticky, r.stickySet = int(max(p.long("batch.size", stickyBytes), 1)), p.has("batch.size")
	r.hashKeys = !p.flag("partitioner.ignore.keys", false)
	r.adaptive = p.flag("partitioner.adaptive.partitioning.enable", true)
	switch class := p.text(key, ""); class {
	case "", "org.apache.kafka.clients.producer.internals.DefaultPartitioner":
	case "org.apache.kafka.clients.producer.UniformStickyPartitioner":
		r.hashKeys = false
	case "org.apache.kafka.clients.producer.RoundRobinPartitioner":
		r.roundRobin = true
		return newPartitioner(kgo.RoundRobinPartitioner())
	default:
		p.fail(key, class, "Class "+class+" could not be found: supported are the default (leave it unset) and org.apache.kafka.clients.producer.RoundRobinPartitioner")
	}
	return newPartitioner(kgo.UniformBytesPartitioner(r.sticky, r.adaptive, r.hashKeys, nil))
}

// byteArrays checks the two (de)serializer keys: Connect's clients carry bytes and nothing else.
func (p *parser) byteArrays(key, value, suffix string) {
	want := "org.apache.kafka.common.serialization.ByteArray" + suffix
	for _, k := range []string{key, value} {
		if class := p.text(k, want); class != want {
			p.fail(k, class, "only "+want+" is supported")
		}
	}
}
