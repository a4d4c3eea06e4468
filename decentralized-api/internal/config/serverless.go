package config

import (
	"errors"
	"net/url"
)

// KindServerless is the kind of a node that recomputes nonces on request and
// does nothing else: it is not declared to the chain, proves nothing and serves
// no model.
const KindServerless = "serverless"

// Serverless says whether the node is of that kind.
func (n Node) Serverless() bool { return n.Kind == KindServerless }

// ComputeNodes returns the nodes that the chain knows of.
func (c *Config) ComputeNodes() []Node { return c.nodes(false) }

// Verifiers returns the nodes that recompute and do nothing else.
func (c *Config) Verifiers() []Node { return c.nodes(true) }

func (c *Config) nodes(serverless bool) []Node {
	var chosen []Node
	for _, n := range c.Nodes {
		if n.Serverless() == serverless {
			chosen = append(chosen, n)
		}
	}
	return chosen
}

func (n Node) checkServerless(field string) error {
	own := n.Address == "" && n.TokenFile == "" && n.CAFile == "" && n.CertFile == "" &&
		len(n.Models) == 0 && len(n.Args) == 0 && len(n.Hardware) == 0
	return errors.Join(
		check(nodeIDPattern.MatchString(n.ID), field+".id", "1 to 64 of A-Z a-z 0-9 . _ -", n.ID),
		check(own, field, "made of id, kind, url and key_file where kind is serverless", n.ID),
		check(isEndpoint(n.URL), field+".url", "an https URL, or an http one of this machine", n.URL),
		checkSecret(field+".key_file", n.KeyFile),
	)
}

// isEndpoint says whether a key may be sent to a URL.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || (u.Scheme == "http" && IsLoopback(u.Host))
}
