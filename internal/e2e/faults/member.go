// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// clusterSession is the session timeout of the workers' own group. The group waits that long for a worker that was killed, also
// when it comes back at once: it comes back as another member.
const clusterSession = 3 * time.Second

// member is one worker of a case: a standalone one, or one of a cluster.
type member struct {
	name   string
	spec   stack.WorkerSpec
	worker *stack.Worker
	asleep bool // stopped by a signal: it answers nobody
}

// group is the group.id of a case's cluster, and begins the names of its topics; empty for a standalone worker.
func (r *run) group() string {
	if r.Workers == 0 {
		return ""
	}
	return r.Name + "-workers"
}

// addMembers says which workers there will be; out is the folder for what a full disk must stop.
func (r *run) addMembers(out string) error {
	for i := range max(1, r.Workers) {
		ports, err := r.sys.workerPorts(i)
		if err != nil {
			return err
		}
		m := &member{name: fmt.Sprintf("worker%d", i+1)}
		m.spec = stack.WorkerSpec{
			Kind: r.sys.Kind, Mode: "standalone", Binary: r.sys.Binary, Dir: filepath.Join(r.dir, m.name), Brokers: addrs(r.sys.plain),
			Props: workerProps(ports, r.Path, r.sys.Kind),
		}
		if r.Workers > 0 {
			m.spec.Mode = "distributed"
			maps.Copy(m.spec.Props, r.clusterProps())
		} else {
			m.spec.Props["offset.storage.file.filename"] = filepath.Join(out, "offsets")
		}
		r.members = append(r.members, m)
	}
	return nil
}

func (r *run) clusterProps() map[string]string {
	props := map[string]string{
		"group.id": r.group(), "session.timeout.ms": millis(clusterSession), "heartbeat.interval.ms": "500", "metadata.max.age.ms": "5000",
		"offset.storage.partitions": "5", "status.storage.partitions": "2",
		// How long a leader waits for a lost worker before others get its work.
		"scheduled.rebalance.max.delay.ms": "1000",
	}
	for _, kind := range []string{"config", "offset", "status"} {
		props[kind+".storage.topic"] = r.group() + "-" + kind
		props[kind+".storage.replication.factor"] = fmt.Sprint(nodes)
	}
	if r.ExactlyOnce {
		props["exactly.once.source.support"] = "enabled"
		props["consumer.isolation.level"] = "read_committed"
	}
	return props
}

// startAll starts the workers and their connectors: a standalone worker from files, a cluster over REST.
func (r *run) startAll() error {
	names := slices.Sorted(maps.Keys(r.configs))
	if r.Workers == 0 {
		for _, name := range names {
			file, err := stack.WriteConnector(r.dir, name, r.configs[name])
			if err != nil {
				return err
			}
			r.members[0].spec.Connectors = append(r.members[0].spec.Connectors, file)
		}
	}
	for _, m := range r.members {
		if err := r.start(m); err != nil {
			return err
		}
	}
	for i, name := range names {
		if r.Workers > 0 {
			if err := r.put(r.members[i%len(r.members)], name); err != nil {
				return err
			}
		}
	}
	return nil
}

// put creates a connector. A rebalance that goes on is no reason to give up.
func (r *run) put(m *member, name string) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		err := m.worker.Put(name, r.configs[name])
		var answer *stack.HTTPError
		if err == nil || !errors.As(err, &answer) || answer.Status != 409 || time.Now().After(end) {
			return err
		}
	}
}

// start starts a worker, or starts it again.
func (r *run) start(m *member) error {
	w, err := stack.StartWorker(m.spec)
	if err != nil {
		return err
	}
	m.worker = w
	if r.LogLevel != "" {
		return w.Call("PUT", "/admin/loggers/root", map[string]string{"level": r.LogLevel}, nil)
	}
	return nil
}

// stop ends a worker as a service manager does.
func (m *member) stop() error {
	if err := m.worker.Stop(60 * time.Second); err != nil {
		return err
	}
	// The JVM's own signal handler makes 143 of a clean stop.
	if code, _ := m.worker.WaitExit(0); code != 0 && m.spec.Kind == stack.Penstock {
		return fmt.Errorf("%s: exit code %d after SIGTERM, want 0", m.name, code)
	}
	return nil
}

// anyone is the worker that a fault strikes.
func (r *run) anyone() *member {
	if len(r.members) == 1 {
		return r.members[0]
	}
	return r.members[r.rng.IntN(len(r.members))]
}

// awake is a worker that answers.
func (r *run) awake() *stack.Worker {
	for _, m := range r.members {
		if !m.asleep && m.worker.Alive() {
			return m.worker
		}
	}
	return r.members[0].worker
}

// zombie stops a worker by a signal until everything that had been written by then has arrived through the others, wakes it, and
// waits until it has work again.
func (r *run) zombie() (string, error) {
	if len(r.members) < 2 {
		return "", errors.New("a zombie needs another worker that takes over")
	}
	m, started := r.anyone(), time.Now()
	m.asleep = true
	if err := m.worker.Signal(syscall.SIGSTOP); err != nil {
		return m.name, err
	}
	time.Sleep(clusterSession)
	err := r.recover(r.target(0))
	detail := fmt.Sprintf("%s for %s", m.name, time.Since(started).Round(time.Millisecond))
	if err != nil {
		return detail, fmt.Errorf("while it slept: %w", err)
	}
	time.Sleep(r.between(0, 2*time.Second))
	if err := m.worker.Signal(syscall.SIGCONT); err != nil {
		return detail, err
	}
	m.asleep = false
	return detail, r.waitForWork(m)
}

// waitForWork waits until a worker runs something.
func (r *run) waitForWork(m *member) error {
	address := strings.TrimPrefix(m.worker.URL, "http://")
	for end := time.Now().Add(recoverLimit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for name := range r.configs {
			s, err := r.awake().Status(name)
			if err != nil {
				continue
			}
			for _, t := range append(s.Tasks, s.Connector) {
				if t.State == "RUNNING" && t.WorkerID == address {
					return nil
				}
			}
		}
	}
	return fmt.Errorf("%s was given no work within %s of its return", m.name, recoverLimit)
}
