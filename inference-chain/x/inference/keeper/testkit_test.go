package keeper

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/cosmos/gogoproto/proto"
	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

const (
	testPrefix  = "nine"
	testChainID = "ninefold-test-1"
)

var testAddresses = address.NewBech32Codec(testPrefix)

// kit is a keeper over a real store, with fakes for its neighbours. Its state is
// empty but for testnet parameters.
type kit struct {
	Keeper
	t    testing.TB
	ctx  sdk.Context
	key  storetypes.StoreKey
	cms  storetypes.CommitMultiStore
	bank *fakeBank
	set  *fakeValidatorSet
}

func newKit(t testing.TB) *kit {
	t.Helper()
	key := storetypes.NewKVStoreKey(types.StoreKey)
	stores := testutil.DefaultContextWithDB(t, key, storetypes.NewTransientStoreKey("transient_test"))
	bank := &fakeBank{accounts: map[string]sdk.Coins{}}
	set := &fakeValidatorSet{}
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	keeper, err := NewKeeper(cdc, runtime.NewKVStoreService(key), addressText(t, testAuthority()), testAddresses, bank, set)
	require.NoError(t, err)
	k := &kit{
		Keeper: keeper, t: t, key: key, cms: stores.CMS, bank: bank, set: set,
		ctx: stores.Ctx.WithChainID(testChainID).WithBlockTime(time.Unix(1_700_000_000, 0).UTC()),
	}
	require.NoError(t, k.Params.Set(k.ctx, types.TestnetParams()))
	return k.at(1)
}

// at moves the kit to a height. Every height has a hash of its own.
func (k *kit) at(height int64) *kit {
	hash := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("block"), uint64(height)))
	k.ctx = k.ctx.WithBlockHeight(height).WithHeaderHash(hash[:])
	return k
}

// typedEvent is a pointer to a generated event.
type typedEvent[E any] interface {
	*E
	proto.Message
}

// eventsOf returns the typed events of a kind that were emitted since forget, in
// their order.
func eventsOf[E any, P typedEvent[E]](k *kit) []E {
	k.t.Helper()
	var found []E
	for _, event := range k.ctx.EventManager().ABCIEvents() {
		message, err := sdk.ParseTypedEvent(event)
		require.NoError(k.t, err)
		if typed, ok := message.(P); ok {
			found = append(found, *(*E)(typed))
		}
	}
	return found
}

// forget drops the events emitted so far.
func (k *kit) forget() *kit {
	k.ctx = k.ctx.WithEventManager(sdk.NewEventManager())
	return k
}

// testAddress returns the account of a name, the same in every test.
func testAddress(name string) sdk.AccAddress {
	hash := sha256.Sum256([]byte(name))
	return hash[:20]
}

func testAuthority() sdk.AccAddress { return testAddress("governance") }

func addressText(t testing.TB, account sdk.AccAddress) string {
	t.Helper()
	text, err := testAddresses.BytesToString(account)
	require.NoError(t, err)
	return text
}

// fakeBank keeps balances of accounts and modules by name or address.
type fakeBank struct {
	accounts map[string]sdk.Coins
}

func (b *fakeBank) balance(holder string) int64 {
	return b.accounts[holder].AmountOf(types.BaseDenom).Int64()
}

func (b *fakeBank) copied() *fakeBank { return &fakeBank{maps.Clone(b.accounts)} }

func (b *fakeBank) MintCoins(_ context.Context, module string, amount sdk.Coins) error {
	b.accounts[module] = b.accounts[module].Add(amount...)
	return nil
}

func (b *fakeBank) BurnCoins(_ context.Context, module string, amount sdk.Coins) error {
	return b.take(module, amount)
}

func (b *fakeBank) SendCoinsFromModuleToAccount(_ context.Context, module string, to sdk.AccAddress, amount sdk.Coins) error {
	if err := b.take(module, amount); err != nil {
		return err
	}
	b.accounts[string(to)] = b.accounts[string(to)].Add(amount...)
	return nil
}

func (b *fakeBank) take(holder string, amount sdk.Coins) error {
	left, negative := b.accounts[holder].SafeSub(amount...)
	if negative {
		return fmt.Errorf("%s holds %s, less than %s", holder, b.accounts[holder], amount)
	}
	b.accounts[holder] = left
	return nil
}

// fakeValidatorSet remembers hand-overs and is told who sits in jail.
type fakeValidatorSet struct {
	handedOver []handOver
	refuse     error // what HandOver answers when set
	jailed     []sdk.AccAddress
	tombstoned []sdk.AccAddress
	blocks     map[string]uint64 // blocks in jail, by address, in every period
}

type handOver struct {
	period        uint64
	members       []types.SetMember
	maxValidators uint64
}

func (s *fakeValidatorSet) HandOver(_ context.Context, period uint64, members []types.SetMember, maxValidators uint64) (types.SetSummary, error) {
	if s.refuse != nil {
		return types.SetSummary{}, s.refuse
	}
	s.handedOver = append(s.handedOver, handOver{period, members, maxValidators})
	summary := types.SetSummary{Validators: uint64(len(members))}
	for _, member := range members {
		summary.TotalPower += int64(member.Weight)
	}
	return summary, nil
}

func (s *fakeValidatorSet) JailedOperators(context.Context) ([]sdk.AccAddress, error) {
	return s.jailed, nil
}

func (s *fakeValidatorSet) IsTombstoned(_ context.Context, operator sdk.AccAddress) (bool, error) {
	for _, account := range s.tombstoned {
		if account.Equals(operator) {
			return true, nil
		}
	}
	return false, nil
}

func (s *fakeValidatorSet) JailedBlocks(_ context.Context, _ uint64, operator sdk.AccAddress) (uint64, error) {
	return s.blocks[string(operator)], nil
}
