"""The component ``upload``; see README.md."""
