package keeper_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/core/comet"

	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"
	evidencekeeper "github.com/cosmos/cosmos-sdk/x/evidence/keeper"
	evidencetypes "github.com/cosmos/cosmos-sdk/x/evidence/types"
	"github.com/cosmos/cosmos-sdk/x/slashing"
	slashingkeeper "github.com/cosmos/cosmos-sdk/x/slashing/keeper"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
	"ninefold.dev/inference-chain/x/validators/keeper"
	"ninefold.dev/inference-chain/x/validators/types"
)

const (
	maxAgeBlocks = 10
	maxAge       = 20 * time.Second
	blockTime    = 2 * time.Second
	maxSet       = 100
)

// cometBFT is what the other side makes of the updates, with its refusals.
type cometBFT map[string]int64

func (c cometBFT) apply(updates []abci.ValidatorUpdate) error {
	seen := map[string]bool{}
	for _, u := range updates {
		key := string(u.PubKey.GetEd25519())
		if seen[key] {
			return fmt.Errorf("two updates for one key")
		}
		seen[key] = true
		if u.Power < 0 {
			return fmt.Errorf("negative power")
		}
		if u.Power == 0 {
			if _, known := c[key]; !known {
				return fmt.Errorf("removal of an unknown key")
			}
			delete(c, key)
			continue
		}
		c[key] = u.Power
	}
	if len(updates) > 0 && len(c) == 0 {
		return fmt.Errorf("empty set")
	}
	return nil
}

// rewards records what was forfeited.
type rewards struct {
	lost []string
	fail error
}

func (r *rewards) ForfeitReward(_ context.Context, operator sdk.AccAddress, reason string) error {
	if r.fail != nil {
		return r.fail
	}
	r.lost = append(r.lost, operator.String()+" "+reason)
	return nil
}

// evidence is the evidence of one block.
type evidence struct{ list []comet.Evidence }

func (e *evidence) GetCometBlockInfo(context.Context) comet.BlockInfo { return e }
func (e *evidence) GetEvidence() comet.EvidenceList                   { return e }
func (e *evidence) Len() int                                          { return len(e.list) }
func (e *evidence) Get(i int) comet.Evidence                          { return e.list[i] }
func (e *evidence) GetValidatorsHash() []byte                         { return nil }
func (e *evidence) GetProposerAddress() []byte                        { return nil }
func (e *evidence) GetLastCommit() comet.CommitInfo                   { return nil }

type doubleSign struct {
	key    []byte
	power  int64
	height int64
	time   time.Time
}

func (d doubleSign) Type() comet.MisbehaviorType { return comet.DuplicateVote }
func (d doubleSign) Validator() comet.Validator  { return d }
func (d doubleSign) Address() []byte             { return types.AddressOf(d.key) }
func (d doubleSign) Power() int64                { return d.power }
func (d doubleSign) Height() int64               { return d.height }
func (d doubleSign) Time() time.Time             { return d.time }
func (d doubleSign) TotalVotingPower() int64     { return d.power }

// chain drives the keeper with the real x/slashing and x/evidence, block by
// block. Sets take effect two blocks after they were told, as in CometBFT.
type chain struct {
	t        require.TestingT
	ctx      sdk.Context
	keeper   *keeper.Keeper
	staking  keeper.Staking
	slashing slashingkeeper.Keeper
	evidence *evidencekeeper.Keeper
	found    *evidence
	rewards  *rewards
	stores   map[string]*storetypes.KVStoreKey

	told    cometBFT            // after the updates of the last block
	signing []map[string]int64  // sets of the next two blocks
	absent  map[string]struct{} // keys that do not sign
}

func newChain(t require.TestingT) *chain {
	registry := codectypes.NewInterfaceRegistry()
	cryptocodec.RegisterInterfaces(registry)
	evidencetypes.RegisterInterfaces(registry)
	cdc := codec.NewProtoCodec(registry)
	keys := storetypes.NewKVStoreKeys(types.StoreKey, slashingtypes.StoreKey, evidencetypes.StoreKey)
	c := &chain{
		t:    t,
		ctx:  testutil.DefaultContextWithKeys(keys, storetypes.NewTransientStoreKeys("t"), nil),
		told: cometBFT{}, absent: map[string]struct{}{}, rewards: &rewards{}, found: &evidence{},
		stores: keys,
	}
	k, err := keeper.NewKeeper(cdc, runtime.NewKVStoreService(keys[types.StoreKey]), keeper.Codecs{
		Account:   address.NewBech32Codec("cosmos"),
		Validator: address.NewBech32Codec("cosmosvaloper"),
		Consensus: address.NewBech32Codec("cosmosvalcons"),
	})
	require.NoError(t, err)
	c.keeper, c.staking = k, keeper.NewStaking(k, "unine")
	c.slashing = slashingkeeper.NewKeeper(cdc, codec.NewLegacyAmino(), runtime.NewKVStoreService(keys[slashingtypes.StoreKey]), c.staking, "gov")
	c.evidence = evidencekeeper.NewKeeper(cdc, runtime.NewKVStoreService(keys[evidencetypes.StoreKey]), c.staking, c.slashing, address.NewBech32Codec("cosmos"), c.found)
	k.SetHooks(c.slashing.Hooks(), c.slashing, c.rewards)
	c.ctx = c.ctx.WithBlockHeight(0).WithBlockTime(time.Unix(1_000_000, 0)).WithConsensusParams(cmtproto.ConsensusParams{
		Evidence: &cmtproto.EvidenceParams{MaxAgeNumBlocks: maxAgeBlocks, MaxAgeDuration: maxAge},
	})
	params := slashingtypes.DefaultParams()
	params.SignedBlocksWindow, params.DowntimeJailDuration = 4, 3*blockTime
	require.NoError(t, c.slashing.SetParams(c.ctx, params))
	return c
}

// genesis hands over the founding set and starts the chain with it.
func (c *chain) genesis(members ...inference.SetMember) {
	_, err := c.keeper.HandOver(c.ctx, 0, members, maxSet)
	require.NoError(c.t, err)
	updates, err := c.keeper.InitGenesis(c.ctx, *types.DefaultGenesis())
	require.NoError(c.t, err)
	require.NoError(c.t, c.told.apply(updates))
	c.signing = []map[string]int64{maps.Clone(c.told), maps.Clone(c.told)}
}

// block runs one block with the transactions, and checks what every block must
// leave behind.
func (c *chain) block(txs ...func(sdk.Context)) {
	c.ctx = c.ctx.WithBlockHeight(c.ctx.BlockHeight() + 1).WithBlockTime(c.ctx.BlockTime().Add(blockTime)).
		WithEventManager(sdk.NewEventManager()).WithVoteInfos(c.votes())
	require.NoError(c.t, slashing.BeginBlocker(c.ctx, c.slashing))
	require.NoError(c.t, c.evidence.BeginBlocker(c.ctx))
	c.found.list = nil
	for _, tx := range txs {
		tx(c.ctx)
	}
	require.NoError(c.t, c.told.apply(c.keeper.EndBlock(c.ctx)))
	c.signing = append(c.signing, maps.Clone(c.told))
	c.checkTold()
}

func (c *chain) blocks(n int) {
	for range n {
		c.block()
	}
}

// votes lists who should have signed the block before this one: the set told
// two blocks before it.
func (c *chain) votes() []abci.VoteInfo {
	if c.ctx.BlockHeight() == 1 {
		return nil
	}
	set := c.signing[0]
	c.signing = c.signing[1:]
	var votes []abci.VoteInfo
	for key, power := range set {
		flag := cmtproto.BlockIDFlagCommit
		if _, missing := c.absent[key]; missing {
			flag = cmtproto.BlockIDFlagAbsent
		}
		votes = append(votes, abci.VoteInfo{
			Validator: abci.Validator{Address: types.AddressOf([]byte(key)), Power: power}, BlockIdFlag: flag,
		})
	}
	return votes
}

// checkTold compares what the keeper believes it told with what CometBFT knows.
func (c *chain) checkTold() {
	rows, err := c.keeper.Told(c.ctx)
	require.NoError(c.t, err)
	believed := cometBFT{}
	for _, row := range rows {
		believed[string(row.ConsensusKey)] = row.ToldPower
	}
	require.Equal(c.t, c.told, believed)
}

func (c *chain) handOver(period uint64, members ...inference.SetMember) func(sdk.Context) {
	return func(ctx sdk.Context) {
		_, err := c.keeper.HandOver(ctx, period, members, maxSet)
		require.NoError(c.t, err)
	}
}

func (c *chain) unjail(host int) error {
	return c.slashing.Unjail(c.ctx, sdk.ValAddress(operator(host)))
}

func (c *chain) record(host int) types.Validator {
	v, err := c.keeper.Validators.Get(c.ctx, operator(host))
	require.NoError(c.t, err)
	return v
}

func (c *chain) doubleSigns(key []byte) {
	c.found.list = append(c.found.list, doubleSign{key: key, power: 1, height: c.ctx.BlockHeight(), time: c.ctx.BlockTime()})
}

func (c *chain) events(name string) int {
	n := 0
	for _, e := range c.ctx.EventManager().Events() {
		if e.Type == name {
			n++
		}
	}
	return n
}

// operator is a host's address; ascending with its number.
func operator(host int) sdk.AccAddress { return bytes.Repeat([]byte{byte(host)}, 20) }

// keyOf is the n-th consensus key of a host.
func keyOf(host, n int) []byte {
	key := bytes.Repeat([]byte{byte(host)}, 32)
	key[31] = byte(n)
	return key
}

// member is a host with its first key.
func member(host int, weight uint64) inference.SetMember {
	return inference.SetMember{Operator: operator(host), ConsensusKey: keyOf(host, 0), Weight: weight}
}

// withKey is a host with its n-th key.
func withKey(host, n int, weight uint64) inference.SetMember {
	return inference.SetMember{Operator: operator(host), ConsensusKey: keyOf(host, n), Weight: weight}
}

// four hosts of one weight: nobody is capped.
func four() []inference.SetMember {
	return []inference.SetMember{member(1, 10), member(2, 10), member(3, 10), member(4, 10)}
}

var errRefused = errors.New("refused")

func names(t *testing.T, c *chain) []string {
	t.Helper()
	var out []string
	for key := range c.told {
		out = append(out, fmt.Sprintf("%d/%d", key[0], key[31]))
	}
	return out
}
