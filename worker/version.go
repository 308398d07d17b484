// SPDX-License-Identifier: Apache-2.0

package worker

// Version is the version of Kafka Connect that this worker stands for: what GET /, statuses and plugin lists show, and
// what ranges in *.plugin.version are compared with.
const Version = "4.3.1"

// Commit is what GET / shows beside it. A release build sets it to its own commit.
var Commit = "penstock"
