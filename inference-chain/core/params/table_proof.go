package params

func proofRows() []entry {
	rows := []entry{
		choice{
			name: "poc_kind", at: func(p *Params) *string { return &p.PocKind }, value: "EXACT8", unit: "name",
			doc: "Kind of proof that decides weight; rounds of other kinds are refused.",
		},
		count{
			name: "poc_version", at: func(p *Params) *uint64 { return &p.PocVersion },
			value: 1, low: 1, high: max32, unit: "version",
			doc: "Version of the proof's definition; an mlnode refuses a round of a version it does not know.",
		},
	}
	rows = append(rows, modelRows()...)
	return append(
		rows,
		count{
			name: "lanes", at: func(p *Params) *uint64 { return &p.Lanes },
			value: 16, low: 1, high: 64, unit: "lanes a node",
			doc: "Fixed strides into which a node's nonces are divided; its GPU groups share them out.",
		},
		fraction{
			name: "valid_fraction", at: func(p *Params) *string { return &p.ValidFraction },
			value: "0.1", low: "0.001", high: "0.49", unit: "share of nonces",
			doc: "Share of nonces that are valid by chance; governance sets it, r_target follows from it and poc_model.vocab_size.",
		},
		fraction{
			name: "r_target", at: func(p *Params) *string { return &p.RTarget },
			value: "1.4041677899910951", testnet: "1.38559607450829", low: "0", high: "2", lowOut: true, highOut: true,
			unit: "distance between unit vectors",
			doc:  "Radius around the target within which a nonce is valid, for reports; cq decides. It follows from valid_fraction to within 10⁻⁹.",
		},
		count{
			name: "cq", at: func(p *Params) *uint64 { return &p.Cq },
			value: 60_801_312, testnet: 172_063_945, low: 1, high: 1 << 32, unit: "2⁻³²",
			doc: "Cosine a valid nonce must exceed: ⌊(1 − r_target²/2)·2³²⌋ exactly.",
		},
	)
}

func modelRows() []entry {
	return []entry{
		count{
			name: "poc_model.dim", at: func(p *Params) *uint64 { return &p.PocModel.Dim },
			value: 1_024, testnet: 128, low: minWidth, high: maxWidth, unit: "elements",
			doc: "Width D of the proof network; a multiple of n_heads.",
		},
		count{
			name: "poc_model.n_layers", at: func(p *Params) *uint64 { return &p.PocModel.NLayers },
			value: 32, testnet: 3, low: 2, high: 1_024, unit: "layers",
			doc: "Layers L of the proof network.",
		},
		count{
			name: "poc_model.n_heads", at: func(p *Params) *uint64 { return &p.PocModel.NHeads },
			value: 32, testnet: 4, low: 1, high: maxWidth / minHeadDim, unit: "heads",
			doc: "Attention heads H; the head width dim/n_heads lies in [32, 1024].",
		},
		count{
			name: "poc_model.n_kv_heads", at: func(p *Params) *uint64 { return &p.PocModel.NKvHeads },
			value: 32, testnet: 2, low: 1, high: maxWidth / minHeadDim, unit: "heads",
			doc: "Key and value heads KV; divides n_heads.",
		},
		count{
			name: "poc_model.vocab_size", at: func(p *Params) *uint64 { return &p.PocModel.VocabSize },
			value: 8_196, testnet: 1_024, low: 256, high: 131_072, unit: "elements",
			doc: "Width V of the output that is compared with the round's target.",
		},
		fraction{
			name: "poc_model.ffn_dim_multiplier", at: func(p *Params) *string { return &p.PocModel.FfnDimMultiplier },
			value: "10", testnet: "1", low: "0", high: "16", lowOut: true, unit: "factor",
			doc: "Factor on ⌊8·dim/3⌋ that gives the FFN's width.",
		},
		count{
			name: "poc_model.multiple_of", at: func(p *Params) *uint64 { return &p.PocModel.MultipleOf },
			value: 2_048, testnet: 64, low: 1, high: maxWidth, unit: "elements",
			doc: "The FFN's width F is rounded up to a multiple of this; F lies in [64, 131072].",
		},
		count{
			name: "poc_model.seq_len", at: func(p *Params) *uint64 { return &p.PocModel.SeqLen },
			value: 128, testnet: 32, low: 8, high: 1_024, unit: "positions",
			doc: "Positions S of a nonce's input.",
		},
	}
}

func judgingRows() []entry {
	return []entry{
		count{
			name: "sample_size", at: func(p *Params) *uint64 { return &p.SampleSize },
			value: 200, low: 1, high: 1_000, unit: "claims",
			doc: "Claims of a host that each seat holder recomputes; all when there are fewer.",
		},
		count{
			name: "seats_per_host", at: func(p *Params) *uint64 { return &p.SeatsPerHost },
			value: 32, low: 1, high: 128, unit: "seats",
			doc: "Draws that seat the judges of a host.",
		},
		fraction{
			name: "p_mismatch", at: func(p *Params) *string { return &p.PMismatch },
			value: "0.0005", low: "0", high: "0.5", lowOut: true, highOut: true, unit: "probability",
			doc: "Share of claims that broken but honest hardware may get wrong.",
		},
		fraction{
			name: "fraud_threshold", at: func(p *Params) *string { return &p.FraudThreshold },
			value: "0.0000001", low: "0", high: "0.01", lowOut: true, highOut: true, unit: "probability",
			doc: "A verdict is fraud when so many invalid claims are less probable than this under p_mismatch.",
		},
	}
}

func commitRows() []entry {
	return []entry{
		count{
			name: "min_host_nonces", at: func(p *Params) *uint64 { return &p.MinHostNonces },
			value: 32, testnet: 4, low: 1, high: max32, unit: "nonces",
			doc: "Claims below which a host gets no mined weight and no jury.",
		},
		count{
			name: "max_nonces_per_node", at: func(p *Params) *uint64 { return &p.MaxNoncesPerNode },
			value: 1 << 22, testnet: 100_000, low: 1, high: max32, unit: "nonces",
			doc: "Claims of one node an epoch at most.",
		},
		count{
			name: "max_batches_per_node", at: func(p *Params) *uint64 { return &p.MaxBatchesPerNode },
			value: 64, low: 1, high: million, unit: "batches",
			doc: "Commitments of one node an epoch at most.",
		},
		count{
			name: "free_messages_per_stage", at: func(p *Params) *uint64 { return &p.FreeMessagesPerStage },
			value: 256, low: 16, high: million, unit: "messages",
			doc: "Messages without fee that a host may send in a stage.",
		},
	}
}

func rewardRows() []entry {
	return []entry{
		count{
			name: "initial_epoch_subsidy", at: func(p *Params) *uint64 { return &p.InitialEpochSubsidy },
			value: 251_084_150_938, low: 1, high: max63, unit: "unine",
			doc: "Subsidy of the first settled epoch.",
		},
		fraction{
			name: "decay_factor", at: func(p *Params) *string { return &p.DecayFactor },
			value: "0.999581526415103226", low: "0", high: "1", lowOut: true, unit: "factor",
			doc: "Factor on the subsidy, once per settled epoch: half in four years of 5-second blocks.",
		},
		count{
			name: "max_supply", at: func(p *Params) *uint64 { return &p.MaxSupply },
			value: 1_000_000_000_000_000, low: 1, high: max63, unit: "unine",
			doc: "Unine that minting never exceeds; a full coverage bonus stays below it too.",
		},
		fraction{
			name: "coverage_bonus", at: func(p *Params) *string { return &p.CoverageBonus },
			value: "0.1", low: "0", high: "1", unit: "share of the reward",
			doc: "Addition to the reward of a host that covers every model.",
		},
		count{
			name: "coverage_spread", at: func(p *Params) *uint64 { return &p.CoverageSpread },
			value: 4, low: 1, high: million, unit: "factor",
			doc: "A host covers a model with weight of at least its whole weight/(coverage_spread·models).",
		},
	}
}
