// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/dlq"
	"github.com/penstock-io/penstock/worker/rest"
)

// letterDesk serves the dead letter queues of a worker's connectors over REST: one replay at a time for each connector.
type letterDesk struct {
	cfg *Config
	log *slog.Logger
	// info describes a connector.
	info func(name string) (rest.ConnectorInfo, error)

	mu   sync.Mutex
	jobs map[string]*replayJob
}

// replayJob is the last replay of a connector.
type replayJob struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	status rest.ReplayStatus
}

func (j *replayJob) set(f func(*rest.ReplayStatus)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(&j.status)
}

func (j *replayJob) get() rest.ReplayStatus {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.status
}

var (
	_ rest.LetterKeeper = (*Standalone)(nil)
	_ rest.LetterKeeper = (*Distributed)(nil)
	_ rest.Watched      = (*Standalone)(nil)
	_ rest.Watched      = (*Distributed)(nil)
)

// Letters implements rest.LetterKeeper.
func (s *Standalone) Letters() rest.LetterDesk { return s.desk(s.ConnectorInfo) }

// Letters implements rest.LetterKeeper.
func (d *Distributed) Letters() rest.LetterDesk { return d.desk(d.ConnectorInfo) }

func (s *runtime) desk(info func(string) (rest.ConnectorInfo, error)) *letterDesk {
	return &letterDesk{cfg: s.cfg, log: s.log, info: info, jobs: map[string]*replayJob{}}
}

func (l *letterDesk) open(name string, changes config.Props) (*DeadLetters, error) {
	info, err := l.info(name)
	if err != nil {
		return nil, err
	}
	return badRequest(NewDeadLetters(l.cfg, name, info.Config.Props(), changes, l.log.With(slog.String("connector", name))))
}

// badRequest makes an answer of status 400 of what is wrong with a configuration.
func badRequest[T any](v T, err error) (T, error) {
	var e *config.Error
	if errors.As(err, &e) {
		return v, rest.BadRequest(e.Error())
	}
	return v, err
}

// List implements rest.LetterDesk.
func (l *letterDesk) List(ctx context.Context, name string, q rest.LetterQuery) (rest.LetterList, error) {
	out := rest.LetterList{Connector: name, Letters: []rest.Letter{}}
	d, err := l.open(name, nil)
	if err != nil {
		return out, err
	}
	out.Queues = d.Topics()
	err = d.Each(ctx, q.Queue, q.Filter, func(queue string, e dlq.Entry) error {
		out.Summary.Add(e)
		if (q.All || !e.Replayed) && len(out.Letters) < q.Limit {
			out.Letters = append(out.Letters, rest.LetterOf(queue, e, q.Values))
		}
		return nil
	})
	return badRequest(out, err)
}

// Replay implements rest.LetterDesk.
func (l *letterDesk) Replay(ctx context.Context, name string, r rest.ReplayRequest) (rest.ReplayStatus, error) {
	d, err := l.open(name, r.Config)
	if err != nil {
		return rest.ReplayStatus{}, err
	}
	if _, err := d.choose(r.Queue); err != nil {
		return badRequest(rest.ReplayStatus{}, err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	job, err := l.begin(name, r, cancel)
	if err != nil {
		cancel()
		return rest.ReplayStatus{}, err
	}
	o := dlq.Options{Filter: r.Filter, Rate: r.Rate, Limit: r.Limit, DryRun: r.DryRun,
		Progress: func(res dlq.Result) { job.set(func(s *rest.ReplayStatus) { s.Take(res) }) }}
	go func() {
		defer close(job.done)
		defer cancel()
		res, err := d.Replay(run, r.Queue, o, Target{r.Produce, r.Topic})
		job.set(func(s *rest.ReplayStatus) {
			s.Take(res)
			s.Running = false
			s.Ended = time.Now()
			if err != nil {
				s.Error = err.Error()
			}
		})
		d.log.Info("replay of the dead letter queue ended", slog.Int("replayed", res.Replayed), slog.Int("failed", res.Failed),
			slog.Bool("dry_run", r.DryRun), slog.Any("err", err))
	}()
	select {
	case <-job.done:
	case <-time.After(r.Wait):
	case <-ctx.Done():
	}
	return job.get(), nil
}

// begin takes the place of the last replay, unless that is still under way.
func (l *letterDesk) begin(name string, r rest.ReplayRequest, cancel context.CancelFunc) (*replayJob, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.jobs[name]; j != nil && j.get().Running {
		return nil, rest.Conflict("A replay of the dead letter queue of " + name + " is under way; DELETE it to begin another")
	}
	j := &replayJob{cancel: cancel, done: make(chan struct{}), status: rest.ReplayStatus{Connector: name, Running: true, DryRun: r.DryRun, Started: time.Now()}}
	l.jobs[name] = j
	return j, nil
}

// Status implements rest.LetterDesk.
func (l *letterDesk) Status(name string) (rest.ReplayStatus, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.jobs[name]; j != nil {
		return j.get(), nil
	}
	return rest.ReplayStatus{}, rest.NotFound("No replay of the dead letter queue of " + name + " was started on this worker")
}

// Cancel implements rest.LetterDesk.
func (l *letterDesk) Cancel(ctx context.Context, name string) (rest.ReplayStatus, error) {
	l.mu.Lock()
	j := l.jobs[name]
	l.mu.Unlock()
	if j == nil {
		return l.Status(name)
	}
	j.cancel()
	select {
	case <-j.done:
	case <-ctx.Done():
	}
	return j.get(), nil
}
