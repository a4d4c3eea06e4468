// Package config reads the broker's configuration: one TOML file, read once,
// never written. Whatever the broker learns while it runs stands in its store.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// ErrInvalid means that a configuration cannot be used; the text around it
// names every field at fault and what would be right.
var ErrInvalid = errors.New("invalid configuration")

// ErrRestart means that a file was read again and differs in more than its compute
// nodes: the rest acts when the broker starts.
var ErrRestart = errors.New("these settings act after a restart, and nothing was changed")

// Config is the whole file. Paths that are not absolute are taken from the
// folder of the file.
type Config struct {
	ChainID string  `koanf:"chain_id"` // id of the chain, e.g. "ninefold-local-1"
	Home    string  `koanf:"home"`     // folder of the store and its lock
	Host    Host    `koanf:"host"`
	WarmKey WarmKey `koanf:"warm_key"`
	Chain   Chain   `koanf:"chain"`
	Public  Public  `koanf:"public"`
	Admin   Admin   `koanf:"admin"`
	Metrics Metrics `koanf:"metrics"`
	Network Network `koanf:"network"`
	Log     Log     `koanf:"log"`
	Nodes   []Node  `koanf:"nodes"`
	Testing Testing `koanf:"testing"`
}

// Host is whom the broker works for.
type Host struct {
	Address string `koanf:"address"` // account of the host, bech32 with prefix "nine"
}

// WarmKey says where the key lies that signs for the host. The host's own key
// stays elsewhere: the warm one acts through authz grants.
type WarmKey struct {
	Backend        string `koanf:"backend"`         // "hex" (a file of 64 hex digits) or "keyring"
	File           string `koanf:"file"`            // hex: the file, mode 0600
	Dir            string `koanf:"dir"`             // keyring: folder of the file keyring
	Name           string `koanf:"name"`            // keyring: name of the key
	PassphraseFile string `koanf:"passphrase_file"` // keyring: file with the passphrase, mode 0600
}

// Chain says how the chain is reached.
type Chain struct {
	RPC     []string      `koanf:"rpc"`     // CometBFT RPC endpoints, in order of preference
	Timeout time.Duration `koanf:"timeout"` // of one call
	Poll    time.Duration `koanf:"poll"`    // between looks for a new block when no hint comes
	Stall   time.Duration `koanf:"stall"`   // without a block after which the next endpoint is tried
}

// Public is the listener for everybody.
type Public struct {
	Listen string `koanf:"listen"` // host:port
	// TrustedProxies are addresses, or networks like 10.0.0.0/8, of the reverse
	// proxies before the listener. Callers are told apart by the address behind
	// them, which these write into X-Forwarded-For; from others nothing in that
	// header is believed.
	TrustedProxies []string `koanf:"trusted_proxies"`
}

// Proxies returns the networks of TrustedProxies.
func (p Public) Proxies() []netip.Prefix {
	networks := make([]netip.Prefix, 0, len(p.TrustedProxies))
	for _, text := range p.TrustedProxies {
		if network, err := parseNetwork(text); err == nil { // as validated
			networks = append(networks, network)
		}
	}
	return networks
}

// parseNetwork reads a network, or one address.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// Admin is the operator's listener; one of the two is set.
type Admin struct {
	Listen    string `koanf:"listen"`     // loopback host:port, needs token_file
	TokenFile string `koanf:"token_file"` // file with the bearer token, mode 0600
	Socket    string `koanf:"socket"`     // path of a Unix socket
}

// Metrics is a listener for Prometheus alone, where it cannot come by the
// operator's, which serves them too: from another container, or another machine.
type Metrics struct {
	Listen string `koanf:"listen"` // host:port, without a token; empty for none
}

// Network limits whom the broker dials.
type Network struct {
	// AllowPrivateAddresses lets brokers of other hosts live on loopback and
	// private networks. Only test networks need it.
	AllowPrivateAddresses bool `koanf:"allow_private_addresses"`
}

// Log shapes the log.
type Log struct {
	Level  string `koanf:"level"`  // debug, info, warn or error
	Format string `koanf:"format"` // text or json
}

// Node is one compute server.
type Node struct {
	ID        string     `koanf:"id" json:"id"`                           // unique within the host
	Kind      string     `koanf:"kind" json:"kind,omitempty"`             // empty for an mlnode, or KindServerless
	URL       string     `koanf:"url" json:"url,omitempty"`               // serverless: of the endpoint
	Address   string     `koanf:"address" json:"address"`                 // gRPC host:port
	TokenFile string     `koanf:"token_file" json:"token_file,omitempty"` // bearer token of the node; mode 0600
	CAFile    string     `koanf:"ca_file" json:"ca_file,omitempty"`       // TLS: authority of the node's certificate
	CertFile  string     `koanf:"cert_file" json:"cert_file,omitempty"`   // mutual TLS: our certificate
	KeyFile   string     `koanf:"key_file" json:"key_file,omitempty"`     // mutual TLS: its key; serverless: key of the endpoint, mode 0600
	Models    []string   `koanf:"models" json:"models"`                   // governance ids it can serve, by preference
	Args      []string   `koanf:"args" json:"args,omitempty"`             // serving arguments of this machine
	Hardware  []Hardware `koanf:"hardware" json:"hardware,omitempty"`
}

// Hardware is one kind of device in a node.
type Hardware struct {
	Type  string `koanf:"type" json:"type"`
	Count uint32 `koanf:"count" json:"count"`
}

// Testing breaks the broker on purpose. It is refused on every chain whose id
// does not begin with "ninefold-local".
type Testing struct {
	ForgeNonces      bool `koanf:"forge_nonces"`      // commit invented nonces
	RepeatNonces     bool `koanf:"repeat_nonces"`     // claim computed nonces twice
	WithholdOpenings bool `koanf:"withhold_openings"` // answer no openings
	BlameHosts       bool `koanf:"blame_hosts"`       // call every judged nonce wrong, computing none
}

func defaults() Config {
	return Config{
		Home:    "dapi",
		WarmKey: WarmKey{Backend: "hex"},
		Chain: Chain{
			Timeout: 5 * time.Second,
			Poll:    500 * time.Millisecond,
			Stall:   30 * time.Second,
		},
		Public: Public{Listen: "127.0.0.1:8080"},
		Log:    Log{Level: "info", Format: "text"},
	}
}

// Load reads, completes and checks the file.
func Load(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	c, err := Parse(raw, folder)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Parse reads a configuration whose relative paths start at folder.
func Parse(raw []byte, folder string) (Config, error) {
	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(raw), toml.Parser()); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := checkShape(k.Raw()); err != nil {
		return Config{}, err
	}
	c := defaults()
	if err := k.Unmarshal("", &c); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	c.resolve(folder)
	if err := c.validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Reloadable refuses a file that was read again, unless it differs in its compute
// nodes alone.
func (c Config) Reloadable(next Config) error {
	var differing []string
	old, fresh := reflect.ValueOf(c), reflect.ValueOf(next)
	for i := range old.NumField() {
		name := old.Type().Field(i).Tag.Get("koanf")
		if name != "nodes" && !reflect.DeepEqual(old.Field(i).Interface(), fresh.Field(i).Interface()) {
			differing = append(differing, name)
		}
	}
	if !reflect.DeepEqual(c.Verifiers(), next.Verifiers()) {
		differing = append(differing, "serverless nodes")
	}
	if len(differing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrRestart, strings.Join(differing, ", "))
}

// resolve makes every path absolute.
func (c *Config) resolve(folder string) {
	paths := []*string{
		&c.Home, &c.WarmKey.File, &c.WarmKey.Dir, &c.WarmKey.PassphraseFile,
		&c.Admin.TokenFile, &c.Admin.Socket,
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		paths = append(paths, &n.TokenFile, &n.CAFile, &n.CertFile, &n.KeyFile)
	}
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
}
