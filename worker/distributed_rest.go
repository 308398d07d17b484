// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/penstock-io/penstock/worker/rest"
	"github.com/penstock-io/penstock/worker/store"
)

// snapshot is what is configured; before the config topic has been read it is an error.
func (d *Distributed) snapshot() (*store.Configs, error) {
	if !d.opened.Load() {
		return nil, &rest.Error{Status: 503, Class: "org.apache.kafka.connect.runtime.rest.errors.ConnectRestException",
			Message: "This worker is still starting up and has not read the config topic yet"}
	}
	return d.configs.Snapshot(), nil
}

// KafkaClusterID implements rest.Viewer.
func (d *Distributed) KafkaClusterID() string { return d.clusterID }

// Ready implements rest.Viewer: the worker has had its first assignment.
func (d *Distributed) Ready() bool { return d.ready.Load() }

// Health implements rest.Viewer.
func (d *Distributed) Health(context.Context) error {
	if d.stopped.Load() {
		return errStopping
	}
	return nil
}

// Connectors implements rest.Viewer; sorted.
func (d *Distributed) Connectors() []string {
	snap, err := d.snapshot()
	if err != nil {
		return nil
	}
	return snap.Names()
}

// ConnectorInfo implements rest.Viewer.
func (d *Distributed) ConnectorInfo(name string) (rest.ConnectorInfo, error) {
	snap, err := d.snapshot()
	if err != nil {
		return rest.ConnectorInfo{}, err
	}
	c := snap.Connector(name)
	if c == nil {
		return rest.ConnectorInfo{}, notFound(name)
	}
	return infoOf(name, c), nil
}

func infoOf(name string, c *store.Connector) rest.ConnectorInfo {
	cfg := propsConfig(c.Config)
	info := rest.ConnectorInfo{Name: name, Config: cfg, Type: connectorType(cfg), Tasks: make([]int, len(c.Tasks))}
	for i := range info.Tasks {
		info.Tasks[i] = i
	}
	return info
}

// ConnectorStatus implements rest.Viewer.
func (d *Distributed) ConnectorStatus(name string) (rest.ConnectorState, error) {
	snap, err := d.snapshot()
	if err != nil {
		return rest.ConnectorState{}, err
	}
	st, ok := d.statuses.Connector(name)
	if !ok {
		return rest.ConnectorState{}, rest.NotFound("No status found for connector " + name)
	}
	out := rest.ConnectorState{Name: name, Connector: instanceState(st), Type: "unknown"}
	if c := snap.Connector(name); c != nil {
		out.Type = connectorType(propsConfig(c.Config))
	}
	tasks := d.statuses.Tasks(name)
	for _, id := range slices.Sorted(maps.Keys(tasks)) {
		out.Tasks = append(out.Tasks, rest.TaskState{ID: id, InstanceState: instanceState(tasks[id])})
	}
	return out, nil
}

func instanceState(s store.Status) rest.InstanceState {
	out := rest.InstanceState{State: string(s.State), WorkerID: s.WorkerID, Version: s.Version, Trace: s.Trace}
	if out.Version == "undefined" {
		out.Version = ""
	}
	return out
}

// TaskStatus implements rest.Viewer.
func (d *Distributed) TaskStatus(name string, task int) (rest.TaskState, error) {
	if _, err := d.snapshot(); err != nil {
		return rest.TaskState{}, err
	}
	st, ok := d.statuses.Tasks(name)[task]
	if !ok {
		return rest.TaskState{}, rest.NotFound("No status found for task " + taskName(name, task))
	}
	return rest.TaskState{ID: task, InstanceState: instanceState(st)}, nil
}

// TaskConfigs implements rest.Viewer.
func (d *Distributed) TaskConfigs(name string) ([]rest.TaskInfo, error) {
	snap, err := d.snapshot()
	if err != nil {
		return nil, err
	}
	c := snap.Connector(name)
	if c == nil {
		return nil, notFound(name)
	}
	out := make([]rest.TaskInfo, 0, len(c.Tasks))
	for id, t := range c.Tasks {
		out = append(out, rest.TaskInfo{Connector: name, Task: id, Config: propsConfig(t)})
	}
	return out, nil
}

// ActiveTopics implements rest.Viewer.
func (d *Distributed) ActiveTopics(name string) []string {
	if _, err := d.snapshot(); err != nil {
		return nil
	}
	return d.statuses.Topics(name)
}

// ResetActiveTopics implements rest.Viewer.
func (d *Distributed) ResetActiveTopics(name string) {
	if _, err := d.snapshot(); err == nil {
		d.statuses.ResetTopics(name)
	}
}

// Plugins implements rest.PluginLister.
func (d *Distributed) Plugins() []rest.PluginInfo { return listPlugins() }

// PluginConfig implements rest.PluginLister.
func (d *Distributed) PluginConfig(name, version string) ([]rest.ConfigKey, error) {
	return pluginConfig(name, version)
}

// Validate implements rest.PluginLister.
func (d *Distributed) Validate(_ context.Context, cfg rest.Config) (rest.ConfigInfos, error) {
	return d.cfg.Validate(cfg)
}

// LoggerLevels implements rest.LoggerKeeper.
func (d *Distributed) LoggerLevels() map[string]rest.LoggerLevel { return d.loggerLevels() }

// LoggerLevel implements rest.LoggerKeeper.
func (d *Distributed) LoggerLevel(name string) (rest.LoggerLevel, bool) {
	e, ok := d.deps.Levels.Level(name)
	return rest.LoggerLevel(e), ok
}

// SetLoggerLevel implements rest.LoggerKeeper.
func (d *Distributed) SetLoggerLevel(namespace, level string) []string {
	d.log.Info("setting level of loggers", slog.String("namespace", namespace), slog.String("level", level))
	return d.deps.Levels.Set(namespace, level)
}

// SetClusterLoggerLevel implements rest.LoggerKeeper: all workers read it from the config topic.
func (d *Distributed) SetClusterLoggerLevel(ctx context.Context, namespace, level string) error {
	if _, err := d.snapshot(); err != nil {
		return err
	}
	return d.configs.PutLogger(ctx, namespace, level)
}

// WriteMetrics writes the metrics of the worker and its tasks as Prometheus text.
func (d *Distributed) WriteMetrics(w io.Writer) {
	_, _ = fmt.Fprintf(w, "kafka_connect_version_info{version=%q,commit=%q} 1\n", Version, Commit)
	d.startups.connectors.write(w, "connector")
	d.startups.tasks.write(w, "task")
	d.mu.RLock()
	running, assigned := d.running.Clone(), d.assigned
	var tasks []Task
	for _, name := range slices.Sorted(maps.Keys(d.connectors)) {
		c := d.connectors[name]
		for _, id := range slices.Sorted(maps.Keys(c.running)) {
			tasks = append(tasks, c.running[id].Task)
		}
	}
	d.mu.RUnlock()
	leader := 0
	if assigned.IsLeader {
		leader = 1
	}
	_, _ = fmt.Fprintf(w, "kafka_connect_worker_connector_count %d\nkafka_connect_worker_task_count %d\n"+
		"kafka_connect_coordinator_assigned_connectors %d\nkafka_connect_coordinator_assigned_tasks %d\n"+
		"kafka_connect_worker_rebalance_epoch %d\nkafka_connect_worker_rebalance_leader %d\n",
		len(running.Connectors), len(tasks), len(assigned.Assignment.Assigned.Connectors), len(assigned.Assignment.Assigned.Tasks),
		assigned.Generation, leader)
	for _, t := range tasks {
		t.WriteMetrics(w)
	}
	d.dog.writeMetrics(w)
}

// elsewhere says that a request is for the leader, or for the worker that runs something.
func (d *Distributed) elsewhere(message, url string) error {
	return &rest.Elsewhere{URL: url, Message: message}
}

// lead returns nil on the leader.
func (d *Distributed) lead(message string) error {
	if _, err := d.snapshot(); err != nil {
		return err
	}
	_, _, _, url, leader := d.member.Now()
	if leader {
		return nil
	}
	return d.elsewhere(message, url)
}

// settled waits until no rebalance is under way, so that who runs what is known.
func (d *Distributed) settled(ctx context.Context) error {
	if _, err := d.snapshot(); err != nil {
		return err
	}
	for d.member.RejoinPending() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return rest.Conflict("Request cannot be completed because a rebalance is expected")
		}
	}
	return nil
}
