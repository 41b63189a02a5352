"""The wire: sealed frames, the handshake, one connection, and the mesh of all of them."""
