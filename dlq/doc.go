// SPDX-License-Identifier: Apache-2.0

// Package dlq knows what a dead letter queue holds: the headers of a letter, the stable code of an error, which letters
// were replayed already, and the loop that replays the others.
//
//	engine ── writes letters ──► dead letter queue ── Scan ──► Select ──► Replay ──► a Deliverer ──► marks
//
// Letters are written by the engine, or by a JVM worker: what a letter of the latter lacks (no context headers, no cause)
// is left empty or worked out from what is there.
//
// A letter is replayed once. Which ones were is kept in a topic of its own, <queue>.replayed: records of ranges of offsets,
// written in a transaction whose id belongs to the queue, so that of two replays at a time the older one is shut out.
package dlq
