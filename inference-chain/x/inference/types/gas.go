package types

// Gas of the messages, as functions of size. A handler takes all of it before it
// touches the state and is not metered further, so that a sender knows the gas of
// a message without simulating it: it does not depend on what is stored. On top
// come what the ante handler takes for bytes and signatures, and authz for its
// grant. The table stands in docs/spec/gas.md.
const (
	gasMessage     = 20_000
	gasBatch       = 14_000
	gasVerdict     = 40_000
	gasJury        = 60_000
	gasNode        = 12_000
	gasFleet       = 40_000
	gasParticipant = 60_000
	gasModel       = 60_000
	gasParams      = 60_000
	gasClaim       = 320_000
)

// GasForBatches is the gas of MsgSubmitPocBatch with n batches.
func GasForBatches(n int) uint64 { return gasMessage + uint64(n)*gasBatch }

// GasForVerdicts is the gas of MsgSubmitPocValidation with n verdicts. The first
// costs more: it reads the electorate.
func GasForVerdicts(n int) uint64 { return gasMessage + gasJury + uint64(n)*gasVerdict }

// GasForHardwareDiff is the gas of MsgSubmitHardwareDiff that adds, modifies and
// removes n nodes together.
func GasForHardwareDiff(n int) uint64 { return gasMessage + gasFleet + uint64(n)*gasNode }

// GasForParticipant is the gas of MsgRegisterParticipant and MsgUpdateParticipant.
func GasForParticipant() uint64 { return gasMessage + gasParticipant }

// GasForModel is the gas of MsgRegisterModel and MsgRemoveModel.
func GasForModel() uint64 { return gasMessage + gasModel }

// GasForParams is the gas of MsgUpdateParams.
func GasForParams() uint64 { return gasMessage + gasParams }

// GasForClaim is the gas of MsgClaimReward, whatever number of epochs waits.
func GasForClaim() uint64 { return gasMessage + gasClaim }

// GasForServing is the gas of MsgDeposit, MsgWithdraw and MsgSettleUsage, which
// are refused.
func GasForServing() uint64 { return gasMessage }
