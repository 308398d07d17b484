// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Watched is a Herder whose tasks a watchdog looks at.
type Watched interface {
	// TaskHealth answers from what the tasks say of themselves now; it calls no connector.
	TaskHealth() TaskHealth
}

// TaskHealth is the answer to GET /penstock/health: what the status of a task, which is Connect's, cannot say.
type TaskHealth struct {
	WorkerID string        `json:"worker_id"`
	Healthy  bool          `json:"healthy"` // no troubles
	Tasks    int           `json:"tasks"`   // that run on this worker
	Troubles []TaskTrouble `json:"troubles"`
	Restarts []TaskRestart `json:"restarts"` // by penstock.restart.policy
}

// TaskTrouble is a task that says RUNNING and does nothing.
type TaskTrouble struct {
	Connector string    `json:"connector"`
	Task      int       `json:"task"`
	Call      string    `json:"call"` // poll, put, flush, ...; "" when no call hangs
	Since     time.Time `json:"since"`
	Millis    int64     `json:"for_ms"`
	What      string    `json:"what"`
	Stack     string    `json:"stack,omitempty"`
}

// TaskRestart is what the restart policy has done for a task.
type TaskRestart struct {
	Connector string     `json:"connector"`
	Task      int        `json:"task"`
	Count     int        `json:"count"` // in a row
	Max       int        `json:"max"`
	Next      *time.Time `json:"next,omitempty"` // absent: none is planned
}

// healths adds the watchdog's resource. It is ours, not Connect's, and answers 200 also when there are troubles: one
// connector that hangs is no reason to end a worker.
func (x *api) healths(mux *http.ServeMux) {
	h, ok := x.herder.(Watched)
	if !ok {
		return
	}
	mux.HandleFunc("GET /penstock/health", func(w http.ResponseWriter, _ *http.Request) {
		sendJSON(w, http.StatusOK, h.TaskHealth())
	})
}

// sendJSON sends a value of ours, indented for people.
func sendJSON(w http.ResponseWriter, status int, v any) {
	if status != http.StatusOK {
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
		return
	}
	sendPlain(w, jsonType, func(out io.Writer) error {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}

// sendError sends an error in the form of Connect's.
func sendError(w http.ResponseWriter, err error) {
	status, text := statusOf(err)
	send(w, status, jsonType, &Error{Status: status, Message: text})
}
