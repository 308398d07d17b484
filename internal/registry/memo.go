// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"sync"
	"time"
)

// memo remembers answers by key. Whoever asks while an answer is being fetched waits for it.
type memo[K comparable, V any] struct {
	mu      sync.Mutex
	limit   int // answers remembered; beyond it all are forgotten
	answers map[K]*answer[V]
}

type answer[V any] struct {
	done  chan struct{} // closed when the rest is set
	value V
	err   error
	at    time.Time
}

// get gives the remembered answer, or what fetch gives. A value is good for maxAge, or for ever when that is 0; that there
// is none (a 404) for absentFor; every other error only for those who wait.
func (m *memo[K, V]) get(key K, maxAge time.Duration, fetch func() (V, error)) (V, error) {
	m.mu.Lock()
	if a := m.answers[key]; a != nil {
		select {
		case <-a.done:
			if a.fresh(maxAge) {
				m.mu.Unlock()
				return a.value, a.err
			}
		default:
			m.mu.Unlock()
			<-a.done
			return a.value, a.err
		}
	}
	a := &answer[V]{done: make(chan struct{})}
	if m.answers == nil || len(m.answers) >= m.limit {
		m.answers = map[K]*answer[V]{}
	}
	m.answers[key] = a
	m.mu.Unlock()
	defer close(a.done)
	a.err = errors.New("the request was not finished")
	a.value, a.err = fetch()
	a.at = time.Now()
	return a.value, a.err
}

func (a *answer[V]) fresh(maxAge time.Duration) bool {
	if a.err == nil {
		return maxAge == 0 || time.Since(a.at) < maxAge
	}
	var e *Error
	return errors.As(a.err, &e) && e.Status == 404 && time.Since(a.at) < absentFor
}
