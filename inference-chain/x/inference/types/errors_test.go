package types

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/errors"
)

func TestACodeThatClientsRetryByNeverMoves(t *testing.T) {
	for err, code := range map[*errors.Error]uint32{
		ErrInvalidAddress: 2, ErrNotRegistered: 25, ErrWrongStage: 40, ErrWrongEpoch: 41,
		ErrBatchGap: 51, ErrBatchConflict: 52, ErrSparseClaims: 55, ErrVerdictConflict: 61, ErrNoSeat: 62, ErrNothingToClaim: 70,
	} {
		require.Equal(t, code, err.ABCICode(), err.Error())
		require.Equal(t, ModuleName, err.Codespace())
	}
}
