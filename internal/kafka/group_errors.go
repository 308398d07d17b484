// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"crypto/tls"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// rejoins are the answers after which Java's ConsumerCoordinator joins again, though Kafka does not call them retriable.
var rejoins = []*kerr.Error{
	kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.MemberIDRequired,
	kerr.FencedMemberEpoch, kerr.StaleMemberEpoch,
}

// IsGroupInterruption reports an error of Consumer.Poll that says no more than that the membership in the group was
// interrupted: a broker could not be reached, or the coordinator has forgotten the member. What was assigned is lost, the
// client goes on joining by itself, and Java's consumer would not have told its caller. Refused credentials and rights,
// errors of a partition, and what no new attempt can change are not.
func IsGroupInterruption(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // as Poll joins them
		return !slices.ContainsFunc(joined.Unwrap(), func(e error) bool { return !isInterruption(e) })
	}
	return isInterruption(err)
}

func isInterruption(err error) bool {
	var session *kgo.ErrGroupSession
	var certificate *tls.CertificateVerificationError
	if !errors.As(err, &session) || IsAuthentication(err) || IsAuthorization(err) || errors.As(err, &certificate) {
		return false
	}
	var answer *kerr.Error
	if errors.As(session.Err, &answer) {
		return answer.Retriable || slices.Contains(rejoins, answer)
	}
	return true // the network
}
