// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// javaPackage is where the exceptions of Kafka's protocol live.
const javaPackage = "org.apache.kafka.common.errors."

// javaNames are the exceptions that are not called as their error code says.
var javaNames = map[string]string{
	"UNKNOWN_SERVER_ERROR":                  "UnknownServerException",
	"CORRUPT_MESSAGE":                       "CorruptRecordException",
	"REQUEST_TIMED_OUT":                     "TimeoutException",
	"MESSAGE_TOO_LARGE":                     "RecordTooLargeException",
	"NOT_LEADER_FOR_PARTITION":              "NotLeaderOrFollowerException",
	"STALE_CONTROLLER_EPOCH":                "ControllerMovedException",
	"OFFSET_METADATA_TOO_LARGE":             "OffsetMetadataTooLarge",
	"RECORD_LIST_TOO_LARGE":                 "RecordBatchTooLargeException",
	"INVALID_TOPIC_EXCEPTION":               "InvalidTopicException",
	"TOPIC_AUTHORIZATION_FAILED":            "TopicAuthorizationException",
	"GROUP_AUTHORIZATION_FAILED":            "GroupAuthorizationException",
	"CLUSTER_AUTHORIZATION_FAILED":          "ClusterAuthorizationException",
	"TRANSACTIONAL_ID_AUTHORIZATION_FAILED": "TransactionalIdAuthorizationException",
	"DELEGATION_TOKEN_AUTHORIZATION_FAILED": "DelegationTokenAuthorizationException",
	"DELEGATION_TOKEN_AUTH_DISABLED":        "DelegationTokenDisabledException",
	"DELEGATION_TOKEN_REQUEST_NOT_ALLOWED":  "UnsupportedByAuthenticationException",
	"TOPIC_ALREADY_EXISTS":                  "TopicExistsException",
	"INVALID_CONFIG":                        "InvalidConfigurationException",
	"OUT_OF_ORDER_SEQUENCE_NUMBER":          "OutOfOrderSequenceException",
	"DUPLICATE_SEQUENCE_NUMBER":             "DuplicateSequenceException",
	"INVALID_PRODUCER_ID_MAPPING":           "InvalidPidMappingException",
	"INVALID_TRANSACTION_TIMEOUT":           "InvalidTxnTimeoutException",
	"KAFKA_STORAGE_ERROR":                   "KafkaStorageException",
	"SASL_AUTHENTICATION_FAILED":            "SaslAuthenticationException",
	"NON_EMPTY_GROUP":                       "GroupNotEmptyException",
	"PRINCIPAL_DESERIALIZATION_FAILURE":     "PrincipalDeserializationException",
	"FETCH_SESSION_TOPIC_ID_ERROR":          "FetchSessionTopicIdException",
	"INVALID_REGULAR_EXPRESSION":            "InvalidRegularExpression",
}

// JavaError names the exception that Java's clients throw where err came up here, with its message; false when err is
// not Kafka's. It looks through what err wraps.
func JavaError(err error) (class, message string, ok bool) {
	var unknown *UnknownTopicError
	var ke *kerr.Error
	switch {
	case errors.As(err, &unknown):
		text := strings.TrimPrefix(unknown.Error(), javaPackage+"TimeoutException: ")
		return javaPackage + "TimeoutException", strings.TrimSuffix(text, " (UNKNOWN_TOPIC_OR_PARTITION)"), true
	case errors.As(err, &ke):
		return javaPackage + javaName(ke.Message), javaMessage(err, ke), true
	case errors.Is(err, kgo.ErrRecordTimeout), errors.Is(err, kgo.ErrRecordRetries):
		return javaPackage + "TimeoutException", err.Error(), true
	case errors.Is(err, ErrClosed), errors.Is(err, kgo.ErrClientClosed):
		return "java.lang.IllegalStateException", err.Error(), true
	case isNetwork(err) && !errors.Is(err, context.Canceled):
		return javaPackage + "TimeoutException", err.Error(), true
	}
	return "", "", false
}

// javaMessage is the exception's text: what the broker said, when it said more than its code does, or what this
// package put around the code.
func javaMessage(err error, ke *kerr.Error) string {
	text := err.Error()
	if text == ke.Error() || strings.HasSuffix(text, ": "+ke.Error()) {
		return strings.TrimSuffix(text, ke.Error()) + ke.Description
	}
	return text
}

// javaName turns UNKNOWN_TOPIC_OR_PARTITION into UnknownTopicOrPartitionException.
func javaName(code string) string {
	if name, ok := javaNames[code]; ok {
		return name
	}
	var b strings.Builder
	for part := range strings.SplitSeq(code, "_") {
		if part != "" {
			b.WriteString(part[:1] + strings.ToLower(part[1:]))
		}
	}
	name := b.String()
	if !strings.HasSuffix(name, "Exception") {
		name += "Exception"
	}
	return name
}
