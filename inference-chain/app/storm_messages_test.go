package app

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

// actions are what somebody does now and then, whatever the stage. Each may find
// that there is nothing to do.
var actions = []func(*storm){
	(*storm).declare, (*storm).declare, (*storm).declareWrong,
	(*storm).register, (*storm).registerWrong,
	(*storm).update, (*storm).rotate,
	(*storm).claimReward, (*storm).leaveJail, (*storm).leaveJail,
	(*storm).commitWrong, (*storm).commitWrong, (*storm).judgeWrong, (*storm).judgeWrong,
	(*storm).usurp, (*storm).serve,
}

func (s *storm) chance(in int) bool { return s.random.Intn(in) == 0 }

// one picks an element.
func one[E any](s *storm, of []E) E { return of[s.random.Intn(len(of))] }

// host is somebody who is registered.
func (s *storm) host() actor {
	s.t.Helper()
	for {
		who := one(s, s.everybody())
		known, err := s.app.Inference.Participants.Has(s.ctx, who.address())
		require.NoError(s.t, err)
		if known {
			return who
		}
	}
}

// byHost sends a host's messages as hosts do: through the broker's key without a fee,
// or by the host with or without one.
func (s *storm) byHost(host actor, what string, msgs ...sdk.Msg) {
	switch {
	case s.app.Auth.GetAccount(s.ctx, s.brokers[host.String()].address()) != nil && !s.chance(4):
		broker := s.brokers[host.String()]
		s.send(broker, 0, what, exec(broker, msgs...))
	case s.chance(2):
		s.send(host, 0, what, msgs...)
	default:
		s.send(host, txFee, what, msgs...)
	}
}

// --- proofs ---

// prove lets some hosts commit while the stage lasts.
func (s *storm) prove() {
	if !epoch.Heights(s.record.Heights).Batches().Contains(s.ctx.BlockHeight()) {
		return
	}
	for range 14 {
		if msg := s.batches(s.host()); msg != nil {
			s.byHost(s.who(msg.Creator), "batches", msg)
		}
	}
}

// who is the actor of an address.
func (s *storm) who(address string) actor {
	all := s.everybody()
	return all[slices.IndexFunc(all, func(a actor) bool { return a.String() == address })]
}

// batches goes on where some of a host's nodes stopped.
func (s *storm) batches(host actor) *inference.MsgSubmitPocBatch {
	s.t.Helper()
	fleet, err := s.app.Inference.FleetAt(s.ctx, s.record.Index, host.address())
	require.NoError(s.t, err)
	msg := &inference.MsgSubmitPocBatch{Creator: host.String(), EpochIndex: s.record.Index}
	for _, node := range fleet {
		if s.chance(4) {
			continue
		}
		if batch := s.batch(host, node.LocalId); batch != nil {
			msg.Batches = append(msg.Batches, *batch)
		}
	}
	if len(msg.Batches) == 0 {
		return nil
	}
	return msg
}

// batch is a node's next one, as dense as chance.
func (s *storm) batch(host actor, node string) *inference.PocBatch {
	s.t.Helper()
	claims := s.claims(host, node)
	count := uint64(16 + s.random.Intn(60))
	batch := &inference.PocBatch{
		NodeId: node, BatchId: claims.LastBatchId + 1, Count: count,
		Root: bytes.Repeat([]byte{byte(s.random.Intn(256))}, 32), LaneNext: make([]uint64, s.record.Params.Lanes),
	}
	for lane := range batch.LaneNext {
		batch.LaneNext[lane] = count * 10 / s.record.Params.Lanes
		if lane < len(claims.LaneNext) {
			batch.LaneNext[lane] += claims.LaneNext[lane]
		}
	}
	return batch
}

func (s *storm) claims(host actor, node string) inference.PocNodeClaims {
	claims, err := s.app.Inference.NodeClaims.Get(s.ctx, collections.Join3(s.record.Index, []byte(host.address()), node))
	if err != nil {
		return inference.PocNodeClaims{}
	}
	return claims
}

// commitWrong commits what must be refused, or is known already.
func (s *storm) commitWrong() {
	host := s.host()
	id := "n1"
	if s.chance(5) {
		id = "nowhere"
	}
	batch := s.batch(host, id)
	msg := &inference.MsgSubmitPocBatch{Creator: host.String(), EpochIndex: s.record.Index, Batches: []inference.PocBatch{*batch}}
	bad := &msg.Batches[0]
	switch s.random.Intn(9) {
	case 0:
		bad.BatchId += 2
	case 1, 2:
		bad.BatchId--
		if bad.BatchId == 0 {
			bad.BatchId = 7
		}
	case 3:
		bad.Count = 60_000
		for lane := range bad.LaneNext {
			bad.LaneNext[lane] += 1 << 20
		}
	case 4:
		for lane := range bad.LaneNext {
			bad.LaneNext[lane] += 5_000
		}
	case 5:
		bad.Count = 0
	case 6:
		msg.EpochIndex += 1
	case 7:
		msg.Batches = slices.Repeat(msg.Batches, inference.MaxBatchesPerMessage+1)
	default:
		msg.Batches = nil
	}
	s.byHost(host, "wrong batches", msg)
}

// judge lets some holders cast their verdicts while the stage lasts.
func (s *storm) judge() {
	if !epoch.Heights(s.record.Heights).Verdicts().Contains(s.ctx.BlockHeight()) {
		return
	}
	for range 18 {
		holder := s.host()
		if msg := s.verdicts(holder); msg != nil {
			s.byHost(holder, "verdicts", msg)
		}
	}
}

func (s *storm) verdicts(holder actor) *inference.MsgSubmitPocValidation {
	msg := &inference.MsgSubmitPocValidation{Creator: holder.String(), EpochIndex: s.record.Index}
	for _, host := range s.juries[string(holder.address())] {
		known, err := s.app.Inference.Verdicts.Has(s.ctx, collections.Join3(s.record.Index, []byte(host), []byte(holder.address())))
		require.NoError(s.t, err)
		if !known && len(msg.Verdicts) < 8 {
			msg.Verdicts = append(msg.Verdicts, s.verdict(host))
		}
	}
	if len(msg.Verdicts) == 0 {
		return nil
	}
	return msg
}

// verdict is mostly honest.
func (s *storm) verdict(host sdk.AccAddress) inference.Verdict {
	claims, err := s.app.Inference.HostClaims.Get(s.ctx, collections.Join(s.record.Index, []byte(host)))
	require.NoError(s.t, err)
	v := inference.Verdict{
		Participant: host.String(), Sampled: min(claims.Claimed, s.record.Params.SampleSize), WorkProof: bytes.Repeat([]byte{9}, 32),
	}
	forger := host[0]%16 == byte(s.record.Index%16)
	switch {
	case forger && !s.chance(5):
		v.Invalid = min(v.Sampled, 9)
	case s.chance(20):
		v.Invalid = 1
	case s.chance(40):
		v.Unavailable, v.WorkProof = true, nil
	case s.chance(200):
		v.Structural = true
	}
	return v
}

// judgeWrong casts what must be refused, or is known already.
func (s *storm) judgeWrong() {
	holder := s.host()
	msg := &inference.MsgSubmitPocValidation{Creator: holder.String(), EpochIndex: s.record.Index}
	judged := s.juries[string(holder.address())]
	if s.stage != epoch.PocValidationExchange || len(judged) == 0 {
		host := s.host()
		msg.Verdicts = []inference.Verdict{{Participant: host.String(), Sampled: 20, WorkProof: make([]byte, 32)}}
		s.byHost(holder, "verdicts at a wrong time", msg)
		return
	}
	v := s.verdict(one(s, judged))
	switch s.random.Intn(6) {
	case 0:
		v.Sampled++
	case 1:
		v.Participant = "cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a"
	case 2:
		v.Participant = s.host().String() // mostly no seat
	case 3:
		v.WorkProof = bytes.Repeat([]byte{byte(s.random.Intn(2))}, 32) // another one than before, or the same
		v.Unavailable, v.Invalid = false, 0
	case 4:
		msg.EpochIndex++
	}
	msg.Verdicts = []inference.Verdict{v}
	s.byHost(holder, "wrong verdicts", msg)
}

// --- hosts ---

func (s *storm) stormNode() inference.HardwareNode {
	n := node(fmt.Sprint("n", 1+s.random.Intn(4)))
	n.Models = nil
	models, err := s.app.Inference.GetGovernanceModels(s.ctx)
	require.NoError(s.t, err)
	for _, m := range models {
		if s.chance(2) {
			n.Models = append(n.Models, m.Id)
		}
	}
	n.Host = fmt.Sprintf("gpu-%d.example", s.random.Intn(1_000))
	return n
}

// declare adds, changes or removes a node.
func (s *storm) declare() {
	host := s.host()
	n := s.stormNode()
	rows, err := s.app.Inference.FleetAt(s.ctx, s.record.Index+1, host.address())
	require.NoError(s.t, err)
	has := slices.ContainsFunc(rows, func(row inference.HardwareNode) bool { return row.LocalId == n.LocalId })
	msg := &inference.MsgSubmitHardwareDiff{Creator: host.String()}
	switch {
	case !has:
		msg.Add = []inference.HardwareNode{n}
	case s.chance(3) && len(rows) > 1:
		msg.Remove = []string{n.LocalId}
	default:
		msg.Modify = []inference.HardwareNode{n}
	}
	s.byHost(host, "hardware", msg)
}

// declareWrong declares what must be refused.
func (s *storm) declareWrong() {
	host := s.host()
	n := s.stormNode()
	msg := &inference.MsgSubmitHardwareDiff{Creator: host.String()}
	switch s.random.Intn(6) {
	case 0:
		n.Models = []string{"org/unknown"}
		msg.Add = []inference.HardwareNode{n}
	case 1:
		n.LocalId = "a space"
		msg.Add = []inference.HardwareNode{n}
	case 2:
		host = one(s, s.hosts) // who has a node already
		msg.Creator = host.String()
		for i := range inference.MaxNodesPerHost {
			msg.Add = append(msg.Add, inference.HardwareNode{LocalId: fmt.Sprint("many-", i)})
		}
	case 3:
		n.LocalId = "n1"
		msg.Add = []inference.HardwareNode{n}
	case 4:
		msg.Remove = []string{"nowhere"}
	default:
		n.LocalId = "nowhere"
		msg.Modify = []inference.HardwareNode{n}
	}
	s.byHost(host, "wrong hardware", msg)
}

// register sends a registration, that of the account for the second time or more in
// most cases.
func (s *storm) register() {
	who := s.host()
	if s.chance(8) {
		who = one(s, s.strangers)
	}
	s.send(who, txFee, "registration", s.registration(who))
}

// registration is what the account is registered with, or would be.
func (s *storm) registration(who actor) *inference.MsgRegisterParticipant {
	s.t.Helper()
	msg := &inference.MsgRegisterParticipant{Creator: who.String(), Url: "https://host.example", ConsensusKey: who.cons.PubKey().Bytes()}
	if row, err := s.app.Inference.Participants.Get(s.ctx, who.address()); err == nil {
		msg.Url, msg.Metadata, msg.ConsensusKey = row.Url, row.Metadata, row.ConsensusKey
	}
	msg.ConsensusKeyProof = s.proof(msg.ConsensusKey, who)
	return msg
}

func (s *storm) proof(key []byte, who actor) []byte {
	s.t.Helper()
	signature, err := s.keys[string(key)].Sign(inference.ConsensusKeyProofBytes(testChainID, who.address()))
	require.NoError(s.t, err)
	return signature
}

func (s *storm) registerWrong() {
	who := one(s, s.everybody())
	msg := s.registration(who)
	switch s.random.Intn(6) {
	case 0:
		msg.Url = "no address"
	case 1:
		msg.ConsensusKey = msg.ConsensusKey[1:]
	case 2:
		msg.ConsensusKeyProof = make([]byte, 64)
	case 3:
		msg.Metadata = string(make([]byte, 300))
	case 4:
		other := one(s, s.hosts)
		row, err := s.app.Inference.Participants.Get(s.ctx, other.address())
		require.NoError(s.t, err)
		who = one(s, s.strangers)
		msg = s.registration(who)
		msg.ConsensusKey, msg.ConsensusKeyProof = row.ConsensusKey, s.proof(row.ConsensusKey, who)
	default:
		msg.Url += "/other"
	}
	s.send(who, txFee, "wrong registration", msg)
}

// update changes a host's URL or text, or that of nobody.
func (s *storm) update() {
	who := one(s, s.everybody())
	msg := &inference.MsgUpdateParticipant{Creator: who.String(), Url: fmt.Sprintf("https://host-%d.example", s.random.Intn(9))}
	if s.chance(2) {
		msg.Metadata = fmt.Sprint("text ", s.random.Intn(9))
	}
	s.send(who, txFee, "update", msg)
}

// rotate asks for another consensus key, or for one that is taken.
func (s *storm) rotate() {
	who := s.host()
	key := ed25519.GenPrivKeyFromSecret([]byte(fmt.Sprint(who, s.height)))
	public := key.PubKey().Bytes()
	s.keys[string(public)] = key
	if s.chance(4) {
		public = one(s, s.hosts).cons.PubKey().Bytes()
	}
	s.send(who, txFee, "rotation", &inference.MsgUpdateParticipant{
		Creator: who.String(), ConsensusKey: public, ConsensusKeyProof: s.proof(public, who),
	})
}

func (s *storm) claimReward() {
	host := s.host()
	s.byHost(host, "claim", &inference.MsgClaimReward{Creator: host.String()})
}

// leaveJail asks for every host in jail, with success where its time is over.
func (s *storm) leaveJail() {
	jailed, err := s.app.Validators.JailedOperators(s.ctx)
	require.NoError(s.t, err)
	for _, operator := range jailed {
		who := s.who(operator.String())
		s.send(who, txFee, "unjail", unjail(who))
	}
}

// --- governance ---

// governed is what a proposal would do: mostly something that it can.
func (s *storm) governed() []sdk.Msg {
	var msgs []sdk.Msg
	for range 1 + s.random.Intn(4) {
		id := fmt.Sprint("org/model-", s.random.Intn(5))
		switch s.random.Intn(3) {
		case 0:
			msgs = append(msgs, &inference.MsgUpdateParams{Authority: authority(), Params: s.params()})
		case 1:
			m := model(id)
			m.VramGb = uint64(8 + s.random.Intn(9))
			msgs = append(msgs, &inference.MsgRegisterModel{Authority: authority(), Model: m})
		default:
			known, err := s.app.Inference.GetGovernanceModels(s.ctx)
			require.NoError(s.t, err)
			if len(known) > 0 && !s.chance(6) {
				id = one(s, known).Id
			}
			msgs = append(msgs, &inference.MsgRemoveModel{Authority: authority(), ModelId: id})
		}
	}
	return msgs
}

// params are others that a network can run on.
func (s *storm) params() inference.Params {
	p := stormParams()
	p.PocExchangeBlocks = uint64(4 + s.random.Intn(4))
	p.PocValidationExchangeBlocks = uint64(4 + s.random.Intn(4))
	p.ModelLoadingBlocks = uint64(3 + s.random.Intn(3))
	p.InferenceBlocks = uint64(26 + s.random.Intn(5))
	p.Lanes = uint64(8 + 8*s.random.Intn(2))
	p.FormationHostsPerBlock = uint64(1 + s.random.Intn(60))
	p.SettlementHostsPerBlock = uint64(1 + s.random.Intn(60))
	p.CoverageSpread = uint64(1 + s.random.Intn(4))
	return p
}

// usurp sends what only governance may.
func (s *storm) usurp() {
	who := s.host()
	var msg sdk.Msg
	switch s.random.Intn(4) {
	case 0:
		bad := s.params()
		bad.PocExchangeBlocks = 0
		msg = &inference.MsgUpdateParams{Authority: who.String(), Params: bad}
	case 1:
		msg = &inference.MsgUpdateParams{Authority: who.String(), Params: s.params()}
	case 2:
		msg = &inference.MsgRegisterModel{Authority: who.String(), Model: inference.Model{Id: "org/bad"}}
	default:
		msg = &inference.MsgRemoveModel{Authority: who.String(), ModelId: testModel}
	}
	s.send(who, txFee, "usurping", msg)
}

// serve sends what this version of the chain refuses.
func (s *storm) serve() {
	who := s.host()
	coins := sdk.NewInt64Coin(BaseDenom, 5)
	msgs := []sdk.Msg{
		&inference.MsgDeposit{Creator: who.String(), Amount: coins},
		&inference.MsgWithdraw{Creator: who.String(), Amount: coins},
		&inference.MsgSettleUsage{Creator: who.String(), EpochIndex: s.clock().Effective, ModelId: testModel},
	}
	// In turns: a draw would change all that comes after it.
	s.send(who, txFee, "serving", msgs[s.height%int64(len(msgs))])
}
