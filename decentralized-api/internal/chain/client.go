package chain

import (
	"context"

	"github.com/cosmos/cosmos-sdk/types/query"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
	validatorstypes "ninefold.dev/inference-chain/x/validators/types"
)

// pageSize is how many rows of a list are asked for at once.
const pageSize = 100

// Client asks the chain for typed facts about one host and its surroundings.
type Client struct {
	pool       *Pool
	query      types.QueryClient
	validators validatorstypes.QueryClient
	slashing   slashingtypes.QueryClient
	auth       authtypes.QueryClient
	authz      authz.QueryClient
	host       string // account of the host
	signer     string // account that signs for it

	views viewCache
}

// NewClient makes a client for a host whose transactions signer signs.
func NewClient(pool *Pool, host, signer string) *Client {
	return &Client{
		pool: pool, query: types.NewQueryClient(pool), validators: validatorstypes.NewQueryClient(pool),
		slashing: slashingtypes.NewQueryClient(pool), auth: authtypes.NewQueryClient(pool),
		authz: authz.NewQueryClient(pool), host: host, signer: signer,
	}
}

// View is the clock of the chain at one height.
type View struct {
	Height       int64
	Stage        epoch.Stage
	BlocksLeft   int64 // of the stage, this height not counted
	Heights      epoch.Heights
	Opened       uint64 // epoch opened last
	Effective    uint64 // epoch in effect
	OpenedStatus types.EpochStatus
}

// Formed says whether the opened epoch can be loaded, or is in effect already.
func (v View) Formed() bool {
	return v.OpenedStatus == types.EpochStatus_EPOCH_STATUS_FORMED || v.Opened == v.Effective
}

// Abandoned says whether the opened epoch will never be in effect.
func (v View) Abandoned() bool {
	return v.OpenedStatus == types.EpochStatus_EPOCH_STATUS_ABANDONED
}

// View reads the clock. The stage follows from the stored heights, as it does
// in the chain itself.
func (c *Client) View(ctx context.Context) (View, error) {
	r, err := c.query.CurrentStage(ctx, &types.QueryCurrentStageRequest{})
	if err != nil {
		return View{}, err
	}
	v := View{
		Height: r.Height, Opened: r.Opened, Effective: r.Effective, OpenedStatus: r.OpenedStatus,
		Heights: epoch.Heights{
			PocStart: r.Heights.PocStart, PocEnd: r.Heights.PocEnd,
			PocValidationStart: r.Heights.PocValidationStart, PocValidationEnd: r.Heights.PocValidationEnd,
			SetNewValidators: r.Heights.SetNewValidators, NextPocStart: r.Heights.NextPocStart,
		},
	}
	if v.Stage, err = v.Heights.StageAt(v.Height); err != nil {
		return View{}, err
	}
	v.BlocksLeft = v.Heights.Window(v.Stage).Last - v.Height
	return v, nil
}

// Epoch returns the record of an epoch with its frozen parameters.
func (c *Client) Epoch(ctx context.Context, index uint64) (types.Epoch, error) {
	r, err := c.query.Epoch(ctx, &types.QueryEpochRequest{EpochIndex: index})
	if err != nil {
		return types.Epoch{}, err
	}
	return r.Epoch, nil
}

// Round returns the challenge and, once it is known, the sampling seed.
func (c *Client) Round(ctx context.Context, index uint64) (types.Round, error) {
	r, err := c.query.Round(ctx, &types.QueryRoundRequest{EpochIndex: index})
	if err != nil {
		return types.Round{}, err
	}
	return r.Round, nil
}

// FleetNode is a node as it stands in an epoch's fleet.
type FleetNode struct {
	ID      string
	Index   uint64
	Serving bool // holds POC_SLOT and does not prove
}

// Fleet returns a host's nodes in the order of their index.
func (c *Client) Fleet(ctx context.Context, index uint64, host string) ([]FleetNode, error) {
	r, err := c.query.Fleet(ctx, &types.QueryFleetRequest{EpochIndex: index, Address: host})
	if err != nil {
		return nil, err
	}
	fleet := make([]FleetNode, len(r.Nodes))
	for i, node := range r.Nodes {
		fleet[i] = FleetNode{ID: node.LocalId, Index: uint64(i), Serving: i < len(r.Serving) && r.Serving[i]}
	}
	return fleet, nil
}

// HardwareNodes returns the rows of the own host.
func (c *Client) HardwareNodes(ctx context.Context) ([]types.HardwareNodeRow, error) {
	r, err := c.query.HardwareNodes(ctx, &types.QueryHardwareNodesRequest{Address: c.host})
	if err != nil {
		return nil, err
	}
	return r.Nodes, nil
}

// GovernanceModels returns the registry, by id.
func (c *Client) GovernanceModels(ctx context.Context) (map[string]types.Model, error) {
	models := map[string]types.Model{}
	err := pages(func(page *query.PageRequest) (*query.PageResponse, error) {
		r, err := c.query.GovernanceModels(ctx, &types.QueryGovernanceModelsRequest{Pagination: page})
		if err != nil {
			return nil, err
		}
		for _, model := range r.Models {
			models[model.Id] = model
		}
		return r.Pagination, nil
	})
	return models, err
}

// PeerURL returns the URL of another host's broker.
func (c *Client) PeerURL(ctx context.Context, host string) (string, error) {
	r, err := c.query.Participant(ctx, &types.QueryParticipantRequest{Address: host})
	if err != nil {
		return "", err
	}
	return r.Participant.Url, nil
}

// Claimable returns the epochs that a claim would pay now.
func (c *Client) Claimable(ctx context.Context) ([]uint64, error) {
	r, err := c.query.Claimable(ctx, &types.QueryClaimableRequest{Address: c.host})
	if err != nil {
		return nil, err
	}
	return r.Epochs, nil
}

// ClaimableAmount returns what a claim would pay now, in unine.
func (c *Client) ClaimableAmount(ctx context.Context) (string, error) {
	r, err := c.query.Claimable(ctx, &types.QueryClaimableRequest{Address: c.host})
	if err != nil {
		return "", err
	}
	return r.Amount, nil
}

// Weight says what the own host weighs in an epoch and why.
func (c *Client) Weight(ctx context.Context, index uint64) (*types.QueryWeightResponse, error) {
	return c.query.Weight(ctx, &types.QueryWeightRequest{EpochIndex: index, Address: c.host})
}

// pages reads a list to its end.
func pages(read func(*query.PageRequest) (*query.PageResponse, error)) error {
	page := &query.PageRequest{Limit: pageSize}
	for {
		next, err := read(page)
		if err != nil {
			return err
		}
		if next == nil || len(next.NextKey) == 0 {
			return nil
		}
		page = &query.PageRequest{Limit: pageSize, Key: next.NextKey}
	}
}
