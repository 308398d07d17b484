// SPDX-License-Identifier: Apache-2.0

// Package group is a Connect worker's membership in its cluster: the bytes that workers exchange through Kafka's group
// protocol (protocol.go), what the leader hands out (assignor.go, eager.go), and the life of a member (member.go).
//
//	join ─► [leader: assign] ─► sync ─► stop what was revoked ─► start what was assigned ─► heartbeat … rejoin ─► join
//
// Nothing here does I/O but through Broker, so that whole clusters run in a test. The classes it mirrors are those of
// org.apache.kafka.connect.runtime.distributed: WorkerCoordinator, IncrementalCooperativeAssignor, EagerAssignor,
// ConnectProtocol, IncrementalCooperativeConnectProtocol.
package group
