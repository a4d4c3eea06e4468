package inference

import (
	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"
)

// AutoCLIOptions describes the module's commands.
func (AppModule) AutoCLIOptions() *autocliv1.ModuleOptions {
	return &autocliv1.ModuleOptions{
		Query: &autocliv1.ServiceCommandDescriptor{Service: "inference.v1.Query", RpcCommandOptions: queryCommands()},
		Tx:    &autocliv1.ServiceCommandDescriptor{Service: "inference.v1.Msg", RpcCommandOptions: txCommands()},
	}
}

// command describes one command; the fields are its positional arguments.
func command(method, use, short string, fields ...string) *autocliv1.RpcCommandOptions {
	options := &autocliv1.RpcCommandOptions{RpcMethod: method, Use: use, Short: short}
	for _, field := range fields {
		options.PositionalArgs = append(options.PositionalArgs, &autocliv1.PositionalArgDescriptor{ProtoField: field})
	}
	return options
}

func queryCommands() []*autocliv1.RpcCommandOptions {
	return []*autocliv1.RpcCommandOptions{
		command("Params", "params", "Show the parameters in force"),
		command("CurrentStage", "stage", "Show stage, height and epochs of the latest block"),
		command("Epoch", "epoch [epoch]", "Show an epoch with its heights and frozen parameters", "epoch_index"),
		command("Epochs", "epochs", "List the epochs that are kept"),
		command("Round", "round [epoch]", "Show challenge and sampling seed of an epoch", "epoch_index"),

		command("GovernanceModel", "model [id]", "Show a governed model", "model_id"),
		command("GovernanceModels", "models", "List the governed models"),
		command("EpochModel", "epoch-model [epoch] [id]", "Show a model as an epoch uses it", "epoch_index", "model_id"),
		command("EpochModels", "epoch-models [epoch]", "List the models that an epoch uses", "epoch_index"),

		command("Participant", "host [address]", "Show a registered host", "address"),
		command("Participants", "hosts", "List the registered hosts"),
		command("HardwareNodes", "nodes [address]", "List a host's nodes with changes that wait", "address"),
		command("Fleet", "fleet [epoch] [address]", "List a host's nodes as an epoch sees them", "epoch_index", "address"),

		command("CurrentEpochGroupData", "group-current", "Show the groups of the epoch in effect"),
		command("EpochGroup", "group [epoch]", "Show an epoch's root group, or with --model-id a subgroup", "epoch_index"),
		command("EpochMembers", "members [epoch]", "List the members of a group", "epoch_index"),
		command("EpochNodes", "epoch-nodes [epoch]", "List the nodes of a group", "epoch_index"),
		command("ActiveParticipants", "active", "List the members of the epoch in effect with their URLs"),

		command("PocBatches", "batches [epoch] [address]", "List a host's committed batches", "epoch_index", "address"),
		command("PocNodeClaims", "node-claims [epoch] [address]", "List what a host's nodes claim", "epoch_index", "address"),
		command("PocHostClaims", "claims [epoch]", "List what all hosts claim", "epoch_index"),
		command("Jury", "jury [epoch] [address]", "Show who judges a host", "epoch_index", "address"),
		command("Sample", "sample [epoch] [address] [holder]", "Show which leaves of a host a seat holder verifies", "epoch_index", "address", "holder"),
		command("HolderSeats", "seats [epoch] [holder]", "List the hosts that a member has to judge", "epoch_index", "holder"),
		command("Verdicts", "verdicts [epoch] [address]", "List the verdicts on a host", "epoch_index", "address"),

		command("Weight", "weight [epoch] [address]", "Say what a host weighs and why", "epoch_index", "address"),
		command("Weights", "weights [epoch]", "List what all hosts weigh and why", "epoch_index"),

		command("Treasury", "treasury", "Show subsidy and supply minted so far"),
		command("Settlement", "settlement [epoch]", "Show the settlement of an ended epoch", "epoch_index"),
		command("SettleAmount", "reward [epoch] [address]", "Show a host's reward and everything it came from", "epoch_index", "address"),
		command("SettleAmounts", "rewards [epoch]", "List the rewards of an ended epoch", "epoch_index"),
		command("Claimable", "claimable [address]", "Show what a claim would pay now", "address"),
		command("ParticipantModelCoverage", "coverage [epoch] [address]", "Show which models a host covers", "epoch_index", "address"),
		command("JuryDuties", "duties [epoch]", "List the seats drawn and cast while an epoch was in effect", "epoch_index"),
		command("JuryExclusions", "jury-exclusions [epoch]", "List the hosts that may not sit in an epoch's juries", "epoch_index"),
		command("Forfeits", "forfeits [epoch]", "List the hosts that lose their reward of an epoch, and why", "epoch_index"),
		command("FleetLoads", "fleet-loads", "List the hosts that formations go through, with their loads"),
		command("Formation", "formation", "Say how far the formation of an epoch has come"),
		command("Prunes", "prunes", "List the epochs whose rows are being deleted"),
		command("UnitPrice", "price [epoch]", "Show the price of a unit of compute", "epoch_index"),
		command("Quota", "quota [address]", "Show the free messages a host has left in this stage", "address"),
	}
}

func txCommands() []*autocliv1.RpcCommandOptions {
	governed := func(method, use, short string, fields ...string) *autocliv1.RpcCommandOptions {
		options := command(method, use, short, fields...)
		options.GovProposal = true
		return options
	}
	return []*autocliv1.RpcCommandOptions{
		governed("UpdateParams", "update-params [params]", "Propose new parameters, all of them, as JSON", "params"),
		governed("RegisterModel", "register-model [model]", "Propose a model, as JSON; an existing id is updated", "model"),
		governed("RemoveModel", "remove-model [id]", "Propose to remove a model", "model_id"),

		command("RegisterParticipant", "register-participant [url] [consensus-key] [proof]",
			"Register the signer as a host; key and proof in base64, as consensus-proof --output json prints them", "url", "consensus_key", "consensus_key_proof"),
		command("UpdateParticipant", "update-participant", "Change URL, metadata or consensus key of the signing host"),
		command("SubmitHardwareDiff", "submit-hardware-diff", "Add, modify and remove nodes of the signing host, as JSON"),
		command("SubmitPocBatch", "submit-poc-batch [epoch]", "Commit batches of valid nonces, as JSON", "epoch_index"),
		command("SubmitPocValidation", "submit-poc-validation [epoch]", "Cast verdicts, as JSON", "epoch_index"),
		command("ClaimReward", "claim-reward", "Collect every settled reward of the signing host"),
		command("Deposit", "deposit [amount]", "Add to the signer's balance for serving", "amount"),
		command("Withdraw", "withdraw [amount]", "Pay back from the signer's balance for serving", "amount"),
		command("SettleUsage", "settle-usage [epoch] [model-id]", "Redeem developers' receipts, as JSON", "epoch_index", "model_id"),
	}
}
