// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-io/penstock/config"
)

// privateKey is the property that lists the private listeners.
const privateKey = "penstock.admin.listeners"

// PrivateServer serves /metrics and /debug/pprof. It has no access control and belongs on a loopback address or behind a
// network policy: profiles show what the process does.
type PrivateServer struct {
	ls  []net.Listener
	srv *http.Server
	log *slog.Logger
	wg  sync.WaitGroup
}

// ListenPrivate binds listeners such as http://127.0.0.1:8084 and serves them. With fallback a taken port becomes a free
// one on the same host: a second worker on a machine is no reason not to start. metrics writes the Prometheus text.
func ListenPrivate(uris []string, fallback bool, metrics func(io.Writer), log *slog.Logger) (*PrivateServer, error) {
	s := &PrivateServer{log: log}
	for _, uri := range uris {
		scheme, host, port, err := parseListener(privateKey, uri)
		if err == nil && scheme != "http" {
			err = config.Invalid(privateKey, uri, "only http is supported")
		}
		var l net.Listener
		if err == nil {
			l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil && fallback {
				l, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
			}
		}
		if err != nil {
			for _, l := range s.ls {
				_ = l.Close()
			}
			return nil, fmt.Errorf("listen on %s (%s): %w", uri, privateKey, err)
		}
		s.ls = append(s.ls, l)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		metrics(w)
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s.srv = &http.Server{Handler: mux, ReadHeaderTimeout: 30 * time.Second}
	for _, l := range s.ls {
		s.wg.Go(func() {
			if err := s.srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
				log.Error("admin listener ended", slog.Any("err", err))
			}
		})
	}
	return s, nil
}

// Addr is the address of the first listener, "" without one.
func (s *PrivateServer) Addr() string {
	if len(s.ls) == 0 {
		return ""
	}
	return s.ls[0].Addr().String()
}

// Close ends it.
func (s *PrivateServer) Close(ctx context.Context) {
	if err := s.srv.Shutdown(ctx); err != nil {
		_ = s.srv.Close()
	}
	s.wg.Wait()
}
