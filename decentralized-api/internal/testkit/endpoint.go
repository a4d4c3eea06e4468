package testkit

import (
	"context"
	"sync/atomic"

	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
	"github.com/cosmos/gogoproto/proto"
	"google.golang.org/grpc"

	errorsmod "cosmossdk.io/errors"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/x/inference/types"
	validatorstypes "ninefold.dev/inference-chain/x/validators/types"
)

// Endpoint is one way to reach a Chain. It can be taken down.
type Endpoint struct {
	chain *Chain
	down  atomic.Bool
	mute  atomic.Bool
}

var _ chain.Endpoint = (*Endpoint)(nil)

// NewEndpoint opens another way to the chain.
func (c *Chain) NewEndpoint() *Endpoint { return &Endpoint{chain: c} }

// SetDown lets every call fail, or none.
func (e *Endpoint) SetDown(down bool) { e.down.Store(down) }

// SetMute lets broadcasts fail, or none: what is asked is answered.
func (e *Endpoint) SetMute(mute bool) { e.mute.Store(mute) }

// Status implements chain.Ledger.
func (e *Endpoint) Status(context.Context) (chain.Status, error) {
	if e.down.Load() {
		return chain.Status{}, errDown
	}
	e.chain.mu.Lock()
	defer e.chain.mu.Unlock()
	status := chain.Status{ChainID: ChainID, Height: e.chain.height(), Earliest: 1, Indexed: true}
	if n := len(e.chain.blocks); n > 0 {
		status.Time = e.chain.blocks[n-1].Time
	}
	return status, nil
}

// Blocks implements chain.Ledger.
func (e *Endpoint) Blocks(_ context.Context, from, to int64) ([]chain.Block, error) {
	if e.down.Load() {
		return nil, errDown
	}
	e.chain.mu.Lock()
	defer e.chain.mu.Unlock()
	to = min(to, from+19, e.chain.height())
	return append([]chain.Block(nil), e.chain.blocks[from-1:to]...), nil
}

// Broadcast implements chain.Mempool.
func (e *Endpoint) Broadcast(_ context.Context, tx []byte) (outbox.CheckResult, error) {
	if e.down.Load() || e.mute.Load() {
		return outbox.CheckResult{}, errDown
	}
	c := e.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, waiting := range c.mempool {
		if string(waiting) == string(tx) {
			return outbox.CheckResult{Check: outbox.Admitted}, nil
		}
	}
	_, signer, err := c.check(tx, c.height()+1, 0)
	if err == nil {
		for _, waiting := range c.mempool {
			if _, other, _ := c.check(waiting, c.height()+1, 0); other == signer {
				err = sdkerrors.ErrWrongSequence
			}
		}
	}
	if err == nil {
		c.mempool = append(c.mempool, tx)
	}
	return checkOutcome(err), nil
}

// Tx implements chain.Mempool.
func (e *Endpoint) Tx(_ context.Context, hash []byte) (*outbox.Included, error) {
	if e.down.Load() {
		return nil, errDown
	}
	e.chain.mu.Lock()
	defer e.chain.mu.Unlock()
	if in, known := e.chain.included[string(hash)]; known {
		return &in, nil
	}
	return nil, nil
}

// Hints implements chain.Endpoint: there are none here.
func (e *Endpoint) Hints(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}

// services are the query services of the chain by the name in their paths.
var services = []*grpc.ServiceDesc{
	&types.Query_serviceDesc, &authtypes.Query_serviceDesc, &authz.Query_serviceDesc,
	&validatorstypes.Query_serviceDesc, &slashingtypes.Query_serviceDesc,
}

// Query implements chain.Ledger.
func (e *Endpoint) Query(ctx context.Context, path string, request []byte) ([]byte, int64, error) {
	if e.down.Load() {
		return nil, 0, errDown
	}
	c := e.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, service := range services {
		for _, method := range service.Methods {
			if path != "/"+service.ServiceName+"/"+method.MethodName {
				continue
			}
			answer, err := method.Handler(c.serverOf(service), ctx, func(into any) error {
				return proto.Unmarshal(request, into.(proto.Message))
			}, nil)
			if err != nil {
				codespace, code, log := errorsmod.ABCIInfo(err, true)
				return nil, c.height(), &chain.Refusal{Codespace: codespace, Code: code, Log: log}
			}
			raw, err := proto.Marshal(answer.(proto.Message))
			return raw, c.height(), err
		}
	}
	return nil, c.height(), &chain.Refusal{Log: "unknown query path " + path}
}

func (c *Chain) serverOf(service *grpc.ServiceDesc) any {
	switch service {
	case &types.Query_serviceDesc:
		return queries{Chain: c}
	case &authtypes.Query_serviceDesc:
		return accounts{Chain: c}
	case &validatorstypes.Query_serviceDesc:
		return validators{Chain: c}
	case &slashingtypes.Query_serviceDesc:
		return signers{Chain: c}
	default:
		return grants{Chain: c}
	}
}

// accounts answers for x/auth.
type accounts struct {
	*authtypes.UnimplementedQueryServer
	*Chain
}

// AccountInfo implements the query of that name.
func (a accounts) AccountInfo(_ context.Context, r *authtypes.QueryAccountInfoRequest) (*authtypes.QueryAccountInfoResponse, error) {
	known := a.accounts[r.Address]
	if known == nil {
		return nil, sdkerrors.ErrKeyNotFound.Wrap(r.Address)
	}
	return &authtypes.QueryAccountInfoResponse{Info: &authtypes.BaseAccount{
		Address: r.Address, AccountNumber: known.number, Sequence: known.sequence,
	}}, nil
}

// grants answers for x/authz.
type grants struct {
	*authz.UnimplementedQueryServer
	*Chain
}

// Grants implements the query of that name.
func (g grants) Grants(_ context.Context, r *authz.QueryGrantsRequest) (*authz.QueryGrantsResponse, error) {
	h := g.hosts[r.Granter]
	if h == nil || h.warm != r.Grantee {
		return nil, sdkerrors.ErrKeyNotFound.Wrap("no grant")
	}
	return &authz.QueryGrantsResponse{Grants: []*authz.Grant{{}}}, nil
}

// validators answers for x/validators.
type validators struct {
	*validatorstypes.UnimplementedQueryServer
	*Chain
}

// Validator implements the query of that name: whoever has weight in the
// effective epoch validates.
func (v validators) Validator(_ context.Context, r *validatorstypes.QueryValidatorRequest) (*validatorstypes.QueryValidatorResponse, error) {
	for _, m := range v.epochs[v.effective].members {
		if m.Participant == r.Operator {
			return &validatorstypes.QueryValidatorResponse{Validator: validatorstypes.Validator{
				Operator: r.Operator, ConsensusKey: rawAddress(r.Operator), Power: int64(m.Weight), Weight: m.Weight,
			}}, nil
		}
	}
	return nil, sdkerrors.ErrKeyNotFound.Wrap(r.Operator)
}

// signers answers for x/slashing.
type signers struct {
	*slashingtypes.UnimplementedQueryServer
	*Chain
}

// SigningInfo implements the query of that name: every block is signed.
func (signers) SigningInfo(_ context.Context, r *slashingtypes.QuerySigningInfoRequest) (*slashingtypes.QuerySigningInfoResponse, error) {
	return &slashingtypes.QuerySigningInfoResponse{ValSigningInfo: slashingtypes.ValidatorSigningInfo{Address: r.ConsAddress}}, nil
}

var (
	_ types.QueryServer     = queries{}
	_ authtypes.QueryServer = accounts{}
	_ authz.QueryServer     = grants{}
)
