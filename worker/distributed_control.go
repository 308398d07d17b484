// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/worker/rest"
	"github.com/penstock-io/penstock/worker/store"
)

// leaderWrite runs a write that is the leader's. A leader that was fenced claims its rights anew with the next chore.
func (d *Distributed) leaderWrite(err error) error {
	if err != nil && d.cfg.exactlyOnce() != "disabled" {
		d.fenced.Store(true)
		d.news.poke()
	}
	return err
}

// PutConnector implements rest.Changer.
func (d *Distributed) PutConnector(ctx context.Context, name string, cfg rest.Config, initial rest.TargetState, replace bool) (rest.ConnectorInfo, bool, error) {
	infos, err := d.cfg.Validate(cfg)
	if err == nil {
		err = configErrors(infos)
	}
	if err == nil {
		err = d.lead("Only the leader can set connector configs.")
	}
	if err != nil {
		return rest.ConnectorInfo{}, false, err
	}
	release, err := d.writes(ctx)
	if err != nil {
		return rest.ConnectorInfo{}, false, err
	}
	defer release()
	before := d.configs.Snapshot().Connector(name)
	if before != nil && !replace {
		return rest.ConnectorInfo{}, false, rest.AlreadyExists("Connector " + name + " already exists")
	}
	if err := d.leaderWrite(d.configs.PutConnector(ctx, name, cfg.Props(), store.Target(initial))); err != nil {
		return rest.ConnectorInfo{}, false, err
	}
	now := &store.Connector{Config: cfg.Props()}
	if before != nil {
		now.Tasks = before.Tasks
	}
	info := infoOf(name, now)
	info.Config = cfg
	return info, before == nil, nil
}

// PatchConnector implements rest.Changer.
func (d *Distributed) PatchConnector(ctx context.Context, name string, patch rest.Config) (rest.ConnectorInfo, error) {
	if err := d.lead("Only the leader can set connector configs."); err != nil {
		return rest.ConnectorInfo{}, err
	}
	info, err := d.ConnectorInfo(name)
	if err != nil {
		return info, err
	}
	info, _, err = d.PutConnector(ctx, name, patched(info.Config, patch), "", true)
	return info, err
}

// DeleteConnector implements rest.Changer.
func (d *Distributed) DeleteConnector(ctx context.Context, name string) error {
	if err := d.lead("Only the leader can delete connector configs."); err != nil {
		return err
	}
	release, err := d.writes(ctx)
	if err != nil {
		return err
	}
	defer release()
	if d.configs.Snapshot().Connector(name) == nil {
		return notFound(name)
	}
	return d.leaderWrite(d.configs.RemoveConnector(ctx, name))
}

// writes serialises the changes that people ask for. Nothing that runs here waits for it.
func (d *Distributed) writes(ctx context.Context) (release func(), err error) {
	if d.stopped.Load() {
		return nil, errStopping
	}
	select {
	case d.writing <- struct{}{}:
		return func() { <-d.writing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// PauseConnector implements rest.Changer. Any worker may write a target state.
func (d *Distributed) PauseConnector(ctx context.Context, name string) error {
	return d.putTarget(ctx, name, store.Paused)
}

// ResumeConnector implements rest.Changer.
func (d *Distributed) ResumeConnector(ctx context.Context, name string) error {
	return d.putTarget(ctx, name, store.Started)
}

func (d *Distributed) putTarget(ctx context.Context, name string, t store.Target) error {
	snap, err := d.snapshot()
	if err != nil {
		return err
	}
	if snap.Connector(name) == nil {
		return rest.NotFound("Unknown connector " + name)
	}
	return d.configs.PutTarget(ctx, name, t)
}

// StopConnector implements rest.Changer: first there are no tasks any more, then the state is written, so that a failure
// in between leaves nothing that people would wonder at.
func (d *Distributed) StopConnector(ctx context.Context, name string) error {
	snap, err := d.snapshot()
	if err != nil {
		return err
	}
	if snap.Connector(name) == nil {
		return rest.NotFound("Unknown connector " + name)
	}
	if err := d.lead("Only the leader can transition connectors to the STOPPED state."); err != nil {
		return err
	}
	release, err := d.writes(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := d.leaderWrite(d.configs.PutTasks(ctx, name, nil)); err != nil {
		return err
	}
	if err := d.configs.PutTarget(ctx, name, store.Stopped); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, time.Duration(d.cfg.Values.Int("worker.sync.timeout.ms"))*time.Millisecond)
	defer cancel()
	if err := d.configs.Refresh(limit); err != nil {
		d.connectorLog(name).Warn("the config topic could not be read to its end after writing the STOPPED target state", slog.Any("err", err))
	}
	return nil
}

// RestartConnector implements rest.Changer.
func (d *Distributed) RestartConnector(ctx context.Context, name string) error {
	if err := d.settled(ctx); err != nil {
		return err
	}
	if d.configs.Snapshot().Connector(name) == nil {
		return rest.NotFound("Unknown connector: " + name)
	}
	if !d.runsConnector(name) {
		_, _, _, url, leader := d.member.Now()
		if leader {
			return d.elsewhere("Cannot restart connector since it is not assigned to this member", d.member.OwnerOf(name, -1))
		}
		return d.elsewhere("Only the leader can process restart requests.", url)
	}
	c := d.local(name)
	select {
	case c.token <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.token }()
	return d.bounce(c, true)
}

// RestartTask implements rest.Changer.
func (d *Distributed) RestartTask(ctx context.Context, name string, id int) error {
	if err := d.settled(ctx); err != nil {
		return err
	}
	snap := d.configs.Snapshot()
	one := snap.Connector(name)
	switch {
	case one == nil:
		return rest.NotFound("Unknown connector: " + name)
	case id < 0 || id >= len(one.Tasks):
		return rest.NotFound("Unknown task: " + taskName(name, id))
	case !d.runsTask(name, id):
		_, _, _, url, leader := d.member.Now()
		if leader {
			url = d.member.OwnerOf(name, int32(id))
		}
		return d.elsewhere("Cannot restart task since it is not assigned to this member", url)
	}
	c := d.local(name)
	select {
	case c.token <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.token }()
	c.stopTasks(&d.runtime, id)
	d.startPart(c, snap, share{tasks: []int{id}})
	return nil
}

// RestartConnectorAndTasks implements rest.Changer: the request goes through the config topic to all workers.
func (d *Distributed) RestartConnectorAndTasks(ctx context.Context, r rest.RestartRequest) (rest.ConnectorState, error) {
	if err := d.settled(ctx); err != nil {
		return rest.ConnectorState{}, err
	}
	if d.configs.Snapshot().Connector(r.Connector) == nil {
		return rest.ConnectorState{}, rest.NotFound("Unknown connector: " + r.Connector)
	}
	if err := d.lead("Only the leader can process restart requests."); err != nil {
		return rest.ConnectorState{}, err
	}
	plan, _, _ := d.planRestart(r)
	err := d.leaderWrite(d.configs.PutRestart(ctx, store.Restart{Connector: r.Connector, IncludeTasks: r.IncludeTasks, OnlyFailed: r.OnlyFailed}))
	if err != nil {
		return rest.ConnectorState{}, err
	}
	if plan == nil {
		return rest.ConnectorState{}, rest.NotFound("Status for connector " + r.Connector + " not found")
	}
	return *plan, nil
}

// Offsets implements rest.OffsetKeeper.
func (d *Distributed) Offsets(ctx context.Context, name string) ([]rest.Offset, error) {
	info, err := d.ConnectorInfo(name)
	if err != nil {
		return nil, err
	}
	return d.listOffsets(ctx, info)
}

// AlterOffsets implements rest.OffsetKeeper.
func (d *Distributed) AlterOffsets(ctx context.Context, name string, offsets []rest.Offset) (string, error) {
	return d.modifyOffsets(ctx, name, offsets, false)
}

// ResetOffsets implements rest.OffsetKeeper.
func (d *Distributed) ResetOffsets(ctx context.Context, name string) (string, error) {
	return d.modifyOffsets(ctx, name, nil, true)
}

func (d *Distributed) modifyOffsets(ctx context.Context, name string, offsets []rest.Offset, reset bool) (string, error) {
	if err := d.settled(ctx); err != nil {
		return "", err
	}
	if err := d.lead("Only the leader can modify connector offsets"); err != nil {
		return "", err
	}
	release, err := d.writes(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	one, err := d.atRest(ctx, name)
	if err == nil && d.cfg.exactlyOnce() == "enabled" && connectorType(propsConfig(one.Config)) == connectors.SourceKind.String() {
		// A task that was left behind must not write over what people set. The round takes a while: look again after it.
		if err = d.fence(ctx, name); err != nil {
			return "", &batch.Fault{Class: batch.ConnectException, Cause: err,
				Message: "Failed to perform zombie fencing for source connector prior to modifying offsets"}
		}
		one, err = d.atRest(ctx, name)
	}
	if err != nil {
		return "", err
	}
	c := &connector{name: name, token: make(chan struct{}, 1), running: map[int]*task{}, exists: true, config: propsConfig(one.Config)}
	defer func() {
		if c.reload != nil {
			c.reload.Stop()
		}
	}()
	return d.changeOffsets(ctx, c, offsets, reset)
}

// atRest is a connector whose offsets may be changed: stopped, without tasks (modifyConnectorOffsetsChecks).
func (d *Distributed) atRest(ctx context.Context, name string) (*store.Connector, error) {
	if err := d.configs.Refresh(ctx); err != nil {
		return nil, err
	}
	snap := d.configs.Snapshot()
	one := snap.Connector(name)
	switch {
	case one == nil:
		return nil, notFound(name)
	case snap.Target(name) != store.Stopped || one.TaskCount > 0:
		return nil, notStopped(name)
	}
	return one, nil
}
