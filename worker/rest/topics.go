// SPDX-License-Identifier: Apache-2.0

package rest

import "net/http"

// topics adds the active topics of a connector (KIP-558).
func (x *api) topics(mux *http.ServeMux, one string) {
	x.json(mux, one+"/topics", map[string]method{"GET": getTopics})
	x.json(mux, one+"/topics/reset", map[string]method{"PUT": resetTopics})
}

// activeTopics is the body of GET /connectors/{connector}/topics.
type activeTopics struct {
	connector string
	topics    []string
}

func (t activeTopics) writeJSON(w *writer) {
	w.open('{')
	w.key(t.connector)
	w.open('{')
	w.key("topics")
	w.strings(t.topics)
	w.close('}')
	w.close('}')
}

func getTopics(c *call) (answer, error) {
	if !c.api.TopicTracking {
		return answer{}, Forbidden("Topic tracking is disabled.")
	}
	return ok(activeTopics{c.connector(), c.herder().ActiveTopics(c.connector())}), nil
}

func resetTopics(c *call) (answer, error) {
	switch {
	case !c.api.TopicTracking:
		return answer{}, Forbidden("Topic tracking is disabled.")
	case !c.api.TopicTrackingReset:
		return answer{}, Forbidden("Topic tracking reset is disabled.")
	}
	c.herder().ResetActiveTopics(c.connector())
	return answer{status: http.StatusAccepted}, nil
}
