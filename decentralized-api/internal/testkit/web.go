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
	parted   map[[2]string]bool
}

// NewWeb makes a web without anybody in it.
func NewWeb() *Web { return &Web{handlers: map[string]http.Handler{}, parted: map[[2]string]bool{}} }

// Put lets a handler answer for a host name; nil lets nobody.
func (w *Web) Put(name string, handler http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers[name] = handler
}

// Part lets requests from one name to another reach nobody, or lets them again.
func (w *Web) Part(from, to string, parted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parted[[2]string{from, to}] = parted
}

// From is the web as a name sees it.
func (w *Web) From(name string) http.RoundTripper { return seat{w, name} }

type seat struct {
	web  *Web
	name string
}

// RoundTrip implements http.RoundTripper.
func (s seat) RoundTrip(r *http.Request) (*http.Response, error) { return s.web.carry(s.name, r) }

// RoundTrip implements http.RoundTripper, for somebody without a name.
func (w *Web) RoundTrip(r *http.Request) (*http.Response, error) { return w.carry("", r) }

func (w *Web) carry(from string, r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	handler := w.handlers[r.URL.Host]
	if w.parted[[2]string{from, r.URL.Host}] {
		handler = nil
	}
	w.mu.Unlock()
	if handler == nil {
		return nil, fmt.Errorf("nobody answers for %s", r.URL.Host)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}
