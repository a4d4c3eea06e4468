package chain

import (
	"github.com/cosmos/gogoproto/proto"

	"ninefold.dev/inference-chain/x/inference/types"
)

// What a transaction costs besides its message: signature, account and, for
// the wrapped ones, the grant; and each byte of it.
const (
	gasEnvelope = 150_000
	gasPerByte  = 12
)

// gasOf is the gas of a transaction with one message, a function of its size:
// nothing is simulated, because a simulation would run one stage early.
func gasOf(message proto.Message) uint64 {
	gas := gasEnvelope + gasPerByte*uint64(proto.Size(message))
	switch m := message.(type) {
	case *types.MsgSubmitPocBatch:
		return gas + types.GasForBatches(len(m.Batches))
	case *types.MsgSubmitPocValidation:
		return gas + types.GasForVerdicts(len(m.Verdicts))
	case *types.MsgSubmitHardwareDiff:
		return gas + types.GasForHardwareDiff(len(m.Add)+len(m.Modify)+len(m.Remove))
	default:
		return gas + types.GasForClaim()
	}
}
