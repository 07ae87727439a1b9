"""The services over gRPC, as Katib's controllers ask them, and clients for them."""
