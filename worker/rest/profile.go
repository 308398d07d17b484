// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/penstock-io/penstock/engine"
)

// Profiler is a Herder that knows where the time of its tasks goes.
type Profiler interface {
	// Profile takes the clocks of a connector's tasks on this worker off.
	Profile(name string) (ConnectorProfile, error)
}

// ConnectorProfile is the answer to GET /penstock/connectors/{connector}/profile.
type ConnectorProfile struct {
	Connector     string           `json:"connector"`
	WorkerID      string           `json:"worker_id"`
	WindowSeconds float64          `json:"window_seconds"` // what "last minute" covers, at most ten seconds more
	BoundBy       ConnectorBound   `json:"bound_by"`
	Tasks         []engine.Profile `json:"tasks"`
}

// ConnectorBound is what keeps a connector from going faster: the bound of its slowest task.
type ConnectorBound struct {
	Task int `json:"task"` // -1: no task has anything to do
	engine.Bound
}

// longestCPUProfile bounds ?cpu=SECONDS.
const longestCPUProfile = 60

// profiles adds the resource that says why a connector is slow. It is ours, not Connect's, and below a path of its own.
func (x *api) profiles(mux *http.ServeMux) {
	p, ok := x.herder.(Profiler)
	if !ok {
		return
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		profile, err := p.Profile(r.PathValue("connector"))
		if err != nil {
			status, text := statusOf(err)
			send(w, status, jsonType, &Error{Status: status, Message: text})
			return
		}
		query := r.URL.Query()
		if seconds := query.Get("cpu"); seconds != "" {
			sendCPUProfile(w, r, profile.Connector, seconds)
			return
		}
		switch format := query.Get("format"); format {
		case "", "json":
			sendPlain(w, jsonType, func(out io.Writer) error {
				e := json.NewEncoder(out)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				return e.Encode(profile)
			})
		case "text":
			sendPlain(w, "text/plain; charset=utf-8", profile.WriteText)
		default:
			send(w, http.StatusBadRequest, jsonType, &Error{Status: http.StatusBadRequest,
				Message: "format is " + strconv.Quote(format) + ": it must be json or text"})
		}
	}
	mux.HandleFunc("GET /penstock/connectors/{connector}/profile", handler)
}

// sendPlain sends what write makes.
func sendPlain(w http.ResponseWriter, contentType string, write func(io.Writer) error) {
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		send(w, http.StatusInternalServerError, jsonType, &Error{Status: http.StatusInternalServerError, Message: err.Error()})
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	_, _ = w.Write(buf.Bytes())
}

// WriteText writes the profile as tables for people.
func (p ConnectorProfile) WriteText(w io.Writer) error {
	_, _ = fmt.Fprintf(w, "connector %s on %s, last minute and since the start of each task\n", p.Connector, p.WorkerID)
	if p.BoundBy.Task >= 0 {
		_, _ = fmt.Fprintf(w, "bound by %s of task %d: %s\n", p.BoundBy.Stage, p.BoundBy.Task, p.BoundBy.Why)
	} else {
		_, _ = fmt.Fprintf(w, "bound by nothing: %s\n", p.BoundBy.Why)
	}
	for i := range p.Tasks {
		_, _ = fmt.Fprintln(w)
		if err := p.Tasks[i].WriteText(w); err != nil {
			return err
		}
	}
	return nil
}

// sendCPUProfile profiles the process for some seconds and sends the samples of the connector alone, in pprof's format.
func sendCPUProfile(w http.ResponseWriter, r *http.Request, connector, seconds string) {
	n, err := strconv.ParseFloat(seconds, 64)
	if err != nil || !(n > 0) || n > longestCPUProfile {
		send(w, http.StatusBadRequest, jsonType, &Error{Status: http.StatusBadRequest,
			Message: fmt.Sprintf("cpu is %q: it must be a number of seconds, at most %d", seconds, longestCPUProfile)})
		return
	}
	profile, err := cpuProfile(r.Context(), connector, time.Duration(n*float64(time.Second)))
	if err != nil {
		send(w, http.StatusConflict, jsonType, &Error{Status: http.StatusConflict, Message: err.Error()})
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="cpu.pb.gz"`)
	sendPlain(w, "application/octet-stream", func(out io.Writer) error {
		_, err := out.Write(profile)
		return err
	})
}
