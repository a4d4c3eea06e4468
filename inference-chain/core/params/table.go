package params

// Limits that several rows share.
const (
	million = 1_000_000
	// max32 bounds what a commitment counts in 32 bits.
	max32 = 1<<32 - 1
	// max63 keeps an amount inside the signed 64 bits of other software.
	max63 = 1<<63 - 1
)

// table lists every parameter in the order of documents and errors.
func table() []entry {
	var all []entry
	for _, part := range [][]entry{stageRows(), proofRows(), judgingRows(), commitRows(), workRows(), rewardRows(), servingRows(), groupRows()} {
		all = append(all, part...)
	}
	return all
}

// Rows returns the table as text.
func Rows() []Row {
	entries := table()
	rows := make([]Row, 0, len(entries))
	for _, e := range entries {
		rows = append(rows, e.row())
	}
	return rows
}

// Values returns every parameter of p by the order of Rows, as text.
func (p Params) Values() []string {
	entries := table()
	values := make([]string, 0, len(entries))
	for _, e := range entries {
		values = append(values, e.show(p))
	}
	return values
}

func stageRows() []entry {
	return []entry{
		count{
			name: "poc_exchange_blocks", at: func(p *Params) *uint64 { return &p.PocExchangeBlocks },
			value: 60, testnet: 8, low: 2, high: million, unit: "blocks",
			doc: "Length of POC_EXCHANGE, in which hosts commit their batches; POC_END accepts them one block longer.",
		},
		count{
			name: "poc_validation_exchange_blocks", at: func(p *Params) *uint64 { return &p.PocValidationExchangeBlocks },
			value: 60, testnet: 8, low: 4, high: million, unit: "blocks",
			doc: "Length of POC_VALIDATION_EXCHANGE, in which seat holders fetch openings, recompute them and submit verdicts.",
		},
		count{
			name: "model_loading_blocks", at: func(p *Params) *uint64 { return &p.ModelLoadingBlocks },
			value: 120, testnet: 4, low: 3, high: million, unit: "blocks",
			doc: "Length of MODEL_LOADING, in which the chain forms the next epoch and nodes load its models.",
		},
		count{
			name: "inference_blocks", at: func(p *Params) *uint64 { return &p.InferenceBlocks },
			value: 15_000, testnet: 35, low: 14, high: 10 * million, unit: "blocks",
			doc: "Length of INFERENCE; at least the PoC period, so that a period's throughput can be measured in it.",
		},
	}
}

func workRows() []entry {
	return []entry{
		count{
			name: "formation_hosts_per_block", at: func(p *Params) *uint64 { return &p.FormationHostsPerBlock },
			value: 100, low: 1, high: million, unit: "hosts a block",
			doc: "Hosts of up to 100 rows that are formed in a block of MODEL_LOADING, larger ones counting as several; more when they would not be through in time.",
		},
		count{
			name: "settlement_hosts_per_block", at: func(p *Params) *uint64 { return &p.SettlementHostsPerBlock },
			value: 500, low: 1, high: million, unit: "hosts a block",
			doc: "Hosts whose reward is settled in a block of INFERENCE.",
		},
		count{
			name: "allocation_blocks", at: func(p *Params) *uint64 { return &p.AllocationBlocks },
			value: 20, testnet: 4, low: 1, high: million, unit: "blocks",
			doc: "Last blocks of INFERENCE, in which timeslots are allocated; at most inference_blocks.",
		},
		count{
			name: "max_pruned_keys_per_block", at: func(p *Params) *uint64 { return &p.MaxPrunedKeysPerBlock },
			value: 2_000, low: 1, high: million, unit: "store keys a block",
			doc: "Rows of old epochs that a block deletes at most.",
		},
	}
}

func servingRows() []entry {
	return []entry{
		fraction{
			name: "max_serving_fraction", at: func(p *Params) *string { return &p.MaxServingFraction },
			value: "0.5", low: "0", high: "1", unit: "share of a model's throughput",
			doc: "Share of a model's throughput that may keep serving during PoC.",
		},
		count{
			name: "max_consecutive_preserved_epochs", at: func(p *Params) *uint64 { return &p.MaxConsecutivePreservedEpochs },
			value: 2, low: 0, high: 100, unit: "epochs",
			doc: "Epochs in a row in which a host may have preserved nodes before all of them must prove again.",
		},
		flag{
			name: "throughput_validation_enabled", at: func(p *Params) *bool { return &p.ThroughputValidationEnabled },
			doc: "Whether a preserved node's weight is reduced when its model served less than expected during PoC.",
		},
		count{
			name: "initial_unit_price", at: func(p *Params) *uint64 { return &p.InitialUnitPrice },
			value: million, low: 1, high: max63, unit: "10⁻⁶ unine a unit of compute",
			doc: "Price of one unit of compute in the first epoch; from then on it follows the load.",
		},
		fraction{
			name: "serving_burn", at: func(p *Params) *string { return &p.ServingBurn },
			value: "0.05", low: "0", high: "1", unit: "share of a charge",
			doc: "Share of what a developer pays for serving that is burned.",
		},
	}
}

func groupRows() []entry {
	return []entry{
		count{
			name: "max_validators", at: func(p *Params) *uint64 { return &p.MaxValidators },
			value: 100, low: 1, high: 10_000, unit: "validators",
			doc: "Hosts with the highest weights that sign blocks; CometBFT carries at most 10,000 votes.",
		},
		fraction{
			name: "min_kept_power", at: func(p *Params) *string { return &p.MinKeptPower },
			value: "0.333333333333333333", low: "0", high: "1", unit: "share of the old weight",
			doc: "Share of the old weight that the hosts a new epoch keeps must have held, or the old epoch stays effective.",
		},
		count{
			name: "claim_retention_epochs", at: func(p *Params) *uint64 { return &p.ClaimRetentionEpochs },
			value: 10, low: 1, high: million, unit: "epochs",
			doc: "How long a settled reward can be claimed before it is burned.",
		},
		count{
			name: "epoch_retention", at: func(p *Params) *uint64 { return &p.EpochRetention },
			value: 20, low: 3, high: million, unit: "epochs",
			doc: "How many epochs back an epoch's rows are kept before the pruner takes them.",
		},
		count{
			name: "max_models", at: func(p *Params) *uint64 { return &p.MaxModels },
			value: 64, low: 1, high: 1_000, unit: "models",
			doc: "Models that the governance registry holds at most.",
		},
	}
}
