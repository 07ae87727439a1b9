"""The component ``promote_stage``; see README.md."""
