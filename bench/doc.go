// SPDX-License-Identifier: Apache-2.0

// Command bench races penstock against the Kafka Connect worker on the JVM and against a bare Kafka client, side by
// side in one run, and writes the tables of BENCHMARKS.md.
//
//	go run ./bench -list
//	go run ./bench -run null-json-3smt,file-source
//	go run ./bench -run all -md BENCHMARKS.md -json results.json
//	go run ./bench -run null-json -peer jvm -jvm-java /opt/jdk-25/bin/java -worker-props producer.batch.size=262144
//
// Everything is measured from outside, by the REST API, Kafka and /proc, so each worker is measured alike:
//
//   - CPU is user + system time of the worker's process, all threads, REST and offset commits included. For a sink it
//     runs from before the PUT of its connector until its group has committed the topic's end; for a source from the
//     first record seen in its topic to the last. Records per CPU-second is the figure to compare: on a machine that
//     is shared with the broker and others, wall time says little.
//   - Peak memory is VmHWM, reset before each run. A worker lives through all runs of its workload.
//   - Runs are interleaved: run 1 of penstock, of the raw client, of the JVM, then run 2 of each. The JVM's compiler
//     needs a few runs to get hot, so the first runs (-warm) do not count for anybody; of those that follow (-runs) the
//     median counts. The JVM's first run is shown as its cold figure.
//   - The raw client is franz-go in a process of its own that only consumes (or only reads lines and produces).
//   - The JVM runs with the flags of Kafka's own scripts, -Xmx2g, plugin.discovery=service_load; every worker has
//     offset.flush.interval.ms=1000.
package main
