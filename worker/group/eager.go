// SPDX-License-Identifier: Apache-2.0

package group

import "slices"

// AssignEager is the leader's assignor of version 0 (EagerAssignor): connectors, then tasks, are dealt to the members in
// turn. Nobody keeps anything for having had it.
func AssignEager(configured Work, members []string) Round {
	out := Round{Assigned: map[string]Work{}, Revoked: map[string]Work{}, Owned: map[string]Work{}}
	if len(members) == 0 {
		return out
	}
	members = slices.Clone(members)
	slices.SortFunc(members, compareJava)
	configured = configured.Sorted()
	turn := 0
	next := func() string {
		turn++
		return members[(turn-1)%len(members)]
	}
	for _, c := range configured.Connectors {
		id := next()
		w := out.Assigned[id]
		w.Connectors = append(w.Connectors, c)
		out.Assigned[id] = w
	}
	for _, t := range configured.Tasks {
		id := next()
		w := out.Assigned[id]
		w.Tasks = append(w.Tasks, t)
		out.Assigned[id] = w
	}
	for id, w := range out.Assigned {
		out.Owned[id] = w
	}
	return out
}
