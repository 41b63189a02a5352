"""One validator as a value: `step(event) -> effects`, with mempool, gossip and catch-up."""
