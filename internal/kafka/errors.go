// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Sentinels of this package; test with errors.Is.
var (
	// ErrRebalancing is returned by Commit while a rebalance callback runs: nothing was sent, commit again later, or
	// commit through the callback's Rebalance.
	ErrRebalancing = errors.New("org.apache.kafka.common.errors.RebalanceInProgressException: offsets cannot be committed while the group is rebalancing")
	// ErrNotOwned marks a commit from which partitions were left out because this member no longer owns them.
	ErrNotOwned = errors.New("partition is not assigned to this member")
	// ErrClosed is returned by calls on a closed client.
	ErrClosed = errors.New("kafka client is closed")
)

// NotOwnedError lists what a Commit left out. The other partitions were committed. It is ErrNotOwned.
type NotOwnedError struct{ Partitions []TopicPartition }

// Error names the partitions.
func (e *NotOwnedError) Error() string {
	names := make([]string, len(e.Partitions))
	for i, tp := range e.Partitions {
		names[i] = tp.String()
	}
	return "partitions were revoked before their offsets could be committed: " + strings.Join(names, ", ")
}

// Is reports that it is an ErrNotOwned.
func (e *NotOwnedError) Is(target error) bool { return target == ErrNotOwned }

// PartitionError is an error of one partition in a fetch or an offset request.
type PartitionError struct {
	TopicPartition
	Err error
}

// Error names the partition and the reason.
func (e *PartitionError) Error() string { return e.TopicPartition.String() + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *PartitionError) Unwrap() error { return e.Err }

// UnknownTopicError is what records to a topic fail with when it did not appear in time. It is the broker's
// UNKNOWN_TOPIC_OR_PARTITION, with the text of Java's TimeoutException.
type UnknownTopicError struct {
	Topic string
	After time.Duration
}

// Error is Java's message.
func (e *UnknownTopicError) Error() string {
	return "org.apache.kafka.common.errors.TimeoutException: Topic " + e.Topic + " not present in metadata after " +
		strconv.FormatInt(e.After.Milliseconds(), 10) + " ms. (UNKNOWN_TOPIC_OR_PARTITION)"
}

// Unwrap returns the broker's error, so that IsUnknownTopic sees it.
func (e *UnknownTopicError) Unwrap() error { return kerr.UnknownTopicOrPartition }

// UnreachableError means that none of the bootstrap servers answered.
type UnreachableError struct {
	Bootstrap []string
	Err       error
}

// Error names the servers and the last reason.
func (e *UnreachableError) Error() string {
	return "cannot reach Kafka at bootstrap.servers=" + strings.Join(e.Bootstrap, ",") + ": " + e.Err.Error()
}

// Unwrap returns the last reason.
func (e *UnreachableError) Unwrap() error { return e.Err }

// IsUnknownTopic reports a topic or partition that does not exist.
func IsUnknownTopic(err error) bool { return errors.Is(err, kerr.UnknownTopicOrPartition) }

// IsAuthorization reports that the principal may not do what was asked.
func IsAuthorization(err error) bool {
	for _, e := range []error{
		kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// IsAuthentication reports refused credentials.
func IsAuthentication(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.UnsupportedSaslMechanism) ||
		errors.Is(err, kerr.IllegalSaslState)
}

// IsFenced reports a transactional producer that another one with its id has replaced.
func IsFenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

// IsRetriable reports an error that Kafka calls retriable: the same call may succeed later.
func IsRetriable(err error) bool {
	var ke *kerr.Error
	if errors.As(err, &ke) {
		return ke.Retriable
	}
	return errors.Is(err, ErrRebalancing) || errors.Is(err, kgo.ErrRecordTimeout)
}

// isNetwork reports that a broker could not be talked to, for reasons that may pass: not a refused login, not a
// certificate nobody trusts.
func isNetwork(err error) bool {
	var unreachable *UnreachableError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &unreachable) && !IsAuthentication(err) && !errors.As(err, &certificate) && !errors.Is(err, kgo.ErrClientClosed)
}

// javaError is a message in the words of Kafka's Java client, which scripts and people search for.
type javaError string

// Error returns the message.
func (e javaError) Error() string { return string(e) }

// brokerError translates an error code; 0 is nil. message is the broker's own sentence, if it sent one.
func brokerError(code int16, message *string) error {
	err := kerr.ErrorForCode(code)
	if err == nil || message == nil || *message == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, *message)
}

// contextError prefers the caller's own deadline or cancellation over what it made the client say.
func contextError(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
