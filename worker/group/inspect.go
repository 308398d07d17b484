// SPDX-License-Identifier: Apache-2.0

package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Description is a group as its coordinator describes it to one that is not a member.
type Description struct {
	State        string // Empty, Stable, PreparingRebalance, CompletingRebalance, Dead
	ProtocolType string // "connect" for a Connect cluster; "" when it is empty and new
	Protocol     string
	Members      []Described
	Rights       Rights
}

// Described is a member of a described group.
type Described struct {
	ID, ClientID, Host string
	State              *State // nil when its metadata cannot be read
	Work               Work   // what it runs since the last rebalance
}

// Rights are the operations that the asking principal may do on a resource, by AclOperation's code. The zero value knows
// nothing.
type Rights struct {
	Known bool
	bits  int32
}

// Operations of AclOperation that a worker needs.
const (
	Read            = 3
	Write           = 4
	Create          = 5
	Describe        = 8
	DescribeConfigs = 10
)

// May tells whether the operation is allowed, as far as is known.
func (r Rights) May(operation int) bool { return !r.Known || r.bits&(1<<operation) != 0 }

// unasked is what a broker answers that does not know authorized operations.
const unasked = -2147483648

func rightsOf(bits int32) Rights { return Rights{Known: bits != unasked, bits: bits} }

// Look describes the group without joining it.
func (c *Coordinator) Look(ctx context.Context) (*Description, error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups, req.IncludeAuthorizedOperations = []string{c.Group}, true
	resp, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return nil, fmt.Errorf("describe group %s: %w", c.Group, err)
	}
	if len(resp.Groups) != 1 {
		return nil, fmt.Errorf("describe group %s: the broker answered with %d groups", c.Group, len(resp.Groups))
	}
	g := &resp.Groups[0]
	if err := kerr.ErrorForCode(g.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("describe group %s: %w", c.Group, err)
	}
	out := &Description{State: g.State, ProtocolType: g.ProtocolType, Protocol: g.Protocol, Rights: rightsOf(g.AuthorizedOperations)}
	for _, m := range g.Members {
		one := Described{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost}
		if g.ProtocolType == Type {
			one.State, one.Work = readWork(g.Protocol, m.ProtocolMetadata, m.MemberAssignment)
		}
		out.Members = append(out.Members, one)
	}
	slices.SortFunc(out.Members, func(a, b Described) int { return compareJava(a.ID, b.ID) })
	return out, nil
}

// readWork is what a member runs by what it said when it joined and what it was given then. Bytes that cannot be read count as
// nothing.
func readWork(protocol string, metadata, assignment []byte) (*State, Work) {
	s, err := ParseMetadata(metadata)
	if err != nil {
		s = nil
	}
	a, err := ParseAssignment(assignment)
	if err != nil || a == nil || a.Failed() {
		a = &Assignment{}
	}
	if p, err := ProtocolOf(protocol); err != nil || p == Eager || s == nil || s.Assignment == nil {
		return s, a.Assigned
	}
	return s, s.Assignment.Assigned.Minus(a.Revoked).Plus(a.Assigned)
}

// TopicRights asks what the principal may do on topics. Those that do not exist are absent.
func (c *Coordinator) TopicRights(ctx context.Context, topics ...string) (map[string]Rights, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.IncludeTopicAuthorizedOperations, req.AllowAutoTopicCreation = true, false
	for _, t := range topics {
		one := kmsg.NewMetadataRequestTopic()
		one.Topic = kmsg.StringPtr(t)
		req.Topics = append(req.Topics, one)
	}
	resp, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return nil, fmt.Errorf("ask for the rights on topics: %w", err)
	}
	out := map[string]Rights{}
	for _, t := range resp.Topics {
		switch {
		case t.Topic == nil:
		case t.ErrorCode == 0:
			out[*t.Topic] = rightsOf(t.AuthorizedOperations)
		case t.ErrorCode == kerr.TopicAuthorizationFailed.Code:
			out[*t.Topic] = Rights{Known: true}
		}
	}
	return out, nil
}

// GroupRights asks what the principal may do on groups.
func (c *Coordinator) GroupRights(ctx context.Context, groups ...string) (map[string]Rights, error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups, req.IncludeAuthorizedOperations = groups, true
	out := map[string]Rights{}
	for _, shard := range c.Client.RequestSharded(ctx, req) {
		if errors.Is(shard.Err, kerr.GroupAuthorizationFailed) { // its coordinator is not told either
			for _, g := range shard.Req.(*kmsg.DescribeGroupsRequest).Groups {
				out[g] = Rights{Known: true}
			}
			continue
		}
		if shard.Err != nil {
			return out, fmt.Errorf("ask for the rights on groups: %w", shard.Err)
		}
		for _, g := range shard.Resp.(*kmsg.DescribeGroupsResponse).Groups {
			switch g.ErrorCode {
			case 0, kerr.GroupIDNotFound.Code:
				out[g.Group] = rightsOf(g.AuthorizedOperations)
			case kerr.GroupAuthorizationFailed.Code:
				out[g.Group] = Rights{Known: true}
			}
		}
	}
	return out, nil
}

// Transactional is what a broker tells of a transactional id.
type Transactional struct {
	Exists  bool // somebody has used it, not too long ago
	Refused bool // the principal may not look at it, which it may when it may write with it
}

// Transactional asks for a transactional id. Brokers that do not know the question (before 3.0) tell nothing.
func (c *Coordinator) Transactional(ctx context.Context, id string) Transactional {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{id}
	resp, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return Transactional{}
	}
	var out Transactional
	for _, s := range resp.TransactionStates {
		if s.TransactionalID == id {
			out.Exists, out.Refused = s.ErrorCode == 0, s.ErrorCode == kerr.TransactionalIDAuthorizationFailed.Code
		}
	}
	return out
}

// Brokers is how many brokers the cluster has now.
func (c *Coordinator) Brokers(ctx context.Context) (int, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	resp, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return 0, fmt.Errorf("ask for the brokers: %w", err)
	}
	return len(resp.Brokers), nil
}

// Preview is what a worker that joined now would come to run, if a leader of Connect's own kind decided and nobody else
// came or went: the rounds are played with the members as they are.
func Preview(configured Work, members []Running, newcomer string) Work {
	all := append(slices.Clone(members), Running{ID: newcomer})
	c := &Cooperative{now: time.Now, previousGeneration: -1}
	completed := int32(-1)
	for generation := range int32(previewRounds) {
		r := c.Assign(configured, completed, generation, all)
		completed = generation
		changed := false
		for i := range all {
			m := &all[i]
			changed = changed || !r.Revoked[m.ID].Empty() || !r.Assigned[m.ID].Empty()
			m.Work = m.Work.Minus(r.Revoked[m.ID]).Plus(r.Assigned[m.ID])
		}
		if !changed {
			break
		}
	}
	return all[len(all)-1].Work
}

// previewRounds is more than a group needs to settle when nobody leaves.
const previewRounds = 8
