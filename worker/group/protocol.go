// SPDX-License-Identifier: Apache-2.0

package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Type is the protocol type of a Connect cluster's group.
const Type = "connect"

// Protocol is one of the three ways in which workers agree (ConnectProtocolCompatibility).
type Protocol int16

// The protocols, by the version on the wire.
const (
	Eager      Protocol = 0
	Compatible Protocol = 1
	Sessioned  Protocol = 2
)

// Name is the protocol's name in a JoinGroup request.
func (p Protocol) Name() string {
	switch p {
	case Eager:
		return "default"
	case Compatible:
		return "compatible"
	}
	return "sessioned"
}

// ProtocolOf is the protocol of a name on the wire; an unknown name is an error.
func ProtocolOf(name string) (Protocol, error) {
	for _, p := range [...]Protocol{Eager, Compatible, Sessioned} {
		if p.Name() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("unknown Connect group protocol %q: expected default, compatible or sessioned", name)
}

// Offered are the protocols that a worker with this connect.protocol offers, the preferred one first.
func (p Protocol) Offered() []Protocol {
	switch p {
	case Eager:
		return []Protocol{Eager}
	case Compatible:
		return []Protocol{Compatible, Eager}
	}
	return []Protocol{Sessioned, Compatible, Eager}
}

// Error codes of an assignment.
const (
	NoError        int16 = 0
	ConfigMismatch int16 = 1 // the leader has not read the config topic far enough
)

// connectorTask stands for the Connector instance among task numbers.
const connectorTask int32 = -1

// Assignment is what the leader gives to one member (ExtendedAssignment). With the cooperative protocols Assigned is
// what is added; once the member has merged it, all that it runs.
type Assignment struct {
	Version      int16
	Error        int16
	Leader       string // member id
	LeaderURL    string // REST
	ConfigOffset int64
	Assigned     Work
	Revoked      Work
	Delay        int32 // milliseconds until a rebalance is wanted; 0 = none
	// Kin says that the leader understands State.Leaving: it is a worker of our kind.
	Kin bool
}

// Failed says that the assignment only asks to join again.
func (a *Assignment) Failed() bool { return a.Error != NoError }

// State is what a member tells the others (ExtendedWorkerState).
type State struct {
	URL          string // REST, as advertised
	ConfigOffset int64
	Assignment   *Assignment // what it runs; nil = nothing since it started
	// Leaving says that the member has stopped everything and wants no more: others may have its work at once. Only
	// leaders of our kind know it, see trailer.
	Leaving bool
}

// trailer follows what the JVM writes, which reads no further: two letters and flags.
const (
	trailer     = "PS"
	flagLeaving = 1
)

// AppendKin marks an assignment as that of a leader that understands State.Leaving.
func AppendKin(dst []byte) []byte { return append(append(dst, trailer...), 0) }

// flags are those of a trailer; ok is false when there is none.
func (r *reader) flags() (flags byte, ok bool) {
	if r.err != nil || len(r.p) <= len(trailer) || string(r.p[:len(trailer)]) != trailer {
		return 0, false
	}
	return r.p[len(trailer)], true
}

// AppendMetadata writes a member's state as the metadata of one protocol.
func AppendMetadata(dst []byte, p Protocol, s *State) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(p))
	dst = appendText(dst, s.URL)
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.ConfigOffset))
	if p == Eager {
		return dst
	}
	if s.Leaving {
		return append(append(binary.BigEndian.AppendUint32(dst, math.MaxUint32), trailer...), flagLeaving)
	}
	if s.Assignment == nil {
		return binary.BigEndian.AppendUint32(dst, math.MaxUint32)
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	a := *s.Assignment
	a.Version = int16(p)
	dst = AppendAssignment(dst, p, &a)
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// AppendAssignment writes an assignment in the form of a protocol.
func AppendAssignment(dst []byte, p Protocol, a *Assignment) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(p))
	dst = binary.BigEndian.AppendUint16(dst, uint16(a.Error))
	dst = appendText(dst, a.Leader)
	dst = appendText(dst, a.LeaderURL)
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.ConfigOffset))
	dst = appendWork(dst, a.Assigned)
	if p == Eager {
		return dst
	}
	dst = appendWork(dst, a.Revoked)
	return binary.BigEndian.AppendUint32(dst, uint32(a.Delay))
}

func appendText(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

// appendWork writes a list of connectors with their tasks; -1 is the Connector and comes first.
func appendWork(dst []byte, w Work) []byte {
	var names []string
	tasks := map[string][]int32{}
	put := func(name string, task int32) {
		if _, ok := tasks[name]; !ok {
			names = append(names, name)
		}
		tasks[name] = append(tasks[name], task)
	}
	for _, c := range w.Connectors {
		put(c, connectorTask)
	}
	for _, t := range w.Tasks {
		put(t.Connector, t.Task)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(names)))
	for _, name := range names {
		dst = appendText(dst, name)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(tasks[name])))
		for _, t := range tasks[name] {
			dst = binary.BigEndian.AppendUint32(dst, uint32(t))
		}
	}
	return dst
}

// ParseMetadata reads a member's metadata of any protocol. Fields that are missing at the end are absent, and more than
// is known is ignored, as the JVM does.
func ParseMetadata(p []byte) (*State, error) {
	r := reader{p: p}
	version := r.int16()
	s := &State{URL: r.text(), ConfigOffset: r.int64()}
	if r.err == nil && version < 0 {
		return nil, fmt.Errorf("metadata of a worker has version %d", version)
	}
	if r.err == nil && version > 0 && len(r.p) > 0 {
		n := r.int32()
		if n >= 0 {
			inner := r.take(int(n))
			if r.err == nil {
				a, err := ParseAssignment(inner)
				if err != nil {
					return nil, fmt.Errorf("allocation of a worker: %w", err)
				}
				s.Assignment = a
			}
		}
		flags, _ := r.flags()
		s.Leaving = flags&flagLeaving != 0
	}
	if r.err != nil {
		return nil, fmt.Errorf("metadata of a worker: %w", r.err)
	}
	return s, nil
}

// ParseAssignment reads an assignment of any protocol, as leniently as ParseMetadata. No bytes are no assignment: nil.
func ParseAssignment(p []byte) (*Assignment, error) {
	if len(p) == 0 {
		return nil, nil
	}
	r := reader{p: p}
	a := &Assignment{Version: r.int16(), Error: r.int16(), Leader: r.text(), LeaderURL: r.text(), ConfigOffset: r.int64()}
	if len(r.p) > 0 {
		a.Assigned = r.work()
	}
	if a.Version > 0 && len(r.p) > 0 {
		a.Revoked = r.work()
	}
	if a.Version > 0 && len(r.p) > 0 {
		a.Delay = r.int32()
		_, a.Kin = r.flags()
	}
	if r.err != nil {
		return nil, fmt.Errorf("assignment: %w", r.err)
	}
	if a.Version < 0 {
		return nil, fmt.Errorf("assignment has version %d", a.Version)
	}
	return a, nil
}

var errShort = errors.New("ends too early")

// reader takes values from the front of p. After an error all are zero.
type reader struct {
	p   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.p) {
		r.err = errShort
		return nil
	}
	out := r.p[:n]
	r.p = r.p[n:]
	return out
}

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) text() string { return string(r.take(int(r.int16()))) }

// work reads a list of connectors with their tasks; a null list is empty.
func (r *reader) work() Work {
	var w Work
	n := r.int32()
	for i := int32(0); i < n && r.err == nil; i++ {
		name := r.text()
		tasks := r.int32()
		for j := int32(0); j < tasks && r.err == nil; j++ {
			if t := r.int32(); t == connectorTask {
				w.Connectors = append(w.Connectors, name)
			} else {
				w.Tasks = append(w.Tasks, TaskID{name, t})
			}
		}
	}
	return w
}
