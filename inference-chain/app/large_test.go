package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	"cosmossdk.io/log/v2"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

// Shape of a large network: what the limits of a block's work are set for.
const (
	largeNodes  = 10
	largeModels = 8
	largeClaims = 10_000 // of a node, about
)

// largeNetwork is the whole application with many hosts. Their batches and verdicts
// are written as rows, spread over the blocks that accept them: only what blocks
// themselves do is looked at.
type largeNetwork struct {
	*network
	nodes     int // of each host
	addresses []sdk.AccAddress
	stage     epoch.Stage // of the last block
	// measured runs a block's begin or end, and may time it.
	measured func(run func())
}

// newLargeNetwork starts an application on disk, as nodes run it.
func newLargeNetwork(t testing.TB, params inference.Params, hosts, nodes int) *largeNetwork {
	t.Helper()
	l := &largeNetwork{nodes: nodes, measured: func(run func()) { run() }}
	db, err := OpenDB(t.TempDir(), dbm.GoLevelDBBackend)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	app, err := build(log.NewNopLogger(), db, homeIn(t.TempDir()), baseOptions()...)
	require.NoError(t, err)
	app.SetBeginBlocker(func(ctx sdk.Context) (res sdk.BeginBlock, err error) {
		l.measured(func() { res, err = app.manager.BeginBlock(ctx) })
		return res, err
	})
	app.SetEndBlocker(func(ctx sdk.Context) (res sdk.EndBlock, err error) {
		l.play(ctx)
		l.measured(func() {
			burnFees(ctx, app.Bank)
			res, err = app.manager.EndBlock(ctx)
		})
		return res, err
	})
	require.NoError(t, app.LoadLatestVersion())
	l.network = &network{t: t, app: app, now: time.Unix(1_700_000_000, 0).UTC(), absent: map[string]bool{}}
	res, err := app.InitChain(&abci.RequestInitChain{
		Time: l.now, ChainId: testChainID, InitialHeight: 1, ConsensusParams: consensusParams(),
		AppStateBytes: l.genesis(params, hosts),
	})
	require.NoError(t, err)
	l.start(res.Validators)
	return l
}

// genesis founds the network: every node lists every model, beginning with another.
func (l *largeNetwork) genesis(params inference.Params, hosts int) []byte {
	own := inference.GenesisState{Params: params}
	var models []string
	for i := range largeModels {
		models = append(models, fmt.Sprintf("org/model-%d", i))
		own.Models = append(own.Models, model(models[i]))
	}
	for i := range hosts {
		address, key := sha256.Sum256(fmt.Append([]byte("host"), i)), sha256.Sum256(fmt.Append([]byte("key"), i))
		l.addresses = append(l.addresses, address[:20])
		host := inference.GenesisHost{Participant: inference.Participant{
			Address: l.addresses[i].String(), Url: "https://host.example", ConsensusKey: key[:],
		}}
		for n := range l.nodes {
			host.Nodes = append(host.Nodes, inference.GenesisNode{
				Node:   inference.HardwareNode{LocalId: nodeID(n), Models: slices.Concat(models[n%largeModels:], models[:n%largeModels])},
				Weight: largeClaim(i, n),
			})
		}
		own.Hosts = append(own.Hosts, host)
	}
	state := l.app.Basics().DefaultGenesis(l.app.encoding.Codec)
	state[inference.ModuleName] = l.app.encoding.Codec.MustMarshalJSON(&own)
	bz, err := json.Marshal(state)
	require.NoError(l.t, err)
	return bz
}

func nodeID(n int) string { return fmt.Sprint("n", n) }

func largeClaim(host, node int) uint64 { return uint64(largeClaims + 17*host%991 + node) }

// play does what the messages of a block would.
func (l *largeNetwork) play(ctx sdk.Context) {
	stage, record, err := l.app.Inference.StageNow(ctx)
	require.NoError(l.t, err)
	l.stage = stage
	window := epoch.Heights(record.Heights).Window(stage)
	var act func(sdk.Context, inference.Epoch, int)
	switch stage {
	case epoch.PocExchange:
		act = l.commit
	case epoch.PocValidationExchange:
		act = l.judge
	default:
		return
	}
	blocks := int(window.Blocks())
	for host := int(ctx.BlockHeight() - window.First); host < len(l.addresses); host += blocks {
		act(ctx, record, host)
	}
}

// commit writes one batch for each of a host's nodes.
func (l *largeNetwork) commit(ctx sdk.Context, record inference.Epoch, host int) {
	k, address := l.app.Inference, []byte(l.addresses[host])
	total := inference.PocHostClaims{EpochIndex: record.Index, Participant: l.addresses[host].String()}
	lanes := make([]uint64, record.Params.Lanes)
	for i := range lanes {
		lanes[i] = largeClaims
	}
	for n := range l.nodes {
		count := largeClaim(host, n)
		row := inference.StoredPocBatch{
			EpochIndex: record.Index, Participant: total.Participant, Height: ctx.BlockHeight(),
			Batch: inference.PocBatch{NodeId: nodeID(n), BatchId: 1, Count: count, Root: bytes.Repeat([]byte{7}, 32), LaneNext: lanes},
		}
		require.NoError(l.t, k.PocBatches.Set(ctx, collections.Join4(record.Index, address, nodeID(n), uint64(1)), row))
		claims := inference.PocNodeClaims{
			EpochIndex: record.Index, Participant: total.Participant, NodeId: nodeID(n), NodeIndex: uint64(n),
			LastBatchId: 1, Claimed: count, LaneNext: lanes,
		}
		require.NoError(l.t, k.NodeClaims.Set(ctx, collections.Join3(record.Index, address, nodeID(n)), claims))
		total.Claimed += count
		total.Batches++
	}
	require.NoError(l.t, k.HostClaims.Set(ctx, collections.Join(record.Index, address), total))
}

// judge writes the verdict of everybody on a host's jury: honest.
func (l *largeNetwork) judge(ctx sdk.Context, record inference.Epoch, host int) {
	k, address := l.app.Inference, l.addresses[host]
	seats, _, err := k.JuryOf(ctx, record.Index, address)
	require.NoError(l.t, err)
	for _, seat := range seats {
		row := inference.StoredVerdict{
			EpochIndex: record.Index, Holder: seat.Holder.String(), Seats: seat.Seats, Height: ctx.BlockHeight(),
			Verdict: inference.Verdict{
				Participant: address.String(), Sampled: record.Params.SampleSize, WorkProof: bytes.Repeat([]byte{9}, 32),
			},
		}
		require.NoError(l.t, k.Verdicts.Set(ctx, collections.Join3(record.Index, []byte(address), []byte(seat.Holder)), row))
	}
}
