// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/dlq"
)

// LetterKeeper is a Herder whose connectors' dead letter queues can be looked into.
type LetterKeeper interface {
	// Letters makes the desk; it is asked once.
	Letters() LetterDesk
}

// LetterDesk lists and replays the letters of connectors. Safe for concurrent use.
type LetterDesk interface {
	// List reads a connector's queues.
	List(ctx context.Context, connector string, q LetterQuery) (LetterList, error)
	// Replay starts a replay and waits for its end for as long as the request says.
	Replay(ctx context.Context, connector string, r ReplayRequest) (ReplayStatus, error)
	// Status tells of the last replay.
	Status(connector string) (ReplayStatus, error)
	// Cancel ends the replay that is under way, after the letters it has in hand.
	Cancel(ctx context.Context, connector string) (ReplayStatus, error)
}

// LetterQuery says which letters to list.
type LetterQuery struct {
	Queue  string // "" = all of the connector's
	Filter dlq.Filter
	Limit  int
	All    bool // also those that were replayed
	Values bool // with keys and values
}

// LetterList is the answer to GET /penstock/connectors/{connector}/dlq.
type LetterList struct {
	Connector string      `json:"connector"`
	Queues    []string    `json:"queues"`
	Summary   dlq.Summary `json:"summary"`
	Letters   []Letter    `json:"letters"`
}

// Letter is a letter for people. Payloads are shown on request only.
type Letter struct {
	Queue string `json:"queue"`
	dlq.Place
	Time      time.Time `json:"time"`
	Replayed  bool      `json:"replayed"`
	Topic     string    `json:"original_topic,omitempty"`
	Origin    *int32    `json:"original_partition,omitempty"`
	At        *int64    `json:"original_offset,omitempty"`
	Task      *int      `json:"task,omitempty"`
	Cause     dlq.Cause `json:"cause"`
	Exception string    `json:"exception,omitempty"`
	Message   string    `json:"message,omitempty"`
	Trace     string    `json:"trace,omitempty"`
	Key       *string   `json:"key,omitempty"`
	Value     *string   `json:"value,omitempty"`
}

// LetterOf shows a letter; values adds key, value and the trace.
func LetterOf(queue string, e dlq.Entry, values bool) Letter {
	l := Letter{Queue: queue, Place: e.Place, Time: e.Time, Replayed: e.Replayed, Topic: e.Topic, Cause: e.Cause,
		Exception: e.Exception, Message: e.Message}
	if e.Origin >= 0 {
		l.Origin = &e.Origin
	}
	if e.At >= 0 {
		l.At = &e.At
	}
	if e.Task >= 0 {
		l.Task = &e.Task
	}
	if values {
		l.Trace, l.Key, l.Value = e.Trace, shown(e.Key), shown(e.Value)
	}
	return l
}

func shown(p []byte) *string {
	if p == nil {
		return nil
	}
	s := string(p)
	if !utf8.Valid(p) {
		s = strconv.QuoteToASCII(s)
	}
	return &s
}

// ReplayRequest is the body of POST /penstock/connectors/{connector}/dlq/replay.
type ReplayRequest struct {
	Queue   string
	Filter  dlq.Filter
	Rate    float64
	Limit   int
	DryRun  bool
	Produce bool
	Topic   string
	Config  config.Props
	Wait    time.Duration
}

// ReplayStatus tells of a replay.
type ReplayStatus struct {
	Connector string          `json:"connector"`
	Running   bool            `json:"running"`
	DryRun    bool            `json:"dry_run"`
	Started   time.Time       `json:"started"`
	Ended     time.Time       `json:"ended,omitzero"`
	Matched   int             `json:"matched"`
	Already   int             `json:"already_replayed"`
	Replayed  int             `json:"replayed"`
	Failed    int             `json:"failed"`
	Failures  []ReplayFailure `json:"failures,omitempty"`
	Error     string          `json:"error,omitempty"`
}

// ReplayFailure is a letter that failed again.
type ReplayFailure struct {
	dlq.Place
	Error string `json:"error"`
}

// Take copies what a replay has done.
func (s *ReplayStatus) Take(r dlq.Result) {
	s.Matched, s.Already, s.Replayed, s.Failed = r.Matched, r.Already, r.Replayed, r.Failed
	s.Failures = nil
	for _, f := range r.Failures {
		s.Failures = append(s.Failures, ReplayFailure{f.Place, f.Err.Error()})
	}
}

const (
	listedLetters = 100
	replayWait    = 10 * time.Second
)

// letters adds the dead letter queues. They are ours, not Connect's, and below a path of their own.
func (x *api) letters(mux *http.ServeMux) {
	k, ok := x.herder.(LetterKeeper)
	if !ok {
		return
	}
	desk := k.Letters()
	const path = "/penstock/connectors/{connector}/dlq"
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		q, err := letterQuery(r.URL.Query())
		var list LetterList
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
			defer cancel()
			list, err = desk.List(ctx, r.PathValue("connector"), q)
		}
		answerJSON(w, list, err)
	})
	mux.HandleFunc("POST "+path+"/replay", func(w http.ResponseWriter, r *http.Request) {
		req, err := replayRequest(r)
		var s ReplayStatus
		if err == nil {
			s, err = desk.Replay(r.Context(), r.PathValue("connector"), req)
		}
		if err == nil && s.Running {
			sendJSON(w, http.StatusAccepted, s)
			return
		}
		answerJSON(w, s, err)
	})
	mux.HandleFunc("GET "+path+"/replay", func(w http.ResponseWriter, r *http.Request) {
		s, err := desk.Status(r.PathValue("connector"))
		answerJSON(w, s, err)
	})
	mux.HandleFunc("DELETE "+path+"/replay", func(w http.ResponseWriter, r *http.Request) {
		s, err := desk.Cancel(r.Context(), r.PathValue("connector"))
		answerJSON(w, s, err)
	})
}

func answerJSON(w http.ResponseWriter, v any, err error) {
	if err != nil {
		sendError(w, err)
		return
	}
	sendJSON(w, http.StatusOK, v)
}

func letterQuery(v url.Values) (LetterQuery, error) {
	q := LetterQuery{Queue: v.Get("queue"), Limit: listedLetters, All: strings.EqualFold(v.Get("all"), "true"), Values: strings.EqualFold(v.Get("values"), "true")}
	var err error
	if q.Filter, err = filterOf(v.Get("stage"), v.Get("code"), v.Get("topic"), v.Get("since"), v.Get("until")); err != nil {
		return q, err
	}
	if text := v.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 0 {
			return q, BadRequest("limit is " + strconv.Quote(text) + ": it must be a whole number")
		}
	}
	if at := v.Get("offset"); at != "" {
		p := dlq.Place{}
		partition, perr := strconv.ParseInt("0"+v.Get("partition"), 10, 32)
		p.Offset, err = strconv.ParseInt(at, 10, 64)
		if err != nil || perr != nil {
			return q, BadRequest("partition and offset must be whole numbers")
		}
		p.Partition = int32(partition)
		q.Filter.Places, q.All = []dlq.Place{p}, true
	}
	return q, nil
}

func filterOf(stage, code, topic, since, until string) (dlq.Filter, error) {
	f := dlq.Filter{Stage: stage, Code: code, Topic: topic}
	var err error
	if f.Since, err = dlq.ParseTime(since, time.Now()); err == nil {
		f.Until, err = dlq.ParseTime(until, time.Now())
	}
	if err != nil {
		return f, BadRequest(err.Error())
	}
	return f, nil
}

// replayBody is the body as it is sent.
type replayBody struct {
	Queue   string             `json:"queue"`
	Stage   string             `json:"stage"`
	Code    string             `json:"code"`
	Topic   string             `json:"topic"`
	Since   string             `json:"since"`
	Until   string             `json:"until"`
	Rate    float64            `json:"rate"`
	Limit   int                `json:"limit"`
	DryRun  bool               `json:"dry_run"`
	Produce bool               `json:"produce"`
	To      string             `json:"to"`
	Config  map[string]*string `json:"config"`
	WaitMS  *int64             `json:"wait_ms"`
}

func replayRequest(r *http.Request) (ReplayRequest, error) {
	var b replayBody
	if r.ContentLength != 0 {
		d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBodyBytes))
		d.DisallowUnknownFields()
		if err := d.Decode(&b); err != nil {
			return ReplayRequest{}, BadRequest("The request body cannot be read: " + err.Error() +
				". It may have queue, stage, code, topic, since, until, rate, limit, dry_run, produce, to, config and wait_ms")
		}
	}
	f, err := filterOf(b.Stage, b.Code, b.Topic, b.Since, b.Until)
	if err != nil {
		return ReplayRequest{}, err
	}
	if b.Rate < 0 || b.Limit < 0 {
		return ReplayRequest{}, BadRequest("rate and limit must not be negative")
	}
	out := ReplayRequest{Queue: b.Queue, Filter: f, Rate: b.Rate, Limit: b.Limit, DryRun: b.DryRun, Produce: b.Produce || b.To != "", Topic: b.To,
		Config: config.Props(b.Config), Wait: replayWait}
	if b.WaitMS != nil {
		out.Wait = min(max(time.Duration(*b.WaitMS)*time.Millisecond, 0), requestTimeout)
	}
	return out, nil
}
