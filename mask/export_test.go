package mask

// Blocks and BlocksInGo do the same, the first with what this processor does best.
var (
	Blocks     = blocks
	BlocksInGo = blocksInGo
)
