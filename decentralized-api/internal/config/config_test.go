package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosmos/cosmos-sdk/types/bech32"
	"github.com/stretchr/testify/require"
)

func address(t *testing.T) string {
	t.Helper()
	text, err := bech32.ConvertAndEncode(AddressPrefix, make([]byte, 20))
	require.NoError(t, err)
	return text
}

// folder holds the secrets that the sample names.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"warm.key", "admin.token", "node.token"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "open.key"), []byte("secret"), 0o644))
	return dir
}

func sample(t *testing.T) string {
	t.Helper()
	return `chain_id = "ninefold-local-1"
home = "data"
[host]
address = "` + address(t) + `"
[warm_key]
file = "warm.key"
[chain]
rpc = ["http://127.0.0.1:26657", "http://127.0.0.1:26757"]
timeout = "3s"
[admin]
listen = "127.0.0.1:9090"
token_file = "admin.token"
[[nodes]]
id = "gpu-1"
address = "127.0.0.1:50051"
token_file = "node.token"
models = ["ninefold/tiny"]
args = ["--max-model-len", "512"]
[[nodes.hardware]]
type = "cpu"
count = 2
`
}

func TestACompleteFileIsReadWithItsDefaults(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "dapi.toml")
	require.NoError(t, os.WriteFile(path, []byte(sample(t)), 0o600))

	c, err := Load(path)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "data"), c.Home)
	require.Equal(t, filepath.Join(dir, "warm.key"), c.WarmKey.File)
	require.Equal(t, filepath.Join(dir, "node.token"), c.Nodes[0].TokenFile)
	require.Equal(t, 3*time.Second, c.Chain.Timeout)
	require.Equal(t, 30*time.Second, c.Chain.Stall)
	require.Equal(t, "info", c.Log.Level)
	require.Equal(t, []Hardware{{Type: "cpu", Count: 2}}, c.Nodes[0].Hardware)
}

func TestAWrongFileIsRefusedNamingTheFieldAndWhatWouldBeRight(t *testing.T) {
	edit := func(old, replacement string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, replacement, 1) }
	}
	add := func(text string) func(string) string {
		return func(s string) string { return s + text }
	}
	for name, tc := range map[string]struct {
		change func(string) string
		want   []string
	}{
		"a misspelt key at the top":       {edit("home =", "hoem ="), []string{`unknown key "hoem"`, `did you mean "home"`}},
		"a misspelt key in a table":       {edit("timeout", "timout"), []string{`"chain.timout"`, `"chain.timeout"`}},
		"a misspelt key in a row":         {edit("models =", "model ="), []string{`"nodes[0].model"`, `"nodes[0].models"`}},
		"a misspelt key in a nested row":  {edit("count =", "cuont ="), []string{`"nodes[0].hardware[0].cuont"`}},
		"a key that resembles nothing":    {add("\n[zzzzzzzz]\n"), []string{`unknown key "zzzzzzzz"; known here`}},
		"an address of another chain":     {edit("nine1", "cosmos1"), []string{"host.address", `prefix "nine"`}},
		"a key file that others can read": {edit("warm.key", "open.key"), []string{"warm_key.file", "chmod 600", "0644"}},
		"a key file that is not there":    {edit("warm.key", "lost.key"), []string{"warm_key.file", "no such file"}},
		"a keyring without its fields":    {edit("file = \"warm.key\"", "backend = \"keyring\""), []string{"warm_key.dir", "warm_key.name", "warm_key.passphrase_file"}},
		"an unknown backend":              {edit("file = \"warm.key\"", "backend = \"vault\""), []string{"warm_key.backend", `"hex" or "keyring"`}},
		"no endpoint":                     {edit(`["http://127.0.0.1:26657", "http://127.0.0.1:26757"]`, "[]"), []string{"chain.rpc"}},
		"an endpoint that is no URL":      {edit("http://127.0.0.1:26757", "127.0.0.1:26757"), []string{"chain.rpc[1]"}},
		"a duration below zero":           {edit(`"3s"`, `"-3s"`), []string{"chain.timeout"}},
		"an admin listener in public":     {edit("127.0.0.1:9090", "0.0.0.0:9090"), []string{"admin.listen", "loopback"}},
		"an admin listener by name":       {edit("127.0.0.1:9090", "example.org:9090"), []string{"admin.listen", "loopback"}},
		"a proxy by name":                 {add("\n[public]\ntrusted_proxies = [\"127.0.0.1\", \"proxy\"]\n"), []string{"public.trusted_proxies[1]", "10.0.0.0/8", `"proxy"`}},
		"no admin listener":               {edit("listen = \"127.0.0.1:9090\"\ntoken_file = \"admin.token\"", ""), []string{"admin.listen", "admin.socket"}},
		"two admin listeners":             {edit("[admin]\n", "[admin]\nsocket = \"admin.sock\"\n"), []string{"exclude each other"}},
		"metrics without a port":          {add("\n[metrics]\nlisten = \"127.0.0.1\"\n"), []string{"metrics.listen", "host:port", `"127.0.0.1"`}},
		"metrics on the admin listener":   {add("\n[metrics]\nlisten = \"127.0.0.1:9090\"\n"), []string{"metrics.listen", "another port than admin.listen's"}},
		"metrics on the admin's port":     {add("\n[metrics]\nlisten = \"0.0.0.0:9090\"\n"), []string{"metrics.listen", "another port than admin.listen's"}},
		"metrics on the public listener":  {add("\n[metrics]\nlisten = \":8080\"\n"), []string{"metrics.listen", "another port than public.listen's"}},
		"a misspelt key of the metrics":   {add("\n[metrics]\nlistne = \"127.0.0.1:9191\"\n"), []string{`"metrics.listne"`, `"metrics.listen"`}},
		"a node id with a space":          {edit("gpu-1", "gpu 1"), []string{"nodes[0].id"}},
		"a node without models":           {edit(`["ninefold/tiny"]`, "[]"), []string{"nodes[0].models", "1 to 8"}},
		"two nodes of one id":             {add("\n[[nodes]]\nid = \"gpu-1\"\naddress = \"h:1\"\nmodels = [\"m\"]\n"), []string{"nodes[1].id", "unique"}},
		"a node of an unknown kind":       {edit(`id = "gpu-1"`, `id = "gpu-1"`+"\nkind = \"cloud\""), []string{"nodes[0].kind", `"serverless"`}},
		"an mlnode with a URL":            {edit(`id = "gpu-1"`, `id = "gpu-1"`+"\nurl = \"https://x\""), []string{"nodes[0].kind"}},
		"an endpoint that serves models":  {add(endpoint + "models = [\"m\"]\n"), []string{"nodes[1]", "made of id, kind, url and key_file"}},
		"an endpoint in the clear":        {add(strings.Replace(endpoint, "https", "http", 1)), []string{"nodes[1].url", "https"}},
		"an endpoint with a query":        {add(strings.Replace(endpoint, "/v2/x", "/v2/x?a=b", 1)), []string{"nodes[1].url"}},
		"an endpoint without a key":       {add(strings.Replace(endpoint, "warm.key", "lost.key", 1)), []string{"nodes[1].key_file", "no such file"}},
		"an endpoint's key for everybody": {add(strings.Replace(endpoint, "warm.key", "open.key", 1)), []string{"nodes[1].key_file", "chmod 600"}},
		"an endpoint of a node's id":      {add(strings.Replace(endpoint, "verifier", "gpu-1", 1)), []string{"nodes[1].id", "unique"}},
		"a table where a list is":         {edit("[[nodes]]", "[nodes]"), []string{"nodes must be a list of tables, as [[nodes]]"}},
		"an address without a port":       {edit("127.0.0.1:9090", "127.0.0.1:abc"), []string{"admin.listen", "at most 65535"}},
		"a node without a host":           {edit("127.0.0.1:50051", ":50051"), []string{"nodes[0].address", "1 to 65535"}},
		"a node at port 0":                {edit("127.0.0.1:50051", "127.0.0.1:0"), []string{"nodes[0].address", "1 to 65535"}},
		"an authority that is not there":  {edit(`token_file = "node.token"`, `ca_file = "lost.pem"`), []string{"nodes[0].ca_file", "no such file"}},
		"a node's key for everybody":      {edit(`token_file = "node.token"`, "cert_file = \"warm.key\"\nkey_file = \"open.key\""), []string{"nodes[0].key_file", "chmod 600"}},
		"a port beyond the last":          {edit("127.0.0.1:9090", "127.0.0.1:65536"), []string{"admin.listen", "at most 65535"}},
		"a model that is named twice":     {edit(`["ninefold/tiny"]`, `["a", "b", "a"]`), []string{"nodes[0].models[2]", "named once"}},
		"a model that is no id":           {edit(`["ninefold/tiny"]`, `["a", "bad id!"]`), []string{"nodes[0].models[1]", "1 to 128"}},
		"hardware beyond what a node has": {edit("count = 2", "count = 1025"), []string{"nodes[0].hardware[0]", "1 to 1024"}},
		"a count that is no whole number": {edit("count = 2", "count = 1.9"), []string{"nodes[0].hardware[0].count must be a whole number", "1.9"}},
		"a count below zero":              {edit("count = 2", "count = -1"), []string{"nodes[0].hardware[0].count must be a whole number"}},
		"a number for a choice":           {add("\n[network]\nallow_private_addresses = 7\n"), []string{"network.allow_private_addresses must be true or false", "7"}},
		"text for a choice":               {add("\n[network]\nallow_private_addresses = \"yes\"\n"), []string{"network.allow_private_addresses must be true or false", "yes"}},
		"text for a list":                 {edit(`models = ["ninefold/tiny"]`, `models = "ninefold/tiny"`), []string{"nodes[0].models must be a list", "ninefold/tiny"}},
		"a number for text":               {edit(`type = "cpu"`, "type = 5"), []string{"nodes[0].hardware[0].type must be text", "5"}},
		"a number in a list of texts":     {edit(`"--max-model-len", "512"`, `"--max-model-len", 512`), []string{"nodes[0].args[1] must be text", "512"}},
		"a number for a duration":         {edit(`"3s"`, "3"), []string{"chain.timeout must be a duration", `"500ms"`}},
		"text for a table":                {edit("home =", "log = \"info\"\nhome ="), []string{"log must be a table, as [log]", "info"}},
		"a bogus key in an inline table":  {edit("[[nodes.hardware]]\ntype = \"cpu\"\ncount = 2", `hardware = [{type = "cpu", count = 2, bogus = 1}]`), []string{`unknown key "nodes[0].hardware[0].bogus"`}},
		"hardware without a count":        {edit("count = 2", "count = 0"), []string{"nodes[0].hardware[0]"}},
		"sabotage on a real chain": {
			func(s string) string {
				return strings.Replace(s, "ninefold-local-1", "ninefold-1", 1) + "\n[testing]\nforge_nonces = true\n"
			},
			[]string{"[testing]", "ninefold-1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := sample(t)
			changed := tc.change(text)
			require.NotEqual(t, text, changed, "the case changes nothing")
			_, err := Parse([]byte(changed), folder(t))
			require.ErrorIs(t, err, ErrInvalid)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

const endpoint = `
[[nodes]]
id = "verifier"
kind = "serverless"
url = "https://api.example.org/v2/x"
key_file = "warm.key"
`

func TestServerlessNodesAreKeptApart(t *testing.T) {
	dir := folder(t)
	text := sample(t) + endpoint + strings.NewReplacer("verifier", "local", "https://api.example.org", "http://127.0.0.1:8000").Replace(endpoint)
	c, err := Parse([]byte(text), dir)
	require.NoError(t, err)
	require.Len(t, c.ComputeNodes(), 1)
	require.Equal(t, "gpu-1", c.ComputeNodes()[0].ID)
	require.Equal(t, []Node{
		{ID: "verifier", Kind: KindServerless, URL: "https://api.example.org/v2/x", KeyFile: filepath.Join(dir, "warm.key")},
		{ID: "local", Kind: KindServerless, URL: "http://127.0.0.1:8000/v2/x", KeyFile: filepath.Join(dir, "warm.key")},
	}, c.Verifiers())
}

func TestProxiesAreAddressesOrNetworks(t *testing.T) {
	c, err := Parse([]byte(sample(t)+"\n[public]\ntrusted_proxies = [\"127.0.0.1\", \"::1\", \"10.0.0.0/8\"]\n"), folder(t))
	require.NoError(t, err)
	require.Equal(t, []netip.Prefix{
		netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8"),
	}, c.Public.Proxies())
}

func TestMetricsHaveAListenerOfTheirOwnWhereOneIsNamed(t *testing.T) {
	dir := folder(t)
	c, err := Parse([]byte(sample(t)), dir)
	require.NoError(t, err)
	require.Empty(t, c.Metrics.Listen, "off by default")
	// Also beyond loopback, and on a port that others have on another address.
	for _, listen := range []string{"0.0.0.0:9191", "127.0.0.1:0", "[::1]:9191", "127.0.0.2:9090"} {
		c, err = Parse([]byte(sample(t)+"\n[metrics]\nlisten = \""+listen+"\"\n"), dir)
		require.NoError(t, err)
		require.Equal(t, Metrics{Listen: listen}, c.Metrics)
	}
}

func TestSabotageIsAllowedOnALocalChain(t *testing.T) {
	c, err := Parse([]byte(sample(t)+"\n[testing]\nwithhold_openings = true\n"), folder(t))
	require.NoError(t, err)
	require.Equal(t, Testing{WithholdOpenings: true}, c.Testing)
}

func TestASyntaxErrorIsReported(t *testing.T) {
	_, err := Parse([]byte("chain_id ="), t.TempDir())
	require.ErrorIs(t, err, ErrInvalid)
}

func TestEveryErrorIsReportedAtOnce(t *testing.T) {
	_, err := Parse([]byte(`chain_id = "a b"`), t.TempDir())
	for _, field := range []string{"chain_id", "host.address", "warm_key.file", "chain.rpc", "admin.listen"} {
		require.ErrorContains(t, err, field)
	}
}

func TestAFileIsReloadableWhenOnlyItsComputeNodesDiffer(t *testing.T) {
	dir := folder(t)
	read := func(text string) Config {
		t.Helper()
		c, err := Parse([]byte(text), dir)
		require.NoError(t, err)
		return c
	}
	text := sample(t)
	old := read(text)
	require.NoError(t, old.Reloadable(read(text+"\n[[nodes]]\nid = \"gpu-2\"\naddress = \"h:1\"\nmodels = [\"m\"]\n")))
	for name, changed := range map[string]string{
		"chain":            strings.Replace(text, `"3s"`, `"4s"`, 1),
		"home":             strings.Replace(text, `"data"`, `"elsewhere"`, 1),
		"metrics":          text + "\n[metrics]\nlisten = \"127.0.0.1:9191\"\n",
		"serverless nodes": text + endpoint,
	} {
		err := old.Reloadable(read(changed))
		require.ErrorIs(t, err, ErrRestart)
		require.ErrorContains(t, err, ": "+name)
	}
}
