package types

import "cosmossdk.io/errors"

// Errors of the module; codes start at 2 and are never reused.
var (
	ErrEmptySet         = errors.Register(ModuleName, 2, "the consensus set would be empty")
	ErrInvalidGenesis   = errors.Register(ModuleName, 3, "invalid genesis of the consensus set")
	ErrPeriod           = errors.Register(ModuleName, 4, "the period does not follow the running one")
	ErrUnknownValidator = errors.Register(ModuleName, 5, "unknown validator")
)
