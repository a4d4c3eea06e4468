package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
)

// headerForwarded is where a proxy says whom it asks for, behind what it was
// told itself.
const headerForwarded = "X-Forwarded-For"

// callerOf returns who made a request, as the first limit counts: one IPv4
// address, or an IPv6 network of 64 bits, whose addresses are all one
// customer's. Callers whose address cannot be read are one caller together.
//
// The address is the socket's. Anybody can write a header, so what it says
// counts only where the hop that added it is one of the operator's proxies.
func callerOf(r *http.Request, proxies []netip.Prefix) netip.Prefix {
	address, _ := parseCaller(r.RemoteAddr)
	forwarded := strings.Join(r.Header.Values(headerForwarded), ",")
	for forwarded != "" && isOneOf(proxies, address) {
		last := strings.LastIndexByte(forwarded, ',')
		hop, err := parseCaller(strings.TrimSpace(forwarded[last+1:]))
		if err != nil {
			break // what a proxy cannot name is counted as the proxy's own
		}
		address, forwarded = hop, forwarded[:max(last, 0)]
	}
	bits := 64
	if address.Is4() {
		bits = 32
	}
	caller, _ := address.Prefix(bits) // none for the address that could not be read
	return caller
}

// parseCaller reads an address with or without a port.
func parseCaller(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), err
}

func isOneOf(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
