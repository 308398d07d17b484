// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestIsGroupInterruption(t *testing.T) {
	f := func(err error, want bool) {
		t.Helper()
		if got := IsGroupInterruption(err); got != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
	session := func(err error) error { return &kgo.ErrGroupSession{Err: err} }
	refused := session(fmt.Errorf("unable to dial: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}))
	f(refused, true)
	f(session(io.EOF), true)
	f(session(kerr.CoordinatorNotAvailable), true)
	f(session(kerr.UnknownMemberID), true)
	f(session(fmt.Errorf("heartbeat: %w", kerr.IllegalGeneration)), true)
	f(errors.Join(refused, session(io.EOF)), true)
	// nothing that a new attempt would change
	f(session(kerr.GroupAuthorizationFailed), false)
	f(session(kerr.SaslAuthenticationFailed), false)
	f(session(kerr.InconsistentGroupProtocol), false)
	f(session(kerr.FencedInstanceID), false)
	f(ErrClosed, false)
	f(io.EOF, false)
	f(errors.Join(refused, &PartitionError{Err: kerr.TopicAuthorizationFailed}), false)
	f(errors.Join(refused, ErrClosed), false)
	f(nil, false)
}
