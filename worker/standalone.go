// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/worker/loglevel"
	"github.com/penstock-io/penstock/worker/offsetfile"
	"github.com/penstock-io/penstock/worker/rest"
)

// Standalone is a worker of one process: configurations and statuses in memory, offsets in a file
// (org.apache.kafka.connect.runtime.standalone.StandaloneHerder). It implements rest.Herder.
type Standalone struct {
	runtime
	restLog  *slog.Logger
	guard    *rest.BasicAuth
	statuses *statusStore

	server  *rest.Server
	private *rest.PrivateServer
	ready   atomic.Bool
	stopped atomic.Bool
	stop    sync.Once

	connectors map[string]*connector // guarded by mu
}

var _ rest.Herder = (*Standalone)(nil)

// Names of the loggers, as Kafka Connect has them: what people set at /admin/loggers.
const (
	herderLogger = "org.apache.kafka.connect.runtime.standalone.StandaloneHerder"
	workerLogger = "org.apache.kafka.connect.runtime.Worker"
	taskLogger   = "org.apache.kafka.connect.runtime.WorkerTask"
	restLogger   = "org.apache.kafka.connect.runtime.rest.RestServer"
	clientLogger = "org.apache.kafka.clients"
)

// NewStandalone binds the listeners of a standalone worker. Start does the rest; Stop is needed even without it.
func NewStandalone(cfg *Config, deps Deps) (*Standalone, error) {
	deps = deps.withDefaults(cfg)
	s := &Standalone{connectors: map[string]*connector{}, restLog: loglevel.Named(deps.Log, restLogger)}
	s.runtime.init(cfg, deps, herderLogger)
	s.onReconfigure, s.onRaise = s.requestReconfiguration, s.raise
	s.onExpire = func(c *connector) error { return s.RestartConnector(context.Background(), c.name) }
	for _, w := range cfg.Warnings {
		s.log.Warn("worker configuration", slog.String("problem", w))
	}
	o := cfg.serverOptions(s.restLog)
	o.TLS = cfg.serverTLS
	var err error
	if s.guard, err = cfg.restGuard(s.restLog); err != nil {
		return nil, err
	}
	if s.server, err = rest.Listen(o); err != nil {
		return nil, err
	}
	s.statuses = newStatusStore(s.server.WorkerID())
	s.status = s.statuses
	return s, nil
}

// Start learns the id of the Kafka cluster, opens the offsets, begins to answer REST calls and creates the connectors
// given, in order. The first that fails ends it. Errors are *ExitError with the exit code of Kafka's own script.
func (s *Standalone) Start(ctx context.Context, initial ...Initial) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for _, i := range initial {
		if err := s.create(ctx, i); err != nil {
			return err
		}
	}
	s.complete()
	return nil
}

// begin is Start without connectors; the worker is not ready yet.
func (s *Standalone) begin(ctx context.Context) error {
	var err error
	if s.clusterID, err = s.findCluster(ctx); err != nil {
		return exit(exitStart, err)
	}
	if err := s.openOffsets(); err != nil {
		return exit(exitHerder, err)
	}
	s.watchTasks()
	s.server.Serve(rest.API{
		Herder: s, Version: Version, Commit: Commit, Log: s.restLog, TopicTracking: s.tracking, Guard: s.guard,
		TopicTrackingReset: s.cfg.Values.Bool("topic.tracking.allow.reset"),
	})
	s.restLog.Info("Kafka Connect REST API is listening", slog.String("address", s.server.Addr()),
		slog.String("advertised", s.server.AdvertisedURL()))
	if s.private, err = s.listenPrivate(s.WriteMetrics, s.restLog); err != nil {
		return exit(exitStart, err)
	}
	return nil
}

// create makes a connector that was given at start.
func (s *Standalone) create(ctx context.Context, i Initial) error {
	info, _, err := s.PutConnector(ctx, i.Name, i.Config, i.Target, false)
	if err != nil {
		return exit(exitHerder, fmt.Errorf("create connector %s: %w", i.Name, err))
	}
	s.log.Info("created connector", slog.String("connector", info.Name))
	return nil
}

// complete makes the worker ready.
func (s *Standalone) complete() {
	s.ready.Store(true)
	s.log.Info("worker is ready", slog.String("worker_id", s.server.WorkerID()), slog.String("version", Version),
		slog.Int("connectors", len(s.Connectors())))
}

// Initial is a connector to create at start.
type Initial struct {
	Name   string
	Config rest.Config
	Target rest.TargetState
}

func (s *Standalone) openOffsets() error {
	if s.offsets != nil {
		return nil
	}
	path := s.cfg.OffsetFile()
	store, err := offsetfile.Open(path)
	if err != nil {
		return fmt.Errorf("open the offset file %s: %w", path, err)
	}
	s.offsets = fileOffsets{store}
	return nil
}

// RESTAddr is the address of the first REST listener, such as 127.0.0.1:8083.
func (s *Standalone) RESTAddr() string { return s.server.Addr() }

// RESTURL is the advertised URL of the REST API.
func (s *Standalone) RESTURL() string { return s.server.AdvertisedURL() }

// PrivateAddr is the address of /metrics and /debug/pprof, "" without them.
func (s *Standalone) PrivateAddr() string {
	if s.private == nil {
		return ""
	}
	return s.private.Addr()
}

// Stop stops all connectors and tasks side by side, then the listeners. It takes no longer than the graceful timeout of
// tasks (or five seconds) plus three, and may be called more than once.
func (s *Standalone) Stop() {
	s.stop.Do(func() {
		s.stopped.Store(true)
		s.log.Info("worker is stopping")
		s.dog.stop()
		s.mu.RLock()
		all := make([]*connector, 0, len(s.connectors))
		for _, c := range s.connectors {
			all = append(all, c)
		}
		s.mu.RUnlock()
		var wg sync.WaitGroup
		for _, c := range all {
			wg.Go(func() { s.stopOne(c) })
		}
		wg.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.server.Close(ctx)
		if s.private != nil {
			s.private.Close(ctx)
		}
		s.log.Info("worker stopped")
	})
}

// stopOne ends one connector for good. An operation under way has two seconds to make room.
func (s *Standalone) stopOne(c *connector) {
	select {
	case c.token <- struct{}{}:
	case <-time.After(2 * time.Second):
		s.connectorLog(c.name).Warn("connector is busy; it is not stopped in order")
		return
	}
	defer func() { <-c.token }()
	if c.reload != nil {
		c.reload.Stop()
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := c.halt(&s.runtime); err != nil {
			s.connectorLog(c.name).Error("connector did not stop", slog.Any("err", err))
		}
	})
	c.stopTasks(&s.runtime, c.taskIDs()...)
	wg.Wait()
}

// KafkaClusterID implements rest.Viewer.
func (s *Standalone) KafkaClusterID() string { return s.clusterID }

// Ready implements rest.Viewer.
func (s *Standalone) Ready() bool { return s.ready.Load() }

// Health implements rest.Viewer.
func (s *Standalone) Health(context.Context) error {
	if s.stopped.Load() {
		return errStopping
	}
	s.mu.RLock() // a herder that hangs would hang here
	defer s.mu.RUnlock()
	return nil
}

// LoggerLevels implements rest.LoggerKeeper.
func (s *Standalone) LoggerLevels() map[string]rest.LoggerLevel { return s.loggerLevels() }

// LoggerLevel implements rest.LoggerKeeper.
func (s *Standalone) LoggerLevel(name string) (rest.LoggerLevel, bool) {
	e, ok := s.deps.Levels.Level(name)
	return rest.LoggerLevel(e), ok
}

// SetLoggerLevel implements rest.LoggerKeeper.
func (s *Standalone) SetLoggerLevel(namespace, level string) []string {
	s.log.Info("setting level of loggers", slog.String("namespace", namespace), slog.String("level", level))
	return s.deps.Levels.Set(namespace, level)
}

// SetClusterLoggerLevel implements rest.LoggerKeeper: this worker is the whole cluster.
func (s *Standalone) SetClusterLoggerLevel(_ context.Context, namespace, level string) error {
	s.SetLoggerLevel(namespace, level)
	return nil
}

// Plugins implements rest.PluginLister.
func (s *Standalone) Plugins() []rest.PluginInfo { return listPlugins() }

// PluginConfig implements rest.PluginLister.
func (s *Standalone) PluginConfig(name, version string) ([]rest.ConfigKey, error) {
	return pluginConfig(name, version)
}

// Validate implements rest.PluginLister.
func (s *Standalone) Validate(_ context.Context, cfg rest.Config) (rest.ConfigInfos, error) {
	return s.cfg.Validate(cfg)
}

// runningTasks returns all tasks, by connector and id.
func (s *Standalone) runningTasks() []Task {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.connectors))
	for name := range s.connectors {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []Task
	for _, name := range names {
		c := s.connectors[name]
		ids := make([]int, 0, len(c.running))
		for id := range c.running {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			out = append(out, c.running[id].Task)
		}
	}
	return out
}
