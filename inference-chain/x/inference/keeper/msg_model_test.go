package keeper

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/x/inference/types"
)

func registerModel(msgs types.MsgServer, k *kit, msg *types.MsgRegisterModel) (*types.MsgRegisterModelResponse, error) {
	return msgs.RegisterModel(k.ctx, msg)
}

func removeModel(msgs types.MsgServer, k *kit, msg *types.MsgRemoveModel) (*types.MsgRemoveModelResponse, error) {
	return msgs.RemoveModel(k.ctx, msg)
}

func TestAModelIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*types.Model)
		says string
	}{
		"without an id":                            {func(m *types.Model) { m.Id = "" }, `id must match [A-Za-z0-9._/-]{1,128}, got ""`},
		"with an id that holds a space":            {func(m *types.Model) { m.Id = "org/my model" }, "id must match"},
		"with an id that is too long":              {func(m *types.Model) { m.Id = strings.Repeat("m", 129) }, "id must match"},
		"without a repository":                     {func(m *types.Model) { m.HfRepo = "" }, "hf_repo must be owner/name"},
		"with a repository that has no owner":      {func(m *types.Model) { m.HfRepo = "/name" }, "hf_repo must be owner/name"},
		"with a repository of three parts":         {func(m *types.Model) { m.HfRepo = "a/b/c" }, "hf_repo must be owner/name"},
		"without a commit":                         {func(m *types.Model) { m.HfCommit = "" }, "hf_commit must be 40 lower-case hex digits"},
		"with a branch instead of a commit":        {func(m *types.Model) { m.HfCommit = "main" }, "hf_commit must be"},
		"with a commit in upper case":              {func(m *types.Model) { m.HfCommit = strings.Repeat("A", 40) }, "hf_commit must be"},
		"with zero throughput per nonce":           {func(m *types.Model) { m.ThroughputPerNonce = 0 }, "throughput_per_nonce must lie in [1,"},
		"with too much throughput per nonce":       {func(m *types.Model) { m.ThroughputPerNonce = types.MaxModelNumber + 1 }, "throughput_per_nonce must lie in"},
		"with zero price units":                    {func(m *types.Model) { m.UnitsOfComputePerToken = 0 }, "units_of_compute_per_token must lie in [1,"},
		"with too many price units":                {func(m *types.Model) { m.UnitsOfComputePerToken = types.MaxModelNumber + 1 }, "units_of_compute_per_token must lie in"},
		"with more memory than there is":           {func(m *types.Model) { m.VramGb = types.MaxModelNumber + 1 }, "vram_gb must be at most"},
		"with an endless context":                  {func(m *types.Model) { m.ContextSize = types.MaxModelNumber + 1 }, "context_size must be at most"},
		"with 65 arguments":                        {func(m *types.Model) { m.ModelArgs = make([]string, 65) }, "model_args has 65 entries, at most 64"},
		"with an argument that is too long":        {func(m *types.Model) { m.ModelArgs = []string{strings.Repeat("x", 257)} }, "model_args has 257 bytes"},
		"with an argument on two lines":            {func(m *types.Model) { m.ModelArgs = []string{"a\nb"} }, "control characters"},
		"with a name that is too long":             {func(m *types.Model) { m.Name = strings.Repeat("n", 129) }, "name has 129 bytes"},
		"with a name that is not UTF-8":            {func(m *types.Model) { m.Name = "\xff" }, "name must be UTF-8"},
		"with a version that is too long":          {func(m *types.Model) { m.Version = strings.Repeat("1", 65) }, "version has 65 bytes"},
		"with a quantisation that is too long":     {func(m *types.Model) { m.Quantization = strings.Repeat("q", 33) }, "quantization has 33 bytes"},
		"with a cache quantisation on two lines":   {func(m *types.Model) { m.KvCacheQuantization = "fp8\r" }, "kv_cache_quantization must not hold control"},
		"with a proposer's address beyond any cap": {func(m *types.Model) { m.ProposedBy = strings.Repeat("p", 257) }, "proposed_by has 257 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newRoundKit(t)
			model := testModel("org/new")
			c.edit(&model)
			msg := &types.MsgRegisterModel{Authority: k.Authority(), Model: model}
			send(k, registerModel, msg, refusedWith(types.ErrInvalidModel, c.says))
		})
	}
}

func TestAModelIsRefusedFromAnyoneButGovernance(t *testing.T) {
	k := newRoundKit(t)
	refused := refusedWith(types.ErrNotAuthority, "authority must be")
	send(k, registerModel, &types.MsgRegisterModel{Authority: k.text("alice"), Model: testModel("org/new")}, refused)
	send(k, removeModel, &types.MsgRemoveModel{Authority: k.text("alice"), ModelId: modelA}, refused)
}

func TestAModelWhoseProposerIsNoAddressIsRefused(t *testing.T) {
	k := newRoundKit(t)
	model := testModel("org/new")
	model.ProposedBy = "cosmos1somebody"
	msg := &types.MsgRegisterModel{Authority: k.Authority(), Model: model}
	send(k, registerModel, msg, refusedWith(types.ErrInvalidAddress, "proposed_by", "cosmos1somebody"))
}

func TestARegisteredModelIsInTheRegistryAtOnceAndInNoSnapshot(t *testing.T) {
	k := newRoundKit(t)
	model := testModel("org/new")
	model.ModelArgs = slices.Repeat([]string{"--flag"}, types.MaxModelArgs)
	response := send(k, registerModel, &types.MsgRegisterModel{Authority: k.Authority(), Model: model}, expectation{})
	require.True(t, response.Created)
	stored, err := k.GetGovernanceModel(k.ctx, "org/new")
	require.NoError(t, err)
	require.Equal(t, model, stored)
	_, err = k.GetEpochModel(k.ctx, 1, "org/new")
	require.Error(t, err)
	require.Equal(t, []types.EventModelRegistered{{ModelId: "org/new", Created: true}}, eventsOf[types.EventModelRegistered](k.kit))
}

func TestAModelThatIsKnownIsUpdated(t *testing.T) {
	k := newRoundKit(t)
	model := testModel(modelA)
	model.Version = "2"
	response := send(k, registerModel, &types.MsgRegisterModel{Authority: k.Authority(), Model: model}, expectation{})
	require.False(t, response.Created)
	stored, err := k.GetGovernanceModel(k.ctx, modelA)
	require.NoError(t, err)
	require.Equal(t, "2", stored.Version)
}

func TestTheSameModelAgainIsSuccessWithoutEffect(t *testing.T) {
	k := newRoundKit(t)
	send(k, registerModel, &types.MsgRegisterModel{Authority: k.Authority(), Model: testModel(modelA)}, expectation{})
	require.Empty(t, k.ctx.EventManager().Events())
}

func TestTheRegistryTakesMaxModelsAndNoMore(t *testing.T) {
	k := newRoundKit(t)
	params := types.TestnetParams()
	params.MaxModels = 4
	require.NoError(t, k.Params.Set(k.ctx, params))
	for i := range 2 {
		model := testModel(fmt.Sprintf("org/more-%d", i))
		send(k, registerModel, &types.MsgRegisterModel{Authority: k.Authority(), Model: model}, expectation{})
	}
	full := &types.MsgRegisterModel{Authority: k.Authority(), Model: testModel("org/one-too-many")}
	send(k, registerModel, full, refusedWith(types.ErrTooManyModels, "it holds 4, max_models is 4"))
	known := testModel(modelB)
	known.Version = "2"
	send(k, registerModel, &types.MsgRegisterModel{Authority: k.Authority(), Model: known}, expectation{})
}

func TestAModelThatIsNotKnownCannotBeRemoved(t *testing.T) {
	k := newRoundKit(t)
	send(k, removeModel, &types.MsgRemoveModel{Authority: k.Authority(), ModelId: "org/none"},
		refusedWith(types.ErrModelNotFound, `"org/none"`))
	send(k, removeModel, &types.MsgRemoveModel{Authority: k.Authority(), ModelId: "no such id"},
		refusedWith(types.ErrInvalidModel, "model_id must match"))
}

func TestARemovedModelLeavesTheRegistry(t *testing.T) {
	k := newRoundKit(t)
	send(k, removeModel, &types.MsgRemoveModel{Authority: k.Authority(), ModelId: modelA}, expectation{})
	known, err := k.IsValidGovernanceModel(k.ctx, modelA)
	require.NoError(t, err)
	require.False(t, known)
	left, err := k.GetGovernanceModels(k.ctx)
	require.NoError(t, err)
	require.Equal(t, []types.Model{testModel(modelB)}, left)
	require.Equal(t, []types.EventModelRemoved{{ModelId: modelA}}, eventsOf[types.EventModelRemoved](k.kit))
}
