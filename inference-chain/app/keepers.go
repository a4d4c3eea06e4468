package app

import (
	"cosmossdk.io/core/comet"
	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	authkeeper "github.com/cosmos/cosmos-sdk/x/auth/keeper"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	authzkeeper "github.com/cosmos/cosmos-sdk/x/authz/keeper"
	bankkeeper "github.com/cosmos/cosmos-sdk/x/bank/keeper"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	consensuskeeper "github.com/cosmos/cosmos-sdk/x/consensus/keeper"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	evidencekeeper "github.com/cosmos/cosmos-sdk/x/evidence/keeper"
	evidencetypes "github.com/cosmos/cosmos-sdk/x/evidence/types"
	"github.com/cosmos/cosmos-sdk/x/feegrant"
	feegrantkeeper "github.com/cosmos/cosmos-sdk/x/feegrant/keeper"
	govkeeper "github.com/cosmos/cosmos-sdk/x/gov/keeper"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	govv1beta1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1beta1"
	slashingkeeper "github.com/cosmos/cosmos-sdk/x/slashing/keeper"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
	upgradekeeper "github.com/cosmos/cosmos-sdk/x/upgrade/keeper"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"

	inferencekeeper "ninefold.dev/inference-chain/x/inference/keeper"
	inference "ninefold.dev/inference-chain/x/inference/types"
	validatorskeeper "ninefold.dev/inference-chain/x/validators/keeper"
	validators "ninefold.dev/inference-chain/x/validators/types"
)

// permissions of the module accounts. Fees are collected only to be burned.
var permissions = map[string][]string{
	authtypes.FeeCollectorName: {authtypes.Burner},
	govtypes.ModuleName:        {authtypes.Burner},
	inference.ModuleName:       {authtypes.Minter, authtypes.Burner},
}

// storeNames are the modules' stores. A new one needs an upgrade that adds it.
var storeNames = []string{
	authtypes.StoreKey, authzkeeper.StoreKey, banktypes.StoreKey, consensustypes.StoreKey,
	evidencetypes.StoreKey, feegrant.StoreKey, govtypes.StoreKey, slashingtypes.StoreKey,
	upgradetypes.StoreKey, inference.StoreKey, validators.StoreKey,
}

// Keepers are the modules' keepers.
type Keepers struct {
	Auth       authkeeper.AccountKeeper
	Authz      authzkeeper.Keeper
	Bank       bankkeeper.BaseKeeper
	Consensus  consensuskeeper.Keeper
	Evidence   *evidencekeeper.Keeper
	FeeGrant   feegrantkeeper.Keeper
	Gov        *govkeeper.Keeper
	Slashing   slashingkeeper.Keeper
	Upgrade    *upgradekeeper.Keeper
	Inference  inferencekeeper.Keeper
	Validators *validatorskeeper.Keeper
	// Staking is the validators in the terms of x/staking.
	Staking validatorskeeper.Staking
}

// wiring is what keepers are built from.
type wiring struct {
	Encoding
	base      *baseapp.BaseApp
	keys      map[string]*storetypes.KVStoreKey
	authority string
	comet     comet.BlockInfoService
	home      string
	skip      map[int64]bool // upgrade heights to skip
}

// buildBase builds the SDK's keepers that depend on no other module of ours.
func (w wiring) buildBase() Keepers {
	var k Keepers
	k.Consensus = consensuskeeper.NewKeeper(w.Codec, w.service(consensustypes.StoreKey), w.authority, runtime.EventService{})
	k.Auth = authkeeper.NewAccountKeeper(w.Codec, w.service(authtypes.StoreKey), authtypes.ProtoBaseAccount,
		permissions, w.Account, Bech32Prefix, w.authority)
	k.Bank = bankkeeper.NewBaseKeeper(w.Codec, w.service(banktypes.StoreKey), k.Auth, blockedAddresses(), w.authority, w.base.Logger())
	k.Authz = authzkeeper.NewKeeper(w.service(authzkeeper.StoreKey), w.Codec, w.base.MsgServiceRouter(), k.Auth).SetBankKeeper(k.Bank)
	k.FeeGrant = feegrantkeeper.NewKeeper(w.Codec, w.service(feegrant.StoreKey), k.Auth).SetBankKeeper(k.Bank)
	k.Upgrade = upgradekeeper.NewKeeper(w.skip, w.service(upgradetypes.StoreKey), w.Codec, w.home, w.base, w.authority)
	return k
}

// build builds all keepers. The consensus set comes first, because inference
// hands it over; its hooks come last, because they need slashing and inference.
func (w wiring) build() (Keepers, error) {
	k := w.buildBase()
	var err error
	k.Validators, err = validatorskeeper.NewKeeper(w.Codec, w.service(validators.StoreKey), validatorskeeper.Codecs{
		Account: w.Account, Validator: w.Validator, Consensus: w.Consensus,
	})
	if err != nil {
		return Keepers{}, err
	}
	k.Staking = validatorskeeper.NewStaking(k.Validators, BaseDenom)
	k.Inference, err = inferencekeeper.NewKeeper(w.Codec, w.service(inference.StoreKey), w.authority, w.Account, k.Bank, k.Validators)
	if err != nil {
		return Keepers{}, err
	}
	k.Slashing = slashingkeeper.NewKeeper(w.Codec, w.Amino, w.service(slashingtypes.StoreKey), k.Staking, w.authority)
	k.Validators.SetHooks(k.Slashing.Hooks(), k.Slashing, k.Inference)
	k.Evidence = evidencekeeper.NewKeeper(w.Codec, w.service(evidencetypes.StoreKey), k.Staking, k.Slashing, w.Account, w.comet)
	k.Evidence.SetRouter(evidencetypes.NewRouter())
	k.Gov = w.buildGov(k)
	return k, nil
}

// buildGov builds governance: members vote with the weight of their compute.
func (w wiring) buildGov(k Keepers) *govkeeper.Keeper {
	gov := govkeeper.NewKeeper(w.Codec, w.service(govtypes.StoreKey), k.Auth, k.Bank, nil,
		w.base.MsgServiceRouter(), govtypes.DefaultConfig(), w.authority, tallyByWeight(k.Inference, w.Account))
	gov.SetLegacyRouter(govv1beta1.NewRouter())
	gov.SetHooks(membersOnly{k.Inference})
	return gov
}

func (w wiring) service(name string) store.KVStoreService {
	return runtime.NewKVStoreService(w.keys[name])
}

// blockedAddresses may not be sent coins to: module accounts other than
// governance's, whose deposits come by message.
func blockedAddresses() map[string]bool {
	blocked := make(map[string]bool, len(permissions))
	for name := range permissions {
		if name != govtypes.ModuleName {
			blocked[authtypes.NewModuleAddress(name).String()] = true
		}
	}
	return blocked
}
