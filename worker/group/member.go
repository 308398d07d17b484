// SPDX-License-Identifier: Apache-2.0

package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Options of a Member. Snapshot, OnRevoked and OnAssigned must be set.
type Options struct {
	Broker   Broker
	Protocol Protocol // connect.protocol
	URL      string   // advertised REST URL
	// Session, Heartbeat and Rebalance are session.timeout.ms, heartbeat.interval.ms and rebalance.timeout.ms.
	Session, Heartbeat, Rebalance time.Duration
	// MaxDelay is scheduled.rebalance.max.delay.ms, RetryBackoff is retry.backoff.ms.
	MaxDelay, RetryBackoff time.Duration
	// Snapshot says what the config topic holds, as far as this worker has read it. It must not block.
	Snapshot func() Configured
	// OnRevoked stops work before others may get it. It runs on the member's goroutine, as does OnAssigned; heartbeats
	// go on meanwhile.
	OnRevoked func(ctx context.Context, w Work)
	// OnAssigned tells of a completed rebalance, failed ones included.
	OnAssigned func(ctx context.Context, c Completed)
	Log        *slog.Logger
	Now        func() time.Time
}

// Completed is a rebalance that this member took part in.
type Completed struct {
	Generation int32
	Protocol   Protocol
	MemberID   string
	// Assignment is what the member is to run now; its Revoked is what it just stopped.
	Assignment Assignment
	IsLeader   bool
}

// Member is this worker's place in the group (WorkerCoordinator, WorkerGroupMember). Run does all the work; the other
// methods may be called from anywhere.
type Member struct {
	o           Options
	cooperative *Cooperative
	wake        chan struct{}

	mu            sync.Mutex
	id            string
	generation    int32 // -1: not in the group
	lastCompleted int32
	protocol      Protocol // in use; until the first round the one wanted
	assignment    *Assignment
	owners        map[string]Work   // leader: who runs what
	urls          map[string]string // leader: REST URLs by member id
	rejoin        string            // why; "" = no need
	heard         time.Time         // last answer of the coordinator
	departed      chan struct{}     // set when the member tells the others that it leaves; closed when they know
}

// NewMember makes a member that is not in the group yet.
func NewMember(o Options) *Member {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Member{
		o: o, cooperative: NewCooperative(o.MaxDelay, o.Now), wake: make(chan struct{}, 1),
		generation: -1, lastCompleted: -1, protocol: o.Protocol, rejoin: "the worker starts",
	}
}

// Run joins and stays until ctx ends, then stops nothing but leaves the group. What is fatal, such as a group of another
// type or missing rights, ends it with an error.
func (m *Member) Run(ctx context.Context) error {
	var beating sync.WaitGroup
	beatCtx, stop := context.WithCancel(ctx)
	beating.Go(func() { m.beat(beatCtx) })
	err := m.loop(ctx)
	stop()
	beating.Wait()
	m.leave("the worker stops")
	return err
}

func (m *Member) loop(ctx context.Context) error {
	for ctx.Err() == nil {
		m.mu.Lock()
		reason := m.rejoin
		m.mu.Unlock()
		if reason == "" {
			select {
			case <-m.wake:
			case <-ctx.Done():
			}
			continue
		}
		err := m.rebalance(ctx, reason)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return nil
		case isFatal(err):
			return err
		}
		m.recover(ctx, err)
		select {
		case <-time.After(m.o.RetryBackoff):
		case <-ctx.Done():
		}
	}
	return nil
}

func isFatal(err error) bool {
	for _, e := range [...]error{kerr.InconsistentGroupProtocol, kerr.GroupAuthorizationFailed, kerr.InvalidSessionTimeout,
		kerr.InvalidGroupID, kerr.GroupMaxSizeReached, kerr.SaslAuthenticationFailed, kerr.UnsupportedVersion} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// rebalance is one round: join, sync, stop, start.
func (m *Member) rebalance(ctx context.Context, reason string) error {
	m.mu.Lock()
	last, eager := m.assignment, m.protocol == Eager
	m.mu.Unlock()
	if eager && last != nil && !last.Failed() {
		m.o.OnRevoked(ctx, last.Assigned.Clone()) // heartbeats go on: it may take longer than a session
	}
	m.mu.Lock()
	m.rejoin = ""
	m.owners, m.urls = nil, nil
	id := m.id
	last = m.assignment
	m.generation = -1 // no heartbeats while the round is under way
	m.mu.Unlock()
	again := func(why string) {
		m.mu.Lock()
		if m.rejoin == "" {
			m.rejoin = why
		}
		m.mu.Unlock()
	}
	// A join may take long for good reasons, so whether anybody is there is asked first.
	limit, cancel := context.WithTimeout(ctx, m.o.Heartbeat)
	err := m.o.Broker.Find(limit)
	cancel()
	if err != nil {
		again(reason)
		return err
	}
	configured := m.o.Snapshot()
	m.mu.Lock()
	leaving := m.departed != nil
	m.mu.Unlock()
	state := State{URL: m.o.URL, ConfigOffset: configured.Offset, Assignment: last, Leaving: leaving}
	r := Join{Member: id, Session: m.o.Session, Rebalance: m.o.Rebalance, Reason: reason}
	for _, p := range m.o.Protocol.Offered() {
		r.Protocols = append(r.Protocols, Offer{p.Name(), AppendMetadata(nil, p, &state)})
	}
	joined, err := m.o.Broker.Join(ctx, r)
	if err != nil {
		again(reason)
		return err
	}
	m.mu.Lock()
	m.id, m.heard = joined.Member, m.o.Now()
	m.mu.Unlock()
	protocol, err := ProtocolOf(joined.Protocol)
	if err != nil {
		return err
	}
	sync := Sync{Member: joined.Member, Generation: joined.Generation, Protocol: joined.Protocol}
	if joined.Leader == joined.Member {
		if sync.Assignments, err = m.lead(protocol, joined, configured); err != nil {
			again(reason)
			return err
		}
	}
	raw, err := m.o.Broker.Sync(ctx, sync)
	if err != nil {
		again(reason)
		return err
	}
	given, err := ParseAssignment(raw)
	if err == nil && given == nil {
		err = errors.New("the leader gave no assignment")
	}
	if err != nil {
		again(reason)
		return err
	}
	if leaving {
		m.mu.Lock()
		m.generation = joined.Generation
		close(m.departed)
		m.mu.Unlock()
		<-ctx.Done() // whatever was given: it is left to others by leaving the group
		return nil
	}
	m.finish(ctx, protocol, joined, given)
	return nil
}

// finish merges what was given into what is run, and lets the herder act.
func (m *Member) finish(ctx context.Context, protocol Protocol, joined Joined, given *Assignment) {
	m.mu.Lock()
	m.heard = m.o.Now()
	m.generation = joined.Generation // heartbeats go on from here
	m.protocol = protocol
	last := m.assignment
	m.mu.Unlock()
	if protocol != Eager {
		if !given.Revoked.Empty() {
			m.o.OnRevoked(ctx, given.Revoked.Clone())
		}
		if last != nil {
			given.Assigned = given.Assigned.Plus(last.Assigned.Minus(given.Revoked))
		}
	}
	m.mu.Lock()
	m.assignment = given
	m.lastCompleted = joined.Generation
	if given.Failed() && m.rejoin == "" {
		m.rejoin = "the assignment failed"
	}
	m.mu.Unlock()
	done := *given
	done.Assigned, done.Revoked = given.Assigned.Clone(), given.Revoked.Clone()
	m.o.OnAssigned(ctx, Completed{
		Generation: joined.Generation, Protocol: protocol, MemberID: joined.Member, Assignment: done,
		IsLeader: joined.Leader == joined.Member,
	})
}

// lead computes what everybody gets.
func (m *Member) lead(protocol Protocol, joined Joined, configured Configured) (map[string][]byte, error) {
	states := make(map[string]*State, len(joined.Members))
	urls := make(map[string]string, len(joined.Members))
	most := int64(-1)
	for i, member := range joined.Members {
		s, err := ParseMetadata(member.Metadata)
		if err != nil {
			return nil, fmt.Errorf("member %s of the group: %w", member.Member, err)
		}
		states[member.Member], urls[member.Member] = s, s.URL
		if i == 0 || s.ConfigOffset > most {
			most = s.ConfigOffset
		}
	}
	// The JVM goes by the offset of the members unless its own is behind; then it looks whether it has read on.
	offset, failed := most, false
	if configured.Offset < most {
		configured = m.o.Snapshot()
		offset, failed = configured.Offset, configured.Offset < most
	}
	template := Assignment{Version: int16(protocol), Leader: joined.Member, LeaderURL: urls[joined.Member], ConfigOffset: offset}
	out := make(map[string][]byte, len(states))
	if failed {
		template.Error, template.ConfigOffset = ConfigMismatch, most
		for id := range states {
			out[id] = AppendAssignment(nil, protocol, &template)
		}
		return out, nil
	}
	round := m.assign(protocol, joined, configured, states)
	m.mu.Lock()
	m.owners, m.urls = round.Owned, urls
	m.mu.Unlock()
	for id := range states {
		a := template
		a.Assigned, a.Revoked, a.Delay = round.Assigned[id], round.Revoked[id], round.Delay
		if out[id] = AppendAssignment(nil, protocol, &a); protocol != Eager {
			out[id] = AppendKin(out[id])
		}
	}
	return out, nil
}

func (m *Member) assign(protocol Protocol, joined Joined, configured Configured, states map[string]*State) Round {
	if protocol == Eager {
		ids := make([]string, 0, len(joined.Members))
		for _, member := range joined.Members {
			ids = append(ids, member.Member)
		}
		return AssignEager(configured.Work, ids)
	}
	members := make([]Running, 0, len(joined.Members))
	for _, member := range joined.Members {
		if states[member.Member].Leaving {
			m.cooperative.Forget(member.Member)
			continue
		}
		one := Running{ID: member.Member}
		if a := states[member.Member].Assignment; a != nil {
			one.Work = a.Assigned
		}
		members = append(members, one)
	}
	m.mu.Lock()
	last := m.lastCompleted
	m.mu.Unlock()
	return m.cooperative.Assign(configured.Work, last, joined.Generation, members)
}

// recover acts on an error of a round or a heartbeat.
func (m *Member) recover(ctx context.Context, err error) {
	lost := false
	m.mu.Lock()
	switch {
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.FencedInstanceID):
		// The broker forgot this member; what it runs goes into its new metadata, so that it keeps it.
		m.id, m.generation = "", -1
		m.request("the broker no longer knows this member: " + err.Error())
	case errors.Is(err, kerr.RebalanceInProgress):
		m.request("the group rebalances")
	default:
		m.request("the coordinator did not answer: " + err.Error())
		lost = m.assignment != nil && !m.assignment.Failed() && !m.heard.IsZero() && m.o.Now().Sub(m.heard) > m.o.Session
	}
	a := m.assignment
	if lost {
		m.assignment = nil
	}
	m.mu.Unlock()
	m.o.Log.Info("membership of the group was interrupted", slog.Any("err", err))
	if lost {
		m.o.Log.Warn("the coordinator of the group was not heard of for a session; all work is stopped, as another worker may get it",
			slog.Duration("session", m.o.Session))
		m.o.OnRevoked(ctx, a.Assigned.Clone())
	}
}

// request notes that the member should join again. mu is held.
func (m *Member) request(reason string) {
	if m.rejoin == "" {
		m.rejoin = reason
	}
}

// maxHeartbeat is how long a member may take to notice that the group rebalances.
const maxHeartbeat = 500 * time.Millisecond

// beat sends heartbeats while the member is in a generation.
func (m *Member) beat(ctx context.Context) {
	// A member learns of a rebalance by its heartbeat, and all wait for the last one: more often is quicker.
	tick := time.NewTicker(min(m.o.Heartbeat, maxHeartbeat))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		m.mu.Lock()
		id, generation, wants := m.id, m.generation, m.rejoin != ""
		m.mu.Unlock()
		if generation < 0 {
			continue
		}
		limit, cancel := context.WithTimeout(ctx, m.o.Session)
		err := m.o.Broker.Heartbeat(limit, id, generation)
		cancel()
		m.mu.Lock()
		same := m.generation == generation && m.id == id
		if err == nil || errors.Is(err, kerr.RebalanceInProgress) {
			m.heard = m.o.Now()
		}
		m.mu.Unlock()
		if err == nil || !same || ctx.Err() != nil {
			continue
		}
		if wants && errors.Is(err, kerr.RebalanceInProgress) {
			continue // it knows
		}
		m.noteHeartbeat(err)
	}
}

// noteHeartbeat leaves a failed heartbeat to the member's own goroutine.
func (m *Member) noteHeartbeat(err error) {
	m.mu.Lock()
	switch {
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.FencedInstanceID):
		m.id, m.generation = "", -1
		m.request("the broker no longer knows this member: " + err.Error())
	case errors.Is(err, kerr.RebalanceInProgress):
		m.request("the group rebalances")
	case m.o.Now().Sub(m.heard) > m.o.Session:
		m.request("the coordinator did not answer: " + err.Error())
	}
	m.mu.Unlock()
	m.poke()
}

func (m *Member) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Rejoin asks for a rebalance.
func (m *Member) Rejoin(reason string) {
	m.mu.Lock()
	m.request(reason)
	m.mu.Unlock()
	m.poke()
}

// RejoinPending says that the member is about to join, or in the middle of it.
func (m *Member) RejoinPending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rejoin != "" || m.generation < 0
}

// Forget drops all work from what the member says it runs: the herder has stopped it.
func (m *Member) Forget() {
	m.mu.Lock()
	m.assignment = nil
	m.request("all work was given up")
	m.mu.Unlock()
	m.poke()
}

// Depart tells a leader of our kind that this member stops for good, so that others get its work without waiting for it to
// return. All that it ran must have been stopped. Other leaders, and nobody when this member leads, are not told.
func (m *Member) Depart(ctx context.Context) {
	m.mu.Lock()
	a := m.assignment
	if a == nil || !a.Kin || m.protocol == Eager || m.id == "" || a.Leader == m.id || m.departed != nil {
		m.mu.Unlock()
		return
	}
	done := make(chan struct{})
	m.departed = done
	m.assignment = nil
	m.request("the worker stops")
	m.mu.Unlock()
	m.poke()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Leave leaves the group; the next rebalance joins it anew.
func (m *Member) Leave(reason string) {
	m.leave(reason)
	m.Rejoin(reason)
}

func (m *Member) leave(reason string) {
	m.mu.Lock()
	id := m.id
	m.id, m.generation = "", -1
	m.mu.Unlock()
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := m.o.Broker.Leave(ctx, id, reason); err != nil {
		m.o.Log.Warn("the group could not be left in order", slog.Any("err", err))
	}
}

// Now tells where the member stands: its id, generation (-1 outside of the group), the protocol in use, and the leader's
// REST URL ("" when unknown).
func (m *Member) Now() (id string, generation int32, protocol Protocol, leaderURL string, isLeader bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.assignment != nil {
		leaderURL = m.assignment.LeaderURL
		isLeader = m.id != "" && m.assignment.Leader == m.id
	}
	return m.id, m.lastCompleted, m.protocol, leaderURL, isLeader
}

// OwnerOf is the REST URL of the worker that runs a connector, or a task when task ≥ 0. Only the leader knows: "" otherwise.
func (m *Member) OwnerOf(connector string, task int32) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rejoin != "" {
		return ""
	}
	for id, w := range m.owners {
		if task < 0 && w.HasConnector(connector) || task >= 0 && w.HasTask(TaskID{connector, task}) {
			return m.urls[id]
		}
	}
	return ""
}
