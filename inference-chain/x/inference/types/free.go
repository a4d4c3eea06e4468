package types

import "slices"

// freeMessages are what a broker's warm key sends for its host.
var freeMessages = []string{
	"/inference.v1.MsgSubmitHardwareDiff",
	"/inference.v1.MsgSubmitPocBatch",
	"/inference.v1.MsgSubmitPocValidation",
	"/inference.v1.MsgSettleUsage",
	"/inference.v1.MsgClaimReward",
}

// FreeMessages lists the type URLs of the messages that are free of fees for
// registered hosts within their quota, and that a host grants to its warm key.
func FreeMessages() []string { return slices.Clone(freeMessages) }

// IsFreeMessage says whether the type URL is one of FreeMessages.
func IsFreeMessage(typeURL string) bool { return slices.Contains(freeMessages, typeURL) }
