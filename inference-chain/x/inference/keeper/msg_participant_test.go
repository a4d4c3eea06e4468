package keeper

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/x/inference/types"
)

func registerParticipant(msgs types.MsgServer, k *kit, msg *types.MsgRegisterParticipant) (*types.MsgRegisterParticipantResponse, error) {
	return msgs.RegisterParticipant(k.ctx, msg)
}

func updateParticipant(msgs types.MsgServer, k *kit, msg *types.MsgUpdateParticipant) (*types.MsgUpdateParticipantResponse, error) {
	return msgs.UpdateParticipant(k.ctx, msg)
}

// registration is a message that makes an account with a key of its own a host.
func registration(t testing.TB, name string) *types.MsgRegisterParticipant {
	t.Helper()
	account := testAddress(name)
	return &types.MsgRegisterParticipant{
		Creator: addressText(t, account), Url: "https://" + name + ".example:9000", Metadata: "about " + name,
		ConsensusKey:      publicKey(name),
		ConsensusKeyProof: keyProof(testKey(name), testChainID, account),
	}
}

func publicKey(name string) []byte { return testKey(name).Public().(ed25519.PublicKey) }

func TestARegistrationIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*types.MsgRegisterParticipant)
		want expectation
	}{
		"with an account of another chain": {
			func(m *types.MsgRegisterParticipant) { m.Creator = "cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a" },
			refusedWith(types.ErrInvalidAddress, "creator", "cosmos1"),
		},
		"without a URL": {
			func(m *types.MsgRegisterParticipant) { m.Url = "" },
			refusedWith(types.ErrInvalidURL, "http:// or https://"),
		},
		"with a URL of another scheme": {
			func(m *types.MsgRegisterParticipant) { m.Url = "ftp://eve.example" },
			refusedWith(types.ErrInvalidURL, "http:// or https://", "ftp://eve.example"),
		},
		"with a URL without host": {
			func(m *types.MsgRegisterParticipant) { m.Url = "https:///path" },
			refusedWith(types.ErrInvalidURL, "must name a host"),
		},
		"with a URL that is too long": {
			func(m *types.MsgRegisterParticipant) { m.Url = "https://eve.example/" + strings.Repeat("p", 237) },
			refusedWith(types.ErrInvalidURL, "url has 257 bytes, at most 256"),
		},
		"with metadata that is too long": {
			func(m *types.MsgRegisterParticipant) { m.Metadata = strings.Repeat("m", 257) },
			refusedWith(types.ErrField, "metadata has 257 bytes, at most 256"),
		},
		"with metadata on two lines": {
			func(m *types.MsgRegisterParticipant) { m.Metadata = "one\ntwo" },
			refusedWith(types.ErrField, "metadata must not hold control characters"),
		},
		"with a consensus key that is too short": {
			func(m *types.MsgRegisterParticipant) { m.ConsensusKey = m.ConsensusKey[:31] },
			refusedWith(types.ErrInvalidConsensusKey, "consensus_key must have 32 bytes, got 31"),
		},
		"without a proof": {
			func(m *types.MsgRegisterParticipant) { m.ConsensusKeyProof = nil },
			refusedWith(types.ErrConsensusKeyProof, "consensus_key_proof must have 64 bytes, got 0"),
		},
		"with a proof by another key": {
			func(m *types.MsgRegisterParticipant) {
				m.ConsensusKeyProof = keyProof(testKey("mallory"), testChainID, testAddress("eve"))
			},
			refusedWith(types.ErrConsensusKeyProof, "chain id", testChainID),
		},
		"with a proof for another chain": {
			func(m *types.MsgRegisterParticipant) {
				m.ConsensusKeyProof = keyProof(testKey("eve"), "another-chain", testAddress("eve"))
			},
			refusedWith(types.ErrConsensusKeyProof),
		},
		"with a proof for another account": {
			func(m *types.MsgRegisterParticipant) {
				m.ConsensusKeyProof = keyProof(testKey("eve"), testChainID, testAddress("mallory"))
			},
			refusedWith(types.ErrConsensusKeyProof),
		},
		"with the consensus key of another host": {
			func(m *types.MsgRegisterParticipant) {
				m.ConsensusKey = publicKey("bob")
				m.ConsensusKeyProof = keyProof(testKey("bob"), testChainID, testAddress("eve"))
			},
			refusedWith(types.ErrConsensusKeyInUse, "is the key of", addressText(t, testAddress("bob"))),
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newRoundKit(t)
			msg := registration(t, "eve")
			c.edit(msg)
			send(k, registerParticipant, msg, c.want)
		})
	}
}

func TestAnAccountBecomesAHost(t *testing.T) {
	k := newRoundKit(t)
	msg := registration(t, "eve")
	send(k, registerParticipant, msg, expectation{})
	host, err := k.GetParticipant(k.ctx, testAddress("eve"))
	require.NoError(t, err)
	require.Equal(t, types.Participant{
		Address: msg.Creator, Url: msg.Url, Metadata: msg.Metadata, ConsensusKey: msg.ConsensusKey,
		RegisteredHeight: k.ctx.BlockHeight(),
	}, host)
	owner, err := k.ConsensusKeys.Get(k.ctx, msg.ConsensusKey)
	require.NoError(t, err)
	require.Equal(t, []byte(testAddress("eve")), owner)
	require.Equal(t, []types.EventParticipantRegistered{{Participant: msg.Creator, Url: msg.Url, Created: true}},
		eventsOf[types.EventParticipantRegistered](k.kit))
}

func TestTheSameRegistrationAgainIsSuccessWithoutEffect(t *testing.T) {
	k := newRoundKit(t)
	send(k, registerParticipant, registration(t, "eve"), expectation{})
	before := snapshotState(k.at(k.ctx.BlockHeight() + 1).forget())
	send(k, registerParticipant, registration(t, "eve"), expectation{})
	require.Equal(t, before, snapshotState(k.kit))
	require.Empty(t, k.ctx.EventManager().Events())
}

func TestASecondRegistrationWithOtherContentIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*types.MsgRegisterParticipant)
		says string
	}{
		"another URL": {func(m *types.MsgRegisterParticipant) { m.Url = "http://eve.example" }, "another url"},
		"other text":  {func(m *types.MsgRegisterParticipant) { m.Metadata = "" }, "another metadata"},
		"another key": {func(m *types.MsgRegisterParticipant) {
			m.ConsensusKey = publicKey("eve's second")
			m.ConsensusKeyProof = keyProof(testKey("eve's second"), testChainID, testAddress("eve"))
		}, "another consensus_key"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newRoundKit(t)
			send(k, registerParticipant, registration(t, "eve"), expectation{})
			msg := registration(t, "eve")
			c.edit(msg)
			send(k, registerParticipant, msg, refusedWith(types.ErrAlreadyRegistered, c.says, "MsgUpdateParticipant"))
		})
	}
}

// rotation asks for a new consensus key.
func rotation(t testing.TB, name, key string) *types.MsgUpdateParticipant {
	t.Helper()
	return &types.MsgUpdateParticipant{
		Creator: addressText(t, testAddress(name)), ConsensusKey: publicKey(key),
		ConsensusKeyProof: keyProof(testKey(key), testChainID, testAddress(name)),
	}
}

func TestAnUpdateOfAHostIsRefused(t *testing.T) {
	stolen := rotation(t, "bob", "second")
	stolen.ConsensusKeyProof = keyProof(testKey("second"), testChainID, testAddress("carol"))
	for name, c := range map[string]struct {
		msg  *types.MsgUpdateParticipant
		want expectation
	}{
		"of an account that is no host": {
			&types.MsgUpdateParticipant{Creator: addressText(t, testAddress("eve")), Url: "https://eve.example"},
			refusedWith(types.ErrNotRegistered, addressText(t, testAddress("eve"))),
		},
		"with a bad URL": {
			&types.MsgUpdateParticipant{Creator: addressText(t, testAddress("bob")), Url: "bob.example"},
			refusedWith(types.ErrInvalidURL, "http:// or https://"),
		},
		"with metadata that is too long": {
			&types.MsgUpdateParticipant{Creator: addressText(t, testAddress("bob")), Metadata: strings.Repeat("m", 257)},
			refusedWith(types.ErrField, "metadata"),
		},
		"with a proof and no key": {
			&types.MsgUpdateParticipant{Creator: addressText(t, testAddress("bob")), ConsensusKeyProof: make([]byte, 64)},
			refusedWith(types.ErrInvalidConsensusKey, "consensus_key must be set where consensus_key_proof is"),
		},
		"with a proof for another account": {stolen, refusedWith(types.ErrConsensusKeyProof)},
		"with the key of another host":     {rotation(t, "bob", "carol"), refusedWith(types.ErrConsensusKeyInUse)},
	} {
		t.Run(name, func(t *testing.T) {
			send(newRoundKit(t), updateParticipant, c.msg, c.want)
		})
	}
}

func TestAKeyThatWaitsForAnotherHostCannotBeTaken(t *testing.T) {
	k := newRoundKit(t)
	send(k, updateParticipant, rotation(t, "bob", "second"), expectation{})
	send(k, updateParticipant, rotation(t, "carol", "second"), refusedWith(types.ErrConsensusKeyInUse, k.text("bob")))
}

func TestEmptyFieldsOfAnUpdateStay(t *testing.T) {
	k := newRoundKit(t)
	send(k, updateParticipant, &types.MsgUpdateParticipant{Creator: k.text("bob"), Metadata: "new text"}, expectation{})
	host, err := k.GetParticipant(k.ctx, testAddress("bob"))
	require.NoError(t, err)
	require.Equal(t, "new text", host.Metadata)
	require.Equal(t, "https://bob.example:9000", host.Url)
	require.Equal(t, publicKey("bob"), host.ConsensusKey)
	require.Empty(t, host.NextConsensusKey)
	require.Len(t, eventsOf[types.EventParticipantRegistered](k.kit), 1)
}

func TestAnUpdateThatChangesNothingHasNoEffect(t *testing.T) {
	k := newRoundKit(t)
	before := snapshotState(k.kit)
	send(k, updateParticipant, &types.MsgUpdateParticipant{Creator: k.text("bob"), Url: "https://bob.example:9000"}, expectation{})
	require.Equal(t, before, snapshotState(k.kit))
	require.Empty(t, k.ctx.EventManager().Events())
}

func TestANewConsensusKeyWaitsForTheNextSwitch(t *testing.T) {
	k := newRoundKit(t)
	send(k, updateParticipant, rotation(t, "bob", "second"), expectation{})
	host, err := k.GetParticipant(k.ctx, testAddress("bob"))
	require.NoError(t, err)
	require.Equal(t, publicKey("bob"), host.ConsensusKey)
	require.Equal(t, publicKey("second"), host.NextConsensusKey)
}

func TestAThirdKeyFreesTheOneThatWaited(t *testing.T) {
	k := newRoundKit(t)
	send(k, updateParticipant, rotation(t, "bob", "second"), expectation{})
	send(k, updateParticipant, rotation(t, "bob", "third"), expectation{})
	send(k, updateParticipant, rotation(t, "carol", "second"), expectation{})
}

func TestTheKeyInUseCallsARotationOff(t *testing.T) {
	k := newRoundKit(t)
	before := snapshotState(k.kit)
	send(k, updateParticipant, rotation(t, "bob", "second"), expectation{})
	send(k, updateParticipant, rotation(t, "bob", "bob"), expectation{})
	require.Equal(t, before, snapshotState(k.kit))
}
