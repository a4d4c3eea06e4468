package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cosmos/cosmos-sdk/types/bech32"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

const (
	// AddressPrefix is the human-readable part of every account address.
	AddressPrefix = "nine"
	// localChain begins the ids of chains on which Testing is allowed.
	localChain = "ninefold-local"

	// MaxNodes is how many nodes the chain takes of one host.
	MaxNodes = inference.MaxNodesPerHost
)

var (
	chainIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,50}$`)
	nodeIDPattern  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

func (c *Config) validate() error {
	return errors.Join(
		check(chainIDPattern.MatchString(c.ChainID), "chain_id", "1 to 50 of A-Z a-z 0-9 . _ -", c.ChainID),
		c.checkHost(), c.WarmKey.check(), c.Chain.check(), c.Log.check(),
		c.Public.check(), c.Admin.check(), c.checkMetrics(), c.checkNodes(), c.checkTesting(),
	)
}

// check returns an error that names the field, what is allowed and what stands
// there, unless ok.
func check(ok bool, field, want string, got any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s must be %s, got %q", ErrInvalid, field, want, fmt.Sprint(got))
}

func (c *Config) checkHost() error {
	prefix, raw, err := bech32.DecodeAndConvert(c.Host.Address)
	return check(err == nil && prefix == AddressPrefix && len(raw) == 20,
		"host.address", `a bech32 account address with prefix "nine"`, c.Host.Address)
}

func (k WarmKey) check() error {
	switch k.Backend {
	case "hex":
		return checkSecret("warm_key.file", k.File)
	case "keyring":
		return errors.Join(
			check(k.Dir != "", "warm_key.dir", "the folder of the keyring", k.Dir),
			check(k.Name != "", "warm_key.name", "the name of the key", k.Name),
			checkSecret("warm_key.passphrase_file", k.PassphraseFile),
		)
	default:
		return check(false, "warm_key.backend", `"hex" or "keyring"`, k.Backend)
	}
}

// checkSecret refuses files that others can read.
func checkSecret(field, path string) error {
	if path == "" {
		return check(false, field, "the path of a file", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, field, err)
	}
	return check(info.Mode().Perm()&0o077 == 0, field, "readable by its owner alone (chmod 600 "+path+")",
		fmt.Sprintf("mode %04o", info.Mode().Perm()))
}

func (c Chain) check() error {
	failures := []error{check(len(c.RPC) > 0, "chain.rpc", "at least one URL", c.RPC)}
	for i, endpoint := range c.RPC {
		u, err := url.Parse(endpoint)
		ok := err == nil && slices.Contains([]string{"http", "https", "tcp"}, u.Scheme) && u.Host != ""
		failures = append(failures, check(ok, fmt.Sprintf("chain.rpc[%d]", i), "a URL like http://127.0.0.1:26657", endpoint))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"timeout", c.Timeout}, {"poll", c.Poll}, {"stall", c.Stall}} {
		failures = append(failures, check(d.value > 0, "chain."+d.name, `a positive duration like "5s"`, d.value))
	}
	return errors.Join(failures...)
}

func (l Log) check() error {
	levels, formats := []string{"debug", "info", "warn", "error"}, []string{"text", "json"}
	return errors.Join(
		check(slices.Contains(levels, l.Level), "log.level", "one of "+strings.Join(levels, ", "), l.Level),
		check(slices.Contains(formats, l.Format), "log.format", "one of "+strings.Join(formats, ", "), l.Format),
	)
}

func checkListen(field, address string) error {
	_, _, err := splitAddress(address)
	return check(err == nil, field, "host:port with a port of at most 65535", address)
}

// checkDial refuses what nobody can be dialled at.
func checkDial(field, address string) error {
	host, port, err := splitAddress(address)
	return check(err == nil && host != "" && port > 0, field, "host:port with a port of 1 to 65535", address)
}

func splitAddress(address string) (host string, port uint64, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.ParseUint(text, 10, 16)
	}
	return host, port, err
}

func (p Public) check() error {
	failures := []error{checkListen("public.listen", p.Listen)}
	for i, text := range p.TrustedProxies {
		_, err := parseNetwork(text)
		failures = append(failures, check(err == nil, fmt.Sprintf("public.trusted_proxies[%d]", i),
			"an address like 127.0.0.1 or a network like 10.0.0.0/8", text))
	}
	return errors.Join(failures...)
}

func (a Admin) check() error {
	switch {
	case a.Socket != "" && a.Listen != "":
		return fmt.Errorf("%w: admin.listen and admin.socket exclude each other", ErrInvalid)
	case a.Socket != "":
		return nil
	case a.Listen == "":
		return fmt.Errorf("%w: admin.listen (with admin.token_file) or admin.socket must be set", ErrInvalid)
	}
	if err := checkListen("admin.listen", a.Listen); err != nil {
		return err
	}
	return errors.Join(
		check(IsLoopback(a.Listen), "admin.listen", "on a loopback address such as 127.0.0.1", a.Listen),
		checkSecret("admin.token_file", a.TokenFile),
	)
}

// checkMetrics keeps the listener for everybody's eyes apart from the others.
func (c *Config) checkMetrics() error {
	address := c.Metrics.Listen
	if address == "" {
		return nil
	}
	if err := checkListen("metrics.listen", address); err != nil {
		return err
	}
	return errors.Join(
		check(!sameListener(address, c.Public.Listen), "metrics.listen", "another port than public.listen's", address),
		check(!sameListener(address, c.Admin.Listen), "metrics.listen", "another port than admin.listen's", address),
	)
}

// sameListener says whether two host:port cannot both be listened on: one port, and one
// host or all of them. Port 0 is another one each time.
func sameListener(a, b string) bool {
	hostA, portA, errA := splitAddress(a)
	hostB, portB, errB := splitAddress(b)
	if errA != nil || errB != nil || portA != portB || portA == 0 {
		return false
	}
	all := []string{"", "0.0.0.0", "::"}
	return hostA == hostB || slices.Contains(all, hostA) || slices.Contains(all, hostB)
}

// IsLoopback says whether host:port can be reached from this machine alone.
// Names other than localhost are not resolved: what they mean may change.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// checkFiles refuses files that are not there, and secrets that others can read.
// Paths in a configuration file are absolute by now; who adds a node while the
// broker runs does not know its folder.
func (n Node) checkFiles(field string) error {
	var failures []error
	for _, f := range []struct {
		name, path string
		secret     bool
	}{
		{"token_file", n.TokenFile, true}, {"key_file", n.KeyFile, true}, {"ca_file", n.CAFile, false}, {"cert_file", n.CertFile, false},
	} {
		name := field + "." + f.name
		switch {
		case f.path == "":
		case !filepath.IsAbs(f.path):
			failures = append(failures, check(false, name, "an absolute path", f.path))
		case f.secret:
			failures = append(failures, checkSecret(name, f.path))
		default:
			if _, err := os.Stat(f.path); err != nil {
				failures = append(failures, fmt.Errorf("%w: %s: %w", ErrInvalid, name, err))
			}
		}
	}
	return errors.Join(failures...)
}

func (c *Config) checkNodes() error {
	failures := []error{check(len(c.Nodes) <= MaxNodes, "nodes", fmt.Sprintf("at most %d", MaxNodes), len(c.Nodes))}
	seen := make(map[string]bool, len(c.Nodes))
	for i, n := range c.Nodes {
		failures = append(failures, n.Check(fmt.Sprintf("nodes[%d]", i)),
			check(!seen[n.ID], fmt.Sprintf("nodes[%d].id", i), "unique", n.ID))
		seen[n.ID] = true
	}
	return errors.Join(failures...)
}

// Check asks whether a node's fields are usable; field names the node in the
// error.
func (n Node) Check(field string) error {
	if n.Serverless() {
		return n.checkServerless(field)
	}
	failures := []error{
		check(n.Kind == "" && n.URL == "", field+".kind", `absent, or "serverless" with a url`, n.Kind),
		check(nodeIDPattern.MatchString(n.ID), field+".id", "1 to 64 of A-Z a-z 0-9 . _ -", n.ID),
		checkDial(field+".address", n.Address),
		check(len(n.Models) >= 1 && len(n.Models) <= inference.MaxModelsPerNode, field+".models",
			fmt.Sprintf("1 to %d governance ids", inference.MaxModelsPerNode), n.Models),
		check((n.CertFile == "") == (n.KeyFile == ""), field+".cert_file", "given together with key_file", n.CertFile),
	}
	return errors.Join(append(failures, n.checkFiles(field), n.checkModels(field), n.checkHardware(field))...)
}

func (n Node) checkModels(field string) error {
	var failures []error
	for i, id := range n.Models {
		at := fmt.Sprintf("%s.models[%d]", field, i)
		failures = append(failures,
			check(inference.IsModelID(id), at,
				fmt.Sprintf("1 to %d of A-Z a-z 0-9 . _ / -", inference.MaxModelIDBytes), id),
			check(!slices.Contains(n.Models[:i], id), at, "named once", id))
	}
	return errors.Join(failures...)
}

func (n Node) checkHardware(field string) error {
	failures := []error{check(len(n.Hardware) <= inference.MaxHardwarePerNode, field+".hardware",
		fmt.Sprintf("at most %d entries", inference.MaxHardwarePerNode), len(n.Hardware))}
	for i, h := range n.Hardware {
		failures = append(failures, check(h.Type != "" && 1 <= h.Count && h.Count <= inference.MaxDevices,
			fmt.Sprintf("%s.hardware[%d]", field, i), fmt.Sprintf("a type and a count of 1 to %d", inference.MaxDevices),
			fmt.Sprintf("%s × %d", h.Type, h.Count)))
	}
	return errors.Join(failures...)
}

// checkTesting keeps sabotage away from chains that matter.
func (c *Config) checkTesting() error {
	if c.Testing == (Testing{}) || strings.HasPrefix(c.ChainID, localChain) {
		return nil
	}
	return fmt.Errorf("%w: [testing] is only for chains whose id begins with %q, not for %q",
		ErrInvalid, localChain, c.ChainID)
}
