// SPDX-License-Identifier: Apache-2.0

package group

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Broker is the group coordinator as a member sees it. Errors that the coordinator answers are those of kerr; all others
// are of the network.
type Broker interface {
	// Find looks the coordinator up: an answer means that the cluster can be reached.
	Find(ctx context.Context) error
	// Join waits until the group is complete.
	Join(ctx context.Context, r Join) (Joined, error)
	// Sync hands the leader's assignments in and returns the member's own.
	Sync(ctx context.Context, r Sync) ([]byte, error)
	Heartbeat(ctx context.Context, member string, generation int32) error
	Leave(ctx context.Context, member, reason string) error
}

// Join is a request to join.
type Join struct {
	Member             string // "" the first time
	Session, Rebalance time.Duration
	Protocols          []Offer
	Reason             string
}

// Offer is a protocol with the member's metadata for it.
type Offer struct {
	Name     string
	Metadata []byte
}

// Joined is the answer. Members is set for the leader only.
type Joined struct {
	Member, Leader string
	Generation     int32
	Protocol       string
	Members        []Offered
}

// Offered is a member's metadata in the protocol chosen.
type Offered struct {
	Member   string
	Metadata []byte
}

// Sync is a request for the assignment; Assignments is what the leader decided, by member.
type Sync struct {
	Member, Protocol string
	Generation       int32
	Assignments      map[string][]byte
}

// Coordinator is Broker over a client, which finds the coordinator and retries what is worth it.
type Coordinator struct {
	Client *kgo.Client
	Group  string
}

// Find implements Broker.
func (c *Coordinator) Find(ctx context.Context) error {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey = c.Group
	req.CoordinatorKeys = []string{c.Group}
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err == nil && len(resp.Coordinators) > 0 {
		err = kerr.ErrorForCode(resp.Coordinators[0].ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("find the coordinator of group %s: %w", c.Group, err)
	}
	return nil
}

// Join implements Broker. A member without an id is given one by the first request, and joins with the second.
func (c *Coordinator) Join(ctx context.Context, r Join) (Joined, error) {
	for range 2 {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Group, req.MemberID, req.ProtocolType = c.Group, r.Member, Type
		req.SessionTimeoutMillis = int32(r.Session.Milliseconds())
		req.RebalanceTimeoutMillis = int32(r.Rebalance.Milliseconds())
		if r.Reason != "" {
			req.Reason = &r.Reason
		}
		for _, p := range r.Protocols {
			o := kmsg.NewJoinGroupRequestProtocol()
			o.Name, o.Metadata = p.Name, p.Metadata
			req.Protocols = append(req.Protocols, o)
		}
		resp, err := req.RequestWith(ctx, c.Client)
		if err != nil {
			return Joined{}, fmt.Errorf("join group %s: %w", c.Group, err)
		}
		if resp.ErrorCode == kerr.MemberIDRequired.Code && r.Member == "" {
			r.Member = resp.MemberID
			continue
		}
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return Joined{Member: resp.MemberID}, fmt.Errorf("join group %s: %w", c.Group, err)
		}
		out := Joined{Member: resp.MemberID, Leader: resp.LeaderID, Generation: resp.Generation}
		if resp.Protocol != nil {
			out.Protocol = *resp.Protocol
		}
		for _, m := range resp.Members {
			out.Members = append(out.Members, Offered{m.MemberID, m.ProtocolMetadata})
		}
		return out, nil
	}
	return Joined{}, fmt.Errorf("join group %s: %w", c.Group, kerr.MemberIDRequired)
}

// Sync implements Broker.
func (c *Coordinator) Sync(ctx context.Context, r Sync) ([]byte, error) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = c.Group, r.Member, r.Generation
	kind, protocol := Type, r.Protocol
	req.ProtocolType, req.Protocol = &kind, &protocol
	for id, b := range r.Assignments {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = id, b
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("sync group %s: %w", c.Group, err)
	}
	return resp.MemberAssignment, nil
}

// Heartbeat implements Broker.
func (c *Coordinator) Heartbeat(ctx context.Context, member string, generation int32) error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = c.Group, member, generation
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("heartbeat in group %s: %w", c.Group, err)
	}
	return nil
}

// Leave implements Broker.
func (c *Coordinator) Leave(ctx context.Context, member, reason string) error {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = c.Group, member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.Reason = member, &reason
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("leave group %s: %w", c.Group, err)
	}
	return nil
}
