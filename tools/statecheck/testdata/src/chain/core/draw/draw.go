package draw

import (
	_ "crypto/sha256"

	_ "cosmossdk.io/math"
	_ "example.com/foreign" // want `import of example.com/foreign: core knows the standard library`
)
