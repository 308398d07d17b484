// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// Role says which connectors a case's worker has.
type Role string

// The roles.
const (
	Source Role = "source" // files to topics
	Sink   Role = "sink"   // topics, which the test writes, to files
	Both   Role = "both"   // files to topics to files
)

// Case is a worker, or a cluster of them, under load and the faults that strike it.
type Case struct {
	// Name begins the summary and names files and topics.
	Name string
	Role Role
	// Path is penstock.kafka.path; empty for the worker's own choice.
	Path string
	// Faults strike in this order, one after the other has been recovered from.
	Faults []Kind
	// Records is how many records there are to be at least: Faults are gone through again and again until then.
	Records int
	// Workers is how many workers of a cluster there are; 0 is one standalone worker.
	Workers int
	// ExactlyOnce runs sources in transactions, which only a cluster does, and has sinks read what is committed.
	ExactlyOnce bool
	// Seed chooses records, moments and the details of faults.
	Seed uint64
	// Rate is how many records a second all streams make together; 0 is 6000.
	Rate int
	// LogLevel of the worker; empty for its own choice.
	LogLevel string
	// Log gets a line per fault; may be nil.
	Log func(format string, args ...any)
}

const (
	flushInterval = time.Second
	// flushSlack is how much older than an interval the last stored offsets may be: the flush itself, on a busy machine.
	flushSlack = time.Second
	// recoverLimit is how long after a fault everything must have arrived.
	recoverLimit = 2 * time.Minute
)

// way is one stream and where it goes.
type way struct {
	codec      string
	partitions int
	access     access
	topic      string
	load       load
	inTopic    *ledger
	inFile     *ledger // nil in a case without sinks
	from, to   string  // files
	source     string  // connectors; empty where there is none
	sink       string
}

// run is a case that runs.
type run struct {
	Case
	sys     *System
	dir     string
	disk    *disk
	members []*member
	rng     *rand.Rand
	configs map[string]map[string]string // of connectors
	ways    []*way
	strikes []strike
	started time.Time

	problems chan error
	stops    []context.CancelFunc // of load, then of those who watch
	groups   []*sync.WaitGroup
}

// Run runs a case and returns what became of its records. An error is a fault that was not recovered from, a worker or
// task that ended, a problem of the test itself, or counts that break the rules; it says where the logs are kept.
func (s *System) Run(ctx context.Context, c Case) (*Result, error) {
	if c.Rate == 0 {
		c.Rate = 6000
	}
	if c.Log == nil {
		c.Log = func(string, ...any) {}
	}
	r := &run{
		Case: c, sys: s, dir: filepath.Join(s.Dir, c.Name), started: time.Now(), problems: make(chan error, 16),
		rng:     rand.New(rand.NewPCG(c.Seed, uint64(crc32.ChecksumIEEE([]byte(c.Name))))),
		configs: map[string]map[string]string{},
	}
	defer r.end()
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	err := r.play(ctx)
	out := r.result()
	out.Unfinished = err != nil
	if err == nil {
		if bad := out.Verdict(); len(bad) > 0 {
			err = errors.New(strings.Join(bad, "\n"))
		}
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, r.evidence())
	}
	return out, err
}

// prepare makes folders, topics and connectors, and starts worker, load and watchers.
func (r *run) prepare(ctx context.Context) error {
	var err error
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	out := filepath.Join(r.dir, "disk")
	if r.has(FullDisk) {
		if r.disk, err = mountDisk(out); err != nil {
			return err
		}
	} else if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	accesses := r.sys.accesses()
	for i, codec := range []string{"gzip", "snappy", "lz4", "zstd", "none"} {
		w := &way{codec: codec, partitions: 1 + 2*(i%2), access: accesses[i%len(accesses)], topic: r.Name + "-" + codec}
		s := stream{codec, r.Seed}
		w.load = load{stream: s, rate: r.Rate / 5}
		w.inTopic = newLedger(s)
		w.from, w.to = filepath.Join(r.dir, codec+".in"), filepath.Join(out, codec+".out")
		if r.Role != Source {
			w.inFile = newLedger(s)
		}
		r.ways = append(r.ways, w)
		if err := r.sys.createTopic(ctx, w.topic, int32(w.partitions)); err != nil {
			return err
		}
		r.addConnectors(w)
	}
	if err := r.addMembers(out); err != nil {
		return err
	}
	r.begin()
	return r.startAll()
}

func workerProps(ports []int, path string, kind stack.Kind) map[string]string {
	props := map[string]string{
		"listeners":                   fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
		"offset.flush.interval.ms":    millis(flushInterval),
		"producer.enable.idempotence": "true",
		"producer.request.timeout.ms": millis(requestTimeout),
		"consumer.request.timeout.ms": millis(requestTimeout),
		// The JVM asks that this is not below the session's.
		"consumer.default.api.timeout.ms": "5000",
		"consumer.session.timeout.ms":     millis(session),
		"consumer.heartbeat.interval.ms":  "1000",
		"consumer.metadata.max.age.ms":    "5000",
		"producer.metadata.max.age.ms":    "5000",
	}
	if kind == stack.Penstock {
		props["penstock.admin.listeners"] = fmt.Sprintf("http://127.0.0.1:%d", ports[1])
		props["penstock.kafka.path"] = path
	}
	return props
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// addConnectors makes the connectors of a way.
func (r *run) addConnectors(w *way) {
	const text = "org.apache.kafka.connect.storage.StringConverter"
	add := func(name string, config map[string]string, roles ...string) {
		config["tasks.max"], config["key.converter"], config["value.converter"] = "1", text, text
		for _, role := range roles {
			for k, v := range w.access.props {
				config[role+".override."+k] = v
			}
		}
		r.configs[name] = config
	}
	if r.Role != Sink {
		w.source = w.topic + "-source"
		config := map[string]string{"connector.class": "FileStreamSource", "file": w.from, "topic": w.topic,
			"producer.override.compression.type": w.codec}
		if r.ExactlyOnce {
			// Offsets are read, and zombies fenced, where and as the records are written.
			config["exactly.once.support"] = "required"
			add(w.source, config, "producer", "consumer", "admin")
		} else {
			add(w.source, config, "producer")
		}
	}
	if r.Role != Source {
		w.sink = w.topic + "-sink"
		add(w.sink, map[string]string{"connector.class": "FileStreamSink", "file": w.to, "topics": w.topic}, "consumer")
	}
}

// begin starts the load and those who watch; the first stop ends the load, the second the watching.
func (r *run) begin() {
	begin := func(f func(ctx context.Context, run func(func() error))) {
		ctx, cancel := context.WithCancel(context.Background())
		group := &sync.WaitGroup{}
		f(ctx, func(f func() error) {
			group.Go(func() {
				if err := f(); err != nil {
					r.problems <- err
				}
			})
		})
		r.stops, r.groups = append(r.stops, cancel), append(r.groups, group)
	}
	codecs := map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(),
		"zstd": kgo.ZstdCompression(), "none": kgo.NoCompression()}
	begin(func(ctx context.Context, run func(func() error)) {
		for _, w := range r.ways {
			if r.Role == Sink {
				run(func() error { return w.load.toTopic(ctx, r.sys.Cluster.Addr(), w.topic, w.partitions, codecs[w.codec]) })
			} else {
				run(func() error { return w.load.toFile(ctx, w.from) })
			}
		}
	})
	begin(func(ctx context.Context, run func(func() error)) {
		topics := map[string]*ledger{}
		for _, w := range r.ways {
			topics[w.topic] = w.inTopic
			if w.inFile != nil {
				run(func() error { return follow(ctx, w.to, w.inFile) })
			}
		}
		run(func() error { return consume(ctx, r.sys.Cluster.Addr(), topics) })
	})
}

// halt ends the load (0) or the watching (1) and waits for it.
func (r *run) halt(i int) {
	if i < len(r.stops) {
		r.stops[i]()
		r.groups[i].Wait()
	}
}

// end leaves nothing behind but files.
func (r *run) end() {
	r.sys.heal()
	for _, m := range r.members {
		if m.worker != nil {
			m.worker.Kill()
		}
	}
	r.halt(0)
	r.halt(1)
	if r.disk != nil {
		r.disk.unmount()
	}
}

// play lets the faults strike, waits for the end of the load, and stops the worker.
func (r *run) play(ctx context.Context) error {
	if err := r.recover(r.target(1)); err != nil {
		return fmt.Errorf("before the first fault: %w", err)
	}
	for i := 0; i < len(r.Faults) || r.made() < r.Records; i++ {
		k := r.Faults[i%len(r.Faults)]
		time.Sleep(r.between(200*time.Millisecond, 2*time.Second))
		s := strike{kind: k, start: time.Now(), before: r.repeated()}
		if i > 0 {
			r.strikes[i-1].after = s.before
		}
		detail, err := r.inject(ctx, k)
		s.detail, s.until = detail, time.Now()
		if err == nil {
			err = r.recover(r.target(0))
		}
		s.recovered = time.Now()
		s.after = r.repeated()
		r.strikes = append(r.strikes, s)
		r.Log("%s: fault %d of %d, %s (%s): recovered in %s, again in topics %d, in files %d", r.Name, i+1, max(i+1, len(r.Faults)), k, detail,
			s.recovered.Sub(s.until).Round(10*time.Millisecond), s.after.topic-s.before.topic, s.after.file-s.before.file)
		if err != nil {
			return fmt.Errorf("fault %d of %d, %s (%s): %w", i+1, max(i+1, len(r.Faults)), k, detail, err)
		}
		if k == KillBroker || k == RestartBroker {
			if err := r.sys.waitInSync(ctx); err != nil {
				return err
			}
		}
	}
	r.halt(0)
	if err := r.recover(r.target(0)); err != nil {
		return fmt.Errorf("after the load: %w", err)
	}
	// Longer than an interval: what would come twice has come.
	time.Sleep(flushInterval + flushSlack/2)
	if n := len(r.strikes); n > 0 {
		r.strikes[n-1].after = r.repeated()
	}
	for _, m := range r.members {
		if err := m.stop(); err != nil {
			return err
		}
	}
	r.halt(1)
	return nil
}

// made is how many records there are.
func (r *run) made() int {
	n := 0
	for _, w := range r.ways {
		n += int(w.load.made.Load())
	}
	return n
}

// target is how many records of each way there are now, or at least n.
func (r *run) target(n int) []int {
	var out []int
	for _, w := range r.ways {
		out = append(out, max(n, int(w.load.made.Load())))
	}
	return out
}

// recover waits until so many different records of each way have arrived everywhere.
func (r *run) recover(want []int) error {
	end := time.Now().Add(recoverLimit)
	for i := 0; ; i++ {
		behind := r.behind(want)
		if len(behind) == 0 {
			return nil
		}
		if i%25 == 0 {
			if err := r.healthy(); err != nil {
				return err
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("not recovered after %s: %s", recoverLimit, strings.Join(behind, "; "))
		}
		time.Sleep(tick)
	}
}

func (r *run) behind(want []int) []string {
	var out []string
	for i, w := range r.ways {
		in, _ := w.inTopic.counts()
		if in < want[i] {
			out = append(out, fmt.Sprintf("%s has %d of %d records", w.topic, in, want[i]))
		} else if w.inFile != nil {
			if n, _ := w.inFile.counts(); n < want[i] {
				out = append(out, fmt.Sprintf("%s wrote %d of %d records", w.sink, n, want[i]))
			}
		}
	}
	return out
}

// healthy tells of a worker that ended, a task that failed, and of problems of load and watchers.
func (r *run) healthy() error {
	select {
	case err := <-r.problems:
		return err
	default:
	}
	for _, m := range r.members {
		if !m.worker.Alive() {
			return errors.New("a worker ended by itself: " + m.spec.Dir)
		}
	}
	for _, w := range r.ways {
		for _, name := range []string{w.source, w.sink} {
			if name == "" {
				continue
			}
			// No answer yet is no failure.
			if s, err := r.awake().Status(name); err == nil {
				if trace, failed := s.Failed(); failed {
					return fmt.Errorf("%s failed: %s", name, trace)
				}
			}
		}
	}
	return nil
}

func (r *run) has(k Kind) bool {
	for _, f := range r.Faults {
		if f == k {
			return true
		}
	}
	return false
}

func (r *run) topics() []string {
	var out []string
	for _, w := range r.ways {
		out = append(out, w.topic)
	}
	return out
}

func (r *run) sinks() []string {
	var out []string
	for _, w := range r.ways {
		if w.sink != "" {
			out = append(out, w.sink)
		}
	}
	return out
}
