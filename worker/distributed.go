// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/engine"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/group"
	"github.com/penstock-io/penstock/worker/loglevel"
	"github.com/penstock-io/penstock/worker/rest"
	"github.com/penstock-io/penstock/worker/store"
)

// Distributed is a worker of a cluster (org.apache.kafka.connect.runtime.distributed.DistributedHerder). It implements
// rest.Herder and rest.Peers.
//
// Three kinds of goroutine meet here. The group member's own calls revoked and assigned; the reader of the config topic
// notes what changed; and loop acts on that. All that starts or stops something holds turn. Reads are answered from
// snapshots and hold nothing, so REST never waits for the group.
type Distributed struct {
	runtime
	restLog *slog.Logger
	guard   *rest.BasicAuth
	server  *rest.Server
	private *rest.PrivateServer
	peer    *peerClient

	admin    *kafka.Admin
	producer *kafka.Producer
	group    *groupClient
	configs  *store.ConfigStore
	statuses *store.StatusStore
	stored   *store.OffsetStore
	member   *group.Member

	opened   atomic.Bool // the stores have been read and there is a member
	ready    atomic.Bool
	stopped  atomic.Bool
	stop     sync.Once
	ended    chan struct{} // closed when the member's goroutine is over
	fatal    chan error    // what ended it by itself
	cancel   context.CancelFunc
	ctx      context.Context
	looping  sync.WaitGroup
	news     news
	turn     chan struct{} // capacity one, full = held
	writing  chan struct{} // the same, of changes that people ask for
	fencing  fences
	clients  store.Clients
	own      offsetTopics
	fenced   atomic.Bool // the leader lost the right to write to the config topic
	retrying map[string]*retry
	delayed  *time.Timer // a rebalance that was put off; used with turn held

	// Guarded by runtime.mu.
	connectors map[string]*connector // with work here
	assigned   group.Completed
	running    group.Work
	resolved   bool // the assignment has been acted on
}

var (
	_ rest.Herder = (*Distributed)(nil)
	_ rest.Peers  = (*Distributed)(nil)
)

const distributedLogger = "org.apache.kafka.connect.runtime.distributed.DistributedHerder"

// NewDistributed binds the listeners of a worker of a cluster. Start does the rest; Stop is needed even without it.
func NewDistributed(cfg *Config, deps Deps) (*Distributed, error) {
	deps = deps.withDefaults(cfg)
	d := &Distributed{
		connectors: map[string]*connector{}, restLog: loglevel.Named(deps.Log, restLogger),
		ended: make(chan struct{}), fatal: make(chan error, 1), turn: make(chan struct{}, 1), writing: make(chan struct{}, 1), retrying: map[string]*retry{},
	}
	d.runtime.init(cfg, deps, distributedLogger)
	d.onReconfigure = d.reconfigureLater
	d.onRaise = d.raise
	d.onEquip = d.equip
	d.onOffsets = func(ctx context.Context, cfg map[string]string) (engine.OffsetStore, error) {
		all, _, _, err := d.offsetsOf(ctx, cfg)
		return all, err
	}
	d.onAlter = d.alterOffsets
	d.onExpire = func(c *connector) error { return d.RestartConnector(context.Background(), c.name) }
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.news.init()
	for _, w := range cfg.Warnings {
		d.log.Warn("worker configuration", slog.String("problem", w))
	}
	o := cfg.serverOptions(d.restLog)
	o.TLS = cfg.serverTLS
	var err error
	if d.guard, err = cfg.restGuard(d.restLog); err != nil {
		return nil, err
	}
	if d.peer, err = newPeerClient(cfg); err != nil {
		return nil, err
	}
	if d.server, err = rest.Listen(o); err != nil {
		return nil, err
	}
	return d, nil
}

// Start learns the id of the Kafka cluster, begins to answer REST calls, reads the internal topics and joins the group in
// the background. Errors are *ExitError with the exit code of Kafka's own script.
func (d *Distributed) Start(ctx context.Context) error {
	var err error
	if d.clusterID, err = d.findCluster(ctx); err != nil {
		return exit(exitStart, err)
	}
	d.watchTasks()
	d.server.Serve(rest.API{
		Herder: d, Version: Version, Commit: Commit, Log: d.restLog, TopicTracking: d.tracking, Guard: d.guard,
		TopicTrackingReset: d.cfg.Values.Bool("topic.tracking.allow.reset"), Forward: d.peer.http,
	})
	d.restLog.Info("Kafka Connect REST API is listening", slog.String("address", d.server.Addr()),
		slog.String("advertised", d.server.AdvertisedURL()))
	if d.private, err = d.listenPrivate(d.WriteMetrics, d.restLog); err != nil {
		return exit(exitStart, err)
	}
	if err := d.openStores(ctx); err != nil {
		return exit(exitHerder, err)
	}
	if err := d.checkSupported(); err != nil {
		return exit(exitHerder, err)
	}
	d.join()
	d.opened.Store(true)
	d.looping.Go(d.loop)
	return nil
}

// join makes the member and lets it run.
func (d *Distributed) join() {
	v := d.cfg.Values
	ms := func(key string) time.Duration { return time.Duration(v.Int(key)) * time.Millisecond }
	protocol := group.Sessioned
	switch lower(v.String("connect.protocol")) {
	case "eager":
		protocol = group.Eager
	case "compatible":
		protocol = group.Compatible
	}
	d.member = group.NewMember(group.Options{
		Broker: d.group, Protocol: protocol, URL: d.server.AdvertisedURL(),
		Session: ms("session.timeout.ms"), Heartbeat: ms("heartbeat.interval.ms"), Rebalance: ms("rebalance.timeout.ms"),
		MaxDelay: ms("scheduled.rebalance.max.delay.ms"), RetryBackoff: time.Duration(v.Long("retry.backoff.ms")) * time.Millisecond,
		Snapshot: d.configured, OnRevoked: d.revoked, OnAssigned: d.assign, Log: d.log,
	})
	go func() {
		defer close(d.ended)
		if err := d.member.Run(d.ctx); err != nil {
			d.log.Error("the worker cannot be a member of the group", slog.Any("err", err))
			d.fatal <- exit(exitUsage, err)
		}
	}()
}

// configured shows the group what is configured.
func (d *Distributed) configured() group.Configured {
	s := d.configs.Snapshot()
	out := group.Configured{Offset: s.Offset}
	for _, name := range s.Names() {
		out.Work.Connectors = append(out.Work.Connectors, name)
		for id := range s.Connector(name).Tasks {
			out.Work.Tasks = append(out.Work.Tasks, group.TaskID{Connector: name, Task: int32(id)})
		}
	}
	return out
}

// Failed delivers what ended the worker by itself.
func (d *Distributed) Failed() <-chan error { return d.fatal }

// RESTAddr is the address of the first REST listener.
func (d *Distributed) RESTAddr() string { return d.server.Addr() }

// RESTURL is the advertised URL of the REST API.
func (d *Distributed) RESTURL() string { return d.server.AdvertisedURL() }

// PrivateAddr is the address of /metrics and /debug/pprof, "" without them.
func (d *Distributed) PrivateAddr() string {
	if d.private == nil {
		return ""
	}
	return d.private.Addr()
}

// Stop stops all that runs here, tells the group, and closes the listeners. It may be called more than once.
func (d *Distributed) Stop() {
	d.stop.Do(func() {
		d.stopped.Store(true)
		d.log.Info("worker is stopping")
		d.dog.stop()
		d.news.close()
		waitAtMost(&d.looping, 2*time.Second)
		if d.member != nil {
			d.hold(func() {
				if d.delayed != nil {
					d.delayed.Stop()
				}
				d.mu.RLock()
				all := d.running.Clone()
				d.mu.RUnlock()
				d.stopWork(all)
			})
			flush, cancel := context.WithTimeout(context.Background(), departTimeout)
			if err := d.statuses.Flush(flush); err != nil {
				d.log.Warn("the last statuses could not be written", slog.Any("err", err))
			}
			cancel()
			depart, cancel := context.WithTimeout(context.Background(), departTimeout)
			d.member.Depart(depart)
			cancel()
			d.cancel()
			<-d.ended
		}
		d.cancel()
		d.closeStores()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		d.server.Close(ctx)
		if d.private != nil {
			d.private.Close(ctx)
		}
		d.log.Info("worker stopped")
	})
}

// waitAtMost waits for goroutines, but not for ever: Kafka may be away.
func waitAtMost(wg *sync.WaitGroup, d time.Duration) {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// departTimeout is how long a worker that stops waits for the others to hear of it.
const departTimeout = 3 * time.Second

// hold runs something with the turn held.
func (d *Distributed) hold(do func()) {
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	do()
}

// RunDistributed runs a worker of a cluster until ctx ends, which stands for SIGTERM: it then stops and returns nil. Errors
// are *ExitError.
func RunDistributed(ctx context.Context, workerFile string, log *slog.Logger) error {
	started := time.Now()
	if workerFile == "" {
		return exit(exitUsage, errors.New("usage: distributed WORKER.properties"))
	}
	log.Info("Kafka Connect worker initializing", slog.String("version", Version), slog.String("commit", Commit),
		slog.String("properties", workerFile), slog.Int("pid", os.Getpid()))
	cfg, err := LoadDistributedConfig(workerFile)
	if err != nil {
		return exit(exitStart, err)
	}
	d, err := NewDistributed(cfg, Deps{Log: log})
	if err != nil {
		return exit(exitStart, err)
	}
	defer d.Stop()
	if err := d.Start(ctx); err != nil {
		return stopped(ctx, err)
	}
	d.log.Info("Kafka Connect started", slog.Int64("startup_ms", time.Since(started).Milliseconds()))
	select {
	case <-ctx.Done():
		return nil
	case err := <-d.Failed():
		return fmt.Errorf("the worker ends: %w", err)
	}
}
