package types

import sdk "github.com/cosmos/cosmos-sdk/types"

// Every message checks what can be checked without state, so that it is refused
// where it enters; its handler asks again.
var (
	_ sdk.HasValidateBasic = (*MsgUpdateParams)(nil)
	_ sdk.HasValidateBasic = (*MsgRegisterModel)(nil)
	_ sdk.HasValidateBasic = (*MsgRemoveModel)(nil)
	_ sdk.HasValidateBasic = (*MsgRegisterParticipant)(nil)
	_ sdk.HasValidateBasic = (*MsgUpdateParticipant)(nil)
	_ sdk.HasValidateBasic = (*MsgSubmitHardwareDiff)(nil)
	_ sdk.HasValidateBasic = (*MsgSubmitPocBatch)(nil)
	_ sdk.HasValidateBasic = (*MsgSubmitPocValidation)(nil)
	_ sdk.HasValidateBasic = (*MsgDeposit)(nil)
	_ sdk.HasValidateBasic = (*MsgWithdraw)(nil)
	_ sdk.HasValidateBasic = (*MsgSettleUsage)(nil)
)

// ValidateBasic checks the parameters against core's table.
func (m *MsgUpdateParams) ValidateBasic() error { return m.Params.Validate() }

// ValidateBasic checks the fields of the model.
func (m *MsgRegisterModel) ValidateBasic() error { return m.Model.Validate() }

// ValidateBasic checks the id.
func (m *MsgRemoveModel) ValidateBasic() error {
	if !IsModelID(m.ModelId) {
		return ErrInvalidModel.Wrapf("model_id must match [A-Za-z0-9._/-]{1,%d}, got %q", MaxModelIDBytes, m.ModelId)
	}
	return nil
}

// ValidateBasic checks URL, text and sizes; whether the key signed needs the
// chain id.
func (m *MsgRegisterParticipant) ValidateBasic() error {
	if err := CheckURL(m.Url); err != nil {
		return err
	}
	if err := checkMetadata(m.Metadata); err != nil {
		return err
	}
	return checkKeySizes(m.ConsensusKey, m.ConsensusKeyProof)
}

// ValidateBasic checks the fields that are set.
func (m *MsgUpdateParticipant) ValidateBasic() error {
	if m.Url != "" {
		if err := CheckURL(m.Url); err != nil {
			return err
		}
	}
	if err := checkMetadata(m.Metadata); err != nil {
		return err
	}
	if len(m.ConsensusKey) == 0 {
		if len(m.ConsensusKeyProof) != 0 {
			return ErrInvalidConsensusKey.Wrap("consensus_key must be set where consensus_key_proof is")
		}
		return nil
	}
	return checkKeySizes(m.ConsensusKey, m.ConsensusKeyProof)
}

func checkMetadata(text string) error {
	if err := checkText("metadata", text, MaxMetadataBytes); err != nil {
		return ErrField.Wrap(err.Error())
	}
	return nil
}

// ValidateBasic checks every node, and that the diff names each of them once.
func (m *MsgSubmitHardwareDiff) ValidateBasic() error {
	for _, list := range []struct {
		name    string
		entries int
	}{{"add", len(m.Add)}, {"modify", len(m.Modify)}, {"remove", len(m.Remove)}} {
		if err := checkEntries(list.name, list.entries, MaxNodesPerHost); err != nil {
			return err
		}
	}
	ids := make([]string, 0, len(m.Add)+len(m.Modify)+len(m.Remove))
	for _, nodes := range [][]HardwareNode{m.Add, m.Modify} {
		for _, node := range nodes {
			if err := node.Validate(); err != nil {
				return err
			}
			ids = append(ids, node.LocalId)
		}
	}
	for _, id := range m.Remove {
		if !IsNodeID(id) {
			return ErrInvalidHardware.Wrapf("remove: a node id must match [A-Za-z0-9._-]{1,%d}, got %q", MaxNodeIDBytes, id)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return ErrInvalidHardware.Wrap("add, modify or remove must name a node")
	}
	return checkDistinct(ids)
}

func checkDistinct(ids []string) error {
	seen := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		if _, twice := seen[id]; twice {
			return ErrInvalidHardware.Wrapf("node %s: add, modify and remove together must name a node once", id)
		}
		seen[id] = struct{}{}
	}
	return nil
}

// ValidateBasic checks how many batches there are, and ids and sizes; the rest
// depends on what was committed before.
func (m *MsgSubmitPocBatch) ValidateBasic() error {
	if err := checkSome("batches", len(m.Batches), MaxBatchesPerMessage); err != nil {
		return err
	}
	for _, batch := range m.Batches {
		if err := batch.validate(); err != nil {
			return err
		}
	}
	return nil
}

// ValidateBasic checks how many verdicts there are and their sizes; the rest
// depends on the drawn jury and sample.
func (m *MsgSubmitPocValidation) ValidateBasic() error {
	if err := checkSome("verdicts", len(m.Verdicts), MaxVerdictsPerMessage); err != nil {
		return err
	}
	for _, verdict := range m.Verdicts {
		if err := verdict.validate(); err != nil {
			return err
		}
	}
	return nil
}

// ValidateBasic refuses: deposits serve nothing yet.
func (m *MsgDeposit) ValidateBasic() error { return ErrServingInactive.Wrap("deposits are not taken") }

// ValidateBasic refuses: nothing was deposited.
func (m *MsgWithdraw) ValidateBasic() error {
	return ErrServingInactive.Wrap("nothing can have been deposited")
}

// ValidateBasic refuses: receipts are not settled yet.
func (m *MsgSettleUsage) ValidateBasic() error {
	return ErrServingInactive.Wrap("receipts are not settled")
}

func checkSome(field string, entries, limit int) error {
	if entries == 0 {
		return ErrField.Wrapf("%s must have 1 to %d entries, got none", field, limit)
	}
	return checkEntries(field, entries, limit)
}

func checkEntries(field string, entries, limit int) error {
	if entries > limit {
		return ErrTooMany.Wrapf("%s has %d entries, at most %d are possible", field, entries, limit)
	}
	return nil
}
