// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/penstock-io/penstock/connectors"
)

// taskMetrics are the counters of one task. They are added to once per batch, never per record.
type taskMetrics struct {
	read, sent                                  atomic.Int64 // sink: records fetched, and put
	polled, written                             atomic.Int64 // source: records polled, and acknowledged
	batches, batchMax                           atomic.Int64
	putNanos, putMax                            atomic.Int64
	commits, commitFailures, commitNanos, cmMax atomic.Int64
	recordErrors, recordFailures                atomic.Int64
	recordsSkipped, retries, errorsLogged       atomic.Int64
	dlqRequests, dlqFailures                    atomic.Int64
	lastError                                   atomic.Int64 // milliseconds since the epoch
	partitions                                  atomic.Int64
	active                                      atomic.Int64 // records taken in and not done with
}

func maxTo(a *atomic.Int64, n int64) {
	for {
		old := a.Load()
		if n <= old || a.CompareAndSwap(old, n) {
			return
		}
	}
}

// batch counts one call of the connector with n records.
func (m *taskMetrics) batch(n int, took time.Duration) {
	m.batches.Add(1)
	maxTo(&m.batchMax, int64(n))
	m.putNanos.Add(int64(took))
	maxTo(&m.putMax, int64(took))
}

// commit counts one offset commit.
func (m *taskMetrics) commit(err error, took time.Duration) {
	if err != nil {
		m.commitFailures.Add(1)
		return
	}
	m.commits.Add(1)
	m.commitNanos.Add(int64(took))
	maxTo(&m.cmMax, int64(took))
}

// write prints the counters under Connect's names, as the usual JMX exporters spell them (connect-contract §9, family A).
func (m *taskMetrics) write(w io.Writer, t *Task) {
	labels := fmt.Sprintf("{connector=%s,task=\"%d\"}", strconv.Quote(t.o.Connector), t.o.Task)
	put := func(name string, v float64) {
		_, _ = fmt.Fprintf(w, "kafka_connect_%s%s %s\n", name, labels, strconv.FormatFloat(v, 'g', -1, 64))
	}
	num := func(name string, a *atomic.Int64) { put(name, float64(a.Load())) }
	ms := func(nanos int64) float64 { return float64(nanos) / 1e6 }
	_, _ = fmt.Fprintf(w, "kafka_connect_connector_status{connector=%s,task=\"%d\",status=%q} 1\n",
		strconv.Quote(t.o.Connector), t.o.Task, lower(string(t.State())))
	batches, sum := m.batches.Load(), m.read.Load()+m.polled.Load()
	put("connector_task_batch_size_max", float64(m.batchMax.Load()))
	put("connector_task_batch_size_avg", ratio(sum, batches))
	put("connector_task_offset_commit_max_time_ms", ms(m.cmMax.Load()))
	put("connector_task_offset_commit_avg_time_ms", ratio(m.commitNanos.Load(), m.commits.Load())/1e6)
	put("connector_task_offset_commit_success_percentage", share(m.commits.Load(), m.commitFailures.Load()))
	put("connector_task_offset_commit_failure_percentage", share(m.commitFailures.Load(), m.commits.Load()))
	if t.o.Plugin.Kind == connectors.SinkKind {
		num("sink_task_sink_record_read_total", &m.read)
		num("sink_task_sink_record_send_total", &m.sent)
		num("sink_task_sink_record_active_count", &m.active)
		num("sink_task_partition_count", &m.partitions)
		num("sink_task_offset_commit_completion_total", &m.commits)
		put("sink_task_put_batch_max_time_ms", ms(m.putMax.Load()))
		put("sink_task_put_batch_avg_time_ms", ratio(m.putNanos.Load(), batches)/1e6)
	} else {
		num("source_task_source_record_poll_total", &m.polled)
		num("source_task_source_record_write_total", &m.written)
		num("source_task_source_record_active_count", &m.active)
		put("source_task_poll_batch_max_time_ms", ms(m.putMax.Load()))
		put("source_task_poll_batch_avg_time_ms", ratio(m.putNanos.Load(), batches)/1e6)
	}
	num("task_error_total_record_failures", &m.recordFailures)
	num("task_error_total_record_errors", &m.recordErrors)
	num("task_error_total_records_skipped", &m.recordsSkipped)
	num("task_error_total_retries", &m.retries)
	num("task_error_total_errors_logged", &m.errorsLogged)
	num("task_error_deadletterqueue_produce_requests", &m.dlqRequests)
	num("task_error_deadletterqueue_produce_failures", &m.dlqFailures)
	num("task_error_last_error_timestamp", &m.lastError)
}

func ratio(sum, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(sum) / float64(n)
}

func share(a, b int64) float64 { return ratio(a, a+b) }

func lower(s string) string {
	p := []byte(s)
	for i, c := range p {
		if c >= 'A' && c <= 'Z' {
			p[i] = c + 'a' - 'A'
		}
	}
	return string(p)
}
