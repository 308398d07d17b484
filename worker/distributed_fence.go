// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/rest"
)

// fences keeps one round of zombie fencing per connector at a time.
type fences struct {
	mu     sync.Mutex
	rounds map[string]*fenceRound
}

// fenceRound is one round; those who ask while it goes on share it.
type fenceRound struct {
	done chan struct{}
	err  error
}

// transactionalID is the id of a task's producer with exactly-once support.
func (c *Config) transactionalID(connector string, task int) string {
	return c.Values.String("group.id") + "-" + connector + "-" + strconv.Itoa(task)
}

// fenceTimeout is the transaction timeout of the requests that fence, which nobody uses.
const fenceTimeout = 90 * time.Second

// Fence implements rest.Peers.
func (d *Distributed) Fence(c rest.PeerCall, name string) error {
	if err := d.checkSignature(c); err != nil {
		return err
	}
	if err := d.lead("Only the leader may perform zombie fencing."); err != nil {
		return err
	}
	return d.fence(c.Context(), name)
}

// fenceZombies has the leader make sure that no task of an older set of a connector still writes, before one of the new
// set starts.
func (d *Distributed) fenceZombies(ctx context.Context, name string) error {
	_, _, _, leaderURL, leader := d.member.Now()
	if leader {
		return d.fence(ctx, name)
	}
	return d.peerCall(ctx, http.MethodPut, leaderURL, "/connectors/"+url.PathEscape(name)+"/fence", nil)
}

// fence is the leader's part.
func (d *Distributed) fence(ctx context.Context, name string) error {
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := d.configs.Refresh(limit); err != nil {
		return &batch.Fault{Class: batch.ConnectException, Message: "Failed to read to end of config topic before performing zombie fencing", Cause: err}
	}
	one := d.configs.Snapshot().Connector(name)
	switch {
	case one == nil:
		return notFound(name)
	case connectorType(propsConfig(one.Config)) != connectors.SourceKind.String():
		return rest.BadRequest("Connector " + name + " is not a source connector")
	case !one.PendingFencing:
		return nil
	case one.FencedTasks < 0 || one.FencedTasks == 1 && one.TaskCount == 1:
		// Nobody has ever written, or the one new task fences the one old task by itself.
		return d.leaderWrite(d.configs.PutFenced(limit, name, one.TaskCount))
	}
	d.fencing.mu.Lock()
	if d.fencing.rounds == nil {
		d.fencing.rounds = map[string]*fenceRound{}
	}
	r, busy := d.fencing.rounds[name]
	if !busy {
		r = &fenceRound{done: make(chan struct{})}
		d.fencing.rounds[name] = r
	}
	d.fencing.mu.Unlock()
	if busy {
		select {
		case <-r.done:
			return r.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.err = d.fenceRound(name, one.FencedTasks, one.Generation)
	d.fencing.mu.Lock()
	delete(d.fencing.rounds, name)
	d.fencing.mu.Unlock()
	close(r.done)
	return r.err
}

// fenceRound fences the producers of the tasks that were, and notes how many there are now.
func (d *Distributed) fenceRound(name string, tasks, generation int) error {
	ctx, cancel := context.WithTimeout(d.ctx, fenceTimeout)
	defer cancel()
	d.connectorLog(name).Info("fencing the producers of an older set of tasks", slog.Int("tasks", tasks))
	one := d.configs.Snapshot().Connector(name)
	if one == nil {
		return notFound(name)
	}
	t, err := d.cfg.Transformer.Transform(one.Config)
	if err != nil {
		return err
	}
	cfg, err := kafka.Parse(kafka.RoleAdmin, kafka.AdminProps(d.cfg.Props.Strings(), t.Props.Strings(), "connector-worker-adminclient-"+name))
	if err != nil {
		return err
	}
	admin, err := kafka.NewAdmin(cfg, d.log)
	if err != nil {
		return err
	}
	defer admin.Close()
	ids := make([]string, tasks)
	for i := range ids {
		ids[i] = d.cfg.transactionalID(name, i)
	}
	if err := admin.FenceProducers(ctx, fenceTimeout, ids...); err != nil {
		return &batch.Fault{Class: batch.ConnectException, Message: "Failed to perform zombie fencing", Cause: err}
	}
	if err := d.configs.Refresh(ctx); err != nil {
		return err
	}
	one = d.configs.Snapshot().Connector(name)
	switch {
	case one == nil:
		return notFound(name)
	case one.Generation != generation:
		return rest.Conflict("Fencing failed because new task configurations were generated for the connector")
	}
	return d.leaderWrite(d.configs.PutFenced(ctx, name, one.TaskCount))
}
