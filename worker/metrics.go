// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/penstock-io/penstock/engine"
)

// startups counts how starts of connectors and tasks ended.
type startups struct {
	connectors, tasks startupCount
}

// startupCount counts one kind of start. Attempts are the sum of both ends.
type startupCount struct{ success, failure atomic.Int64 }

func (c *startupCount) write(w io.Writer, kind string) {
	good, bad := c.success.Load(), c.failure.Load()
	all := max(good+bad, 1)
	_, _ = fmt.Fprintf(w, "kafka_connect_worker_%[1]s_startup_attempts_total %[2]d\n"+
		"kafka_connect_worker_%[1]s_startup_success_total %[3]d\nkafka_connect_worker_%[1]s_startup_failure_total %[4]d\n"+
		"kafka_connect_worker_%[1]s_startup_success_percentage %[5]g\nkafka_connect_worker_%[1]s_startup_failure_percentage %[6]g\n",
		kind, good+bad, good, bad, float64(good)/float64(all), float64(bad)/float64(all))
}

// WriteMetrics writes the metrics of the worker and its tasks as Prometheus text, under the names that the usual JMX
// exporters give Connect's.
func (s *Standalone) WriteMetrics(w io.Writer) {
	byState, tasks := s.statuses.counts()
	count, total := 0, 0
	for _, n := range byState {
		count += n
	}
	for _, states := range tasks {
		for _, n := range states {
			total += n
		}
	}
	_, _ = fmt.Fprintf(w, "kafka_connect_version_info{version=%q,commit=%q} 1\n", Version, Commit)
	_, _ = fmt.Fprintf(w, "kafka_connect_worker_connector_count %d\nkafka_connect_worker_task_count %d\n", count, total)
	_, _ = fmt.Fprintf(w, "penstock_memory_budget_bytes %d\npenstock_memory_used_bytes %d\n", s.memory.Limit(), s.memory.Used())
	s.startups.connectors.write(w, "connector")
	s.startups.tasks.write(w, "task")
	for _, name := range slices.Sorted(maps.Keys(tasks)) {
		sum := 0
		for _, n := range tasks[name] {
			sum += n
		}
		_, _ = fmt.Fprintf(w, "kafka_connect_worker_connector_total_task_count{connector=%q} %d\n", name, sum)
		for _, st := range []engine.State{engine.Running, engine.Paused, engine.Failed, engine.Unassigned, engine.Restarting} {
			_, _ = fmt.Fprintf(w, "kafka_connect_worker_connector_%s_task_count{connector=%q} %d\n",
				lower(string(st)), name, tasks[name][string(st)])
		}
	}
	for _, t := range s.runningTasks() {
		t.WriteMetrics(w)
	}
	s.dog.writeMetrics(w)
}
