// SPDX-License-Identifier: Apache-2.0

// Package kafka is the only room that talks to brokers through franz-go. Everyone else sees the types below.
//
//	properties ──► Parse ──► ClientConfig ──► Consumer   a sink's group: Poll, Commit, Seek, Pause
//	(Java keys)                         ├──► Producer   ProduceRows: a whole encoded batch, one callback
//	                                    └──► Admin      topics, offsets, groups, Ping
//
// Rules:
//
//   - Properties are those of Kafka's Java clients. A value Java refuses is refused here with the same reason; a value
//     Java takes and we cannot honour is refused by name; a key without effect here is a warning.
//   - A partition that was revoked is never committed afterwards: revocation and commit share one lock (consumer.go).
//   - Records of a partition arrive in the order they were produced, and none is lost on a retry: the producer is
//     idempotent unless the user says otherwise (producer.go).
//   - What leaves this package has no kgo type but Record, an alias, so that records are handed over without a copy.
package kafka
