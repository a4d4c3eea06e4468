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
		// Whoever asks this host would fail to read it, and find the host unavailable.
		if path[i] == '%' && !isEscape(path[i:]) {
			return ErrInvalidURL.Wrapf("url must have two hexadecimal digits behind each %% of its path, got %q", url)
		}
	}
	return nil
}

// isEscape says whether text begins with a percent sign and two hexadecimal digits.
func isEscape(text string) bool {
	return len(text) >= 3 && isHex(text[1]) && isHex(text[2])
}

// isIPv6 says whether text is an IPv6 address: eight groups of hexadecimal digits, of
// which :: leaves out one or more, and no zone and no IPv4 address in it.
func isIPv6(text string) bool {
	before, after, left := strings.Cut(text, "::")
	groups, right := hexGroups(before)
	if !right {
		return false
	}
	if !left {
		return groups == 8
	}
	more, right := hexGroups(after)
	return right && groups+more < 8
}

// hexGroups counts groups of one to four hexadecimal digits between colons; no text
// has none.
func hexGroups(text string) (groups int, right bool) {
	if text == "" {
		return 0, true
	}
	for group := range strings.SplitSeq(text, ":") {
		if groups++; len(group) < 1 || len(group) > 4 {
			return 0, false
		}
		for i := range len(group) {
			if !isHex(group[i]) {
				return 0, false
			}
		}
	}
	return groups, true
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

// isAuthority says whether text is host or host:port; the host is a name, an
// IPv4 address, or an IPv6 address in brackets. A user or password is refused.
func isAuthority(text string) bool {
	host, port := text, ""
	if end := strings.LastIndexByte(text, ']'); strings.HasPrefix(text, "[") && end > 0 {
		host, port = text[:end+1], text[end+1:]
		if !isIPv6(host[1:end]) {
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
