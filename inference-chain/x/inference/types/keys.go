package types

const (
	// ModuleName names the module, its store, its account and its part of genesis.
	ModuleName = "inference"
	// StoreKey is the key of the module's store.
	StoreKey = ModuleName
	// BaseDenom is the denomination of every amount, 10^-6 NINE.
	BaseDenom = "unine"
)
