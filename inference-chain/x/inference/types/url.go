package types

import "strings"

// CheckURL refuses everything but http:// or https:// with a host, and
// optionally a port and a path. It reads the text itself: what net/url accepts
// changes with versions of Go, and every validator must decide alike.
func CheckURL(url string) error {
	if len(url) > MaxURLBytes {
		return ErrInvalidURL.Wrapf("url has %d bytes, at most %d are possible", len(url), MaxURLBytes)
	}
	rest, found := strings.CutPrefix(url, "https://")
	if !found {
		rest, found = strings.CutPrefix(url, "http://")
	}
	if !found {
		return ErrInvalidURL.Wrapf("url must begin with http:// or https://, got %q", url)
	}
	authority, path, _ := strings.Cut(rest, "/")
	if !isAuthority(authority) {
		return ErrInvalidURL.Wrapf("url must name a host, and optionally a port, like https://broker.example:9000, got %q", url)
	}
	for i := range len(path) {
		if b := path[i]; b <= ' ' || b >= 0x7f || strings.IndexByte(`?#"<>\^{|}`+"`", b) >= 0 {
			return ErrInvalidURL.Wrapf("url must have a plain path without query and fragment, got %q", url)
		}
	}
	return nil
}

// isAuthority says whether text is host or host:port; the host is a name, an
// IPv4 address, or an IPv6 address in brackets. A user or password is refused.
func isAuthority(text string) bool {
	host, port := text, ""
	if end := strings.LastIndexByte(text, ']'); strings.HasPrefix(text, "[") && end > 0 {
		host, port = text[:end+1], text[end+1:]
		if inner := host[1:end]; !isName(inner, 45, ":") || !strings.Contains(inner, ":") {
			return false
		}
	} else {
		if colon := strings.IndexByte(text, ':'); colon >= 0 {
			host, port = text[:colon], text[colon:]
		}
		if !isName(host, 253, "") || strings.HasPrefix(host, ".") || strings.HasPrefix(host, "-") {
			return false
		}
	}
	return port == "" || port[0] == ':' && isPort(port[1:])
}
