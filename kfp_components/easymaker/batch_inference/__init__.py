"""The component ``batch_inference``; see README.md."""
