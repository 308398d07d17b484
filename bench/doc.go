// SPDX-License-Identifier: Apache-2.0

// Command bench races penstock against the Kafka Connect worker on the JVM and against raw clients, side by side in one
// run, keeps the raw figures, and writes BENCHMARKS.md from them. How to read and repeat it: docs/bench.md.
//
//	go run ./bench -list
//	go run ./bench -run null-json-3smt
//	go run ./bench -run figures -size full -results bench/results -md BENCHMARKS.md -flames docs/img
//	go run ./bench -compare bench/results/OLD.json bench/results/NEW.json
//
// Everything is measured from outside, by the REST API, Kafka and the kernel, so each worker is measured alike, and the
// same connector configuration is posted to both:
//
//   - CPU is user + system time of the worker's process, all threads, REST and offset commits included. For a sink it
//     runs from before the PUT of its connector until its group has committed the topic's end; for a source from the
//     first record seen in its topic to the last, or from before the PUT when a quarter was there at first sight. The
//     broker's CPU is counted apart. Records per CPU-second is the figure to compare: on a machine that is shared with
//     the broker and others, wall time says little.
//   - Peak memory is VmHWM, reset before each run. A worker lives through all runs of its workload.
//   - Allocations, count and bytes, are the slope between two runs of different length, so that the start of connector
//     and task falls out.
//   - Runs are interleaved: run 1 of penstock, of the raw client, of the JVM, then run 2 of each; the median counts.
//     Before them the JVM runs until its rate is flat. Its very first run is told as its cold figure.
//   - The raw client (rawconn.go) is a process with one connection that checks every CRC and reads every field of every
//     record: the floor of a data path. kgo is franz-go doing the same job through its record interface.
//   - What arrives is held against the truth: a source's topic by count, order and content of each partition; a sink's
//     by what penstock and the JVM write to a file of the same records, and by the offsets that its group commits. A run
//     that differs is thrown away, and says so.
//   - The JVM runs with the flags of Kafka's own scripts, -Xmx2g, plugin.discovery=service_load; every worker has
//     offset.flush.interval.ms=1000.
package main
