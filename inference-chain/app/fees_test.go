package app

import (
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// diff changes a host's node to something new, and so is never a repetition.
func diff(host actor, name string) *inference.MsgSubmitHardwareDiff {
	changed := node("n1")
	changed.Host = name
	return &inference.MsgSubmitHardwareDiff{Creator: host.String(), Modify: []inference.HardwareNode{changed}}
}

func (n *network) quotaUsed(host actor) uint64 {
	n.t.Helper()
	quota, err := n.app.Inference.Quotas.Get(n.ctx(), host.address())
	if err != nil {
		return 0
	}
	return quota.Used
}

func TestFeesAreBurned(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	supply := n.supply()
	n.must(n.tx(n.hosts[0], sendCoins(n.hosts[0], n.hosts[1], 1)))
	require.Equal(t, supply.SubRaw(txFee), n.supply())
	require.Zero(t, n.balance(authtypes.NewModuleAddress(authtypes.FeeCollectorName)))
}

func TestTheMempoolAsksForTheMinimumGasPrice(t *testing.T) {
	a, b := newActor("host 0"), newActor("host 1")
	minimum := int64(txGas / 40) // 0.025 unine a unit
	for name, tc := range map[string]struct {
		fee int64
		msg sdk.Msg
		ok  bool
	}{
		"nothing for a transfer":       {0, sendCoins(a, b, 1), false},
		"too little for a transfer":    {minimum - 1, sendCoins(a, b, 1), false},
		"the minimum for a transfer":   {minimum, sendCoins(a, b, 1), true},
		"nothing for a free message":   {0, diff(a, "x"), true},
		"too little for a free one":    {1, diff(a, "x"), false},
		"nothing for a registration":   {0, &inference.MsgUpdateParticipant{Creator: a.String(), Url: "https://a.example"}, false},
		"the minimum for a free one":   {minimum, diff(a, "x"), true},
		"more than the minimum is too": {minimum + 1, sendCoins(a, b, 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 100, 60, 40, 40)
			res := n.check(n.txPaying(a, tc.fee, tc.msg))
			require.Equal(t, tc.ok, res.Code == abci.CodeTypeOK, res.Log)
			if !tc.ok {
				require.Equal(t, sdkerrors.ErrInsufficientFee.ABCICode(), res.Code, res.Log)
			}
		})
	}
}

func TestFreeMessagesCountAgainstTheHost(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	host := n.hosts[0]
	n.grantAll(host)
	n.must(n.free(host, diff(host, "a")))
	n.must(n.free(host, diff(host, "b"), diff(host, "c")))
	n.must(n.free(warm(host), exec(warm(host), diff(host, "d"))))
	require.Equal(t, uint64(4), n.quotaUsed(host))
	n.must(n.tx(host, diff(host, "e")))
	require.Equal(t, uint64(4), n.quotaUsed(host), "what pays a fee is not counted")
}

func TestAUsedUpQuotaRefusesUntilTheNextStage(t *testing.T) {
	params := inference.TestnetParams()
	params.FreeMessagesPerStage = 16
	n := newNetworkWith(t, params, 100, 60, 40, 40)
	host := n.hosts[0]
	var quota []sdk.Msg
	for range params.FreeMessagesPerStage {
		quota = append(quota, diff(host, "a"))
	}
	over := n.block(n.free(host, append(quota, diff(host, "b"))...))
	require.Equal(t, sdkerrors.ErrInsufficientFee.ABCICode(), over[0].Code, over[0].Log)
	require.Zero(t, n.quotaUsed(host), "a refused transaction uses nothing")

	n.must(n.free(host, quota...))
	refused := n.block(n.free(host, diff(host, "b")))
	require.Equal(t, sdkerrors.ErrInsufficientFee.ABCICode(), refused[0].Code, refused[0].Log)
	n.must(n.tx(host, diff(host, "b")))

	n.until(n.epoch(0).Heights.NextPocStart)
	n.must(n.free(host, diff(host, "c")))
	require.Equal(t, uint64(1), n.quotaUsed(host), "counting starts anew")
}

func TestAStrangerCannotUseAHostsQuota(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	host, stranger := n.hosts[0], newActor("stranger")
	n.must(n.tx(host, sendCoins(host, stranger, 1_000_000)))
	res := n.block(n.free(stranger, exec(stranger, diff(host, "a"))))
	require.Equal(t, sdkerrors.ErrUnauthorized.ABCICode(), res[0].Code, res[0].Log)
	require.Zero(t, n.quotaUsed(host))
}

func TestOnlyTransactionsOfFreeMessagesAloneAreFree(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	host, stranger := n.hosts[0], newActor("stranger")
	n.must(n.tx(host, sendCoins(host, stranger, 1_000_000)))
	for name, tx := range map[string][]byte{
		"with another message":   n.free(host, diff(host, "a"), sendCoins(host, stranger, 1)),
		"with one wrapped":       n.free(host, exec(host, diff(host, "a"), sendCoins(host, stranger, 1))),
		"of who is no host":      n.free(stranger, diff(stranger, "a")),
		"an empty MsgExec":       n.free(host, exec(host)),
		"with one that is mixed": n.free(host, exec(host, diff(host, "a")), sendCoins(host, stranger, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotZero(t, n.check(tx).Code)
		})
	}
}

func TestNestedMsgExecIsRefusedAlsoWhenItPays(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	host := n.hosts[0]
	inner := authz.NewMsgExec(host.address(), []sdk.Msg{diff(host, "a")})
	for _, tx := range [][]byte{n.free(host, exec(host, &inner)), n.tx(host, exec(host, &inner))} {
		res := n.check(tx)
		require.Equal(t, sdkerrors.ErrInvalidRequest.ABCICode(), res.Code, res.Log)
	}
}
