package testkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
	"github.com/cosmos/cosmos-sdk/x/authz"
	"github.com/cosmos/gogoproto/proto"

	errorsmod "cosmossdk.io/errors"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/x/inference/types"
)

// check does what the ante handler does, over the state at a height with some
// of the signer's transactions before.
func (c *Chain) check(raw []byte, height int64, before uint64) (sdk.Tx, *account, error) {
	decoded, err := chain.TxConfig().TxDecoder()(raw)
	if err != nil {
		return nil, nil, sdkerrors.ErrTxDecode.Wrap(err.Error())
	}
	tx := decoded.(authsigning.Tx)
	if timeout := tx.GetTimeoutHeight(); timeout != 0 && uint64(height) > timeout {
		return nil, nil, sdkerrors.ErrTxTimeoutHeight.Wrapf("%d", timeout)
	}
	signatures, err := tx.GetSignaturesV2()
	if err != nil || len(signatures) != 1 {
		return nil, nil, sdkerrors.ErrNoSignatures
	}
	s := signatures[0]
	signer := chain.FormatAddress([20]byte(s.PubKey.Address()))
	signers, err := tx.GetSigners()
	if err != nil || len(signers) != 1 || string(signers[0]) != string(s.PubKey.Address()) {
		return nil, nil, sdkerrors.ErrUnauthorized.Wrapf("%s signs for others", signer)
	}
	known := c.accounts[signer]
	switch {
	case known == nil:
		return nil, nil, sdkerrors.ErrUnknownAddress.Wrap(signer)
	case s.Sequence != known.sequence+before:
		return nil, nil, sdkerrors.ErrWrongSequence.Wrapf("%d, expected %d", s.Sequence, known.sequence+before)
	case !tx.GetFee().IsZero():
		return nil, nil, sdkerrors.ErrInsufficientFunds
	}
	signed, err := authsigning.GetSignBytesAdapter(context.Background(), chain.TxConfig().SignModeHandler(),
		signing.SignMode_SIGN_MODE_DIRECT, authsigning.SignerData{
			Address: signer, ChainID: ChainID, AccountNumber: known.number, Sequence: s.Sequence, PubKey: s.PubKey,
		}, tx)
	if err != nil {
		return nil, nil, sdkerrors.ErrUnauthorized.Wrap(err.Error())
	}
	if !s.PubKey.VerifySignature(signed, s.Data.(*signing.SingleSignatureData).Signature) {
		return nil, nil, sdkerrors.ErrUnauthorized.Wrap("signature")
	}
	return tx, known, nil
}

// execute includes a transaction, unless it may not be in this block.
func (c *Chain) execute(raw []byte) {
	tx, account, err := c.check(raw, c.height(), 0)
	if err != nil {
		return
	}
	account.sequence++
	err = c.deliver(tx)
	codespace, code, log := errorsmod.ABCIInfo(err, false)
	hash := sha256.Sum256(raw)
	c.included[string(hash[:])] = outbox.Included{Height: c.height(), Codespace: codespace, Code: code, Log: log}
}

// deliver handles the one message of a transaction, wrapped or not.
func (c *Chain) deliver(tx sdk.Tx) error {
	message := tx.GetMsgs()[0]
	grantee := ""
	if exec, wrapped := message.(*authz.MsgExec); wrapped {
		grantee = exec.Grantee
		inner, err := exec.GetMessages()
		if err != nil || len(inner) != 1 {
			return sdkerrors.ErrInvalidRequest.Wrap("one message is expected")
		}
		message = inner[0]
	}
	err := c.handle(message, grantee)
	if err == nil {
		packed, packErr := codectypes.NewAnyWithValue(message)
		if packErr != nil {
			return packErr
		}
		// A claim of the next epoch has the same content and is another one.
		c.executed[fmt.Sprint(c.opened, packed.TypeUrl, string(packed.Value))]++
	}
	return err
}

func (c *Chain) handle(message proto.Message, grantee string) error {
	creator := message.(interface{ GetCreator() string }).GetCreator()
	h := c.hosts[creator]
	if h == nil {
		return types.ErrNotRegistered.Wrap(creator)
	}
	if grantee != "" && grantee != h.warm {
		return sdkerrors.ErrUnauthorized.Wrapf("%s holds no grant of %s", grantee, creator)
	}
	switch m := message.(type) {
	case *types.MsgSubmitPocBatch:
		return c.commit(m)
	case *types.MsgSubmitPocValidation:
		return c.cast(m)
	case *types.MsgSubmitHardwareDiff:
		return c.changeHardware(h, m)
	case *types.MsgClaimReward:
		epochs := c.claimable(creator)
		if len(epochs) == 0 {
			return types.ErrNothingToClaim
		}
		for _, e := range epochs {
			h.paid[e] = true
		}
		return nil
	default:
		return sdkerrors.ErrUnknownRequest.Wrapf("%T", message)
	}
}

// commit accepts all batches of a message, or none.
func (c *Chain) commit(m *types.MsgSubmitPocBatch) error {
	e := c.epochs[c.opened]
	if m.EpochIndex != c.opened {
		return types.ErrWrongEpoch
	}
	if !c.heights.Batches().Contains(c.height()) {
		return types.ErrWrongStage
	}
	limits, err := limitsOf(e.record.Params)
	if err != nil {
		return err
	}
	after := map[string]commit.State{}
	var accepted []types.StoredPocBatch
	for _, batch := range m.Batches {
		if _, listed := indexIn(e.fleets[m.Creator], batch.NodeId); !listed {
			return types.ErrNodeNotInFleet.Wrap(batch.NodeId)
		}
		state, seen := after[batch.NodeId]
		if !seen {
			state = e.claims[m.Creator][batch.NodeId]
		}
		state.Stored = e.stored(m.Creator, batch.NodeId, batch.BatchId)
		next, err := commit.AcceptBatch(state, batch.Commitment(), limits)
		if errors.Is(err, commit.ErrBatchRepeated) {
			continue
		}
		if err != nil {
			return inChainWords(err)
		}
		after[batch.NodeId] = next
		accepted = append(accepted, types.StoredPocBatch{EpochIndex: c.opened, Participant: m.Creator, Batch: batch, Height: c.height()})
	}
	if e.claims[m.Creator] == nil {
		e.claims[m.Creator] = map[string]commit.State{}
	}
	for node, state := range after {
		e.claims[m.Creator][node] = state
	}
	e.batches[m.Creator] = append(e.batches[m.Creator], accepted...)
	return nil
}

func (e *epochState) stored(address, node string, id uint64) *commit.Batch {
	for _, b := range e.batches[address] {
		if b.Batch.NodeId == node && b.Batch.BatchId == id {
			batch := b.Batch.Commitment()
			return &batch
		}
	}
	return nil
}

func limitsOf(p types.Params) (commit.Limits, error) {
	fraction, err := fixed.Parse(p.ValidFraction)
	return commit.Limits{
		Lanes: p.Lanes, MaxBatches: p.MaxBatchesPerNode, MaxNonces: p.MaxNoncesPerNode, ValidFraction: fraction,
	}, err
}

func inChainWords(err error) error {
	for core, registered := range map[error]*errorsmod.Error{
		commit.ErrBatchGap: types.ErrBatchGap, commit.ErrBatchConflict: types.ErrBatchConflict,
		commit.ErrSparseClaims: types.ErrSparseClaims, commit.ErrTooManyNonces: types.ErrTooManyNonces,
		commit.ErrTooManyBatches: types.ErrTooManyBatches,
	} {
		if errors.Is(err, core) {
			return registered.Wrap(err.Error())
		}
	}
	return types.ErrInvalidBatch.Wrap(err.Error())
}

func indexIn(fleet []types.HardwareNode, id string) (uint64, bool) {
	for i, node := range fleet {
		if node.LocalId == id {
			return uint64(i), true
		}
	}
	return 0, false
}

// cast accepts all verdicts of a message, or none.
func (c *Chain) cast(m *types.MsgSubmitPocValidation) error {
	e := c.epochs[c.opened]
	if m.EpochIndex != c.opened {
		return types.ErrWrongEpoch
	}
	if !c.heights.Verdicts().Contains(c.height()) {
		return types.ErrWrongStage
	}
	for _, v := range m.Verdicts {
		if c.seats(e, v.Participant, m.Creator) == 0 {
			return types.ErrNoSeat.Wrap(v.Participant)
		}
		if err := v.Finding().Validate(min(e.record.Params.SampleSize, e.claimed(v.Participant))); err != nil {
			return types.ErrInvalidVerdict.Wrap(err.Error())
		}
	}
	for _, v := range m.Verdicts {
		e.verdicts[v.Participant] = append(e.verdicts[v.Participant], types.StoredVerdict{
			EpochIndex: c.opened, Holder: m.Creator, Seats: c.seats(e, v.Participant, m.Creator), Verdict: v, Height: c.height(),
		})
	}
	return nil
}

func (c *Chain) changeHardware(h *host, m *types.MsgSubmitHardwareDiff) error {
	next := c.opened + 1
	for _, node := range append(append([]types.HardwareNode{}, m.Add...), m.Modify...) {
		for _, model := range node.Models {
			if _, known := c.models[model]; !known {
				return types.ErrUnknownModels.Wrap(model)
			}
		}
		row, known := h.rows[node.LocalId]
		if !known {
			row = types.HardwareNodeRow{Participant: m.Creator, NodeId: node.LocalId}
			h.order = append(h.order, node.LocalId)
		}
		row, _ = row.Promoted(c.opened)
		h.rows[node.LocalId] = row.Change(node, next)
	}
	for _, id := range m.Remove {
		row, known := h.rows[id]
		if !known {
			return types.ErrNodeNotFound.Wrap(id)
		}
		row, _ = row.Promoted(c.opened)
		h.rows[id], _ = row.Removal(next)
	}
	return nil
}

// claimable are the ended epochs in which the host had weight, unpaid.
func (c *Chain) claimable(address string) []uint64 {
	var epochs []uint64
	for index := uint64(1); index < c.effective; index++ {
		if c.epochs[index].outcomes[address].Weight > 0 && !c.hosts[address].paid[index] {
			epochs = append(epochs, index)
		}
	}
	return epochs
}

// checkOutcome is the answer to a broadcast.
func checkOutcome(err error) outbox.CheckResult {
	if err == nil {
		return outbox.CheckResult{Check: outbox.Admitted}
	}
	codespace, code, log := errorsmod.ABCIInfo(err, false)
	result := outbox.CheckResult{Check: outbox.Refused, Codespace: codespace, Code: code, Log: log}
	if errors.Is(err, sdkerrors.ErrWrongSequence) {
		result.Check = outbox.WrongSequence
	}
	return result
}

var errDown = fmt.Errorf("endpoint is down")
