// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestJavaError(t *testing.T) {
	f := func(err error, class, message string) {
		t.Helper()
		c, m, ok := JavaError(err)
		if ok != (class != "") || c != class || m != message {
			t.Errorf("JavaError(%v) = %q, %q, %v; want %q, %q", err, c, m, ok, class, message)
		}
	}
	f(nil, "", "")
	f(errors.New("something else"), "", "")
	f(kerr.MessageTooLarge, javaPackage+"RecordTooLargeException", kerr.MessageTooLarge.Description)
	f(kerr.UnknownTopicOrPartition, javaPackage+"UnknownTopicOrPartitionException", "This server does not host this topic-partition.")
	f(fmt.Errorf("create topic x: %w", kerr.ClusterAuthorizationFailed), javaPackage+"ClusterAuthorizationException",
		"create topic x: "+kerr.ClusterAuthorizationFailed.Description)
	// What the broker adds stays.
	f(fmt.Errorf("%w (the limit is 10)", kerr.PolicyViolation), javaPackage+"PolicyViolationException",
		kerr.PolicyViolation.Error()+" (the limit is 10)")
	f(&UnknownTopicError{Topic: "a", After: time.Minute}, javaPackage+"TimeoutException", "Topic a not present in metadata after 60000 ms.")
}

func TestJavaNames(t *testing.T) {
	f := func(code int16, want string) {
		t.Helper()
		if got := javaName(kerr.TypedErrorForCode(code).Message); got != want {
			t.Errorf("code %d is %s, want %s", code, got, want)
		}
	}
	f(6, "NotLeaderOrFollowerException")
	f(17, "InvalidTopicException")
	f(36, "TopicExistsException")
	f(47, "InvalidProducerEpochException")
	f(58, "SaslAuthenticationException")
	f(87, "InvalidRecordException")
	f(90, "ProducerFencedException")
}
