// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"errors"
	"net/http"
)

// serverInfo is the body of GET /.
type serverInfo struct{ version, commit, clusterID string }

func (s serverInfo) writeJSON(w *writer) {
	w.open('{')
	w.field("version", s.version)
	w.field("commit", s.commit)
	w.key("kafka_cluster_id")
	if s.clusterID == "" {
		w.raw("null")
	} else {
		w.str(s.clusterID)
	}
	w.close('}')
}

func getRoot(c *call) (answer, error) {
	return ok(serverInfo{c.api.Version, c.api.Commit, c.herder().KafkaClusterID()}), nil
}

// workerStatus is the body of GET /health (KIP-1017).
type workerStatus struct{ status, message string }

func (s workerStatus) writeJSON(w *writer) {
	w.open('{')
	w.field("status", s.status)
	w.field("message", s.message)
	w.close('}')
}

func getHealth(c *call) (answer, error) {
	ctx, cancel := context.WithTimeout(c.Context(), healthTimeout)
	defer cancel()
	err := c.herder().Health(ctx)
	detail := ""
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		detail = " " + err.Error()
	}
	switch {
	case !c.herder().Ready():
		return answer{http.StatusServiceUnavailable, "", workerStatus{"starting", "Worker is still starting up." + detail}}, nil
	case err != nil:
		return answer{http.StatusInternalServerError, "", workerStatus{"unhealthy",
			"Worker was unable to handle this request and may be unable to handle other requests." + detail}}, nil
	}
	return ok(workerStatus{"healthy", "Worker has completed startup and is ready to handle requests."}), nil
}
