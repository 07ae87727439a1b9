"""The component ``register_model``; see README.md."""
