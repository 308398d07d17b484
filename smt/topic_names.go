// SPDX-License-Identifier: Apache-2.0

package smt

import "github.com/penstock-io/penstock/batch"

// routed is what a router made of a topic.
type routed struct {
	topic string
	err   error
}

// routeTopics gives every live row the topic that route makes of its own, asking once per topic.
func routeTopics(b *batch.Batch, seen *map[string]routed, route func(topic string) (string, error)) {
	ask := func(topic string) routed {
		r, ok := (*seen)[topic]
		if !ok {
			r.topic, r.err = route(topic)
			if *seen == nil || len(*seen) >= maxTopicsSeen {
				*seen = map[string]routed{}
			}
			(*seen)[topic] = r
		}
		return r
	}
	if topic, same := b.Topics.Const(); same && b.AllAlive() && b.N > 0 {
		if r := ask(topic); r.err == nil {
			if r.topic != topic {
				b.Topics.Set(r.topic)
			}
			return
		}
	}
	for row := range b.N {
		if b.IsDead(row) {
			continue
		}
		r := ask(b.Topics.At(row))
		if r.err != nil {
			b.Fail(row, batch.Transformation, r.err)
			continue
		}
		b.Topics.Put(row, b.N, r.topic)
	}
}
