"""The component ``add_stage``; see README.md."""
