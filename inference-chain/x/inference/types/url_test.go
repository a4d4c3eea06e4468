package types

import (
	neturl "net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAURLWithSchemeAndHostIsAccepted(t *testing.T) {
	for _, url := range []string{
		"http://a", "https://broker.example", "https://broker.example:9000", "http://127.0.0.1:1", "https://[2001:db8::1]:65535",
		"https://[::1]", "https://[1:2:3:4:5:6:7:8]", "https://[1:2:3:4:5:6:7::]", "https://[ABCD::]", "https://[::]:80", "https://broker.example/", "https://broker.example/ninefold/v1", "http://my_host-1.example:80/a%20b",
		"https://broker.example/" + strings.Repeat("p", MaxURLBytes-len("https://broker.example/")),
	} {
		require.NoError(t, CheckURL(url), url)
	}
}

func TestAURLWithoutSchemeOrHostIsRefused(t *testing.T) {
	for name, url := range map[string]string{
		"nothing":               "",
		"no scheme":             "broker.example",
		"another scheme":        "file:///etc/passwd",
		"a scheme in capitals":  "HTTPS://broker.example",
		"only a scheme":         "https://",
		"no host":               "https:///path",
		"only a port":           "https://:9000",
		"a user":                "https://user@broker.example",
		"a user and password":   "https://user:secret@broker.example",
		"port zero":             "https://broker.example:0",
		"a port beyond 65535":   "https://broker.example:65536",
		"an empty port":         "https://broker.example:",
		"two ports":             "https://broker.example:1:2",
		"a port with a zero":    "https://broker.example:080",
		"a bare IPv6 address":   "https://::1/",
		"an open bracket":       "https://[::1",
		"empty brackets":        "https://[]",
		"a name in brackets":    "https://[broker]",
		"a colon in brackets":   "https://[:]",
		"three colons":          "https://[1:::2]",
		"two gaps":              "https://[1::2::3]",
		"nine groups":           "https://[1:2:3:4:5:6:7:8:9]",
		"seven groups":          "https://[1:2:3:4:5:6:7]",
		"a gap of nothing":      "https://[1:2:3:4::5:6:7:8]",
		"a group of five":       "https://[12345::]",
		"a zone":                "https://[fe80::1%25eth0]",
		"no hexadecimal group":  "https://[g::]",
		"text after a bracket":  "https://[::1]x",
		"a space":               "https://broker.example/a b",
		"a line break":          "https://broker.example/\n",
		"a query":               "https://broker.example/?a=b",
		"a fragment":            "https://broker.example/#a",
		"a query without path":  "https://broker.example?a=b",
		"a letter beyond ASCII": "https://bröker.example",
		"a bare percent sign":   "https://broker.example/100%",
		"half an escape":        "https://broker.example/%a",
		"no hexadecimal escape": "https://broker.example/%zz",
		"markup":                "https://broker.example/<script>",
		"a leading dot":         "https://.example",
		"a leading dash":        "https://-broker.example",
		"one byte too much":     "https://broker.example/" + strings.Repeat("p", MaxURLBytes),
	} {
		require.ErrorIs(t, CheckURL(url), ErrInvalidURL, name)
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://broker.example:9000/path", "http://[::1]:1", "https://a@b", "http://"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		if CheckURL(url) != nil {
			return
		}
		require.LessOrEqual(t, len(url), MaxURLBytes)
		_, rest, _ := strings.Cut(url, "://")
		require.NotEmpty(t, rest)
		for i := range len(url) {
			require.True(t, url[i] > ' ' && url[i] < 0x7f, "byte %d", i)
		}
		// A broker that looks for its host must be able to read it.
		read, err := neturl.Parse(url)
		require.NoError(t, err)
		require.NotEmpty(t, read.Hostname())
		require.Nil(t, read.User)
	})
}
