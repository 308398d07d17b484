// SPDX-License-Identifier: Apache-2.0

// Package engine runs tasks: it moves batches between Kafka and connectors, through converters and transforms, with
// backpressure, retries, error tolerance, offsets and metrics. It knows nothing of groups, REST or other workers.
//
//	sink    consumer ─fill─► batch ─decode─► chain ─► Sink.Put ─► Flush ─► group commit
//	source  Source.Poll ─► batch ─chain─► encode ─► producer ─acks─► offset watermark ─► OffsetStore
//
// Cheap neighbours (decode, chain, encode) run fused in one goroutine; a ring stands where stages truly overlap (network in,
// connector). The fixed free list of batches of a task is the backpressure and the bound of its memory.
package engine
