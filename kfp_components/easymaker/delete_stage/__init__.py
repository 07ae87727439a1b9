"""The component ``delete_stage``; see README.md."""
