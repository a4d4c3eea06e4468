package testkit

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Web connects brokers by the host names in their URLs, without sockets.
type Web struct {
	mu       sync.Mutex
	handlers map[string]http.Handler
}

// NewWeb makes a web without anybody in it.
func NewWeb() *Web { return &Web{handlers: map[string]http.Handler{}} }

// Put lets a handler answer for a host name; nil lets nobody.
func (w *Web) Put(name string, handler http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers[name] = handler
}

// RoundTrip implements http.RoundTripper.
func (w *Web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	handler := w.handlers[r.URL.Host]
	w.mu.Unlock()
	if handler == nil {
		return nil, fmt.Errorf("nobody answers for %s", r.URL.Host)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}
