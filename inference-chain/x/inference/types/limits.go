package types

// Caps of messages, refused before anything is read. Those that governance may
// want to move are parameters instead; docs/params.md lists them.
const (
	// MaxURLBytes bounds a host's URL.
	MaxURLBytes = 256
	// MaxMetadataBytes bounds a host's free text.
	MaxMetadataBytes = 256

	// MaxModelIDBytes bounds the id of a model.
	MaxModelIDBytes = 128
	// MaxModelNameBytes bounds a model's display name.
	MaxModelNameBytes = 128
	// MaxModelVersionBytes bounds a model's version label.
	MaxModelVersionBytes = 64
	// MaxRepoPartBytes bounds the owner and the name of a repository, each.
	MaxRepoPartBytes = 96
	// MaxModelArgs is how many arguments a serving engine may be given.
	MaxModelArgs = 64
	// MaxModelArgBytes bounds one argument.
	MaxModelArgBytes = 256
	// MaxQuantizationBytes bounds the names of quantisations.
	MaxQuantizationBytes = 32
	// MaxModelNumber bounds a model's numbers, so that products with a weight and
	// a price stay far from the end of 128 bits.
	MaxModelNumber = 1_000_000_000_000

	// FreeMessagesWithoutNodes is how many messages a stage are free for a host that
	// has declared no node, or free_messages_per_stage when that is less: enough to
	// declare some, and too few for whoever registers only to send.
	FreeMessagesWithoutNodes = 16

	// MaxNodesPerHost is how many nodes a host's fleet may hold.
	MaxNodesPerHost = 256
	// MaxModelsPerNode is how many models a node may list.
	MaxModelsPerNode = 8
	// MaxNodeIDBytes bounds the id of a node.
	MaxNodeIDBytes = 64
	// MaxHardwarePerNode is how many kinds of device a node may list.
	MaxHardwarePerNode = 16
	// MaxDevices bounds the devices of one kind.
	MaxDevices = 1024
	// MaxDeviceNameBytes bounds the name of a device.
	MaxDeviceNameBytes = 128
	// MaxNodeHostBytes bounds a node's host name.
	MaxNodeHostBytes = 256

	// MaxBatchesPerMessage is how many batches one message may commit.
	MaxBatchesPerMessage = 256
	// MaxVerdictsPerMessage is how many verdicts one message may cast.
	MaxVerdictsPerMessage = 256
	// MaxClaimsPerMessage is how many epochs one claim pays, the oldest first; who
	// has more waiting claims again.
	MaxClaimsPerMessage = 32
)
