package types

import (
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

func TestTheFiveMessagesOfAWarmKeyAreFree(t *testing.T) {
	free := []sdk.Msg{
		&MsgSubmitHardwareDiff{}, &MsgSubmitPocBatch{}, &MsgSubmitPocValidation{}, &MsgSettleUsage{}, &MsgClaimReward{},
	}
	urls := make([]string, 0, len(free))
	for _, msg := range free {
		urls = append(urls, sdk.MsgTypeURL(msg))
		require.True(t, IsFreeMessage(sdk.MsgTypeURL(msg)))
	}
	require.Equal(t, urls, FreeMessages())
	for _, msg := range []sdk.Msg{&MsgRegisterParticipant{}, &MsgUpdateParticipant{}, &MsgUpdateParams{}, &MsgDeposit{}} {
		require.False(t, IsFreeMessage(sdk.MsgTypeURL(msg)))
	}
}
