package app

import (
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/x/auth"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	authzmodule "github.com/cosmos/cosmos-sdk/x/authz/module"
	"github.com/cosmos/cosmos-sdk/x/bank"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/cosmos/cosmos-sdk/x/consensus"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	"github.com/cosmos/cosmos-sdk/x/evidence"
	evidencetypes "github.com/cosmos/cosmos-sdk/x/evidence/types"
	"github.com/cosmos/cosmos-sdk/x/feegrant"
	feegrantmodule "github.com/cosmos/cosmos-sdk/x/feegrant/module"
	"github.com/cosmos/cosmos-sdk/x/gov"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	"github.com/cosmos/cosmos-sdk/x/slashing"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
	"github.com/cosmos/cosmos-sdk/x/upgrade"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"

	inferencemodule "ninefold.dev/inference-chain/x/inference"
	inference "ninefold.dev/inference-chain/x/inference/types"
	validatorsmodule "ninefold.dev/inference-chain/x/validators"
	validators "ninefold.dev/inference-chain/x/validators/types"
)

// genesisOrder: accounts and balances first; founding hosts before the consensus
// set they make; slashing after the set, whose keys it copies.
var genesisOrder = []string{
	authtypes.ModuleName, banktypes.ModuleName, authz.ModuleName, feegrant.ModuleName, govtypes.ModuleName,
	inference.ModuleName, validators.ModuleName, slashingtypes.ModuleName, evidencetypes.ModuleName,
	upgradetypes.ModuleName, consensustypes.ModuleName,
}

// newManager puts the modules together. In a block's begin those who jail come
// first; at its end governance decides before the epoch machine acts on it, and
// then the consensus set tells CometBFT. Bank and feegrant only tidy up.
func newManager(e Encoding, k Keepers) *module.Manager {
	m := module.NewManager(
		auth.NewAppModule(e.Codec, k.Auth, nil),
		authzmodule.NewAppModule(e.Codec, k.Authz, k.Auth, k.Bank, e.Registry),
		bank.NewAppModule(e.Codec, k.Bank, k.Auth),
		consensus.NewAppModule(e.Codec, k.Consensus),
		evidence.NewAppModule(*k.Evidence),
		feegrantmodule.NewAppModule(e.Codec, k.Auth, k.Bank, k.FeeGrant, e.Registry),
		gov.NewAppModule(e.Codec, k.Gov, k.Auth, k.Bank),
		slashing.NewAppModule(e.Codec, k.Slashing, k.Auth, k.Bank, k.Staking, e.Registry),
		upgradeModule{AppModule: upgrade.NewAppModule(k.Upgrade, e.Account), keeper: k.Upgrade},
		inferencemodule.NewAppModule(k.Inference),
		validatorsmodule.NewAppModule(k.Validators, k.Staking),
	)
	m.SetOrderPreBlockers(upgradetypes.ModuleName, authtypes.ModuleName)
	m.SetOrderBeginBlockers(slashingtypes.ModuleName, evidencetypes.ModuleName, authz.ModuleName, inference.ModuleName)
	m.SetOrderEndBlockers(banktypes.ModuleName, govtypes.ModuleName, inference.ModuleName, validators.ModuleName, feegrant.ModuleName)
	m.SetOrderInitGenesis(genesisOrder...)
	m.SetOrderExportGenesis(genesisOrder...)
	return m
}

// newBasics are the modules as far as clients and genesis files need them.
func newBasics(e Encoding, m *module.Manager) module.BasicManager {
	basics := module.NewBasicManagerFromManager(m, nil)
	basics.RegisterLegacyAminoCodec(e.Amino)
	basics.RegisterInterfaces(e.Registry)
	return basics
}
