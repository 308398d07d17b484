// SPDX-License-Identifier: Apache-2.0

// Package mirror holds MirrorMaker 2's connectors by Apache's class names and keys: MirrorSourceConnector copies topics of
// one Kafka cluster to another, MirrorHeartbeatConnector tells where data comes from and how late.
//
//	connector   lists topics of both ends, creates what the target lacks, keeps configs and ACLs alike,
//	            deals topic-partitions round robin to tasks          (connector.go, topics.go, schedule.go)
//	task        source.go: fetched rows are the batch's slab and columns ─► the engine's producer
//	            offset_syncs.go: upstream offset = downstream offset, now and then
//
// The engine's producer writes to the cluster of the worker, as in Connect: target.cluster.bootstrap.servers must name
// the same one. The source is read without a group; where to go on is the worker's business, as with any source.
//
// Offsets, topic names, offset syncs and heartbeats are those of Apache's, so that either can take over
// from the other. It is the only connector that may import internal/kafka: the system it speaks to is Kafka, and a
// second client would be a second set of settings, faults and fetch paths.
package mirror
