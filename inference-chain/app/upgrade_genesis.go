package app

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/x/upgrade"
	upgradekeeper "github.com/cosmos/cosmos-sdk/x/upgrade/keeper"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"
)

// upgradeModule is the SDK's, with the scheduled plan in its genesis. The SDK
// leaves it out because its exports found another chain; ours continue the same
// one, in which governance's decision still stands.
type upgradeModule struct {
	upgrade.AppModule
	keeper *upgradekeeper.Keeper
}

var _ module.HasGenesis = upgradeModule{}

// upgradeGenesis is the module's part of a genesis file.
type upgradeGenesis struct {
	// Plan is the scheduled upgrade in the JSON of its protobuf; none when absent.
	Plan json.RawMessage `json:"plan,omitempty"`
}

// ValidateGenesis refuses a plan that could not be scheduled.
func (m upgradeModule) ValidateGenesis(cdc codec.JSONCodec, _ client.TxEncodingConfig, bz json.RawMessage) error {
	_, err := readPlan(cdc, bz)
	return err
}

// InitGenesis schedules the plan again.
func (m upgradeModule) InitGenesis(ctx sdk.Context, cdc codec.JSONCodec, bz json.RawMessage) {
	m.AppModule.InitGenesis(ctx, cdc, bz)
	plan, err := readPlan(cdc, bz)
	if err == nil && plan != nil {
		err = m.keeper.ScheduleUpgrade(ctx, *plan)
	}
	if err != nil {
		panic(fmt.Errorf("genesis of %s: %w", upgradetypes.ModuleName, err)) //nolint:forbidigo // the interface has no error
	}
}

// ExportGenesis writes the plan that is scheduled.
func (m upgradeModule) ExportGenesis(ctx sdk.Context, cdc codec.JSONCodec) json.RawMessage {
	plan, err := m.keeper.GetUpgradePlan(ctx)
	if errors.Is(err, upgradetypes.ErrNoUpgradePlanFound) {
		return m.DefaultGenesis(cdc)
	}
	var bz []byte
	if err == nil {
		bz, err = json.Marshal(upgradeGenesis{Plan: cdc.MustMarshalJSON(&plan)})
	}
	if err != nil {
		panic(fmt.Errorf("export of %s: %w", upgradetypes.ModuleName, err)) //nolint:forbidigo // the interface has no error
	}
	return bz
}

// readPlan returns the plan of a genesis file, nil when there is none.
func readPlan(cdc codec.JSONCodec, bz json.RawMessage) (*upgradetypes.Plan, error) {
	var state upgradeGenesis
	if len(bz) == 0 {
		return nil, nil //nolint:nilnil // no plan is no failure
	}
	if err := json.Unmarshal(bz, &state); err != nil {
		return nil, err
	}
	if state.Plan == nil {
		return nil, nil //nolint:nilnil // no plan is no failure
	}
	var plan upgradetypes.Plan
	if err := cdc.UnmarshalJSON(state.Plan, &plan); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if err := plan.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return &plan, nil
}
