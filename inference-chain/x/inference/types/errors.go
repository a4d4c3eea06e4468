package types

import "cosmossdk.io/errors"

// Errors of the module. Codes start at 2 and are never reused: a client tells
// by code what it can retry. The text names the condition, the wrap the facts.
var (
	// Who signs.
	ErrInvalidAddress = errors.Register(ModuleName, 2, "the address is not one of this chain")
	ErrNotAuthority   = errors.Register(ModuleName, 3, "only the governance account may send this")

	// Fields of any message.
	ErrTooMany = errors.Register(ModuleName, 4, "too many entries")
	ErrField   = errors.Register(ModuleName, 5, "the field has an illegal value")

	// Parameters and models.
	ErrInvalidParams = errors.Register(ModuleName, 10, "illegal parameters")
	ErrInvalidModel  = errors.Register(ModuleName, 11, "illegal model")
	ErrTooManyModels = errors.Register(ModuleName, 12, "the model registry is full")
	ErrModelNotFound = errors.Register(ModuleName, 13, "the model is not in the registry")

	// Participants.
	ErrInvalidURL          = errors.Register(ModuleName, 20, "illegal URL")
	ErrInvalidConsensusKey = errors.Register(ModuleName, 21, "illegal consensus key")
	ErrConsensusKeyProof   = errors.Register(ModuleName, 22, "the consensus key did not sign (chain id, account)")
	ErrConsensusKeyInUse   = errors.Register(ModuleName, 23, "the consensus key belongs to another host")
	ErrAlreadyRegistered   = errors.Register(ModuleName, 24, "the account is registered with other content")
	ErrNotRegistered       = errors.Register(ModuleName, 25, "the account is not a registered host")

	// Hardware nodes.
	ErrInvalidHardware = errors.Register(ModuleName, 30, "illegal hardware node")
	ErrUnknownModels   = errors.Register(ModuleName, 31, "models that governance does not know")
	ErrTooManyNodes    = errors.Register(ModuleName, 32, "too many nodes")
	ErrNodeExists      = errors.Register(ModuleName, 33, "the node exists with other content")
	ErrNodeNotFound    = errors.Register(ModuleName, 34, "the host has no such node")

	// Rounds.
	ErrWrongStage     = errors.Register(ModuleName, 40, "not accepted in this stage")
	ErrWrongEpoch     = errors.Register(ModuleName, 41, "the epoch is not the one being opened")
	ErrNodeNotInFleet = errors.Register(ModuleName, 42, "the node is not in the epoch's fleet")
	ErrNodePreserved  = errors.Register(ModuleName, 43, "the node serves through PoC and does not prove")

	// Batches.
	ErrInvalidBatch   = errors.Register(ModuleName, 50, "illegal batch")
	ErrBatchGap       = errors.Register(ModuleName, 51, "a batch before this one is missing")
	ErrBatchConflict  = errors.Register(ModuleName, 52, "the batch was committed with other content")
	ErrTooManyBatches = errors.Register(ModuleName, 53, "the node committed its last batch of the round")
	ErrTooManyNonces  = errors.Register(ModuleName, 54, "the node would claim too many nonces")
	ErrSparseClaims   = errors.Register(ModuleName, 55, "the claims are sparser than chance")

	// Verdicts.
	ErrInvalidVerdict  = errors.Register(ModuleName, 60, "illegal verdict")
	ErrVerdictConflict = errors.Register(ModuleName, 61, "a verdict with other content was cast")
	ErrNoSeat          = errors.Register(ModuleName, 62, "the signer has no seat on this jury")

	// Rewards and serving.
	ErrNothingToClaim  = errors.Register(ModuleName, 70, "no settled reward waits")
	ErrServingInactive = errors.Register(ModuleName, 71, "settlement of serving is not active on this version of the chain")

	// Genesis and the epoch machine.
	ErrInvalidGenesis = errors.Register(ModuleName, 80, "illegal genesis")
	ErrEmptyHash      = errors.Register(ModuleName, 81, "the block has no hash")
)
