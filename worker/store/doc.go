// SPDX-License-Identifier: Apache-2.0

// Package store keeps what the workers of a cluster share, in Connect's three compacted topics: configurations
// (config*.go), statuses (status*.go) and source offsets (offset*.go). The bytes are those of the JVM's
// KafkaConfigBackingStore, KafkaStatusBackingStore and KafkaOffsetBackingStore, so that workers of both kinds read each
// other's.
//
// Each store has a pure part, which turns records into state and back and runs without Kafka, and a part that reads and
// writes the topic. Snapshots of the state are immutable and taken without waiting.
package store
