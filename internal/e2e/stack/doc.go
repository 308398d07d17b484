// SPDX-License-Identifier: Apache-2.0

// Package stack starts real systems for tests and benchmarks: an Apache Kafka broker, the JVM Connect worker, penstock.
// Each is a child process on loopback with free ports and one folder of its own; ending is by process id, and a child
// dies with its parent. The scripts in scripts/ know how a JVM process is run; this package only runs them.
package stack
