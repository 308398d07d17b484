// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// schedule runs the jobs of a connector one after the other in one goroutine (org.apache.kafka.connect.mirror.Scheduler):
// jobs share what they know without locks, and a slow cluster delays the others instead of piling them up.
type schedule struct {
	log     *slog.Logger
	timeout time.Duration // of one job
	jobs    []*job
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// job is something to be done at once (every 0) or again and again.
type job struct {
	what  string
	run   func(context.Context) error
	every time.Duration
	at    time.Time
}

// retryFirst and retryMost bound the wait after a first job that failed. Java leaves those to the next refresh, which may
// be ten minutes away.
const (
	retryFirst = time.Second
	retryMost  = time.Minute
)

// first adds a job that is done at once and repeated until it works.
func (s *schedule) first(what string, run func(context.Context) error) {
	s.jobs = append(s.jobs, &job{what: what, run: run})
}

// repeat adds a job. A negative interval means never; delayed leaves out the run at the start.
func (s *schedule) repeat(what string, every time.Duration, delayed bool, run func(context.Context) error) {
	if every < 0 {
		return
	}
	j := &job{what: what, run: run, every: max(every, time.Millisecond)}
	if delayed {
		j.at = time.Now().Add(j.every)
	}
	s.jobs = append(s.jobs, j)
}

// start runs the schedule until stop, and waits for the jobs of first, for at most the timeout or until ctx ends.
func (s *schedule) start(ctx context.Context) {
	run, cancel := context.WithCancel(ctx)
	s.cancel = cancel
	started := make(chan struct{})
	s.done.Go(func() { s.loop(run, started) })
	limit := time.NewTimer(s.timeout)
	defer limit.Stop()
	select {
	case <-started:
	case <-limit.C:
		s.log.Error("the first look at the clusters takes long; the connector goes on with it in the background")
	case <-ctx.Done():
	}
}

// loop does the first jobs in order, then whatever is due. started is closed after one round of the first.
func (s *schedule) loop(ctx context.Context, started chan struct{}) {
	var once sync.Once
	wait := retryFirst
	for ctx.Err() == nil {
		if s.round(ctx) {
			once.Do(func() { close(started) })
			break
		}
		once.Do(func() { close(started) })
		pause(ctx, wait)
		wait = min(2*wait, retryMost)
	}
	for ctx.Err() == nil && len(s.jobs) > 0 {
		next := s.jobs[0]
		for _, j := range s.jobs {
			if j.at.Before(next.at) {
				next = j
			}
		}
		if d := time.Until(next.at); d > 0 {
			pause(ctx, d)
			continue
		}
		s.do(ctx, next)
		// At fixed rate, but what was missed is not made up for.
		if next.at = next.at.Add(next.every); next.at.Before(time.Now()) {
			next.at = time.Now().Add(next.every)
		}
	}
}

// round does the first jobs until one fails; those that worked are not done again.
func (s *schedule) round(ctx context.Context) bool {
	for len(s.jobs) > 0 && s.jobs[0].every == 0 {
		if !s.do(ctx, s.jobs[0]) {
			return false
		}
		s.jobs = s.jobs[1:]
	}
	return true
}

func (s *schedule) do(ctx context.Context, j *job) bool {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := j.run(limited)
	if err != nil && ctx.Err() == nil {
		s.log.Error("a job of the connector failed and is tried again", "job", j.what, "err", err)
	}
	return err == nil
}

// stop ends the schedule and waits for it.
func (s *schedule) stop() {
	if s.cancel != nil {
		s.cancel()
		s.done.Wait()
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
