package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/client/flags"
	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"

	"ninefold.dev/inference-chain/app"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

const testModel = `{"id":"org/model","name":"Model","hf_repo":"org/model",
 "hf_commit":"0123456789012345678901234567890123456789","vram_gb":"80",
 "throughput_per_nonce":"1000000","units_of_compute_per_token":"1"}`

// home is a node's home on which commands are run.
type home struct {
	t   *testing.T
	dir string
}

// theModel is built once: commands only ask it for modules and codecs.
var theModel = sync.OnceValues(func() (*app.App, error) {
	return app.New(log.NewNopLogger(), dbm.NewMemDB(), simtestutil.EmptyAppOptions{})
})

func model(t *testing.T) *app.App {
	t.Helper()
	m, err := theModel()
	require.NoError(t, err)
	return m
}

func newHome(t *testing.T) home {
	t.Helper()
	return home{t: t, dir: t.TempDir()}
}

// run executes a command line and returns what it prints.
func (h home) run(args ...string) (string, error) {
	h.t.Helper()
	root := ownRoot(model(h.t))
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append(args, "--"+flags.FlagHome, h.dir))
	root.PersistentFlags().String(flags.FlagHome, h.dir, "")
	root.PersistentFlags().String(flags.FlagLogLevel, "info", "")
	root.PersistentFlags().String(flags.FlagLogFormat, "plain", "")
	root.PersistentFlags().Bool(flags.FlagLogNoColor, true, "")
	err := root.ExecuteContext(svrcmd.CreateExecuteContext(context.Background()))
	return out.String(), err
}

func (h home) must(args ...string) string {
	h.t.Helper()
	out, err := h.run(args...)
	require.NoError(h.t, err, "%v: %s", args, out)
	return out
}

// file writes a file beside the home's own.
func (h home) file(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	require.NoError(h.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// amend replaces text in a configuration file of the home.
func (h home) amend(name, old, replacement string) {
	h.t.Helper()
	path := filepath.Join(h.dir, "config", name)
	text, err := os.ReadFile(path)
	require.NoError(h.t, err)
	require.Contains(h.t, string(text), old)
	require.NoError(h.t, os.WriteFile(path, bytes.Replace(text, []byte(old), []byte(replacement), 1), 0o600))
}

func (h home) genesis() (map[string]json.RawMessage, *genutiltypes.AppGenesis) {
	h.t.Helper()
	state, doc, err := genutiltypes.GenesisStateFromGenFile(filepath.Join(h.dir, "config", "genesis.json"))
	require.NoError(h.t, err)
	return state, doc
}

// edit changes a parameter by hand, past the commands that check it.
func (h home) edit(param, value string) {
	h.t.Helper()
	state, doc := h.genesis()
	file := genesisFile{path: filepath.Join(h.dir, "config", "genesis.json"), doc: doc, state: state}
	require.NoError(h.t, file.setParam(param, value))
	require.NoError(h.t, file.save())
}

func (h home) inference() inference.GenesisState {
	h.t.Helper()
	state, _ := h.genesis()
	encoding, err := app.NewEncoding()
	require.NoError(h.t, err)
	var own inference.GenesisState
	require.NoError(h.t, encoding.Codec.UnmarshalJSON(state[inference.ModuleName], &own))
	return own
}

// founded is a home with a whole genesis of one host, whose address it returns.
func founded(t *testing.T) (home, string) {
	t.Helper()
	h := newHome(t)
	h.must("init", "node")
	address := sdk.AccAddress(bytes.Repeat([]byte{7}, 20)).String()
	h.must("genesis", "add-account", address, "1000000unine")
	h.must("genesis", "add-model", h.file("model.json", testModel))
	h.must("genesis", "set-param", "--preset", "testnet")
	h.must("genesis", "add-host", address, "--url", "https://host.example",
		"--node", "n1:100:org/model", "--node", "n2:50:org/model", "--hardware", "n1:NVIDIA H200:8")
	return h, address
}

func TestANetworkIsFoundedFromTheCommandLine(t *testing.T) {
	h, address := founded(t)
	h.must("genesis", "validate")
	own := h.inference()
	require.Equal(t, inference.TestnetParams(), own.Params)
	require.Len(t, own.Hosts, 1)
	host := own.Hosts[0]
	require.Equal(t, address, host.Participant.Address)
	require.Len(t, host.Participant.ConsensusKey, ed25519.PublicKeySize)
	require.Equal(t, uint64(50), host.Nodes[1].Weight)
	require.Equal(t, []inference.Hardware{{Type: "NVIDIA H200", Count: 8}}, host.Nodes[0].Node.Hardware)
	_, doc := h.genesis()
	require.Equal(t, app.DefaultChainID, doc.ChainID)
	require.Equal(t, app.Name, doc.AppName)
}

func TestGenesisCommandsRefuseWhatCannotStart(t *testing.T) {
	h, address := founded(t)
	other := sdk.AccAddress(bytes.Repeat([]byte{8}, 20)).String()
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	for name, tc := range map[string]struct {
		args []string
		text string
	}{
		"the same host again":       {[]string{"genesis", "add-host", address, "--url", "https://a.example", "--node", "n:1:org/model"}, "there already"},
		"the same key again":        {[]string{"genesis", "add-host", other, "--url", "https://a.example", "--node", "n:1:org/model"}, "stands twice"},
		"an unknown model":          {[]string{"genesis", "add-host", other, "--consensus-key", key, "--url", "https://a.example", "--node", "n:1:org/none"}, "org/none"},
		"a bad URL":                 {[]string{"genesis", "add-host", other, "--consensus-key", key, "--url", "ftp://a", "--node", "n:1:org/model"}, "url"},
		"a node without weight":     {[]string{"genesis", "add-host", other, "--url", "https://a.example", "--node", "n:org/model"}, "ID:WEIGHT:MODEL"},
		"devices of another node":   {[]string{"genesis", "add-host", other, "--url", "https://a.example", "--node", "n:1:org/model", "--hardware", "x:GPU:1"}, `"x"`},
		"no address":                {[]string{"genesis", "add-host", "somebody", "--url", "https://a.example", "--node", "n:1:org/model"}, "somebody"},
		"the same model again":      {[]string{"genesis", "add-model", h.file("model.json", testModel)}, "there already"},
		"a model without commit":    {[]string{"genesis", "add-model", h.file("bad.json", `{"id":"org/x","hf_repo":"org/x"}`)}, "hf_commit"},
		"a field no model has":      {[]string{"genesis", "add-model", h.file("odd.json", `{"id":"org/x","colour":"red"}`)}, "colour"},
		"an unknown parameter":      {[]string{"genesis", "set-param", "nonsense", "1"}, `unknown parameter "nonsense"; there are allocation_blocks, `},
		"an unknown preset":         {[]string{"genesis", "set-param", "--preset", "moon"}, "moon"},
		"a preset and a parameter":  {[]string{"genesis", "set-param", "--preset", "testnet", "a", "b"}, "unknown command"},
		"a parameter without value": {[]string{"genesis", "set-param", "lanes"}, "pairs of a name and a value, got 1"},
		"a second without value":    {[]string{"genesis", "set-param", "lanes", "8", "cq"}, "pairs of a name and a value, got 3"},
		"nothing to set":            {[]string{"genesis", "set-param"}, "pairs of a name and a value, got 0"},
		"a parameter out of range":  {[]string{"genesis", "set-param", "lanes", "65"}, "lanes must lie in [1, 64]"},
		"a value of another kind":   {[]string{"genesis", "set-param", "lanes", "many"}, `inference: lanes must be a number, got "many"`},
		"neither true nor false":    {[]string{"genesis", "set-param", "throughput_validation_enabled", "maybe"}, `throughput_validation_enabled must be true or false, got "maybe"`},
		"a fraction alone":          {[]string{"genesis", "set-param", "valid_fraction", "0.2"}, "r_target must lie within 10^-9"},
		"a radius and its cq alone": {[]string{"genesis", "set-param", "r_target", "1", "cq", "2147483648"}, "r_target must lie within 10^-9"},
		"other outputs alone":       {[]string{"genesis", "set-param", "poc_model.vocab_size", "2048"}, "r_target must lie within 10^-9"},
		"a legal one, then another": {[]string{"genesis", "set-param", "lanes", "8", "sample_size", "0"}, "sample_size"},
	} {
		t.Run(name, func(t *testing.T) {
			_, before := h.genesis()
			out, err := h.run(tc.args...)
			require.Error(t, err, out)
			require.Contains(t, err.Error(), tc.text)
			_, after := h.genesis()
			require.Equal(t, before, after)
		})
	}
}

func TestAParameterIsSetByItsName(t *testing.T) {
	h, _ := founded(t)
	h.must("genesis", "set-param", "inference_blocks", "77")
	h.must("genesis", "set-param", "min_kept_power", "0.5")
	h.must("genesis", "set-param", "poc_model.dim", "256")
	h.must("genesis", "set-param", "throughput_validation_enabled", "true")
	h.must("genesis", "set-param", "gov.voting_period", "33s")
	p := h.inference().Params
	require.Equal(t, uint64(77), p.InferenceBlocks)
	require.Equal(t, "0.5", p.MinKeptPower)
	require.Equal(t, uint64(256), p.PocModel.Dim)
	require.True(t, p.ThroughputValidationEnabled)
	state, _ := h.genesis()
	require.Contains(t, string(state[govtypes.ModuleName]), `"voting_period": "33s"`)
	h.must("genesis", "validate")
}

func TestParametersThatBelongTogetherAreSetTogether(t *testing.T) {
	h, _ := founded(t)
	var derived map[string]string
	require.NoError(t, json.Unmarshal([]byte(h.must("params", "derive-target", "0.2", "--vocab-size", "1024")), &derived))
	h.must("genesis", "set-param", "valid_fraction", "0.2", "r_target", derived["r_target"], "cq", derived["cq"])
	require.Equal(t, derived["r_target"], h.inference().Params.RTarget)
	h.must("genesis", "validate")
}

func TestAGenesisWithParametersThatContradictIsNotValid(t *testing.T) {
	for name, tc := range map[string]struct{ param, value, text string }{
		"out of range":                  {"lanes", "65", "lanes"},
		"another fraction, same radius": {"valid_fraction", "0.2", "r_target must lie within 10^-9"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := founded(t)
			h.edit(tc.param, tc.value)
			_, err := h.run("genesis", "validate")
			require.ErrorContains(t, err, tc.text)
		})
	}
}

func TestInitTellsTheClientTheChainID(t *testing.T) {
	h := newHome(t)
	h.must("keys", "list", "--keyring-backend", "test") // writes client.toml first
	h.must("init", "node", "--chain-id", "ninefold-7")
	text, err := os.ReadFile(filepath.Join(h.dir, "config", "client.toml"))
	require.NoError(t, err)
	require.Contains(t, string(text), `chain-id = "ninefold-7"`)
}

func TestAConsensusProofIsWhatTheChainAsksFor(t *testing.T) {
	h, address := founded(t)
	var got proof
	require.NoError(t, json.Unmarshal([]byte(h.must("consensus-proof", address, "--chain-id", "ninefold-7", "--output", "json")), &got))
	require.Equal(t, got.Signature+"\n", h.must("consensus-proof", address, "--chain-id", "ninefold-7"))
	require.Equal(t, "ninefold-7", got.ChainID)
	key, err := base64.StdEncoding.DecodeString(got.Key)
	require.NoError(t, err)
	signature, err := base64.StdEncoding.DecodeString(got.Signature)
	require.NoError(t, err)
	account, err := sdk.AccAddressFromBech32(got.Account)
	require.NoError(t, err)
	require.NoError(t, inference.CheckConsensusKey(key, signature, "ninefold-7", account))
	require.Equal(t, h.inference().Hosts[0].Participant.ConsensusKey, key)
}

func TestABrokerIsGrantedTheFreeMessagesAndNothingElse(t *testing.T) {
	host, warm := sdk.AccAddress(bytes.Repeat([]byte{8}, 20)), sdk.AccAddress(bytes.Repeat([]byte{9}, 20))
	msgs, err := brokerGrants(host, warm, nil)
	require.NoError(t, err)
	var granted []string
	for _, msg := range msgs {
		grant, ok := msg.(*authz.MsgGrant)
		require.True(t, ok)
		require.Equal(t, host.String(), grant.Granter)
		require.Equal(t, warm.String(), grant.Grantee)
		authorization, err := grant.GetAuthorization()
		require.NoError(t, err)
		granted = append(granted, authorization.MsgTypeURL())
	}
	require.Equal(t, inference.FreeMessages(), granted)
}

func TestATargetThatDoesNotFollowFromItsFractionIsRefused(t *testing.T) {
	h, _ := founded(t)
	good := inference.TestnetParams()
	encoding, err := app.NewEncoding()
	require.NoError(t, err)
	write := func(name string, p inference.Params) string {
		return h.file(name, string(encoding.Codec.MustMarshalJSON(&p)))
	}
	h.must("params", "check", write("good.json", good))

	off := good
	off.ValidFraction = "0.11"
	_, err = h.run("params", "check", write("off.json", off))
	require.ErrorContains(t, err, "r_target")

	broken := good
	broken.Lanes = 65
	proposal := `{"messages":[{"@type":"/inference.v1.MsgUpdateParams","authority":"x","params":` +
		string(encoding.Codec.MustMarshalJSON(&broken)) + `}]}`
	_, err = h.run("params", "check", h.file("proposal.json", proposal))
	require.ErrorContains(t, err, "lanes")
}

func TestADerivedTargetIsThatOfThePreset(t *testing.T) {
	h := newHome(t)
	p := inference.TestnetParams()
	out := h.must("params", "derive-target", p.ValidFraction, "--vocab-size", "1024")
	require.JSONEq(t, `{"valid_fraction":"0.1","r_target":"`+p.RTarget+`","cq":"`+strconv.FormatUint(p.Cq, 10)+`"}`, out)
	for text, args := range map[string][]string{
		"valid_fraction: fixed: a decimal":                   {"10%"},
		"fixed: a fraction of nonces must lie above 0 and b": {"1"},
		"fixed: outputs must lie in [256, 131072]: got 255":  {"0.1", "--vocab-size", "255"},
	} {
		_, err := h.run(append([]string{"params", "derive-target"}, args...)...)
		require.ErrorContains(t, err, text)
	}
}

// amended is a preparation that replaces text in a configuration file.
func amended(name, old, replacement string) func(*testing.T, home) {
	return func(t *testing.T, h home) {
		t.Helper()
		h.amend(name, old, replacement)
	}
}

func TestStartSaysPlainlyWhatIsWrong(t *testing.T) {
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	foreign := func(t *testing.T, h home) {
		t.Helper()
		_, doc := h.genesis()
		doc.AppName = "otherd"
		require.NoError(t, doc.SaveAs(filepath.Join(h.dir, "config", "genesis.json")))
	}
	for name, tc := range map[string]struct {
		prepare func(*testing.T, home)
		args    []string
		text    string
	}{
		"no genesis": {func(t *testing.T, h home) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(h.dir, "config", "genesis.json")))
		}, nil, "no genesis file"},
		"a home of another program": {foreign, nil, `belongs to "otherd"`},
		"a genesis that cannot start": {func(t *testing.T, h home) {
			t.Helper()
			h.edit("lanes", "65")
		}, nil, "cannot start a chain"},
		"a misspelt key of config.toml":         {amended("config.toml", "timeout_commit", "timeout_comit"), nil, `config.toml: unknown key "consensus.timeout_comit"`},
		"a misspelt key of app.toml":            {amended("app.toml", "minimum-gas-prices", "minimum-gas-price"), nil, `app.toml: unknown key "minimum-gas-price"`},
		"a table of app.toml that nobody reads": {amended("app.toml", "[grpc]", "[gprc]"), nil, `app.toml: unknown key "gprc"`},
		"a misspelt key of client.toml":         {amended("client.toml", "keyring-backend", "keyring-bakend"), nil, `client.toml: unknown key "keyring-bakend"`},
		"a format that nobody prints":           {amended("client.toml", `output = "text"`, `output = "xml"`), nil, `client.toml: output must be one of text, json, got "xml"`},
		"a duration without a unit":             {amended("config.toml", `timeout_propose = "`, "timeout_propose = 5 # "), nil, "timeout_propose"},
		"a number below zero":                   {amended("config.toml", "max_num_inbound_peers = ", "max_num_inbound_peers = -"), nil, "max_num_inbound_peers can't be negative"},
		"a half where a whole number is":        {amended("config.toml", "max_num_inbound_peers = ", "max_num_inbound_peers = 1.5 # "), nil, "max_num_inbound_peers"},
		"a gas price that is none":              {amended("app.toml", `minimum-gas-prices = "`, `minimum-gas-prices = "five" # "`), nil, `app.toml: minimum-gas-prices must be amounts with denominations`},
		"a port in use":                         {func(*testing.T, home) {}, []string{"--rpc.laddr", "tcp://" + busy.Addr().String()}, "rpc.laddr"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := founded(t)
			tc.prepare(t, h)
			_, err := h.run(append([]string{"start"}, tc.args...)...)
			require.ErrorContains(t, err, tc.text)
		})
	}
}
