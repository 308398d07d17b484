// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"log/slog"
	"net/http"
	"strings"
)

// API says what the resources are made of.
type API struct {
	Herder Herder
	// Version and Commit are what GET / shows of the worker.
	Version, Commit string
	// TopicTracking is topic.tracking.enable, TopicTrackingReset topic.tracking.allow.reset.
	TopicTracking, TopicTrackingReset bool
	// Forward sends requests on to other workers; nil is http.DefaultClient.
	Forward *http.Client
	// Guard decides who may make requests to the main listeners; nil admits everybody. /admin/loggers on listeners of its own
	// is not guarded, as in Connect.
	Guard *BasicAuth
	Log   *slog.Logger
}

// api is an API at work.
type api struct {
	API
	herder Herder
}

// Handler serves all resources; admin tells whether /admin/loggers is among them.
func (a API) Handler(admin bool) http.Handler {
	x := &api{API: a, herder: a.Herder}
	mux := http.NewServeMux()
	x.route(mux, "/{$}", resource{methods: map[string]method{"GET": getRoot}})
	x.route(mux, "/health", resource{methods: map[string]method{"GET": getHealth}})
	x.connectors(mux)
	x.plugins(mux)
	mux.Handle("/penstock/", x.guarded(x.own()))
	if admin {
		x.loggers(mux)
	}
	return fallback(mux)
}

// own are the resources that Connect does not have.
func (x *api) own() http.Handler {
	mux := http.NewServeMux()
	x.profiles(mux)
	x.healths(mux)
	x.letters(mux)
	mux.HandleFunc("GET /penstock/openapi.json", serveOpenAPI)
	return fallback(mux)
}

// fallback answers what no resource has: unknown paths, and those that http.ServeMux would clean and redirect.
func fallback(mux *http.ServeMux) http.Handler {
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { bare(w, http.StatusNotFound) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		switch {
		case strings.Contains(p, "//"):
			bare(w, http.StatusBadRequest)
		case strings.Contains(p+"/", "/../"), strings.Contains(p+"/", "/./"):
			bare(w, http.StatusNotFound)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// AdminHandler serves /admin/loggers alone, for admin.listeners.
func (a API) AdminHandler() http.Handler {
	x := &api{API: a, herder: a.Herder}
	x.Guard = nil
	mux := http.NewServeMux()
	x.loggers(mux)
	return fallback(mux)
}

// route adds a resource under its path, with and without a slash at the end.
func (x *api) route(mux *http.ServeMux, path string, r resource) {
	r.api, r.log = x, x.Log
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	mux.Handle(path, &r)
	if path != "/{$}" {
		mux.Handle(path+"/{$}", &r)
	}
}

// json adds a resource that declares JSON as its content type; entity names the methods that read a body.
func (x *api) json(mux *http.ServeMux, path string, methods map[string]method, entity ...string) {
	r := resource{methods: methods, consumes: true, entity: map[string]bool{}}
	for _, e := range entity {
		r.entity[e] = true
	}
	x.route(mux, path, r)
}
