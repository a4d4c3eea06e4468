package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhoCountsAsOneCaller(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, tc := range map[string]struct {
		socket    string
		forwarded []string
		want      string
	}{
		"an IPv4 address":                            {socket: "203.0.113.7:1", want: "203.0.113.7/32"},
		"an IPv4 address on an IPv6 socket":          {socket: "[::ffff:203.0.113.7]:1", want: "203.0.113.7/32"},
		"an IPv6 network of 64 bits":                 {socket: "[2001:db8:1:2:3:4:5:6]:1", want: "2001:db8:1:2::/64"},
		"a link":                                     {socket: "[fe80::1%eth0]:1", want: "fe80::/64"},
		"a socket without an address":                {socket: "@", want: "invalid Prefix"},
		"a stranger that claims another address":     {socket: "203.0.113.7:1", forwarded: []string{"198.51.100.1"}, want: "203.0.113.7/32"},
		"who is behind a proxy":                      {socket: "10.0.0.1:1", forwarded: []string{"198.51.100.1"}, want: "198.51.100.1/32"},
		"who is behind a proxy on IPv6":              {socket: "[fd00::1]:1", forwarded: []string{"2001:db8::5"}, want: "2001:db8::/64"},
		"who is behind a proxy that tells ports":     {socket: "10.0.0.1:1", forwarded: []string{"[2001:db8::5]:77"}, want: "2001:db8::/64"},
		"who is behind two proxies":                  {socket: "10.0.0.1:1", forwarded: []string{"198.51.100.1, 10.0.0.2"}, want: "198.51.100.1/32"},
		"who is behind two proxies with lines each":  {socket: "10.0.0.1:1", forwarded: []string{"198.51.100.1", "10.0.0.2"}, want: "198.51.100.1/32"},
		"who lied to the proxy":                      {socket: "10.0.0.1:1", forwarded: []string{"198.51.100.1, 203.0.113.7"}, want: "203.0.113.7/32"},
		"who lied to the proxy about a proxy":        {socket: "10.0.0.1:1", forwarded: []string{"198.51.100.1, 10.0.0.9, 203.0.113.7"}, want: "203.0.113.7/32"},
		"a proxy itself":                             {socket: "10.0.0.1:1", want: "10.0.0.1/32"},
		"a proxy behind a proxy":                     {socket: "10.0.0.1:1", forwarded: []string{"10.0.0.2"}, want: "10.0.0.2/32"},
		"who is behind a proxy that names nobody":    {socket: "10.0.0.1:1", forwarded: []string{"198.51.100.1, unknown"}, want: "10.0.0.1/32"},
		"who is behind a proxy that says nothing":    {socket: "10.0.0.1:1", forwarded: []string{""}, want: "10.0.0.1/32"},
		"who is behind a proxy that has only commas": {socket: "10.0.0.1:1", forwarded: []string{",,"}, want: "10.0.0.1/32"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = tc.socket
			r.Header[headerForwarded] = tc.forwarded
			require.Equal(t, tc.want, callerOf(r, proxies).String())
		})
	}
}
